/** X's Conversion API as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
import { SAMPLE_NOW as NOW, sampleCorrection, sampleDelivery } from '@tributary/destinations';
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';
import { senderOf } from '../sender.fixture.ts';

const HOUR_MS = 3_600_000;
const HASH = 'a'.repeat(64);
const PIXEL = 'oka17';
const EVENT = 'tw-oka17-ol288';

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const aConversion = (changes: object = {}) => ({
  conversion_time: '2026-01-02T01:02:03.456Z',
  event_id: EVENT,
  identifiers: [{ hashed_email: HASH }],
  value: '12.50',
  price_currency: 'EUR',
  conversion_id: 'e1',
  ...changes,
});

async function post(body: string, headers: Readonly<Record<string, string>> = { 'x-pixel-token': 'good' }) {
  const response = await fetch(`${sandbox.address}/12/measurement/conversions/${PIXEL}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return { status: response.status, body: (await response.json()) as unknown };
}

const send = (...conversions: readonly unknown[]) => post(JSON.stringify({ conversions }));
const invalid = (message: string, parameter: string) => ({ code: 'INVALID_PARAMETER', message, parameter });

describe('taking conversions', () => {
  it('answers how many it processed, and records the call under the pixel', async () => {
    expect(await send(aConversion(), aConversion({ conversion_id: 'e2' }))).toEqual({
      status: 200,
      body: {
        request: { params: { account_id: PIXEL } },
        data: { conversions_processed: 2, debug_id: expect.any(String) },
      },
    });
    expect(await sandbox.received(`?kind=x&name=${PIXEL}`)).toMatchObject([
      { path: `/12/measurement/conversions/${PIXEL}`, accepted: true, answeredStatus: 200 },
    ]);
  });

  it.each([
    ['a time without a fraction', { conversion_time: '2026-01-02T01:02:03Z' }],
    ['an event id without its pixel', { event_id: 'ol288' }],
    ['a click', { identifiers: [{ twclid: '23opevjt88psuo13lu8d020qkn' }] }],
    [
      'a phone, and a browser beside it',
      { identifiers: [{ hashed_phone_number: HASH }, { ip_address: '1.0.0.0' }] },
    ],
    ['one without value and id', { value: undefined, conversion_id: undefined }],
  ])('takes %s', async (_what, changes) => {
    expect((await send(aConversion(changes))).status).toBe(200);
  });
});

describe('refusing', () => {
  const nobody = invalid('At least one user identifier must be provided', '');
  it.each<[string, object, object[]]>([
    [
      'a time in another form',
      { conversion_time: '2022-06-16T01:14:00.603' },
      [
        invalid(
          'Expected Time in yyyy-MM-ddTHH:mm:ss.SSSZ, got "2022-06-16T01:14:00.603" for conversion_time',
          'conversion_time',
        ),
      ],
    ],
    ['no event id', { event_id: undefined }, [invalid('Event ID was not found', 'event_id')]],
    ['nobody', { identifiers: [] }, [nobody]],
    ['an empty click', { identifiers: [{ twclid: '' }] }, [nobody]],
    ['a browser alone', { identifiers: [{ ip_address: '1.0.0.0', user_agent: 'UA' }] }, [nobody]],
    [
      'an e-mail in clear',
      { identifiers: [{ hashed_email: 'abc' }] },
      [invalid('hashed_email (abc) is not a valid SHA-256 hash', 'hashed_email')],
    ],
    ['no items', { number_items: 0 }, [invalid('number_items must be positive', 'number_items')]],
    [
      'two faults at once',
      { event_id: undefined, identifiers: [] },
      [invalid('Event ID was not found', 'event_id'), nobody],
    ],
  ])('all for %s', async (_what, changes, errors) => {
    expect(await send(aConversion(), aConversion(changes))).toEqual({
      status: 400,
      body: { errors, request: { params: {} } },
    });
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0, outwardEvents: 0 }]);
  });

  it.each([
    ['no JSON', 'x', 'Expected a list of conversions'],
    ['no conversions', '{"conversions":[]}', 'Expected a list of conversions'],
    [
      'more than 500',
      JSON.stringify({ conversions: Array.from({ length: 501 }, () => ({})) }),
      'Conversion count limit is 500',
    ],
  ])('%s', async (_what, body, message) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { errors: [{ message }] } });
  });

  it.each([
    ['no credentials', {}],
    ['a bearer token', { authorization: 'Bearer good' }],
    ['OAuth without a signature', { authorization: `OAuth oauth_timestamp="${Math.floor(NOW / 1_000)}"` }],
    ['OAuth of another time', { authorization: 'OAuth oauth_timestamp="1", oauth_signature="x"' }],
    ['OAuth without a time', { authorization: 'OAuth oauth_signature="x"' }],
  ])('%s', async (_what, headers) => {
    const answered = await post(JSON.stringify({ conversions: [aConversion()] }), headers);
    expect(answered).toMatchObject({ status: 401, body: { errors: [{ code: 'UNAUTHORIZED_ACCESS' }] } });
  });
});

describe('counting', () => {
  it('counts an id once within 48 hours, by event', async () => {
    await send(aConversion(), aConversion(), aConversion({ event_id: 'ol287' }));
    now += 48 * HOUR_MS;
    await send(aConversion());
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 4, valueByCurrency: { EUR: '25' } }]);
    now += 1;
    await send(aConversion());
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 5, valueByCurrency: { EUR: '37.5' } }]);
  });

  it('takes a value without a currency for dollars', async () => {
    await send(aConversion({ price_currency: undefined }));
    expect(await sandbox.summary()).toMatchObject([{ valueByCurrency: { USD: '12.5' } }]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const UNKNOWN = { outcome: 'refused', reason: 'token_invalid', scope: 'destination' };
  const KEYS = {
    consumerKey: 'key-1',
    consumerSecret: 'secret(1)*',
    accessToken: '7588892-token',
    accessTokenSecret: "token's+secret?!&=",
  };
  const raw = () => ({ pixelId: PIXEL, baseUrl: sandbox.address, events: { sale: EVENT } });
  const sender = (keys: object = KEYS) => senderOf('x', { raw: { ...raw(), ...keys }, now: () => now });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery(EVENT, { conversionId: id, ...changes });
  const require = (token: string) =>
    sandbox.behave({ kind: 'x', name: PIXEL }, {}, `?token=${encodeURIComponent(token)}`);

  it('delivers, and a repeat is counted once', async () => {
    const batch = [sale('c1'), sale('c2', { revenue: { micros: 100_000n, currency: 'USD' } })];
    expect(await sender().send(batch)).toEqual([TAKEN, TAKEN]);
    expect(await sender().send(batch.slice(0, 1))).toEqual([TAKEN]);
    expect(await sandbox.summary()).toMatchObject([
      { name: PIXEL, outwardEvents: 3, distinctKeys: 2, valueByCurrency: { USD: '12.44' } },
    ]);
  });

  it('signs what the receiver verifies, and nothing else is taken', async () => {
    await require(Object.values(KEYS).join(':'));
    expect(await sender().send([sale('c1')])).toEqual([TAKEN]);
    for (const name of Object.keys(KEYS)) {
      expect(await sender({ ...KEYS, [name]: 'another' }).send([sale('c1')])).toMatchObject([UNKNOWN]);
    }
    expect(await sender({ pixelToken: 'pixel-token' }).send([sale('c1')])).toMatchObject([UNKNOWN]);
  });

  it('delivers with a pixel token', async () => {
    await require('pixel-token');
    expect(await sender({ pixelToken: 'pixel-token' }).send([sale('c1')])).toEqual([TAKEN]);
    expect(await sender({ pixelToken: 'another' }).send([sale('c1')])).toMatchObject([UNKNOWN]);
    expect(await sender().send([sale('c1')])).toMatchObject([UNKNOWN]);
  });

  it('gets the good ones through beside one that is refused', async () => {
    const nobody = { subjectHashes: {}, click: null };
    const batch = ['c1', 'c2', 'c3', 'c4', 'c5'].map((id) => sale(id, id === 'c2' ? nobody : {}));
    const refused = {
      outcome: 'refused',
      reason: 'event_invalid',
      scope: 'event',
      detail: 'INVALID_PARAMETER: At least one user identifier must be provided',
    };
    expect(await sender().sendAll(batch)).toEqual([TAKEN, refused, TAKEN, TAKEN, TAKEN]);
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 4, valueByCurrency: { USD: '49.36' } }]);
  });

  it.each([
    [400, { outcome: 'refused', reason: 'event_invalid', scope: 'event' }],
    [403, { outcome: 'refused', reason: 'permission_denied', scope: 'destination' }],
    [404, { outcome: 'refused', reason: 'pixel_unknown', scope: 'destination' }],
    [423, { outcome: 'retry', reason: 'http_423' }],
    [429, { outcome: 'retry', reason: 'http_429' }],
    [503, { outcome: 'retry', reason: 'http_503' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'x', name: PIXEL }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toMatchObject([outcome]);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
    expect(await sender().send([sale('c1')])).toEqual([TAKEN]);
  });

  it('sends no refund: what X holds stays what was delivered, and the plan says so', async () => {
    await sender().send([sale('c1')]);
    const correction = sampleCorrection('retract', EVENT, null, { conversionId: 'c1' });
    await expect(sender().send([correction])).rejects.toThrow('correction_not_taken');
    expect(sender().planOf(correction)).toMatchObject({ possible: false, obstacle: 'correction_not_taken' });
    expect(await sandbox.summary()).toMatchObject([{ calls: 1, valueByCurrency: { USD: '12.34' } }]);
  });
});
