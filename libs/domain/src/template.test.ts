/** URL templates: what compiles, what each macro writes, and that no value can change where a URL leads. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compileTemplate,
  LANDING_PAGE_CATALOGUE,
  type MacroValues,
  type NamespaceValues,
  PARTNER_POSTBACK_CATALOGUE,
  type PartnerPostbackMacro,
} from './template.ts';

const BASE = 'https://partner.example/pb';

function compiled(text: string) {
  const compilation = compileTemplate(text, PARTNER_POSTBACK_CATALOGUE);
  if (!compilation.ok) throw new Error(JSON.stringify(compilation.problems));
  return compilation.template;
}

function rendered(
  text: string,
  values: MacroValues<PartnerPostbackMacro>,
  namespaces?: NamespaceValues,
): string {
  return compiled(text).render(values, namespaces);
}

const usd = (micros: bigint) => ({ micros, currency: 'USD' });

describe('rendering', () => {
  it.each<[string, MacroValues<PartnerPostbackMacro>, string]>([
    ['?c={click_id}', { click_id: 'abc' }, '?c=abc'],
    ['?c={{click_id}}', { click_id: 'abc' }, '?c=abc'],
    ['?c={{ click_id }}', { click_id: 'abc' }, '?c=abc'],
    ['?c={click_id}&d={{sub20}}', { click_id: 'a', sub20: 'b' }, '?c=a&d=b'],
    ['?c={click_id}', {}, '?c='],
    ['?c={click_id}', { click_id: null }, '?c='],
    ['?c={sub1|default:none}', {}, '?c=none'],
    ['?c={sub1|default:none}', { sub1: '' }, '?c=none'],
    ['?c={sub1|default:a b}', {}, '?c=a%20b'],
    ['?c={{ sub1 | default:none }}', {}, '?c=none'],
    ['?p={{ payout | decimals:2 }}', { payout: usd(12_500_000n) }, '?p=12.50'],
    ['?d={{ occurred_at | date: YYYY-MM-DD }}', { occurred_at: 1_767_323_045_678 }, '?d=2026-01-02'],
    ['?c={sub1|default:}', {}, '?c='],
    ['?c={sub1|default:none}', { sub1: 'x' }, '?c=x'],
    ['?p={payout}', { payout: usd(12_500_000n) }, '?p=12.5'],
    ['?p={payout|units}', { payout: usd(12_500_000n) }, '?p=12.5'],
    ['?p={payout|decimals:2}', { payout: usd(12_500_000n) }, '?p=12.50'],
    ['?p={payout|cents}', { payout: usd(12_500_000n) }, '?p=1250'],
    ['?p={payout|cents}', { payout: { micros: 500_000_000n, currency: 'JPY' } }, '?p=500'],
    ['?p={payout|cents}', { payout: { micros: 12_345_000n, currency: 'KWD' } }, '?p=12345'],
    ['?p={payout|cents}', { payout: usd(12_345_000n) }, '?p=1234'],
    ['?p={payout|cents}', { payout: usd(-12_340_000n) }, '?p=-1234'],
    ['?p={payout|decimals:0}', { payout: usd(12_500_000n) }, '?p=12'],
    ['?p={payout|decimals:6}', { payout: usd(1n) }, '?p=0.000001'],
    ['?p={payout|cents|default:0}', {}, '?p=0'],
    ['?p={revenue}', { revenue: usd(-500_000n) }, '?p=-0.5'],
    ['?t={occurred_at}', { occurred_at: 1_767_323_045_678 }, '?t=2026-01-02T03%3A04%3A05.678Z'],
    ['?t={occurred_at|iso|raw}', { occurred_at: 1_767_323_045_678 }, '?t=2026-01-02T03:04:05.678Z'],
    ['?t={occurred_at|unix}', { occurred_at: 1_767_323_045_678 }, '?t=1767323045'],
    ['?t={occurred_at|unix}', { occurred_at: -1 }, '?t=-1'],
    ['?t={received_at|unix_ms}', { received_at: 1_767_323_045_678 }, '?t=1767323045678'],
    ['?t={clicked_at|date:YYYYMMDDHHmmss}', { clicked_at: 1_767_323_045_678 }, '?t=20260102030405'],
    [
      '?t={occurred_at|date:YYYY-MM-DD HH:mm:ss.SSS}',
      { occurred_at: 1_767_323_045_678 },
      '?t=2026-01-02%2003%3A04%3A05.678',
    ],
    [
      '?t={occurred_at|date:YYYY-MM-DDTHH:mmZ|raw}',
      { occurred_at: 1_767_323_045_678 },
      '?t=2026-01-02T03:04Z',
    ],
    ['?t={occurred_at|date:DD.MM.YYYY|default:never}', {}, '?t=never'],
    ['?e={event|upper}', { event: 'first_purchase' }, '?e=FIRST_PURCHASE'],
    ['?e={event|lower}', { event: 'FTD' }, '?e=ftd'],
    ['?h={sub1|md5}', { sub1: 'abc' }, '?h=900150983cd24fb0d6963f7d28e17f72'],
    ['?h={sub1|sha1}', { sub1: 'abc' }, '?h=a9993e364706816aba3e25717850c26c9cd0d89d'],
    [
      '?h={sub1|lower|sha256}',
      { sub1: 'ABC' },
      '?h=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    ],
    ['?h={sub1|sha256}', { sub1: '' }, '?h='],
    ['?h={sub1|md5|upper|default:a b}', {}, '?h=a%20b'],
    ['?u={sub1|encoded}', { sub1: 'a b' }, '?u=a%20b'],
    [
      '?u=https%3A%2F%2Fx.example%3Fs%3D{sub1|encoded:2}',
      { sub1: 'a&b' },
      '?u=https%3A%2F%2Fx.example%3Fs%3Da%2526b',
    ],
    ['?r={revision}', { revision: '3' }, '?r=3'],
    ['/{offer_id}/done?c={click_id}', { offer_id: 'o 1', click_id: 'c' }, '/o%201/done?c=c'],
    ['#/x?c={click_id}', { click_id: 'a&b' }, '#/x?c=a%26b'],
  ])('%s with %o is %s', (text, values, url) => {
    expect(rendered(BASE + text, values)).toBe(BASE + url);
  });

  it.each<[string, string, string]>([
    ['?c={sub1}', 'a&b=c#d/e?f', '?c=a%26b%3Dc%23d%2Fe%3Ff'],
    ['?c={sub1}', '50%', '?c=50%25'],
    ['?c={sub1}', 'é😀', '?c=%C3%A9%F0%9F%98%80'],
    ['?c={sub1}', 'lone \ud800 surrogate', '?c=lone%20%EF%BF%BD%20surrogate'],
    ['?c={sub1}', '\r\nSet-Cookie: a', '?c=%0D%0ASet-Cookie%3A%20a'],
    ['?c={sub1|raw}', 'a%3Db', '?c=a%3Db'],
    ['?c={sub1|raw}', 'a:b,c/d?e=f+g', '?c=a:b,c/d?e=f+g'],
    ['?c={sub1|raw}', '50% off', '?c=50%25%20off'],
    ['?c={sub1|raw}', 'x&payout=1000;y#z', '?c=x%26payout=1000%3By%23z'],
    ['?c={sub1|raw}', '\\\r\n\0', '?c=%5C%0D%0A%00'],
    ['?c={sub1|raw}', '\u212a\u017f', '?c=%E2%84%AA%C5%BF'],
    ['?{sub1|raw}=1', 'a=b&c', '?a%3Db%26c=1'],
    ['/x{sub1|raw}y', '/../?#', '/x%2F..%2F%3F%23y'],
    ['/{sub1}/y', '..', '//y'],
    ['/{sub1|raw}/y', '%2E%2e', '//y'],
    ['/{sub1}{sub1}/y', '.', '//y'],
    ['/{sub1}', '..', '/'],
    ['/{sub1}?x=1', '.', '/?x=1'],
    ['/{sub1}/y', '...', '/.../y'],
    ['/a{sub1}/y', '..', '/a../y'],
  ])('%s keeps %j in its place: %s', (text, sub1, url) => {
    expect(rendered(BASE + text, { sub1 })).toBe(BASE + url);
  });

  it('reads namespaced macros from their own values and finds nothing else there', () => {
    const text = `${BASE}?t={secret:token}&p={extra:plan|default:free}&q={extra:constructor}`;
    const namespaces = { secret: { token: 'a/b' }, extra: { plan: 'gold' } };
    expect(rendered(text, {}, namespaces)).toBe(`${BASE}?t=a%2Fb&p=gold&q=`);
    expect(rendered(text, {})).toBe(`${BASE}?t=&p=free&q=`);
  });

  it.each<[string, MacroValues<PartnerPostbackMacro>]>([
    ['{payout}', { payout: '12.50' }],
    ['{payout}', { payout: 12.5 }],
    ['{occurred_at}', { occurred_at: '2026-01-02' }],
    ['{click_id}', { click_id: 5 }],
  ])('%s given %o is a defect', (macro, values) => {
    expect(() => rendered(`${BASE}?x=${macro}`, values)).toThrow(TypeError);
  });
});

describe('compiling', () => {
  it('tells origin and uses', () => {
    const { origin, uses } = compiled(
      'https://Partner.Example:8443/{offer_id}?{sub1}={{extra:plan|raw}}#{sub2}',
    );
    expect(origin).toBe('https://partner.example:8443');
    expect(uses).toEqual([
      { name: 'offer_id', key: null, source: '{offer_id}', position: 29, place: 'path' },
      { name: 'sub1', key: null, source: '{sub1}', position: 40, place: 'query_name' },
      { name: 'extra', key: 'plan', source: '{{extra:plan|raw}}', position: 47, place: 'query_value' },
      { name: 'sub2', key: null, source: '{sub2}', position: 66, place: 'fragment' },
    ]);
  });

  it.each([
    'https://h.example',
    'http://h.example/',
    'https://h.example?x={click_id}',
    'https://h.example#{click_id}',
    'https://[2001:db8::1]:8080/x?y={click_id}',
    'https://h.example/a/../b?x=%7Bnot_a_macro%7D|y',
    'https://h.example/?next=https://other.example/{sub1}',
  ])('takes %s', (text) => {
    expect(compileTemplate(text, PARTNER_POSTBACK_CATALOGUE).ok).toBe(true);
  });

  it.each<[string, ...(readonly [string, number])[]]>([
    ['', ['not_an_http_url', 0]],
    ['/relative?x={click_id}', ['not_an_http_url', 0]],
    ['ftp://h.example/', ['not_an_http_url', 0]],
    ['javascript:alert(1)', ['not_an_http_url', 0]],
    ['https:/h.example', ['not_an_http_url', 0]],
    ['https://', ['not_an_http_url', 0]],
    ['https:///{sub1}/pb?c={click_id}', ['not_an_http_url', 0]],
    ['https:////h.example/', ['not_an_http_url', 0]],
    ['https://?c={click_id}', ['not_an_http_url', 0]],
    ['https://h.example/?x={secret:key|lower}', ['modifier_not_applicable', 33]],
    ['https://h.example/?x={secret:key|default:y}', ['modifier_not_applicable', 33]],
    ['https://h.example:99999/', ['not_an_http_url', 0]],
    ['{sub1}', ['macro_in_authority', 0], ['not_an_http_url', 0]],
    ['{sub1}://h.example/', ['macro_in_authority', 0], ['not_an_http_url', 0]],
    ['https://{sub1}/', ['macro_in_authority', 8]],
    ['https://{sub1}.h.example/', ['macro_in_authority', 8]],
    ['https://h.example{sub1}/', ['macro_in_authority', 17]],
    ['https://h.example:{sub1}/', ['macro_in_authority', 18]],
    ['https://h.example:80{sub1}?x={sub2}', ['macro_in_authority', 20]],
    ['https://user:pw@h.example/', ['credentials_in_url', 8]],
    ['https://good.example@evil.example/', ['credentials_in_url', 8]],
    ['https://h.example\\@evil.example/', ['credentials_in_url', 8], ['forbidden_character', 17]],
    ['https://h.example/a b', ['forbidden_character', 19]],
    ['https://h.example/\n', ['forbidden_character', 18]],
    ['https://h.example/\0', ['forbidden_character', 18]],
    ['https://h.example/?x={click_id', ['unclosed_macro', 21]],
    ['https://h.example/?x={{click_id}', ['unclosed_macro', 21]],
    ['https://h.example/?x=click_id}', ['unbalanced_brace', 29]],
    ['https://h.example/?x={a{click_id}', ['unbalanced_brace', 23]],
    ['https://h.example/?x={{a}b}}', ['unbalanced_brace', 24]],
    ['https://h.example/?x={{sub1}&y={{sub2}}&z={b}', ['unbalanced_brace', 27], ['unknown_macro', 42]],
    ['https://h.example/?x=}&y={sub1', ['unbalanced_brace', 21], ['unclosed_macro', 25]],
    ['https://h.example/?x={sub1&y={b}', ['unbalanced_brace', 29], ['unknown_macro', 29]],
    ['https://h.example/?x={click_id}}', ['unbalanced_brace', 31]],
    ['https://h.example/?x={}', ['unknown_macro', 21]],
    ['https://h.example/?x={clickid}', ['unknown_macro', 21]],
    ['https://h.example/?x={CLICK_ID}', ['unknown_macro', 21]],
    ['https://h.example/?x={sub21}', ['unknown_macro', 21]],
    ['https://h.example/?x={toString}', ['unknown_macro', 21]],
    ['https://h.example/?x={extra}', ['unknown_macro', 21]],
    ['https://h.example/?x={extra:}', ['unknown_macro', 21]],
    ['https://h.example/?x={extra:a b}', ['unknown_macro', 21]],
    ['https://h.example/?x={click_id:y}', ['unknown_macro', 21]],
    ['https://h.example/?x={click_id|camel}', ['unknown_modifier', 31]],
    ['https://h.example/?x={payout|upper}', ['modifier_not_applicable', 29]],
    ['https://h.example/?x={occurred_at|sha256}', ['modifier_not_applicable', 34]],
    ['https://h.example/?x={sub1|upper|lower}', ['modifiers_conflict', 33]],
    ['https://h.example/?x={sub1|md5|sha1}', ['modifiers_conflict', 31]],
    ['https://h.example/?x={sub1|raw|encoded}', ['modifiers_conflict', 31]],
    ['https://h.example/?x={sub1|encoded:3}', ['modifier_argument_invalid', 27]],
    ['https://h.example/?x={occurred_at|date}', ['modifier_argument_invalid', 34]],
    ['https://h.example/?x={occurred_at|date:}', ['modifier_argument_invalid', 34]],
    ['https://h.example/?x={occurred_at|date:--}', ['modifier_argument_invalid', 34]],
    ['https://h.example/?x={occurred_at|date:YYYY-MM-DD hh}', ['modifier_argument_invalid', 34]],
    ['https://h.example/?x={occurred_at|unix|date:YYYY}', ['modifiers_conflict', 39]],
    ['https://h.example/?x={click_id|}', ['unknown_modifier', 31]],
    ['https://h.example/?x={click_id|constructor}', ['unknown_modifier', 31]],
    ['https://h.example/?x={click_id|cents}', ['modifier_not_applicable', 31]],
    ['https://h.example/?x={payout|unix}', ['modifier_not_applicable', 29]],
    ['https://h.example/?x={extra:a|cents}', ['modifier_not_applicable', 30]],
    ['https://h.example/?x={payout|decimals}', ['modifier_argument_invalid', 29]],
    ['https://h.example/?x={payout|decimals:7}', ['modifier_argument_invalid', 29]],
    ['https://h.example/?x={payout|raw|decimals:x}', ['modifier_argument_invalid', 33]],
    ['https://h.example/?x={payout|cents:2}', ['modifier_argument_invalid', 29]],
    ['https://h.example/?x={sub1|default}', ['modifier_argument_invalid', 27]],
    ['https://h.example/?x={payout|cents|units}', ['modifiers_conflict', 35]],
    ['https://h.example/?x={sub1|raw|raw}', ['modifiers_conflict', 31]],
    ['https://h.example/a/.{sub1}/b', ['macro_beside_dots', 21]],
    ['https://h.example/a/{sub1}%2E./b', ['macro_beside_dots', 20]],
    ['https://h.example/?x={a}&y={b}', ['unknown_macro', 21], ['unknown_macro', 27]],
    [`https://h.example/${'a'.repeat(8_192)}`, ['too_long', 8_192]],
    ['{'.repeat(1_000_000), ['too_long', 8_192]],
  ])('%j does not compile', (text, ...expected) => {
    const compilation = compileTemplate(text, PARTNER_POSTBACK_CATALOGUE);
    const found = compilation.ok ? [] : compilation.problems.map(({ code, position }) => [code, position]);
    expect(found).toEqual(expected);
  });

  it.each([
    ['clickid', 'write {click_id}'],
    ['CLICK_ID', 'write {click_id}'],
    ['clikc_id', 'write {click_id}'],
    ['external_id', 'write {partner_click_id}'],
    ['payuot', 'write {payout}'],
    ['amount', 'write {payout}'],
    ['txid', 'write {transaction_id}'],
    ['extras:plan', 'write {extra:name}'],
    ['extra:a b', 'what follows the colon is 1 to 64 letters, digits, _, . and -'],
    ['wholly_unlike', 'there are click_id, partner_click_id, transaction_id, '],
    ['', 'there are click_id, '],
  ])('tells what to write in place of {%s}', (name, advice) => {
    const compilation = compileTemplate(`https://h.example/?x={${name}}`, PARTNER_POSTBACK_CATALOGUE);
    const [problem] = compilation.ok ? [] : compilation.problems;
    expect(problem?.message).toContain(advice);
    expect(problem?.length).toBe(name.length + 2);
  });

  it('knows only the macros of the catalogue it is given', () => {
    const landing = (text: string) => compileTemplate(text, LANDING_PAGE_CATALOGUE);
    expect(landing('https://shop.example/?c={click_id}&s={{sub3}}').ok).toBe(true);
    expect(landing('https://shop.example/?p={payout}').ok).toBe(false);
    expect(landing('https://shop.example/?p={extra:plan}').ok).toBe(false);
    expect(compileTemplate('https://shop.example/?x={mine}', { macros: ['mine'] }).ok).toBe(true);
  });

  it('answers a value for any text', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'https://',
        'h.example',
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
        '.',
        'sub1',
        'raw',
      ),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const compilation = compileTemplate(pieces.join(''), PARTNER_POSTBACK_CATALOGUE);
        if (!compilation.ok) expect(compilation.problems.length).toBeGreaterThan(0);
        else {
          const { template } = compilation;
          const url = template.render({ sub1: 'evil.example', sub2: '//evil.example' });
          expect(new URL(url).origin).toBe(template.origin);
        }
      }),
    );
  });
});

describe('hostile values', () => {
  const fragments = [
    '..',
    '.',
    '%2e',
    '/',
    '\\',
    '?',
    '#',
    '&',
    '=',
    ';',
    '@',
    ':',
    '//evil.example',
    'javascript:',
  ];
  const bytes = ['\r', '\n', '\t', '\0', ' ', '%', '%00', '\u202e', '\ud800', '\ufeff'];
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...fragments, ...bytes, 'a'), { maxLength: 8 }).map((pieces) => pieces.join('')),
  );
  const place = fc.constantFrom(
    '/a/{sub1}/b/{sub2}{sub3}?p={payout}&s={sub1}&t=1',
    '/a/{sub1|raw}/b/{sub2|raw}{sub3}?p={payout|raw}&s={sub1|raw}&t=1',
    '/{sub1|raw}-{sub2|raw}?{sub3|raw}={sub2|raw}&t={extra:x|raw}',
    '?x={sub1|raw|default:a}&{sub2}=2#{sub3|raw}',
    '/a/{{sub1|raw}}',
  );

  it('never change scheme, host, port, credentials, or the number of path segments and parameters', () => {
    fc.assert(
      fc.property(place, hostile, hostile, hostile, (text, sub1, sub2, sub3) => {
        const template = compiled(`https://partner.example:8443${text}`);
        const harmless = new URL(template.render({ sub1: 'a', sub2: 'a', sub3: 'a' }));
        const url = new URL(template.render({ sub1, sub2, sub3 }, { extra: { x: sub1 } }));
        expect(url.origin).toBe(template.origin);
        expect(url.username + url.password).toBe('');
        expect(url.pathname.split('/').length).toBe(harmless.pathname.split('/').length);
        expect(url.search.split('&').length).toBe(harmless.search.split('&').length);
        if (text.endsWith('&t=1')) expect(url.searchParams.get('t')).toBe('1');
      }),
      { numRuns: 2_000 },
    );
  });

  it('arrive as they were, unless they are raw or a dot segment', () => {
    const template = compiled('https://partner.example/x?a={sub1}&b={sub2}#{sub3}');
    fc.assert(
      fc.property(hostile, hostile, (sub1, sub2) => {
        const { searchParams } = new URL(template.render({ sub1, sub2 }));
        expect([...searchParams]).toEqual([
          ['a', sub1.toWellFormed()],
          ['b', sub2.toWellFormed()],
        ]);
      }),
    );
  });
});

describe('a landing page', () => {
  it.each([
    ['?c={click_id}', '?c=id'],
    ['?c={{click_id}}', '?c=id'],
    ['?c={{ click_id }}&s={sub20}', '?c=id&s=last'],
    ['/{{campaign_id}}/{partner_id}?g={gclid}&s={{ScCid}}', '/spring/blog?g=G%2F1&s=Sc'],
    ['#/x?c={{click_id}}', '#/x?c=id'],
  ])('takes macros of one brace and of two: %s', (text, filled) => {
    const compilation = compileTemplate(`https://shop.example/${text}`, LANDING_PAGE_CATALOGUE);
    const values = { click_id: 'id', sub20: 'last', campaign_id: 'spring', partner_id: 'blog' };
    expect(compilation.ok && compilation.template.render({ ...values, gclid: 'G/1', ScCid: 'Sc' })).toBe(
      `https://shop.example/${filled}`,
    );
  });

  it.each(['{click_id}}', '{{click_id}', '{clickid}', '{payout}', '{{}}'])('refuses %s', (macro) => {
    expect(compileTemplate(`https://shop.example/?c=${macro}`, LANDING_PAGE_CATALOGUE).ok).toBe(false);
  });
});
