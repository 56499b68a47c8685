/** The parameters of a click: what each says, and that none can fail it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AD_PLATFORM_PARAMETERS } from './click.ts';
import { CLICK_WARNINGS, readClickParameters } from './click-parameters.ts';
import { parseDecimalToMicros } from './money.ts';

const CLICKED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);
const DAY_MS = 86_400_000;

function read(parameters: Readonly<Record<string, string>>, costCurrency: string | null = null) {
  return readClickParameters(new Map(Object.entries(parameters)), { clickedAt: CLICKED_AT, costCurrency });
}

function warningsOf(parameters: Readonly<Record<string, string>>, costCurrency: string | null = null) {
  return read(parameters, costCurrency).warnings.map(({ code, parameter }) => `${code}:${parameter}`);
}

describe('the cost', () => {
  it.each([
    ['0.12', 'EUR', 120_000n],
    ['0.000001', 'usd', 1n],
    [' 12 ', ' eur ', 12_000_000n],
    ['.5', 'JPY', 500_000n],
    ['0', 'EUR', 0n],
    ['9200000000000', 'EUR', 9_200_000_000_000_000_000n],
  ])('%s %s is %s micros', (cost, currency, micros) => {
    expect(read({ cost, cost_currency: currency })).toMatchObject({
      cost: { micros, currency: currency.trim().toUpperCase() },
      warnings: [],
    });
  });

  it("takes the campaign's currency where it names none", () => {
    expect(read({ cost: '1' }, 'CHF').cost).toEqual({ micros: 1_000_000n, currency: 'CHF' });
    expect(read({ cost: '1', cost_currency: 'EUR' }, 'CHF').cost?.currency).toBe('EUR');
    expect(read({ cost: '1', cost_currency: '{currency}' }, 'CHF').cost?.currency).toBe('CHF');
  });

  it.each([
    [{ cost: '1,5', cost_currency: 'EUR' }, 'amount_malformed:cost'],
    [{ cost: '1e3', cost_currency: 'EUR' }, 'amount_malformed:cost'],
    [{ cost: 'NaN', cost_currency: 'EUR' }, 'amount_malformed:cost'],
    [{ cost: '0.1234567', cost_currency: 'EUR' }, 'amount_malformed:cost'],
    [{ cost: '9200000000001', cost_currency: 'EUR' }, 'amount_malformed:cost'],
    [{ cost: '-1', cost_currency: 'EUR' }, 'amount_negative:cost'],
    [{ cost: '1' }, 'currency_missing:cost_currency'],
    [{ cost: '1', cost_currency: 'XYZ' }, 'currency_unknown:cost_currency'],
    [{ cost: '1', cost_currency: 'constructor' }, 'currency_unknown:cost_currency'],
  ])('of %o is none, and says so: %s', (parameters, warning) => {
    expect(read(parameters).cost).toBeNull();
    expect(warningsOf(parameters)).toEqual([warning]);
  });

  it.each(['{cost}', '{{price}}', '[BID]', '##BID##', `\${COST}`, ''])('that still is %j is none', (cost) => {
    expect(read({ cost, cost_currency: 'EUR' }).cost).toBeNull();
    expect(warningsOf({ cost, cost_currency: 'EUR' })).toEqual(cost === '' ? [] : ['unreplaced_macro:cost']);
  });

  it('is never another than the one sent', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.bigInt().map(String)), (cost) => {
        const { cost: kept } = read({ cost, cost_currency: 'EUR' });
        const sent = parseDecimalToMicros(cost.trim());
        expect(kept?.micros ?? null).toBe(sent.ok && sent.micros >= 0n ? sent.micros : null);
      }),
    );
  });
});

describe('an ad-platform id', () => {
  it.each(AD_PLATFORM_PARAMETERS)('%s is kept as it is, first seen with the click', (name) => {
    expect(read({ [name]: ' IwAR-Id+/= ' }).adPlatformIds).toEqual([
      { name, value: ' IwAR-Id+/= ', firstSeenAt: CLICKED_AT },
    ]);
  });

  it.each([
    ['2025-12-30T00:00:00.123Z', Date.UTC(2025, 11, 30, 0, 0, 0, 123)],
    [new Date(CLICKED_AT - 90 * DAY_MS).toISOString(), CLICKED_AT - 90 * DAY_MS],
    [new Date(CLICKED_AT + 60_000).toISOString(), CLICKED_AT + 60_000],
  ])('was first seen at %s when the page says so', (text, firstSeenAt) => {
    expect(read({ fbclid: 'x', fbclid_first_seen_at: text })).toMatchObject({
      adPlatformIds: [{ firstSeenAt }],
      warnings: [],
    });
  });

  it.each([
    new Date(CLICKED_AT - 90 * DAY_MS - 1).toISOString(),
    new Date(CLICKED_AT + 60_001).toISOString(),
    'yesterday',
    '1767323045',
    '2026-02-31',
    '+275760-09-13T00:00:00Z',
  ])('was not first seen at %s', (text) => {
    const parameters = { fbclid: 'x', fbclid_first_seen_at: text };
    expect(read(parameters).adPlatformIds).toMatchObject([{ firstSeenAt: CLICKED_AT }]);
    expect(warningsOf(parameters)).toEqual(['time_out_of_range:fbclid_first_seen_at']);
  });

  it('is none while it is a macro or too long', () => {
    expect(read({ gclid: '{gclid}', fbclid: 'x'.repeat(1_025) }).adPlatformIds).toEqual([]);
    expect(warningsOf({ gclid: '{gclid}', fbclid: 'x'.repeat(1_025) })).toEqual([
      'parameter_too_long:fbclid',
      'unreplaced_macro:gclid',
    ]);
  });
});

describe('consent', () => {
  it.each([
    [{}, 'unknown', 'unknown'],
    [{ consent: 'granted' }, 'granted', 'granted'],
    [{ consent: 'DENIED' }, 'denied', 'denied'],
    [{ consent: '1' }, 'granted', 'granted'],
    [{ consent: 'no' }, 'denied', 'denied'],
    [{ consent_ad_user_data: 'true' }, 'granted', 'unknown'],
    [{ consent: 'granted', consent_ad_personalization: 'denied' }, 'granted', 'denied'],
    [{ consent: 'unknown' }, 'unknown', 'unknown'],
    [{ gcs: 'G100' }, 'denied', 'denied'],
    [{ gcs: 'G101' }, 'denied', 'denied'],
    [{ gcs: 'G111' }, 'unknown', 'unknown'],
    [{ gcs: 'G1--' }, 'unknown', 'unknown'],
    [{ gcs: 'G100', consent_ad_user_data: 'granted' }, 'granted', 'denied'],
    [{ consent: '{consent}' }, 'unknown', 'unknown'],
    [{ gdpr: '0' }, 'unknown', 'unknown'],
  ])('%o is %s for data and %s for personalization', (parameters, adUserData, adPersonalization) => {
    expect(read(parameters as Record<string, string>).consent).toEqual({ adUserData, adPersonalization });
  });

  it.each([
    [{ consent: 'maybe' }, 'consent_malformed:consent'],
    [{ consent_ad_user_data: 'constructor' }, 'consent_malformed:consent_ad_user_data'],
    [{ gcs: 'G2' }, 'consent_malformed:gcs'],
  ])('%o is unknown, and says so: %s', (parameters, warning) => {
    expect(read(parameters).consent).toEqual({ adUserData: 'unknown', adPersonalization: 'unknown' });
    expect(warningsOf(parameters)).toEqual([warning]);
  });
});

describe('what describes the click', () => {
  it('is sub1 to sub20 and utm_*, byte-true', () => {
    const hostile = '<script>=HYPERLINK("x")\r\n\0\u{1f6d2}\u202e\'); DROP TABLE clicks --../';
    const subIds = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`sub${index + 1}`, hostile.slice(index)]),
    );
    expect(read({ ...subIds, sub0: 'no', sub21: 'no', sub01: 'no', utm_source: hostile })).toMatchObject({
      subIds,
      utm: { utm_source: hostile },
      warnings: [],
    });
  });

  it('is cut where it is too long, gone where it is a macro, and replaced where it is a person', () => {
    const parameters = { sub1: 'x'.repeat(2_000), sub2: '{sub2}', sub3: 'jane@example.org' };
    expect(read(parameters).subIds).toEqual({ sub1: 'x'.repeat(1_024), sub3: '[removed]' });
    expect(warningsOf(parameters)).toEqual([
      'parameter_too_long:sub1',
      'unreplaced_macro:sub2',
      'personal_value:sub3',
    ]);
  });
});

it('takes an id that is an e-mail address for its hash, and a macro for no id', () => {
  const { customerId, partnerClickId, warnings } = read({
    customer_id: 'jane@example.org',
    partner_click_id: '{clickid}',
  });
  expect(customerId).toMatch(/^[0-9a-f]{64}$/);
  expect(partnerClickId).toBeNull();
  expect(warnings).toHaveLength(2);
});

it('can be failed by nothing, and warns of nothing but what it knows', () => {
  const name = fc.oneof(
    fc.constantFrom('cost', 'cost_currency', 'consent', 'gcs', 'sub1', 'utm_x', 'fbclid', 'email', 'phone'),
    fc.constantFrom('fbclid_first_seen_at', 'customer_id', 'partner_click_id', '__proto__', 'constructor'),
    fc.string(),
  );
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('{x}', '\ud800', '1', '-1', 'EUR'));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
      const { warnings } = readClickParameters(new Map(pairs), { clickedAt: CLICKED_AT, costCurrency: null });
      for (const { code, parameter } of warnings) {
        expect(CLICK_WARNINGS).toContain(code);
        expect(parameter).toMatch(/^\w{1,40}$/);
      }
    }),
    { numRuns: 500 },
  );
});
