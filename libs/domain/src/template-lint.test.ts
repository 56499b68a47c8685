/** The linter on templates that are broken on purpose, each finding at its place, and on every template of the catalogue. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NETWORKS } from './catalogue/index.ts';
import { presetOf } from './catalogue/preset.ts';
import { compileTemplate, PARTNER_POSTBACK_CATALOGUE } from './template.ts';
import {
  lintTemplate,
  TEMPLATE_LINT_CODES,
  type TemplateLintCode,
  type TemplatePreset,
} from './template-lint.ts';

/** A finding as the tables name it: what it is, where, and the text it points at. */
type Seen = readonly [code: TemplateLintCode, severity: 'E' | 'W', position: number, text: string];

function seenIn(text: string, preset: TemplatePreset | null = presetOf(text)): readonly Seen[] {
  return lintTemplate(text, 'partner_postback', preset).map(({ code, severity, position, length }) => [
    code,
    severity === 'error' ? 'E' : 'W',
    position,
    text.slice(position, position + length),
  ]);
}

const OK = 'c={partner_click_id}';
const NO_ID = 'https://p.example/pb?tx={transaction_id}';
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x';

const CENTS: TemplatePreset = {
  name: 'Cents Network',
  urlTemplate: 'https://cents.example/pb?c={partner_click_id}&sum={payout|cents}',
  isConfirmed: true,
  fillIn: [],
};

