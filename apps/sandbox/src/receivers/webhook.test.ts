/** A receiver of signed webhooks as the sandbox plays it, over real HTTP: by hand, and by the definition that sends to it. */
import { createHmac } from 'node:crypto';
import {
  SAMPLE_NOW as NOW,
  type OutwardDelivery,
  sampleCorrection,
  sampleDelivery,
} from '@tributary/destinations';
import type { OutwardConversion } from '@tributary/domain';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from '../sandbox.fixture.ts';
import { senderOf } from '../sender.fixture.ts';

const secretOf = (text: string) => `whsec_${Buffer.from(text).toString('base64')}`;
const SECRET = secretOf('a secret of twenty-six by.');
const OTHER = secretOf('another one of equal length');
const NAME = 'shop';

let sandbox: StartedSandbox;
let now: number;

beforeEach(async () => {
  now = NOW;
  sandbox = await startSandbox({ clock: { now: () => now } });
});

afterEach(() => sandbox.close());

const require = (secret: string) =>
  sandbox.behave({ kind: 'webhook', name: NAME }, {}, `?token=${encodeURIComponent(secret)}`);

const aMessage = (changes: object = {}) =>
  JSON.stringify({
    type: 'conversion.created',
    data: {
      deliveryId: 'm1',
      correctsDeliveryId: null,
      payout: { amount: '1.50', currency: 'EUR' },
      revenue: { amount: '9.00', currency: 'EUR' },
      isTest: false,
      ...changes,
    },
  });

const seconds = () => Math.floor(now / 1_000);

function signatureOf(body: string, id = 'm1', secret = SECRET): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds()}.${body}`).digest('base64')}`;
}

/** Signed under `m1`; `changes` are headers of another value, or of none. */
async function post(body: string, changes: Readonly<Record<string, string | undefined>> = {}) {
  const headers = Object.entries({
    'content-type': 'application/json',
    'webhook-id': 'm1',
    'webhook-timestamp': String(seconds()),
    'webhook-signature': signatureOf(body),
    ...changes,
  }).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]]));
  const response = await fetch(`${sandbox.address}/webhook/${NAME}`, { method: 'POST', headers, body });
  return { status: response.status, body: (await response.json()) as unknown };
}

/** A message of its own, signed under its id. */
function postAs(id: string, changes: object = {}) {
  const body = aMessage({ deliveryId: id, ...changes });
  return post(body, { 'webhook-id': id, 'webhook-signature': signatureOf(body, id) });
}

describe('taking messages', () => {
  it('takes one that is signed with the secret that was set, also beside another, and records it', async () => {
    await require(SECRET);
    const body = aMessage();
    const [right, wrong] = [signatureOf(body), signatureOf(body, 'm1', OTHER)];
    expect(await post(body)).toEqual({ status: 200, body: { received: 'm1' } });
    expect((await post(body, { 'webhook-signature': `${wrong} v1a,x ${right}` })).status).toBe(200);
    expect((await post(body, { 'webhook-signature': wrong })).status).toBe(401);
    expect(await sandbox.received('?kind=webhook&name=shop')).toMatchObject([
      { path: '/webhook/shop', body, accepted: true },
      { accepted: true },
      { accepted: false },
    ]);
  });

  it('takes any signature until a secret is set', async () => {
    expect((await post(aMessage(), { 'webhook-signature': 'v1,any' })).status).toBe(200);
  });
});

describe('refusing', () => {
  it.each<[string, Readonly<Record<string, string | undefined>>, number]>([
    ['no id', { 'webhook-id': '' }, 401],
    ['no time', { 'webhook-timestamp': undefined }, 401],
    ['no signature', { 'webhook-signature': undefined }, 401],
    ['a time that is none', { 'webhook-timestamp': 'now' }, 401],
    ['a time of five minutes ago', { 'webhook-timestamp': String(Math.floor(NOW / 1_000) - 301) }, 401],
    ['a time in five minutes', { 'webhook-timestamp': String(Math.floor(NOW / 1_000) + 301) }, 401],
    ['an id that is not signed', { 'webhook-id': 'm2' }, 401],
    ['a signature of another version', { 'webhook-signature': 'v2,x' }, 401],
  ])('%s', async (_what, headers, status) => {
    await require(SECRET);
    expect((await post(aMessage(), headers)).status).toBe(status);
    expect(await sandbox.summary()).toMatchObject([{ acceptedCalls: 0 }]);
  });

  it('another id in the headers than in the body', async () => {
    const body = aMessage();
    const headers = { 'webhook-id': 'm2', 'webhook-signature': signatureOf(body, 'm2') };
    expect(await post(body, headers)).toMatchObject({
      status: 400,
      body: { error: 'another id in the body' },
    });
  });

  it.each(['x', '[]', '{"type":"conversion.created"}', '{"type":1,"data":{}}'])(
    'the body %s',
    async (body) => {
      expect((await post(body)).status).toBe(400);
    },
  );
});

