/** The linter on templates that are broken on purpose, each finding at its place, and on every template of the catalogue. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NETWORKS } from './catalogue/index.ts';
import { presetOf } from './catalogue/preset.ts';
import { processorMs } from './processor-time.fixture.ts';
import { compileTemplate, PARTNER_POSTBACK_CATALOGUE } from './template.ts';
import { BROKEN, CENTS, COMBINED, NO_ID, OK, type Seen } from './template-lint.fixture.ts';
import { lintTemplate, TEMPLATE_LINT_CODES, type TemplatePreset } from './template-lint.ts';

function seenIn(text: string, preset: TemplatePreset | null = presetOf(text)): readonly Seen[] {
  return lintTemplate(text, 'partner_postback', preset).map(({ code, severity, position, length }) => [
    code,
    severity === 'error' ? 'E' : 'W',
    position,
    text.slice(position, position + length),
  ]);
}

function rowsOf(table: typeof BROKEN): readonly (readonly [string, readonly Seen[]])[] {
  return table.map(([text, ...expected]) => [text, expected]);
}

describe('the linter', () => {
  it.each(rowsOf(BROKEN))('finds what is wrong in %j', (text, expected) => {
    expect(seenIn(text)).toEqual(expected);
  });

  it.each(rowsOf(COMBINED))('finds all that is wrong in %j', (text, expected) => {
    expect(seenIn(text)).toEqual(expected);
  });

  it('has a broken template for every code', () => {
    const seen = new Set([...BROKEN, ...COMBINED].flatMap(([, ...all]) => all.map(([code]) => code)));
    expect([...seen].toSorted()).toEqual([...TEMPLATE_LINT_CODES].toSorted());
  });

  it.each([
    ['units where the preset says cents', CENTS.urlTemplate.replace('|cents', ''), ['{payout|cents}']],
    [
      'decimals where the preset says cents',
      CENTS.urlTemplate.replace('cents}', 'decimals:2}'),
      ['{payout|cents}'],
    ],
    ['cents where the preset says cents', CENTS.urlTemplate, []],
    ['another parameter', CENTS.urlTemplate.replace('&sum={payout|cents}', '&amount={payout}'), []],
  ])('compares amounts with the preset: %s', (_what, text, advised) => {
    const found = lintTemplate(text, 'partner_postback', CENTS);
    expect(found.map(({ code }) => code)).toEqual(advised.map(() => 'wrong_unit'));
    for (const [index, advice] of advised.entries())
      expect(found[index]?.message).toContain(`write ${advice}`);
  });

  it.each([
    ['https://p.example/pb?c={clickid}', 'write {click_id}'],
    ['https://p.example/pb?c={{SUB_ID}}', 'write {sub1}'],
    [NO_ID, 'add {partner_click_id}'],
    [`https://p.example/pb?${OK}&d=%7Bclickid%7D`, 'write {click_id}'],
    [`https://p.example/pb?${OK}&d=%7Bextra%3Aplan%7D`, 'write {extra:plan}'],
    [`https://p.example/pb?${OK}&n=a%252520b`, 'write %20'],
    [`https://p.example/pb?${OK}&Api-Key=abcd`, 'write {secret:api-key}'],
    [`https://p.example/pb?${OK}&api.key=abcd`, 'write {secret:api_key}'],
    [`http://p.example/pb?${OK}`, 'write https'],
    [`https://p.example/pb?${OK}&x=[txid]`, 'write {transaction_id}'],
    [`https://p.example/pb?${OK}&s={sub1|upper|encoded:2}`, 'write {sub1|upper}'],
    [`https://p.example/pb?${OK}&u=https%3A%2F%2Fx%3Fs%3D{extra:a|md5}`, 'write {extra:a|md5|encoded:2}'],
    [`https://p.example:{sub1}/pb?${OK}`, 'write the port out'],
    [`https://p.example/pb?${OK}&x=a b`, 'write %20'],
    [`https://p.example/pb?${OK}&s={sub1`, 'write {sub1}'],
    [`https://p.example/pb?${OK}&t={occurred_at|date:dd.mm}`, 'YYYY, MM, DD, HH, mm, ss and SSS'],
    [`https://p.example/pb?${OK}&s={sub1|default:}`, 'write {sub1|default:none}'],
  ])('says what to write instead: %s', (text, advice) => {
    expect(lintTemplate(text, 'partner_postback')[0]?.message).toContain(advice);
  });

  it.each([
    `https://p.example/pb?${OK}&x={{payout|decimals:2}}&t={occurred_at|unix}`,
    'https://p.example/pb/{click_id}',
    'https://p.example/pb?s={sub4}',
    'https://p.example/pb?s={extra:gaid}',
    `https://p.example/pb?${OK}&token={secret:token}&key={sub1}`,
    `https://p.example/pb?${OK}&token=&monkey=1&tokens=2&pass=1`,
    `https://p.example/pb?${OK}&auth=Bearer%20{secret:token}`,
    `https://p.example/pb?${OK}&u=https%3A%2F%2Fx.example%3Fq%3Da%2520b`,
    `https://p.example/pb?${OK}&id[]={sub1}&id[]={sub2}`,
    `https://p.example/pb?${OK}&x=%7Bnot_a_macro_of_ours%7D&y=50%25`,
    `https://p.example/pb?${OK}&u=https%3A%2F%2Fx.example%3Fs%3D{sub1|encoded:2}`,
    `https://p.example/pb?${OK}&u=https%3A%2F%2Fx.example%2F{sub1}`,
    `http://127.0.0.1:8080/pb?${OK}`,
    `http://localhost/pb?${OK}`,
    `http://[::1]:80/pb?${OK}`,
  ])('finds nothing in %s', (text) => {
    expect(seenIn(text)).toEqual([]);
  });

  it.each([
    ['https://p.example/status?tx={conversion_id}&st={status}', []],
    ['https://p.example/status?tx={transaction_id}', []],
    [`https://p.example/status?${OK}`, []],
    ['https://p.example/status?st={status}', ['click_id_missing']],
  ])('takes any id for what the partner knows already: %s', (text, codes) => {
    expect(lintTemplate(text, 'status_postback').map(({ code }) => code)).toEqual(codes);
  });

  it('judges a landing page by its own macros and without the rules for postbacks', () => {
    const codes = (text: string) => lintTemplate(text, 'landing_page').map(({ code }) => code);
    expect(codes('https://shop.example/#/x?c={gclid}')).toEqual([]);
    expect(codes('https://shop.example/?p={payout}')).toEqual(['unknown_macro']);
    expect(codes('https://shop.example/?utm=1&utm=2&c=%7Bclick_id%7D&api_key=abcd')).toEqual([
      'duplicate_parameter',
      'double_encoding',
      'secret_in_url',
    ]);
  });

  it.each([
    ['https://links.example/x?key=e12be8f3edce82a85e9dfbb16042db61', 'secret_in_url'],
    ['https://track.example/c?url=https%3A%2F%2Fshop.example%3Fs%3D%7Bsub1%7D', 'double_encoding'],
  ])('forbids no landing page for what may be meant: %s', (text, code) => {
    const found = lintTemplate(text, 'landing_page');
    expect(found.map((each) => [each.severity, each.code])).toEqual([['warning', code]]);
    expect(found[0]?.message).not.toContain('{secret:');
  });

  it('advises a default with the key of the macro', () => {
    const [found] = lintTemplate(`https://p.example/pb?${OK}&x={extra:plan|default:}`, 'partner_postback');
    expect(found?.message).toContain('{extra:plan|default:none}');
  });

  it('never shows the value of what it takes for a credential', () => {
    const [found] = lintTemplate(`https://p.example/pb?${OK}&token=hunter2secret`, 'partner_postback');
    expect(found?.code).toBe('secret_in_url');
    expect(found?.message).not.toContain('hunter2secret');
  });

  it('answers any text, within it, in order, and with an error exactly where it does not compile', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'https://',
        'http://',
        'p.example',
        '/',
        '?',
        '#',
        '&',
        '=',
        '{',
        '}',
        '{{',
        '}}',
        '|',
        ':',
        '%7B',
        '%7D',
        '%25',
        '%20',
        'sub1',
        'click_id',
        'token',
        '$',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        const found = lintTemplate(text, 'partner_postback');
        for (const { position, length, message } of found) {
          expect(position).toBeGreaterThanOrEqual(0);
          expect(position + length).toBeLessThanOrEqual(text.length);
          expect(message).not.toBe('');
        }
        const positions = found.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted((a, b) => a - b));
        if (!compileTemplate(text, PARTNER_POSTBACK_CATALOGUE).ok)
          expect(found.some(({ severity }) => severity === 'error')).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['braces', '{'.repeat(8_192)],
    ['encoded macros', `https://p.example/?x=${'%7Ba|%20'.repeat(1_000)}`],
    ['encoded blanks', `https://p.example/?x=%7Ba|${'%20'.repeat(2_700)}`],
    ['encoded percents', `https://p.example/?x=%${'25'.repeat(4_000)}`],
    ['parameters', `https://p.example/?${'a=b&'.repeat(2_000)}`],
    ['unclosed macros', `https://p.example/?${'{{a}'.repeat(2_000)}`],
  ])('is quick with 8 KiB of %s', (_what, text) => {
    expect(processorMs(() => lintTemplate(text, 'partner_postback'))).toBeLessThan(2_000);
  });
});

describe('the catalogue', () => {
  const rows = NETWORKS.flatMap(({ key, name, outbound }) =>
    outbound === undefined ? [] : [[key, name, outbound] as const],
  );

  it.each(rows)(
    '%s passes without an error, and is recognised',
    (_key, name, { urlTemplate, fillIn = {} }) => {
      const preset = presetOf(urlTemplate);
      expect(preset?.name).toBe(name);
      const found = lintTemplate(urlTemplate, 'partner_postback', preset);
      expect(found.filter(({ severity }) => severity === 'error')).toEqual([]);
      // What a network's own page asks for is warned of where it is http, and of nothing else.
      const warned = new Set(found.map(({ code }) => code));
      expect(warned.has('not_https')).toBe(urlTemplate.startsWith('http:'));
      expect([...warned].filter((code) => code !== 'not_filled_in' && code !== 'not_https')).toEqual([]);
      const words = found.filter(({ code }) => code === 'not_filled_in');
      expect(
        new Set(words.map(({ position, length }) => urlTemplate.slice(position, position + length))),
      ).toEqual(new Set(Object.keys(fillIn)));
    },
  );

  it.each([
    [
      'https://track.partner.example/postback?clickid={partner_click_id}&action_id=1&sum={revenue}&goal=2&status=1',
      'Affise',
    ],
    ['https://track.partner.example/postback?cid={partner_click_id}&payout={payout}', undefined],
    ['https://acme.go2cloud.org/aff_lsr?transaction_id={partner_click_id}', 'TUNE (HasOffers)'],
    ['https://ACME.GO2CLOUD.ORG/aff_lsr', 'TUNE (HasOffers)'],
    ['https://acme.go2cloud.org.evil.example/aff_lsr', undefined],
    ['http://evadav.com/phpb?click_id={partner_click_id}', 'Evadav'],
    [
      'https://trk.example/{secret:key}/postback?subid={partner_click_id}&status={status}&payout={payout}&tid={conversion_id}&currency={currency}',
      'Keitaro',
    ],
    [
      'https://trk.example/{{secret:postback_key}}/postback?subid={partner_click_id}&status={status}&payout={payout}&tid={conversion_id}&currency={currency}',
      'Keitaro',
    ],
    ['https://partner.example/', undefined],
  ])('tells whose template %s is', (text, name) => {
    expect(presetOf(text)?.name).toBe(name);
  });
});