/** Each broken in one way. */
const BROKEN: readonly (readonly [string, ...Seen[]])[] = [
  [`https://p.example/pb?x={clickid}&${OK}`, ['unknown_macro', 'E', 23, '{clickid}']],
  [`https://p.example/pb?${OK}&e={extras:plan}`, ['unknown_macro', 'E', 44, '{extras:plan}']],
  [`https://p.example/pb?${OK}&s={sub21}`, ['unknown_macro', 'E', 44, '{sub21}']],
  [NO_ID, ['click_id_missing', 'E', 0, NO_ID]],
  [`https://p.example/pb?${OK}&d=%7Bclick_id%7D`, ['double_encoding', 'E', 44, '%7Bclick_id%7D']],
  [`https://p.example/pb?${OK}&d=%7b%7bsub1%7d%7d`, ['double_encoding', 'E', 44, '%7b%7bsub1%7d%7d']],
  [
    `https://p.example/pb?${OK}&u=https%3A%2F%2Fx.example%3Fc%3D%257Bclick_id%257D`,
    ['double_encoding', 'E', 74, '%257Bclick_id%257D'],
  ],
  [`https://p.example/pb?${OK}&n=a%2520b`, ['double_encoding', 'W', 45, '%2520']],
  [`https://p.example/pb?${OK}&s={sub1|encoded:2}`, ['double_encoding', 'W', 44, '{sub1|encoded:2}']],
  [
    `https://p.example/pb?${OK}&u=https%3A%2F%2Fx.example%3Fs%3D{sub1}`,
    ['encoding_missing', 'W', 74, '{sub1}'],
  ],
  [
    'https://evadav.com/phpb?click_id={partner_click_id}&payout={payout|cents}',
    // Of a row that nobody has confirmed, so it may be the row that is wrong.
    ['wrong_unit', 'W', 59, '{payout|cents}'],
  ],
  [
    'https://a.mgid.com/postback?c={partner_click_id}&e={event}&r={payout|cents}',
    ['wrong_unit', 'E', 61, '{payout|cents}'],
  ],
  [`http://p.example/pb?${OK}`, ['not_https', 'W', 0, 'http']],
  [`https://p.example/pb?${OK}&token=abcd1234`, ['secret_in_url', 'E', 48, 'abcd1234']],
  [`https://p.example/pb?${OK}&API-Key=k`, ['secret_in_url', 'E', 50, 'k']],
  [`https://p.example/pb?${OK}&security_token=x1y2`, ['secret_in_url', 'E', 57, 'x1y2']],
  [`https://p.example/pb?${OK}&v=${JWT}`, ['secret_in_url', 'E', 44, JWT]],
  [`https://user:pw@p.example/pb?${OK}`, ['credentials_in_url', 'E', 8, 'user:pw@']],
  [`https://{sub1}.example/pb?${OK}`, ['macro_in_authority', 'E', 8, '{sub1}']],
  [
    `{sub1}://p.example/pb?${OK}`,
    ['macro_in_authority', 'E', 0, '{sub1}'],
    ['not_an_http_url', 'E', 0, `{sub1}://p.example/pb?${OK}`],
  ],
  [`https://p.example:{sub1}/pb?${OK}`, ['macro_in_authority', 'E', 18, '{sub1}']],
  [
    `https://{sub1}@p.example/pb?${OK}`,
    ['macro_in_authority', 'E', 8, '{sub1}'],
    ['credentials_in_url', 'E', 8, '{sub1}@'],
  ],
  [`https://p.example/pb?${OK}&s={sub1`, ['unclosed_macro', 'E', 44, '{sub1']],
  [`https://p.example/pb?${OK}&s={{sub1}`, ['unclosed_macro', 'E', 44, '{{sub1}']],
  [`https://p.example/pb?${OK}&s=sub1}`, ['unbalanced_brace', 'E', 48, '}']],
  [`https://p.example/pb?${OK}&s={sub1}}`, ['unbalanced_brace', 'E', 50, '}']],
  [`https://p.example/pb?${OK}&c=1`, ['duplicate_parameter', 'W', 42, 'c']],
  [`https://p.example/pb?${OK}&e={event|cents}`, ['modifier_not_applicable', 'E', 51, 'cents']],
  [`https://p.example/pb?${OK}&p={payout|sha256}`, ['modifier_not_applicable', 'E', 52, 'sha256']],
  [`https://p.example/pb?${OK}&p={payout|dollars}`, ['unknown_modifier', 'E', 52, 'dollars']],
  [`https://p.example/pb?${OK}&p={payout|cents|units}`, ['modifiers_conflict', 'E', 58, 'units']],
  [`https://p.example/pb?${OK}&s={sub1|default}`, ['modifier_argument_invalid', 'E', 50, 'default']],
  [`https://p.example/pb?${OK}&s={sub1|default:}`, ['default_empty', 'W', 50, 'default:']],
  [`https://p.example/pb?${OK}&s={sub1|default:none`, ['unclosed_macro', 'E', 44, '{sub1|default:none']],
  [`https://p.example/pb?${OK}#top`, ['fragment_never_sent', 'W', 41, '#top']],
  [`https://p.example/pb?${OK}#s={sub1}`, ['fragment_never_sent', 'E', 41, '#s={sub1}']],
  [`https://p.example/pb?${OK}&a=b\r\nX: y`, ['forbidden_character', 'E', 45, '\r']],
  [`https://p.example/pb?${OK}&a=b\n`, ['forbidden_character', 'E', 45, '\n']],
  [`https://p.example/p b?${OK}`, ['forbidden_character', 'E', 19, ' ']],
  [`https://p.example/../.{sub1}?${OK}`, ['macro_beside_dots', 'E', 22, '{sub1}']],
  [`https://p.example/pb?${OK}&x=[click_id]`, ['foreign_macro', 'E', 44, '[click_id]']],
  [`https://p.example/pb?${OK}&x=!!!clickRef!!!`, ['foreign_macro', 'E', 44, '!!!clickRef!!!']],
  [`https://p.example/pb?${OK}&x=$\{click_id}`, ['foreign_macro', 'E', 44, `$\{click_id}`]],
  [
    `https://p.example/pb?${OK}&x=#s2#`,
    ['foreign_macro', 'E', 44, '#s2#'],
    ['fragment_never_sent', 'W', 44, '#s2#'],
  ],
  ['/pb?c={partner_click_id}', ['not_an_http_url', 'E', 0, '/pb?c={partner_click_id}']],
  ['https://DOMAIN/cf/cv?click_id={partner_click_id}&payout={payout}', ['not_filled_in', 'W', 8, 'DOMAIN']],
  [`https://p.example/${'a'.repeat(8_200)}`, ['too_long', 'E', 8_192, 'a'.repeat(26)]],
];

