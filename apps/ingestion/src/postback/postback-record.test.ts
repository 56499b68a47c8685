/** The events of a postback: the right facts, the same receipt for the same key, and nobody's secrets or person in them. */
import { randomBytes } from 'node:crypto';
import { aChange, Configuration, type Source } from '@tributary/configuration';
import { encodeEvent } from '@tributary/contracts';
import { completeProfile, parametersOfJson, parsePostback, type Refusal } from '@tributary/domain';
import { Encryption } from '@tributary/runtime';
import { describe, expect, it } from 'vitest';
import { receiptIdentityOf } from '../access/receipt-identity.ts';
import { acceptedRecord, type CallContext, refusedRecord } from './postback-record.ts';

const encryption = new Encryption(randomBytes(32).toString('base64'));
const CONTEXT: CallContext = {
  method: 'GET',
  path: '/postback/shop',
  receivedAt: Date.UTC(2026, 0, 2),
  configurationVersion: 7,
  idempotencyKey: null,
};
const REFUSAL: Refusal = { reason: 'amount_malformed', field: 'revenue', expected: 'a number' };

function aSource(changes: Record<string, unknown> = {}): Source {
  const configuration = new Configuration();
  configuration.apply(0, aChange('source', { id: 'shop', advertiserId: 'acme', name: 'Shop', ...changes }));
  const source = configuration.source('shop');
  if (source === undefined) throw new Error('the source is malformed');
  return source;
}

function accepted(sent: Record<string, string>, source = aSource(), context: Partial<CallContext> = {}) {
  const parameters = new Map(Object.entries({ event_type: 'sale', ...sent }));
  const profile = completeProfile({ ...source.profile, allowedExtras: source.allowedExtras });
  const parsing = parsePostback(parameters, profile, CONTEXT.receivedAt);
  if (!parsing.ok) throw new Error(`refused: ${parsing.refusal.reason}`);
  const { receivedAt, idempotencyKey: headerKey } = { ...CONTEXT, ...context };
  const parameterKey = parsing.postback.idempotencyKey;
  const names = { sourceId: source.id, nonce: null, row: null, headerKey, parameterKey, receivedAt };
  const identity = receiptIdentityOf(names);
  if ('reason' in identity) throw new Error(`refused: ${identity.reason}`);
  const proved = { ...identity, authenticatedBy: ['token'] };
  return acceptedRecord(source, parsing.postback, parameters, { ...CONTEXT, ...context }, encryption, proved);
}

function refused(sent: Record<string, string>, source: Source | undefined = aSource(), sourceId = 'shop') {
  return refusedRecord(sourceId, source, REFUSAL, new Map(Object.entries(sent)), CONTEXT);
}

describe('an accepted postback', () => {
  it('carries lane, advertiser, configuration and what was sent', () => {
    const event = accepted({ txid: 'o-1', sub1: 'a b' }, aSource({ lane: 'own-lane' }));
    expect(event).toMatchObject({
      sourceId: 'shop',
      advertiserId: 'acme',
      lane: 'own-lane',
      transactionId: 'o-1',
      receivedAt: CONTEXT.receivedAt,
      configurationVersion: 7,
      authenticatedBy: ['token'],
      rawCall: 'GET /postback/shop?event_type=sale&txid=o-1&sub1=a%20b',
      isTest: false,
    });
    expect(encodeEvent('postback.received.v1', event).length).toBeGreaterThan(0);
  });

  it.each([
    [{ test: '1' }, {}],
    [{}, { isTest: true }],
  ])('is a test when the call or the source says so: %j %j', (sent, source) => {
    expect(accepted(sent, aSource(source)).isTest).toBe(true);
  });

  it('keeps the address only encrypted', () => {
    const { ipCiphertext } = accepted({ ip: '192.0.2.77' });
    expect(encryption.decryptPersonal(ipCiphertext ?? Buffer.alloc(0))).toBe('192.0.2.77');
    expect(accepted({}).ipCiphertext).toBeNull();
  });
});