describe('counting', () => {
  it('counts a message once, and a correction in place of what it corrects', async () => {
    await post(aMessage());
    await post(aMessage());
    await postAs('m2');
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 3, distinctKeys: 2, valueByCurrency: { EUR: '3' } },
    ]);
    const corrected = { correctsDeliveryId: 'm1', payout: { amount: '0.25', currency: 'EUR' } };
    await post(aMessage({ deliveryId: 'm3', ...corrected }), { 'webhook-id': 'm3' });
    await post(aMessage({ deliveryId: 'm4', ...corrected, correctsDeliveryId: 'm0' }), {
      'webhook-id': 'm4',
    });
    expect(await sandbox.summary()).toMatchObject([
      { outwardEvents: 3, distinctKeys: 2, valueByCurrency: { EUR: '1.75' } },
    ]);
    expect(await sandbox.summary('?valueParameter=revenue')).toMatchObject([
      { valueByCurrency: { EUR: '18' } },
    ]);
  });
});

describe('the definition', () => {
  const TAKEN = { outcome: 'delivered' };
  const sender = (signingSecrets: object = { current: SECRET }) =>
    senderOf('webhook', {
      raw: { url: `${sandbox.address}/webhook/${NAME}`, signingSecrets },
      now: () => now,
    });
  const sale = (id: string, changes: Partial<OutwardConversion> = {}) =>
    sampleDelivery('sale', { conversionId: id, ...changes });
  /** How a receiver counts and what it sums, of both amounts. */
  const held = async () => {
    const [revenue] = await sandbox.summary('?valueParameter=revenue');
    const [payout] = await sandbox.summary('?valueParameter=payout');
    return [revenue?.distinctKeys, revenue?.valueByCurrency['USD'], payout?.valueByCurrency['USD']];
  };
  const correctionOf = (kind: 'restate' | 'retract', changes: Partial<OutwardDelivery> = {}) => ({
    ...sampleCorrection(kind, 'sale', null, { conversionId: 'c1' }),
    ...changes,
  });

  it('delivers under each of its secrets, and a repeat is counted once', async () => {
    for (const secret of [SECRET, OTHER]) {
      await require(secret);
      expect(await sender({ old: OTHER, new: SECRET }).sendAll([sale('c1'), sale('c2')])).toEqual([
        TAKEN,
        TAKEN,
      ]);
    }
    expect(await sandbox.summary()).toMatchObject([{ outwardEvents: 4, distinctKeys: 2 }]);
    expect(await held()).toEqual([2, '24.68', '5']);
  });

  it('is refused with another secret', async () => {
    await require(OTHER);
    expect(await sender().send([sale('c1')])).toEqual([
      { outcome: 'refused', reason: 'http_401', scope: 'destination' },
    ]);
  });

  it('leaves the receiver with the right count and sum after each correction', async () => {
    await require(SECRET);
    await sender().sendAll([sale('c1'), sale('c2')]);
    expect(await held()).toEqual([2, '24.68', '5']);

    const restated = correctionOf('restate');
    expect(sender().planOf(restated)).toMatchObject({ possible: true, event: 'sale' });
    expect(await sender().send([restated])).toEqual([TAKEN]);
    expect(await sender().send([restated])).toEqual([TAKEN]);
    expect(await held()).toEqual([2, '17.31', '3.53']);

    expect(await sender().send([correctionOf('retract', { deliveryId: 'another' })])).toEqual([TAKEN]);
    expect(await held()).toEqual([2, '12.34', '2.5']);
  });

  it('tells tests that a receiver can leave out', async () => {
    expect(await sender().sendAll([sale('c1', { isTest: true }), sale('c2')])).toEqual([TAKEN, TAKEN]);
    expect(await held()).toEqual([1, '12.34', '2.5']);
  });

  it.each([
    [410, { outcome: 'refused', reason: 'receiver_gone', scope: 'destination' }],
    [429, { outcome: 'retry', reason: 'http_429' }],
    [500, { outcome: 'retry', reason: 'http_500' }],
  ])('judges a failure of %i', async (status, outcome) => {
    await sandbox.behave({ kind: 'webhook', name: NAME }, { failNext: 1, status });
    expect(await sender().send([sale('c1')])).toEqual([outcome]);
    expect(await sender().send([sale('c1')])).toEqual([TAKEN]);
  });

  it('signs each attempt anew, so that one of an hour later is taken, and counted once', async () => {
    await require(SECRET);
    expect(await sender().send([sale('c1')])).toEqual([TAKEN]);
    now += 3_600_000;
    expect(await sender().send([sale('c1')])).toEqual([TAKEN]);
    expect(await held()).toEqual([1, '12.34', '2.5']);
  });
});