/** Each broken in several ways at once, so that no fault hides another. */
const COMBINED: readonly (readonly [string, ...Seen[]])[] = [
  [
    'http://{sub1}.example/pb?c={click_id&p={payout|cents|units}&c={clikc_id}&token=abcd1234#x',
    ['not_https', 'W', 0, 'http'],
    ['macro_in_authority', 'E', 7, '{sub1}'],
    ['unbalanced_brace', 'E', 39, '{'],
    ['modifiers_conflict', 'E', 53, 'units'],
    ['duplicate_parameter', 'W', 60, 'c'],
    ['unknown_macro', 'E', 62, '{clikc_id}'],
    ['secret_in_url', 'E', 79, 'abcd1234'],
    ['fragment_never_sent', 'W', 87, '#x'],
  ],
  [
    'https://p.example/pb?tx={txid}&d=%7Bpayout%7D&t={occurred_at|decimals:2}&s=sub1}&k=a%2520b',
    [
      'click_id_missing',
      'E',
      0,
      'https://p.example/pb?tx={txid}&d=%7Bpayout%7D&t={occurred_at|decimals:2}&s=sub1}&k=a%2520b',
    ],
    ['unknown_macro', 'E', 24, '{txid}'],
    ['double_encoding', 'E', 33, '%7Bpayout%7D'],
    ['modifier_not_applicable', 'E', 61, 'decimals:2'],
    ['unbalanced_brace', 'E', 79, '}'],
    ['double_encoding', 'W', 84, '%2520'],
  ],
  [
    'http://a.mgid.com/postback?c={partner_click_id}&e={event|default:}&r={payout|cents}&e=x y&key=hunter22',
    ['not_https', 'W', 0, 'http'],
    ['default_empty', 'W', 57, 'default:'],
    ['wrong_unit', 'E', 69, '{payout|cents}'],
    ['duplicate_parameter', 'W', 84, 'e'],
    ['forbidden_character', 'E', 87, ' '],
    ['secret_in_url', 'E', 94, 'hunter22'],
  ],
  [
    'https://{sub1}:{sub2}@p.example:{sub3}/.{sub4}/?{{sub5}&x={{sub6}}&y={sub7',
    ['macro_in_authority', 'E', 8, '{sub1}'],
    ['credentials_in_url', 'E', 8, '{sub1}:{sub2}@'],
    ['macro_in_authority', 'E', 15, '{sub2}'],
    ['macro_in_authority', 'E', 32, '{sub3}'],
    ['macro_beside_dots', 'E', 40, '{sub4}'],
    ['unbalanced_brace', 'E', 54, '}'],
    ['unclosed_macro', 'E', 69, '{sub7'],
  ],
];

describe('the linter', () => {
  it.each(BROKEN)('finds what is wrong in %j', (text, ...expected) => {
    expect(seenIn(text)).toEqual(expected);
  });

  it.each(COMBINED)('finds all that is wrong in %j', (text, ...expected) => {
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
    [`https://p.example/pb?${OK}&Api-Key=abc`, 'write {secret:api-key}'],
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
    `https://p.example/pb?${OK}&token=&monkey=1&tokens=2`,
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

  it('judges a landing page by its own macros and without the rules for postbacks', () => {
    const codes = (text: string) => lintTemplate(text, 'landing_page').map(({ code }) => code);
    expect(codes('https://shop.example/#/x?c={gclid}')).toEqual([]);
    expect(codes('https://shop.example/?p={payout}')).toEqual(['unknown_macro']);
    expect(codes('https://shop.example/?utm=1&utm=2&c=%7Bclick_id%7D&api_key=abc')).toEqual([
      'duplicate_parameter',
      'double_encoding',
      'secret_in_url',
    ]);
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
    const startedAt = performance.now();
    lintTemplate(text, 'partner_postback');
    expect(performance.now() - startedAt).toBeLessThan(2_000);
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
    ['https://partner.example/', undefined],
  ])('tells whose template %s is', (text, name) => {
    expect(presetOf(text)?.name).toBe(name);
  });
});
