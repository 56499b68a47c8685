/** Inbound postbacks: every dialect read exactly or refused with its reason, whatever bytes are sent. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processorMs } from '../processor-time.fixture.ts';
import { hashSubject } from '../subject.ts';
import { parametersOfJson } from './parameters.ts';
import { PERSONAL_FIELDS } from './postback-fields.ts';
import { type ParsedPostback, parsePostback } from './read-postback.ts';
import { parseInstant } from './read-time.ts';
import { isIgnored, REFUSAL_REASONS, type Refusal } from './refusals.ts';
import { AMOUNT_FORMATS, type SourceProfile, STANDARD_PROFILE, TIME_FORMATS } from './source-profile.ts';

const RECEIVED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);
const DAY_MS = 86_400_000;

const PROFILE = STANDARD_PROFILE;

type Sent = Readonly<Record<string, string>>;

function parse(sent: Sent, profile: Partial<SourceProfile> = {}) {
  return parsePostback(new Map(Object.entries(sent)), { ...PROFILE, ...profile }, RECEIVED_AT);
}

function accepted(sent: Sent, profile: Partial<SourceProfile> = {}): ParsedPostback {
  const parsing = parse({ event_type: 'sale', ...sent }, profile);
  if (!parsing.ok) throw new Error(`refused: ${JSON.stringify(parsing.refusal)}`);
  return parsing.postback;
}

function refused(sent: Sent, profile: Partial<SourceProfile> = {}): Refusal {
  const parsing = parse({ event_type: 'sale', ...sent }, profile);
  if (parsing.ok) throw new Error('accepted');
  return parsing.refusal;
}

it('reads every field under its own name', () => {
  expect(
    accepted({
      event_type: 'First_Purchase',
      click_id: '019B7C0A-1C88-7000-8000-000000000001',
      transaction_id: 'Order-1',
      original_transaction_id: 'Order-0',
      reversal_id: 'R-1',
      status: 'Pending',
      revenue: '12.34',
      currency: 'eur',
      tax: '2',
      shipping: '0.5',
      predicted_ltv: '100',
      occurred_at: '2026-01-01T00:00:00Z',
      customer_id: ' Cust-1 ',
      product_id: 'P',
      plan_id: 'L',
      coupon_code: 'C',
      quantity: '3',
      ip: '192.0.2.1',
      user_agent: 'Mozilla/5.0',
      country: 'de',
      idempotency_key: 'k-1',
      test: '1',
      sub1: 'mail',
      sub20: 'last',
      sub21: 'none',
      unknown: 'dropped',
    }),
  ).toEqual({
    eventType: 'first_purchase',
    eventTypeSent: 'First_Purchase',
    status: 'pending',
    statusSent: 'Pending',
    clickId: '019b7c0a-1c88-7000-8000-000000000001',
    transactionId: 'Order-1',
    originalTransactionId: 'Order-0',
    reversalId: 'R-1',
    customerId: 'Cust-1',
    revenueMicros: 12_340_000n,
    currency: 'EUR',
    taxMicros: 2_000_000n,
    shippingMicros: 500_000n,
    predictedLtvMicros: 100_000_000n,
    occurredAt: Date.UTC(2026, 0, 1),
    occurredAtIsAssumed: false,
    productId: 'P',
    planId: 'L',
    couponCode: 'C',
    quantity: 3,
    country: 'DE',
    subIds: { sub1: 'mail', sub20: 'last' },
    extras: {},
    subjectHashes: hashSubject({ customerId: 'Cust-1' }),
    ipAddress: '192.0.2.1',
    userAgent: 'Mozilla/5.0',
    idempotencyKey: 'k-1',
    isTest: true,
    warnings: [],
  });
});

describe('dialects', () => {
  it.each([
    ['clickid', 'clickId', 'x'],
    ['cid', 'clickId', 'x'],
    ['txid', 'transactionId', 'x'],
    ['order_id', 'transactionId', 'x'],
    ['refund_id', 'reversalId', 'x'],
    ['product', 'productId', 'x'],
    ['plan', 'planId', 'x'],
    ['coupon', 'couponCode', 'x'],
    ['ua', 'userAgent', 'x'],
  ] as const)('%s is %s', (name, field, value) => {
    expect(accepted({ [name]: value })[field]).toBe(value);
  });

  it.each(['event', 'et'])('%s is the event type', (name) => {
    const parsing = parse({ [name]: 'lead' });
    expect(parsing.ok && parsing.postback.eventType).toBe('lead');
  });

  it.each(['amount', 'payout', 'sum'])('%s is the revenue', (name) => {
    expect(accepted({ [name]: '1', currency: 'EUR' }).revenueMicros).toBe(1_000_000n);
  });

  it.each(['time', 'timestamp'])('%s is the time', (name) => {
    expect(accepted({ [name]: '2026-01-01' }).occurredAt).toBe(Date.UTC(2026, 0, 1));
  });

  it("puts the source's own names in front, and takes the first that has a value", () => {
    const profile = { aliases: { transactionId: ['ref', 'bestellung'] } };
    expect(accepted({ order_id: 'c', bestellung: 'b', ref: 'a' }, profile).transactionId).toBe('a');
    expect(accepted({ order_id: 'c', bestellung: 'b', ref: '  ' }, profile).transactionId).toBe('b');
    expect(accepted({ order_id: 'c', bestellung: '' }, profile).transactionId).toBe('c');
  });

  it('maps event types and statuses as sent, then ignoring case, and keeps what was sent', () => {
    const profile = {
      eventTypes: { Kauf: 'sale' },
      statuses: { '2': 'approved', storniert: 'rejected' },
    } as const;
    expect(accepted({ event_type: 'Kauf', status: '2' }, profile)).toMatchObject({
      eventType: 'sale',
      eventTypeSent: 'Kauf',
      status: 'approved',
      statusSent: '2',
    });
    expect(accepted({ event_type: 'KAUF', status: 'storniert' }, profile)).toMatchObject({
      eventType: 'sale',
      status: 'rejected',
    });
  });

  it('takes the defaults of the profile', () => {
    const parsing = parse({ revenue: '1' }, { defaultEventType: 'lead', defaultCurrency: 'USD' });
    expect(parsing.ok && parsing.postback).toMatchObject({
      eventType: 'lead',
      eventTypeSent: null,
      currency: 'USD',
      status: 'approved',
      statusSent: null,
    });
  });

  it('keeps extras of the allow list only', () => {
    const extras = accepted(
      { shop: 'berlin', colour: 'red', empty: '' },
      { allowedExtras: ['shop', 'empty', 'none'] },
    ).extras;
    expect(extras).toEqual({ shop: 'berlin' });
  });

  it.each([
    ['1', true],
    ['true', true],
    ['0', false],
    ['false', false],
    ['yes', false],
  ])('test=%s is a test: %s', (value, isTest) => {
    expect(accepted({ test: value }).isTest).toBe(isTest);
  });

  it.each(['Constructor', 'toString', 'valueOf', 'hasOwnProperty'])(
    'takes the event type %s for a word like any other',
    (sent) => {
      expect(accepted({ event_type: sent }).eventType).toBe(sent.toLowerCase());
    },
  );
});

describe('the profile', () => {
  it('takes constants for what the call does not carry, as if it had been sent', () => {
    const profile = {
      constants: { currency: 'usd', eventType: 'Kauf', status: 'neu', revenue: '1' },
      eventTypes: { kauf: 'sale' },
      statuses: { neu: 'pending' },
    } as const;
    const parsing = parse({}, profile);
    expect(parsing.ok && parsing.postback).toMatchObject({
      eventType: 'sale',
      eventTypeSent: null,
      status: 'pending',
      statusSent: null,
      currency: 'USD',
      revenueMicros: 1_000_000n,
    });
    expect(accepted({ event_type: 'lead', currency: 'EUR' }, profile)).toMatchObject({
      eventType: 'lead',
      currency: 'EUR',
    });
  });

  it.each<[Sent, string]>([
    [{ type: 'ORDER', goal: ' Trial ' }, 'trial_start'],
    [{ type: 'order' }, 'sale'],
    [{ type: 'order', goal: '' }, 'sale'],
    [{ type: 'order', goal: 'other' }, 'install'],
    [{ type: 'order', goal: 'other', event_type: 'Kauf' }, 'purchase'],
    [{ type: 'order', event_type: 'Kauf' }, 'sale'],
  ])('takes the event type of %j from several parameters: %s', (sent, eventType) => {
    const parsing = parse(sent, {
      eventTypeRules: [
        { when: { type: 'Order', goal: '' }, eventType: 'sale' },
        { when: { type: 'order', goal: 'trial' }, eventType: 'trial_start' },
      ],
      eventTypes: { kauf: 'purchase' },
      defaultEventType: 'install',
    });
    expect(parsing.ok && parsing.postback.eventType).toBe(eventType);
  });

  it('matches a word exactly before it ignores its case', () => {
    const eventTypes = { SALE: 'sale', sale: 'lead', Sale: 'install' };
    expect(accepted({ event_type: 'sale' }, { eventTypes }).eventType).toBe('lead');
    expect(accepted({ event_type: 'Sale' }, { eventTypes }).eventType).toBe('install');
    expect(accepted({ event_type: 'sALE' }, { eventTypes }).eventType).toBe('sale');
  });

  it.each<[Sent, string, string]>([
    [{ event_type: 'PING' }, 'ignored_by_profile', 'event_type'],
    [{ status: 'Draft' }, 'ignored_by_profile', 'status'],
    [{ seconds: '29.999999' }, 'not_qualified', 'seconds'],
    [{ seconds: '' }, 'not_qualified', 'seconds'],
    [{ seconds: '-30' }, 'not_qualified', 'seconds'],
    [{ seconds: 'long' }, 'amount_malformed', 'seconds'],
    [{ seconds: '1e9' }, 'amount_malformed', 'seconds'],
    // What is not counted need not be right.
    [{ status: 'draft', revenue: 'x', seconds: 'x' }, 'ignored_by_profile', 'status'],
  ])('does not count %j: %s', (sent, reason, field) => {
    const profile = {
      ignoredEventTypes: ['ping'],
      ignoredStatuses: ['draft'],
      qualifiesBy: { parameter: 'seconds', atLeast: '30' },
    };
    expect(refused({ seconds: '30', ...sent }, profile)).toMatchObject({ reason, field });
    expect(isIgnored(refused({ seconds: '30', ...sent }, profile).reason)).toBe(!reason.startsWith('amount'));
    expect(accepted({ seconds: '30' }, profile).eventType).toBe('sale');
  });

  it('has the status of its default where none was sent', () => {
    expect(accepted({}, { defaultStatus: 'pending' })).toMatchObject({ status: 'pending', statusSent: null });
    expect(accepted({ status: 'rejected' }, { defaultStatus: 'pending' }).status).toBe('rejected');
  });

  it('has the revenue of its default where none was sent, in units', () => {
    const profile = {
      defaultRevenue: { lead: '2.50' },
      defaultCurrency: 'JPY',
      amountUnit: 'cents',
    } as const;
    expect(accepted({ event_type: 'lead' }, profile)).toMatchObject({
      revenueMicros: 2_500_000n,
      currency: 'JPY',
    });
    expect(accepted({ event_type: 'lead', revenue: '0' }, profile).revenueMicros).toBe(0n);
    expect(accepted({ event_type: 'sale' }, profile).revenueMicros).toBeNull();
    expect(refused({ event_type: 'lead' }, { ...profile, defaultCurrency: null }).reason).toBe(
      'currency_missing',
    );
  });

  it.each<[Sent, Partial<SourceProfile>, string, bigint]>([
    [{ revenue: '$5' }, { defaultCurrency: 'CAD' }, 'CAD', 5_000_000n],
    [{ revenue: '$5' }, { currencies: { $: 'AUD' }, defaultCurrency: 'CAD' }, 'AUD', 5_000_000n],
    [{ revenue: '$5', currency: 'nzd' }, { defaultCurrency: 'EUR' }, 'NZD', 5_000_000n],
    [{ revenue: '£5' }, {}, 'GBP', 5_000_000n],
    [{ revenue: '£5' }, { defaultCurrency: 'EGP' }, 'EGP', 5_000_000n],
    [{ revenue: '£5' }, { defaultCurrency: 'EUR' }, 'GBP', 5_000_000n],
    [{ revenue: '5 kr' }, { defaultCurrency: 'NOK' }, 'NOK', 5_000_000n],
    [{ revenue: '5 Taler', tax: '1' }, { currencies: { taler: 'EUR' } }, 'EUR', 5_000_000n],
    [{ revenue: '5', currency: '€' }, {}, 'EUR', 5_000_000n],
    [{ revenue: '500 JPY' }, { amountUnit: 'cents', defaultCurrency: 'USD' }, 'JPY', 500_000_000n],
    [{ revenue: '12345 KWD' }, { amountUnit: 'cents' }, 'KWD', 12_345_000n],
    [{ revenue: '12345.678 JPY' }, { amountUnit: 'thousandths' }, 'JPY', 12_345_678n],
  ])('knows the currency of %j by %j: %s', (sent, profile, currency, revenueMicros) => {
    expect(accepted(sent, { amountCarriesCurrency: true, ...profile })).toMatchObject({
      currency,
      revenueMicros,
    });
  });

  it.each<[Sent, Partial<SourceProfile>, string]>([
    [{ revenue: '$5' }, {}, 'revenue'],
    [{ revenue: '$5' }, { defaultCurrency: 'EUR' }, 'revenue'],
    [{ revenue: '5 kr' }, { defaultCurrency: 'EUR' }, 'revenue'],
    [{ revenue: '$5', currency: 'EUR' }, {}, 'revenue'],
    [{ revenue: '5 €', currency: 'USD' }, {}, 'revenue'],
    [{ revenue: '5 €', tax: '1 USD' }, {}, 'tax'],
    [{ revenue: '5 coins' }, { defaultCurrency: 'EUR' }, 'revenue'],
    [{ revenue: '5', currency: '$' }, {}, 'currency'],
    [{ revenue: '5 constructor' }, { defaultCurrency: 'EUR' }, 'revenue'],
  ])('does not guess the currency of %j by %j', (sent, profile, field) => {
    expect(refused(sent, { amountCarriesCurrency: true, ...profile })).toMatchObject({
      reason: 'currency_unknown',
      field,
    });
  });

  it('refuses thousandths that are finer than money is kept', () => {
    const profile = { amountUnit: 'thousandths', defaultCurrency: 'USD' } as const;
    expect(refused({ revenue: '1.0001' }, profile).reason).toBe('amount_malformed');
    expect(accepted({ revenue: '1.001' }, profile).revenueMicros).toBe(1_001n);
  });

  it('reads extras and fields by paths, and keeps no personal one by whatever spelling', () => {
    const document = {
      event_type: 'sale',
      customer: { email: 'jane@example.org', tier: 'gold' },
      params: [{ name: 'mail', value: 'canary' }],
    };
    const read = parametersOfJson(document);
    if (!read.ok) throw new Error('no tree');
    const profile = {
      ...PROFILE,
      aliases: { email: ['customer[email]', 'params[name=mail].value'] },
      allowedExtras: ['customer.tier', 'customer.email', 'params[0].value'],
    };
    const parsing = parsePostback(read.parameters, profile, RECEIVED_AT);
    expect(parsing.ok && parsing.postback).toMatchObject({
      extras: { 'customer.tier': 'gold' },
      subjectHashes: hashSubject({ email: 'jane@example.org' }),
    });
    expect(parsing.ok && Object.keys(parsing.postback.extras)).toEqual(['customer.tier']);
  });

  it('is read by name, not by prototype', () => {
    const profile = {
      aliases: { clickId: ['__proto__.x', 'constructor.name'] },
      currencies: JSON.parse('{"__proto__":"EUR"}') as Record<string, string>,
      amountCarriesCurrency: true,
    };
    expect(accepted({ constructor: 'y', revenue: '5', currency: '__proto__' }, profile)).toMatchObject({
      clickId: null,
      currency: 'EUR',
    });
  });
});

describe('line breaks and tabs', () => {
  it.each(['transaction_id', 'click_id', 'customer_id', 'idempotency_key', 'email'])(
    'within a %s are refused, around it cut off',
    (name) => {
      for (const text of ['a\r\nSet-Cookie: b', 'a\tb', 'a\nb'])
        expect(refused({ [name]: text })).toMatchObject({ reason: 'parameter_malformed', field: name });
      expect(parse({ event_type: 'sale', [name]: '\r\n\t x \n' }).ok).toBe(true);
    },
  );

  it('within a text that describes become a blank', () => {
    const sent = { product_id: 'a\r\nb', coupon: 'c\td', sub1: 'e\nf', note: 'g\n\nh', ua: 'i\tj' };
    expect(accepted(sent, { allowedExtras: ['note'] })).toMatchObject({
      productId: 'a b',
      couponCode: 'c d',
      subIds: { sub1: 'e f' },
      extras: { note: 'g h' },
      userAgent: 'i j',
    });
  });
});

describe('refusals', () => {
  it.each<[Sent, Refusal['reason'], string | null]>([
    [{ event_type: '' }, 'event_type_missing', 'event_type'],
    [{ event_type: '{event}' }, 'event_type_missing', 'event_type'],
    [{ event_type: '9sale' }, 'event_type_malformed', 'event_type'],
    [{ event_type: 'sale now' }, 'event_type_malformed', 'event_type'],
    [{ event_type: '__proto__' }, 'event_type_malformed', 'event_type'],
    [{ event_type: 'a'.repeat(65) }, 'event_type_malformed', 'event_type'],
    [{ status: 'maybe' }, 'status_unknown', 'status'],
    [{ status: 'constructor' }, 'status_unknown', 'status'],
    [{ revenue: '1' }, 'currency_missing', 'currency'],
    [{ tax: '1' }, 'currency_missing', 'currency'],
    [{ revenue: '1', currency: 'EURO' }, 'currency_unknown', 'currency'],
    [{ currency: 'XAU' }, 'currency_unknown', 'currency'],
    [{ currency: 'constructor' }, 'currency_unknown', 'currency'],
    [{ quantity: '-1' }, 'amount_malformed', 'quantity'],
    [{ quantity: '1.5' }, 'amount_malformed', 'quantity'],
    [{ quantity: '1e3' }, 'amount_malformed', 'quantity'],
  ])('%j: %s', (sent, reason, field) => {
    const refusal = refused(sent);
    expect(refusal).toMatchObject({ reason, field });
    expect(refusal.expected).not.toBeNull();
  });

  it('names the parameter as the source calls it', () => {
    const profile = { aliases: { revenue: ['umsatz'], eventType: ['ereignis'] } };
    expect(refused({ umsatz: '1,5', currency: 'EUR' }, profile).field).toBe('umsatz');
    expect(refused({ event_type: '' }, profile).field).toBe('ereignis');
  });

  it.each(['order_id', 'sub3', 'note'])('does not cut a %s that is too long', (name) => {
    const refusal = refused({ [name]: 'x'.repeat(1_025) }, { allowedExtras: ['note'] });
    expect(refusal).toMatchObject({ reason: 'parameter_too_long', field: name });
  });

  it('takes a value of exactly the longest length, spaces around it not counted', () => {
    const longest = 'x'.repeat(1_024);
    expect(accepted({ order_id: ` ${longest} ` }).transactionId).toBe(longest);
  });
});

describe('amounts', () => {
  it.each([
    ['0', 0n],
    ['12.345678', 12_345_678n],
    ['9200000000000', 9_200_000_000_000_000_000n],
    [' 49.90 ', 49_900_000n],
  ])('%s', (sent, micros) => {
    expect(accepted({ revenue: sent, currency: 'EUR' }).revenueMicros).toBe(micros);
  });

  it.each([
    '1e400',
    '1e2',
    '9007199254740993.01',
    '12,34',
    '1.234.567',
    'NaN',
    'Infinity',
    '0x10',
    '12.3456789',
    '€5',
    '٣',
  ])('refuses %s', (sent) => {
    expect(refused({ revenue: sent, currency: 'EUR' })).toMatchObject({
      reason: 'amount_malformed',
      field: 'revenue',
    });
  });

  it('refuses a negative amount of a sale', () => {
    expect(refused({ revenue: '-0.01', currency: 'EUR' })).toMatchObject({
      reason: 'amount_negative',
      field: 'revenue',
    });
    expect(accepted({ revenue: '-0', currency: 'EUR' }).revenueMicros).toBe(0n);
  });

  it.each(['refund', 'chargeback'])(
    'takes the amount of a %s with either sign, as a positive one',
    (type) => {
      expect(accepted({ event_type: type, revenue: '-5.50', currency: 'EUR' }).revenueMicros).toBe(
        5_500_000n,
      );
      expect(accepted({ event_type: type, revenue: '5.50', currency: 'EUR' }).revenueMicros).toBe(5_500_000n);
    },
  );

  it.each([
    ['EUR', '1234', 12_340_000n],
    ['EUR', '1', 10_000n],
    ['EUR', '1234.00', 12_340_000n],
    ['JPY', '500', 500_000_000n],
    ['KWD', '1234', 1_234_000n],
    ['CLF', '12345', 1_234_500n],
  ])('minor units of %s: %s', (currency, sent, micros) => {
    expect(accepted({ revenue: sent, currency }, { amountUnit: 'cents' }).revenueMicros).toBe(micros);
  });

  it('takes the exponent of the default currency too', () => {
    const profile = { amountUnit: 'cents', defaultCurrency: 'JPY' } as const;
    expect(accepted({ revenue: '500' }, profile).revenueMicros).toBe(500_000_000n);
  });

  it.each([
    ['EUR', '12.34'],
    ['JPY', '9200000000001'],
  ])('refuses as minor units of %s: %s', (currency, revenue) => {
    expect(refused({ revenue, currency }, { amountUnit: 'cents' })).toMatchObject({
      reason: 'amount_malformed',
      field: 'revenue',
    });
  });

  it('needs no currency without an amount', () => {
    expect(accepted({}).currency).toBeNull();
    expect(accepted({ quantity: '2' }).currency).toBeNull();
  });
});

describe('times', () => {
  it.each([
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04:05z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02t03:04:05Z', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02 03:04:05', '2026-01-02T03:04:05.000Z'],
    ['2026-01-02T03:04', '2026-01-02T03:04:00.000Z'],
    ['2026-01-02', '2026-01-02T00:00:00.000Z'],
    ['2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z'],
    ['2026-01-02T03:04:05.678901234Z', '2026-01-02T03:04:05.678Z'],
    ['2026-01-02T03:04:05+02:00', '2026-01-02T01:04:05.000Z'],
    ['2026-01-02T03:04:05-0530', '2026-01-02T08:34:05.000Z'],
    ['2026-01-02T03:04:05+14:00', '2026-01-01T13:04:05.000Z'],
    // Both sides of a clock change are different instants only because the offset says so.
    ['2025-10-26T02:30:00+02:00', '2025-10-26T00:30:00.000Z'],
    ['2025-10-26T02:30:00+01:00', '2025-10-26T01:30:00.000Z'],
    ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59.000Z'],
    ['2026-01-01T24:00:00Z', '2026-01-02T00:00:00.000Z'],
  ])('%s', (text, instant) => {
    expect(new Date(parseInstant(text) ?? Number.NaN).toISOString()).toBe(instant);
  });

  it.each([
    '2026-02-31T00:00:00Z',
    '2026-02-31',
    '2025-02-29T00:00:00Z',
    '2026-04-31T10:00:00+02:00',
    '2026-13-01',
    '2026-00-10',
    '2026-01-00',
    '2026-01-02T25:00Z',
    '2026-01-02T24:00:01Z',
    '2026-01-02T03:60Z',
    '2026-01-02T03:04:60Z',
    '2026-01-02T03:04:05+24:00',
    '2026-01-02T03:04:05+99:99',
    '2026-01-02T03:04:05 02:00',
    '2026-1-2',
    '02.01.2026',
    'Jan 2 2026',
    '1767323045',
    '+002026-01-02',
    '2026-01-02T03:04:05Z\u0000',
    'yesterday',
    '',
  ])('is no instant: %j', (text) => {
    expect(parseInstant(text)).toBeNull();
  });

  it('assumes the time of receipt when none was sent, and says so', () => {
    expect(accepted({})).toMatchObject({ occurredAt: RECEIVED_AT, occurredAtIsAssumed: true });
  });

  it.each([
    ['2010-01-01T00:00:00Z', true],
    ['2009-12-31T23:59:59.999Z', false],
    ['1970-01-01T00:00:00Z', false],
    ['0000-01-01', false],
    ['2200-01-01T00:00:00Z', false],
    [new Date(RECEIVED_AT + DAY_MS).toISOString(), true],
    [new Date(RECEIVED_AT + DAY_MS + 1).toISOString(), false],
  ])('%s is plausible: %s', (sent, isPlausible) => {
    const parsing = parse({ event_type: 'sale', occurred_at: sent });
    expect(parsing.ok).toBe(isPlausible);
    if (!parsing.ok) expect(parsing.refusal.reason).toBe('time_out_of_range');
  });

  it('refuses what is no time', () => {
    expect(refused({ occurred_at: '2026-02-31' })).toMatchObject({
      reason: 'time_malformed',
      field: 'occurred_at',
    });
  });

  it('reads back every instant it can be given', () => {
    const latest = RECEIVED_AT + 100 * 365 * DAY_MS;
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date(latest), noInvalidDate: true }), (date) => {
        expect(parseInstant(date.toISOString())).toBe(date.getTime());
      }),
    );
  });
});

describe('a macro the sender did not fill', () => {
  it.each([
    '{click_id}',
    '{{click_id}}',
    '{$click_id}',
    '{{ad.id}}',
    '{aff:sub1}',
    '#click_id#',
    '##CLICK##',
    '[click_id]',
    '%click%',
    `\${click}`,
    `\${CLICK}`,
    `\${conversion.click.meta_data[subid1]}`,
    '[Call:InboundCallId]',
    '[tag:Address:Zip 5]',
    '[tag:InboundNumber:Number-NoPlus]',
    '{{ click_id }}',
    '{fn(click_id)}',
    '{base64(a,b)}',
    '[[[click_id]]]',
    '!!!click_id!!!',
    '<click_id>',
    '[%click_id%]',
    '$click_id$',
    '%%CLICK%%',
    '__CLICKID__',
  ])('%s counts as missing, with a warning', (macro) => {
    expect(accepted({ click_id: macro, transaction_id: macro })).toMatchObject({
      clickId: null,
      transactionId: null,
      warnings: ['unreplaced_macro:click_id', 'unreplaced_macro:transaction_id'],
    });
  });

  it.each([
    'click_id',
    '{}',
    '{a b}',
    '#',
    '[1,2]',
    '100%',
    '%',
    '$5',
    'a{b}',
    '{b}c',
    '[]',
    '[a b]',
    '[12:30]',
    '{3F2504E0-4F89-11D3-9A0C-0305E82C3301}',
    '<a b>',
    '!!!',
    '__x__',
    '$5$',
  ])('%s is a value', (value) => {
    expect(accepted({ transaction_id: value })).toMatchObject({ transactionId: value, warnings: [] });
  });

  it('counts as missing in sub-ids and extras too', () => {
    expect(accepted({ sub1: '{sub1}', note: '[note]' }, { allowedExtras: ['note'] })).toMatchObject({
      subIds: {},
      extras: {},
      warnings: ['unreplaced_macro:sub1', 'unreplaced_macro:note'],
    });
  });

  it('is looked for in linear time', () => {
    const texts = [
      '{'.repeat(1_024),
      `{a(${'b'.repeat(1_000)}`,
      '#'.repeat(1_024),
      `[[[${'a'.repeat(1_000)}`,
    ];
    const taken = processorMs(() => {
      for (const text of texts) for (let n = 0; n < 100; n++) accepted({ sub1: text });
    });
    expect(taken).toBeLessThan(1_000);
  });

  it('leaves the word to the next name of the field', () => {
    expect(accepted({ click_id: '{cid}', cid: 'real' })).toMatchObject({
      clickId: 'real',
      warnings: ['unreplaced_macro:click_id'],
    });
  });
});

describe('hostile text', () => {
  it.each([
    ['four bytes', '🛒-1'],
    ['right to left', '\u202eorder'],
    ['markup', '<script>alert(1)</script>'],
    ['a formula', '=HYPERLINK("x")'],
    ['SQL', "'); DROP TABLE clicks; --"],
    ['a path', '../../etc/passwd'],
    ['combining marks as sent', 'e\u0301'],
  ])('keeps %s as it is', (_name, text) => {
    expect(
      accepted({ transaction_id: text, sub1: text, note: text }, { allowedExtras: ['note'] }),
    ).toMatchObject({
      transactionId: text,
      subIds: { sub1: text },
      extras: { note: text },
    });
  });

  // What is not Unicode cannot be kept, and replaced by U+FFFD two order numbers could become one.
  it.each([
    ['half a surrogate pair', 'order-\ud800'],
    ['the other half', '\udc00'],
    ['halves in the wrong order', '\udc00\ud800'],
    ['what a decoder put in place of bytes', 'bestellung-\ufffd'],
    ['NUL', 'order\u0000-1'],
    ['a control character', 'order\u0007'],
    ['DEL', 'order\u007f'],
    ['a control character of Latin-1', 'order\u0085-1'],
  ])('refuses %s in whatever is kept', (_name, text) => {
    for (const name of ['transaction_id', 'click_id', 'event_type', 'email', 'sub1', 'note']) {
      expect(refused({ [name]: text }, { allowedExtras: ['note'] })).toMatchObject({
        reason: 'parameter_malformed',
        field: name,
      });
    }
    expect(accepted({ unknown: text }).extras).toEqual({});
  });
});

describe('personal data', () => {
  it('leaves only as hashes, the customer id among them', () => {
    const { subjectHashes } = accepted({
      email: 'Jane@Example.org',
      phone: '+43 664 1234567',
      customer_id: 'Cust-1',
    });
    expect(subjectHashes).toEqual(
      hashSubject({ email: 'jane@example.org', phone: '+436641234567', customerId: 'cust-1' }),
    );
    expect(subjectHashes).toHaveProperty('customerExternal');
  });

  it.each([
    'jane@example.org',
    'see jane.doe+x@example.org',
    'jane%40example.org',
    '+43 664 1234567',
    '4111 1111 1111 1111',
    'DE89370400440532013000',
  ])('keeps %s out of sub-ids and extras, and says so', (value) => {
    expect(accepted({ sub1: value, sub2: 'fine', note: value }, { allowedExtras: ['note'] })).toMatchObject({
      subIds: { sub1: '[removed]', sub2: 'fine' },
      extras: { note: '[removed]' },
      warnings: ['personal_value:sub1', 'personal_value:note'],
    });
  });

  it('keeps an id that is an e-mail address or an account number as its hash, the same in every call', () => {
    const hash = createHash('sha256').update('jane@example.org').digest('hex');
    const postback = accepted({ customer_id: 'Jane@Example.org', transaction_id: 'jane@example.org' });
    expect(postback).toMatchObject({
      customerId: hash,
      transactionId: hash,
      subjectHashes: { customerExternal: hash },
      warnings: ['personal_value:customer_id', 'personal_value:transaction_id'],
    });
    expect(accepted({ transaction_id: '4111111111111111' }).transactionId).toBe('4111111111111111');
  });

  it.each([
    ['product_id', 'productId'],
    ['plan_id', 'planId'],
    ['coupon_code', 'couponCode'],
    ['country', 'country'],
  ])('keeps no e-mail address in %s', (name, field) => {
    expect(JSON.stringify(accepted({ [name]: 'jane@example.org' }))).not.toMatch(/jane/i);
    expect(accepted({ [name]: 'jane@example.org' })).toHaveProperty(field, expect.stringMatching(/removed/i));
  });

  it('never keeps a personal field as an extra, whatever the allow list says', () => {
    const aliases = { email: ['mail'], phone: ['tel'] };
    const allowedExtras = ['mail', 'tel', 'Email', 'PHONE', 'ip', 'user_agent', 'colour'];
    const sent = Object.fromEntries(allowedExtras.map((name) => [name, 'canary']));
    expect(accepted(sent, { aliases, allowedExtras }).extras).toEqual({ colour: 'canary' });
    expect(PERSONAL_FIELDS).toEqual(['email', 'phone', 'ipAddress', 'userAgent']);
  });
});

describe('whatever is sent', () => {
  const name = fc.oneof(
    fc.constantFrom(
      'event_type',
      'click_id',
      'revenue',
      'currency',
      'occurred_at',
      'status',
      'quantity',
      'email',
    ),
    fc.constantFrom('phone', 'sub1', 'note', 'transaction_id', '__proto__', 'constructor', 'tax', 'test'),
    fc.string(),
  );
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
    fc.constantFrom(
      'sale',
      'EUR',
      '1e400',
      '-1',
      '12.5',
      '2026-02-31',
      '2026-01-02T03:04:05+02:00',
      '{x}',
      'constructor',
    ),
  );
  const profile: SourceProfile = {
    ...PROFILE,
    aliases: { transactionId: ['constructor'] },
    defaultEventType: 'sale',
    allowedExtras: ['note', '__proto__'],
  };

  const dialect = fc.record({
    amountFormat: fc.constantFrom(...AMOUNT_FORMATS),
    amountCarriesCurrency: fc.boolean(),
    timeFormats: fc.uniqueArray(fc.constantFrom(...TIME_FORMATS)),
    timeZone: fc.constantFrom(null, 'Europe/Vienna'),
    defaultCurrency: fc.constantFrom(null, 'USD'),
    qualifiesBy: fc.constantFrom(null, { parameter: 'tax', atLeast: '1' }),
    ignoredStatuses: fc.constantFrom([], ['sale']),
  });

  it.each(['units', 'cents', 'thousandths'] as const)(
    'a postback in %s is read or refused with a reason of the list, never a crash',
    (amountUnit) => {
      fc.assert(
        fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), dialect, (pairs, spoken) => {
          const parsing = parsePostback(new Map(pairs), { ...profile, ...spoken, amountUnit }, RECEIVED_AT);
          if (!parsing.ok) return REFUSAL_REASONS.includes(parsing.refusal.reason);
          const { postback } = parsing;
          const texts = [postback.transactionId, postback.clickId, ...Object.values(postback.subIds)];
          return texts.every((text) => text === null || text.isWellFormed());
        }),
      );
    },
  );
});