describe('the receipt', () => {
  it('is another one for every call without a key', () => {
    expect(accepted({}).receiptId).not.toBe(accepted({}).receiptId);
  });

  it('is the same for the same key of the same source, from the header or the parameter', () => {
    const key = { idempotencyKey: 'k-1' };
    const { receiptId, idempotencyKeyHash } = accepted({}, aSource(), key);
    expect(accepted({ revenue: '1', currency: 'EUR' }, aSource(), key).receiptId).toBe(receiptId);
    expect(accepted({ idempotency_key: 'k-1' }).receiptId).toBe(receiptId);
    expect(accepted({ idempotency_key: 'k-2' }).receiptId).not.toBe(receiptId);
    expect(accepted({}, { ...aSource(), id: 'other' }, key).receiptId).not.toBe(receiptId);
    expect(idempotencyKeyHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('tells another content under the same key by the digest, whatever the order or the token', () => {
    const { contentDigest } = accepted({ txid: 'o-1', sub1: 'x' });
    expect(accepted({ sub1: 'x', txid: 'o-1', token: 'secret' }).contentDigest).toBe(contentDigest);
    expect(accepted({ sub1: 'x', txid: 'o-2' }).contentDigest).not.toBe(contentDigest);
  });
});

describe('a refusal', () => {
  it('says what was wrong and of whose call', () => {
    const event = refused({ revenue: 'x' });
    expect(event).toMatchObject({
      sourceId: 'shop',
      advertiserId: 'acme',
      reasonCode: 'amount_malformed',
      field: 'revenue',
      rawCall: 'GET /postback/shop?revenue=x',
    });
    expect(encodeEvent('postback.refused.v1', event).length).toBeGreaterThan(0);
  });

  it('keeps little of a source nobody knows', () => {
    const event = refusedRecord('x'.repeat(5_000), undefined, REFUSAL, new Map(), CONTEXT);
    expect(event).toMatchObject({ sourceId: 'x'.repeat(64), advertiserId: null });
  });

  it('keeps no more of the call than a record can hold', () => {
    expect(refused({ a: 'x'.repeat(100_000) }).rawCall.length).toBe(4_096);
  });

  it.each(['\ud800', 'a\udc00b', '\u0000', '🛒'])('is written whatever the call holds: %j', (text) => {
    expect(refused({ [text]: text, txid: text }).rawCall).toContain('txid=');
  });
});

describe('canaries', () => {
  const PERSONAL_ALIASES = {
    email: ['kunde_mail'],
    phone: ['tel'],
    ipAddress: ['remote'],
    userAgent: ['agent'],
  };
  const source = aSource({
    profile: { aliases: PERSONAL_ALIASES },
    allowedExtras: ['note', 'kunde_mail', 'tel', 'remote', 'agent', 'EMAIL', 'Tel'],
  });
  const HIDDEN_NAMES = [
    ...[
      'token',
      'Token',
      'TOKEN',
      'api_key',
      'apikey',
      'secret',
      'password',
      'access_token',
      'signature',
      'Authorization',
    ],
    ...['email', 'Email', 'EMAIL', 'kunde_mail', 'Kunde_Mail'],
    ...['phone', 'Phone', 'tel', 'Tel', 'TEL'],
    ...['ip', 'IP', 'remote', 'Remote'],
  ];
  const CANARY = 'CANARY4711';

  it.each(HIDDEN_NAMES)('%s leaves no trace', (name) => {
    const sent = { txid: 'o-1', [name]: CANARY };
    for (const event of [accepted(sent, source), refused(sent, source)])
      expect(textOf(event)).not.toContain(CANARY);
  });

  it.each(['user_agent', 'ua', 'agent', 'User_Agent'])('%s stands in its own field at most', (name) => {
    const sent = { txid: 'o-1', [name]: CANARY };
    expect(textOf({ ...accepted(sent, source), userAgent: null })).not.toContain(CANARY);
    expect(textOf(refused(sent, source))).not.toContain(CANARY);
  });

  it.each(['sub1', 'sub20', 'note', 'unknown', 'revenue_note'])(
    'an e-mail address in %s leaves no trace',
    (name) => {
      for (const value of [
        `${CANARY}@example.org`,
        `${CANARY}%40example.org`,
        `to ${CANARY}@example.org, please`,
      ]) {
        const sent = { [name]: value };
        for (const event of [accepted(sent, source), refused(sent, source)])
          expect(textOf(event)).not.toContain(CANARY);
      }
    },
  );

  it.each(['4111 1111 1111 1111', 'DE89370400440532013000', '+43 664 1234567'])(
    '%s leaves no trace in sub-ids, extras, unknown parameters and names',
    (value) => {
      const encodedValue = encodeURIComponent(value);
      for (const sent of [{ sub1: value }, { note: value }, { unknown: value }, { [value]: '1' }]) {
        for (const event of [accepted(sent, source), refused(sent, source)]) {
          expect(textOf(event)).not.toContain(value);
          expect(textOf(event)).not.toContain(encodedValue);
        }
      }
    },
  );

  it.each(['first_name', 'Name', 'billing_address', 'cvv', 'date_of_birth'])('%s leaves no trace', (name) => {
    for (const event of [accepted({ [name]: CANARY }, source), refused({ [name]: CANARY }, source)])
      expect(textOf(event)).not.toContain(CANARY);
  });

  it('leaves no trace in the path and in the field of a refusal', () => {
    const address = `${CANARY}@example.org`;
    const refusal: Refusal = { reason: 'parameter_repeated', field: address, expected: null };
    const context = { ...CONTEXT, path: `/postback/${address}` };
    const event = refusedRecord(address, undefined, refusal, new Map(), context);
    expect(textOf(event)).not.toContain(CANARY);
  });

  it.each<[object]>([
    [{ customer: { email: CANARY } }],
    [{ customer: { first_name: CANARY } }],
    [{ person: { remote: CANARY } }],
    [{ address: { line: CANARY } }],
    [{ auth: { key: [CANARY] } }],
    [{ params: [{ name: 'x' }, { name: 'email', value: CANARY }] }],
    [{ params: [{ key: 'Api-Key', value: { inner: CANARY } }] }],
    [{ a: { b: [`${CANARY}@example.org`] } }],
    [{ 'customer[email]': CANARY }],
    [{ 'data[first_name]': CANARY }],
    [{ payload: JSON.stringify({ customer: { last_name: CANARY } }) }],
    [{ payload: JSON.stringify([{ phone: CANARY }]) }],
    [{ payload: `${'{"a":'.repeat(20)}{"last_name":"${CANARY}"}${'}'.repeat(20)}` }],
    [{ deep: { payload: JSON.stringify({ inner: JSON.stringify({ tel: CANARY }) }) } }],
  ])('leaves no trace however deep it lies: %j', (document) => {
    const read = parametersOfJson({ event_type: 'sale', txid: 'o-1', ...document });
    if (!read.ok) throw new Error(read.refusal.reason);
    const profile = { aliases: { ...PERSONAL_ALIASES, ipAddress: ['person[remote]'] } };
    const deep = aSource({ profile });
    const event = refusedRecord('shop', deep, REFUSAL, read.parameters, CONTEXT);
    expect(textOf(event)).not.toContain(CANARY);
    expect(event.rawCall).toContain('txid=o-1');
  });

  it('shows where a value stood', () => {
    const read = parametersOfJson({ order: { lines: [{ price: '5' }] }, json: '{"a":{"b":"x"}}' });
    if (!read.ok) throw new Error(read.refusal.reason);
    expect(refusedRecord('shop', aSource(), REFUSAL, read.parameters, CONTEXT).rawCall).toBe(
      'GET /postback/shop?order.lines%5B0%5D.price=5&json.a.b=x',
    );
  });

  it('leaves no trace as a name either', () => {
    const sent = { [`${CANARY}@example.org`]: '1' };
    for (const event of [accepted(sent), refused(sent)]) expect(textOf(event)).not.toContain(CANARY);
  });

  it('hides personal names also in calls of a source nobody knows', () => {
    expect(
      textOf(refusedRecord('nobody', undefined, REFUSAL, new Map([['email', CANARY]]), CONTEXT)),
    ).not.toContain(CANARY);
  });
});

function textOf(event: object): string {
  const text = JSON.stringify(event, (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return decodeURIComponent(text) + text;
}
