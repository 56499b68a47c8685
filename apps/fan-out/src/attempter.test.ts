/** One attempt with everything around it in memory: what is on record before the first byte, what follows from each outcome, what is hidden. */
import { inspect } from 'node:util';
import type { Outgoing, RecordPosition } from '@tributary/bus';
import { aChange, Configuration } from '@tributary/configuration';
import {
  type ConversionDecided,
  type DeadLettered,
  type DeliveryAttempted,
  type DeliveryDue,
  decodeEvent,
  encodeEvent,
} from '@tributary/contracts';
import {
  BodyTooLarge,
  type DestinationDefinition,
  delivered,
  envelopeOf,
  forAll,
  type OutwardRequest,
  refused,
  retry,
  tokenExpired,
} from '@tributary/destinations';
import { begun, outwardValueOf } from '@tributary/domain';
import { createLogger, DependencyFailure, Encryption } from '@tributary/runtime';
import { StoredOffsets } from '@tributary/store';
import { aDecision } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { AccessTokens } from './access-tokens.ts';
import { Attempter } from './attempter.ts';
import type { ReadyAttempt } from './delivery-records.ts';
import { Flight } from './flight.ts';
import { outwardConversionOf } from './outward-conversion.ts';
import { planDeliveries } from './plan.ts';
import { Receivers } from './receivers.ts';
import { SendLedger, UNRECORDED } from './send-ledger.ts';
import type { Exchange } from './sender.ts';

const NOW = Date.UTC(2026, 0, 2, 4);
const SECRET = 'partner-s3cret/+';
const ADDRESS = '192.0.2.77';
const encryption = new Encryption(Buffer.alloc(32, 9).toString('base64'));

/** Everything that happened, in order. */
let log: (Outgoing[] | OutwardRequest)[];
let exchange: (request: OutwardRequest) => Exchange;
let failProduceAt: number;
let isOwner: boolean;
/** Throws what the sender is to throw. */
let refuse: () => void;
/** Throws what the producer is to throw. */
let refuseRecord: (records: Outgoing[]) => void;
let ledger: SendLedger;
let now: number;
let attempter: Attempter;

beforeEach(() => {
  log = [];
  exchange = () => answer(200);
  failProduceAt = -1;
  isOwner = true;
  refuse = () => {};
  refuseRecord = () => {};
  now = NOW;
  const none = async () => new Map<number, number>();
  const offsets = new StoredOffsets({ endOffsets: none, committedOffsets: none }, 'tributary');
  ledger = new SendLedger(
    { holdingsOf: async () => [], newestRevisions: none as never, decidedRevision: async () => undefined },
    offsets,
  );
  const shared = {
    producer: {
      produce: async (records: readonly Outgoing[]): Promise<readonly RecordPosition[]> => {
        if (log.length === failProduceAt) throw new DependencyFailure('kafka_unavailable', 'away');
        refuseRecord([...records]);
        log.push([...records]);
        return records.map(({ topic }, offset) => ({
          topic,
          partition: 0,
          offset: log.length * 10 + offset,
        }));
      },
    },
    sender: {
      send: async (request: OutwardRequest) => {
        log.push(request);
        now += 120;
        refuse();
        return exchange(request);
      },
    },
    ledger,
    encryption,
    clock: { now: () => now },
    random: () => 0.5,
    instanceId: 'test',
    configurationVersion: () => 7,
    logger: createLogger('attempter-test', 'silent'),
  };
  attempter = new Attempter({ ...shared, tokens: new AccessTokens(shared), isOwner: () => isOwner });
});

function answer(status: number, headers: Record<string, string> = {}, body = 'ok'): Exchange {
  return { ok: true, response: { status, headers, body } };
}

const PARTNER = {
  definition: 'partner-postback',
  settings: {
    urlTemplate: 'https://partner.example/?c={click_id}&t={secret:token}',
    headers: { 'x-key': '{secret:token}' },
  },
};
const META = {
  definition: 'meta',
  settings: { pixelId: '123456789012345', testEventCode: 'TEST1' },
};

function delivery(
  tries = 1,
  changes: Partial<ConversionDecided> = {},
  destination: object = {},
): ReadyAttempt {
  const configuration = new Configuration();
  const document = { id: 'partner', name: 'Partner', status: 'active', ...PARTNER, ...destination };
  const path = document.definition === 'meta' ? 'accessToken' : 'secrets.token';
  const secrets = { [path]: encryption.encryptSecret(SECRET, `destination:partner:${path}`) };
  configuration.apply(0, aChange('destination', document, { secrets }));
  configuration.apply(1, aChange('subscription', { id: 's', destinationId: 'partner' }));
  const ipCiphertext = encryption.encryptPersonal(ADDRESS, NOW);
  const decided = aDecision({ ipCiphertext, clickIpCiphertext: null, ...changes });
  const receivers = new Receivers(encryption);
  const [plan] = planDeliveries(decided, configuration, receivers, decided.decidedAt).deliveries;
  if (plan === undefined) throw new Error('nothing is planned');
  const { deliveryId, destinationId, outwardEvent: event, receiver } = plan;
  const { conversionId } = decided;
  const holding = begun(null, { kind: 'event', revision: 1, told: outwardValueOf(decided) });
  const place = {
    holdingId: deliveryId,
    conversionId,
    destinationId,
    event,
    deliveryId,
    nextAttemptAt: null,
    ...UNRECORDED,
    heldBy: null,
  };
  const outward = {
    deliveryId,
    event,
    conversion: outwardConversionOf(decided, encryption),
    correction: null,
  };
  return {
    decided,
    wire: encodeEvent('conversion.decided.v1', decided),
    askedBy: { topic: 'conversion.decided.v1', partition: 3, offset: 14 },
    headers: {},
    accepts: [],
    receiver,
    outwardEvent: event,
    delivered: null,
    standing: { ...holding, attempt: tries, tries, ...place },
    outward,
    envelope: envelopeOf(receiver.definition, outward, receiver.settings),
  };
}

type RecordedTopic = 'delivery.attempted.v1' | 'delivery.due.v1' | 'dead-letter.v1';

function written(step: number): { topic: string; key: string; event: unknown }[] {
  const entry = log[step];
  if (!Array.isArray(entry)) throw new Error(`step ${step} wrote nothing`);
  return entry.map(({ topic, key, value }) => {
    const decoded = decodeEvent(topic, value);
    if (!decoded.ok) throw new Error(decoded.problem);
    return { topic, key, event: decoded.value };
  });
}

function attempted(step: number): DeliveryAttempted {
  const first = written(step)[0];
  expect(first?.topic).toBe('delivery.attempted.v1' satisfies RecordedTopic);
  return first?.event as DeliveryAttempted;
}

const standing = ({ standing: { holdingId } }: ReadyAttempt) => ledger.latest(holdingId, null) ?? undefined;

describe('an attempt that is delivered', () => {
  it('is on record as intended, acknowledged, before the first byte leaves, and as ended after', async () => {
    const one = delivery();
    await attempter.send([one], new Flight());
    expect(
      log.map((entry) => (Array.isArray(entry) ? entry.map(({ topic }) => topic) : entry.method)),
    ).toEqual([['delivery.attempted.v1'], 'GET', ['delivery.attempted.v1']]);
    const intended = attempted(0);
    const ended = attempted(2);
    expect(intended).toMatchObject({
      phase: 'intended',
      destinationId: 'partner',
      definition: 'partner-postback',
      startedAt: NOW,
      endedAt: null,
      responseStatus: null,
      configurationVersion: 7,
      deliveries: [
        {
          deliveryId: one.standing.deliveryId,
          conversionId: one.decided.conversionId,
          attempt: 1,
          outcome: null,
        },
      ],
    });
    expect(ended).toMatchObject({
      requestId: intended.requestId,
      phase: 'ended',
      responseStatus: 200,
      responseBody: 'ok',
      endedAt: NOW + 120,
      durationMs: 120,
      deliveries: [{ outcome: 'delivered', reasonCode: null, nextAttemptAt: null }],
    });
    expect(written(2)[0]?.key).toBe(one.decided.conversionId);
    expect(standing(one)).toMatchObject({
      attempt: 1,
      phase: 'ended',
      outcome: 'delivered',
      eventRevision: 1,
    });
  });

  it('sends the delivery id as the key by which repeats are known', async () => {
    const one = delivery(3);
    await attempter.send([one], new Flight());
    expect(log[1]).toMatchObject({ headers: { 'idempotency-key': one.standing.deliveryId } });
  });
});

describe('an attempt that is to be tried again', () => {
  it.each<[number, Exchange, number, string, string]>([
    [1, answer(503), 1_000, 'delivery.due.1s.v1', 'http_503'],
    [2, answer(503), 5_000, 'delivery.due.5s.v1', 'http_503'],
    [3, { ok: false, error: 'timeout' }, 30_000, 'delivery.due.30s.v1', 'timeout'],
    [1, answer(429, { 'retry-after': '60' }), 60_000, 'delivery.due.30s.v1', 'http_429'],
    [1, answer(503, { 'retry-after': '0' }), 1_000, 'delivery.due.1s.v1', 'http_503'],
  ])('number %d, %o: in %d ms, by %s', async (attempt, outcome, delayMs, topic, reasonCode) => {
    exchange = () => outcome;
    const one = delivery(attempt);
    await attempter.send([one], new Flight());
    const dueAt = NOW + 120 + delayMs;
    const [due, ended] = [written(2)[0], written(3)[0]];
    expect(ended?.event).toMatchObject({
      errorCode: outcome.ok ? null : outcome.error,
      deliveries: [{ outcome: 'retry', reasonCode, nextAttemptAt: dueAt }],
    });
    expect(due).toMatchObject({ topic, key: one.decided.conversionId });
    expect(due?.event).toMatchObject({
      deliveryId: one.standing.deliveryId,
      destinationId: 'partner',
      outwardEvent: 'sale',
      attempt: attempt + 1,
      dueAt,
      enqueuedAt: NOW + 120,
      lastReasonCode: reasonCode,
    });
    if (due === undefined) throw new Error('nothing is due');
    const carried = decodeEvent('conversion.decided.v1', (due.event as DeliveryDue).decision);
    expect(carried).toEqual({ ok: true, value: one.decided });
    expect(standing(one)).toMatchObject({ attempt, phase: 'ended', outcome: 'retry' });
  });

  it('has its retry in the timer wheel before its end is on record: an end alone would never be tried again', async () => {
    exchange = () => answer(503);
    failProduceAt = 2;
    const one = delivery();
    await expect(attempter.send([one], new Flight())).rejects.toBeInstanceOf(DependencyFailure);
    expect(standing(one)).toMatchObject({ attempt: 1, phase: 'intended' });
    log = [];
    failProduceAt = 3;
    await expect(attempter.send([one], new Flight())).rejects.toBeInstanceOf(DependencyFailure);
    expect(written(2)).toMatchObject([{ topic: 'delivery.due.1s.v1' }]);
    expect(standing(one)).toMatchObject({ attempt: 1, phase: 'intended' });
  });

  it("follows the destination's own schedule", async () => {
    exchange = () => answer(500);
    await attempter.send([delivery(1, {}, { scheduleMs: [600_000] })], new Flight());
    expect(written(2)[0]).toMatchObject({
      topic: 'delivery.due.5m.v1',
      event: { dueAt: NOW + 120 + 600_000 },
    });
  });
});

describe('an attempt that is the last', () => {
  it.each<[string, number, Exchange, string, string]>([
    ['the ladder has run out', 4, answer(500), 'dead', 'http_500'],
    ['the receiver refuses', 1, answer(404), 'refused', 'http_404'],
    ['it is redirected', 1, answer(302), 'refused', 'redirect_not_followed'],
    [
      'the certificate is invalid',
      2,
      { ok: false, error: 'tls_certificate_invalid' },
      'refused',
      'tls_certificate_invalid',
    ],
    ['the address is blocked', 1, { ok: false, error: 'address_blocked' }, 'refused', 'address_blocked'],
  ])('%s: a dead letter with the decision in it', async (_name, attempt, outcome, end, reasonCode) => {
    exchange = () => outcome;
    const one = delivery(attempt);
    await attempter.send([one], new Flight());
    const [dead, ended] = [written(2)[0], written(3)[0]];
    expect(ended?.event).toMatchObject({ deliveries: [{ outcome: end, reasonCode, nextAttemptAt: null }] });
    expect(dead).toMatchObject({ topic: 'dead-letter.v1', key: one.decided.conversionId });
    const letter = dead?.event as DeadLettered;
    expect(letter).toMatchObject({
      kind: 'delivery',
      service: 'fan-out',
      reasonCode,
      deliveryId: one.standing.deliveryId,
      destinationId: 'partner',
      conversionId: one.decided.conversionId,
      attempts: attempt,
    });
    expect(decodeEvent('conversion.decided.v1', letter.value)).toEqual({ ok: true, value: one.decided });
    expect(standing(one)).toMatchObject({ outcome: end });
  });

  it('is the same dead letter when it happens twice', async () => {
    exchange = () => answer(404);
    const one = delivery();
    await attempter.send([one], new Flight());
    await attempter.send([one], new Flight());
    const letters = [written(2)[0], written(6)[0]].map((letter) =>
      letter ? (letter.event as DeadLettered).deadLetterId : undefined,
    );
    expect(letters[0]).toBe(letters[1]);
  });
});

describe('a defect of ours after the request has left', () => {
  it.each<[string, (one: ReadyAttempt) => ReadyAttempt, number | null]>([
    [
      'in the judgement',
      (one) => {
        const judge = () => {
          throw new TypeError(`no word of ${SECRET}`);
        };
        return { ...one, receiver: { ...one.receiver, definition: { ...one.receiver.definition, judge } } };
      },
      200,
    ],
    [
      'in the sending',
      (one) => {
        refuse = () => {
          throw new TypeError('no error of any network');
        };
        return one;
      },
      null,
    ],
    [
      'in a retry that Kafka never takes',
      (one) => {
        exchange = () => answer(503);
        refuseRecord = ([record]) => {
          if (record?.topic === 'delivery.due.1s.v1') throw new RangeError('too large');
        };
        return one;
      },
      503,
    ],
  ])('%s ends the delivery dead, and sends nothing again', async (_name, broken, status) => {
    const one = broken(delivery());
    await attempter.send([one], new Flight());
    const [intended, , dead, ended] = log;
    expect(log).toHaveLength(4);
    expect(attempted(3)).toMatchObject({
      requestId: attempted(0).requestId,
      phase: 'ended',
      responseStatus: status,
      deliveries: [{ outcome: 'dead', reasonCode: 'attempt_failed', nextAttemptAt: null }],
    });
    expect(written(2)[0]).toMatchObject({
      topic: 'dead-letter.v1',
      event: { kind: 'delivery', reasonCode: 'attempt_failed', deliveryId: one.standing.deliveryId },
    });
    expect(JSON.stringify([intended, dead, ended])).not.toContain('s3cret');
    expect(standing(one)).toMatchObject({ attempt: 1, phase: 'ended', outcome: 'dead' });
  });
});

describe('Kafka away', () => {
  it('before the intent is on record: nothing is sent', async () => {
    failProduceAt = 0;
    const one = delivery();
    await expect(attempter.send([one], new Flight())).rejects.toBeInstanceOf(DependencyFailure);
    expect(log).toEqual([]);
    expect(standing(one)).toBeUndefined();
  });

  it('after the request: the ledger holds it as ambiguous, to be repeated under its key', async () => {
    failProduceAt = 2;
    const one = delivery();
    await expect(attempter.send([one], new Flight())).rejects.toBeInstanceOf(DependencyFailure);
    expect(standing(one)).toMatchObject({ attempt: 1, phase: 'intended', outcome: null });
  });
});

describe('an instance that the group no longer hears of', () => {
  it('sends nothing: its partitions are worked elsewhere by now', async () => {
    isOwner = false;
    await expect(attempter.send([delivery()], new Flight())).rejects.toBeInstanceOf(DependencyFailure);
    expect(log).toEqual([]);
  });
});

describe('records', () => {
  it('hold neither the secrets nor the address, not even where the receiver echoes them', async () => {
    const echo = `got ${SECRET} and ${encodeURIComponent(SECRET)} and ${JSON.stringify(SECRET)} from ${ADDRESS}`;
    exchange = () => answer(503, { 'x-echo': SECRET, 'set-cookie': 'session=1' }, echo);
    await attempter.send([delivery()], new Flight());
    expect(JSON.stringify(log[1])).toContain(encodeURIComponent(SECRET));
    const recorded = inspect([attempted(0), attempted(3)], {
      depth: 9,
      breakLength: Number.POSITIVE_INFINITY,
    });
    for (const canary of [SECRET, encodeURIComponent(SECRET), 's3cret', ADDRESS, 'session=1']) {
      expect(recorded).not.toContain(canary);
    }
    for (const step of [0, 2, 3]) {
      for (const record of log[step] as Outgoing[])
        expect(record.value?.toString('latin1')).not.toContain('s3cret');
    }
    expect(attempted(0).url).toBe(`https://partner.example/?c=${aDecision().clickId}&t=[redacted]`);
    expect(attempted(0).requestHeaders).toMatchObject({ 'x-key': '[redacted]' });
  });

  it('are cut at the cap', async () => {
    exchange = () => answer(200, {}, 'x'.repeat(100_000));
    await attempter.send([delivery()], new Flight());
    expect(attempted(2).responseBody).toHaveLength(16_384);
  });
});

describe('a request for several', () => {
  const events = (count: number) =>
    Array.from({ length: count }, (_, n) =>
      delivery(1, { conversionId: `c0ffee00-0000-8000-8000-00000000000${n}` }, META),
    );
  const carried = () =>
    log.flatMap((entry) =>
      Array.isArray(entry) ? [] : [(JSON.parse(entry.body ?? '') as { data: object[] }).data],
    );
  const ids = (attempts: readonly ReadyAttempt[]) =>
    attempts.map(({ standing: { deliveryId } }) => deliveryId);
  const taken = (count: number) => answer(200, {}, JSON.stringify({ events_received: count }));

  it('is one record each before and after, with an outcome for each', async () => {
    exchange = () => taken(3);
    const all = events(3);
    expect(await attempter.send(all, new Flight())).toBe('up');
    expect(log).toHaveLength(3);
    expect(attempted(0).deliveries.map(({ deliveryId }) => deliveryId)).toEqual(ids(all));
    expect(attempted(2).deliveries.map(({ outcome }) => outcome)).toEqual(Array(3).fill('delivered'));
    expect(attempted(2).holdings.map(({ holdingId, outcome }) => [holdingId, outcome])).toEqual(
      ids(all).map((id) => [id, 'delivered']),
    );
  });

  it('refused as a whole is halved until the bad one is alone; the good ones go, and no try is used up', async () => {
    const all = events(8);
    const [bad] = ids([all[5] as ReadyAttempt]);
    exchange = ({ body }) => {
      const { data } = JSON.parse(body ?? '') as { data: { event_id: string }[] };
      if (!data.some(({ event_id }) => event_id === bad)) return taken(data.length);
      return answer(400, {}, JSON.stringify({ error: { message: 'Invalid parameter', code: 100 } }));
    };
    expect(await attempter.send(all, new Flight())).toBe('up');
    expect(carried().map((data) => data.length)).toEqual([8, 4, 4, 2, 1, 1, 2]);
    const ends = all.map((one) => standing(one));
    expect(ends.map((end) => end?.outcome)).toEqual(
      all.map((one) => (ids([one])[0] === bad ? 'refused' : 'delivered')),
    );
    expect(new Set(ends.map((end) => end?.tries))).toEqual(new Set([1]));
    expect(ends.every((end) => end?.mayHaveArrived === false)).toBe(true);
  });

  it('refused for the events it names goes again at once without them, and no try is used up', async () => {
    const all = events(5).map((one) => {
      const { definition } = one.receiver;
      const judge: typeof definition.judge = ({ response: { status, body }, deliveryCount }) =>
        status === 200
          ? forAll(deliveryCount, delivered())
          : Array.from({ length: deliveryCount }, (_, place) =>
              (JSON.parse(body) as number[]).includes(place)
                ? refused('event_invalid', 'event')
                : retry('batch_refused', { splitBatch: true }),
            );
      return { ...one, receiver: { ...one.receiver, definition: { ...definition, judge } } };
    });
    const bad = ids([all[1], all[3]] as ReadyAttempt[]);
    exchange = ({ body }) => {
      const { data } = JSON.parse(body ?? '') as { data: { event_id: string }[] };
      const named = data.flatMap(({ event_id }, place) => (bad.includes(event_id) ? [place] : []));
      return named.length === 0 ? answer(200) : answer(400, {}, JSON.stringify(named));
    };
    expect(await attempter.send(all, new Flight())).toBe('up');
    expect(carried().map((data) => data.length)).toEqual([5, 3]);
    expect(all.map((one) => standing(one)?.outcome)).toEqual(
      all.map((one) => (bad.includes(ids([one])[0] ?? '') ? 'refused' : 'delivered')),
    );
    expect(all.map((one) => standing(one)?.tries)).toEqual(Array(5).fill(1));
    expect(
      log.flatMap((entry) => (Array.isArray(entry) ? entry.map(({ topic }) => topic) : [])),
    ).not.toContain('delivery.due.1s.v1');
  });

  it('of which one cannot be built sends the others, and that one is dead', async () => {
    exchange = ({ body }) => taken((JSON.parse(body ?? '') as { data: object[] }).data.length);
    const all = events(4);
    const [bad] = ids([all[1] as ReadyAttempt]);
    const broken = all.map((one) => {
      const { definition } = one.receiver;
      const buildRequest: typeof definition.buildRequest = (input) => {
        if (input.deliveries.some(({ deliveryId }) => deliveryId === bad)) throw new TypeError('a defect');
        return definition.buildRequest(input);
      };
      return { ...one, receiver: { ...one.receiver, definition: { ...definition, buildRequest } } };
    });
    expect(await attempter.send(broken, new Flight())).toBe('up');
    expect(all.map((one) => standing(one)?.outcome)).toEqual(['delivered', 'dead', 'delivered', 'delivered']);
    expect(standing(all[1] as ReadyAttempt)?.mayHaveArrived).toBe(false);
  });

  it('that is larger than the platform takes is halved before it leaves', async () => {
    exchange = ({ body }) => taken((JSON.parse(body ?? '') as { data: object[] }).data.length);
    const all = events(4).map((one) => {
      const { definition } = one.receiver;
      const buildRequest: typeof definition.buildRequest = (input) => {
        if (input.deliveries.length > 1) throw new BodyTooLarge('too large');
        return definition.buildRequest(input);
      };
      return { ...one, receiver: { ...one.receiver, definition: { ...definition, buildRequest } } };
    });
    await attempter.send(all, new Flight());
    expect(carried().map((data) => data.length)).toEqual([1, 1, 1, 1]);
    expect(all.every((one) => standing(one)?.attempt === 1)).toBe(true);
  });
});

describe('an access token', () => {
  const TOKEN = 'access-t0ken-0123456789';
  /** Meta, as if it took fetched tokens. */
  function withCredential(one: ReadyAttempt): ReadyAttempt {
    const { definition } = one.receiver;
    const credential: DestinationDefinition['credential'] = {
      isNeeded: () => true,
      buildRequest: () => ({ method: 'POST', url: 'https://token.example/', headers: {}, body: SECRET }),
      judge: ({ response: { status, body } }) =>
        status === 200
          ? { outcome: 'granted', accessToken: body, expiresAt: NOW + 3_600_000 }
          : status === 400
            ? { outcome: 'refused', reason: 'token_invalid_grant' }
            : { outcome: 'retry', reason: `http_${status}` },
    };
    const buildRequest: typeof definition.buildRequest = ({ accessToken, ...input }) => ({
      ...definition.buildRequest({ ...input, accessToken: null }),
      headers: { authorization: `Bearer ${accessToken}` },
      derivedSecrets: [accessToken ?? ''],
    });
    const judge: typeof definition.judge = (input) =>
      input.response.status === 401 ? forAll(input.deliveryCount, tokenExpired()) : definition.judge(input);
    return {
      ...one,
      receiver: { ...one.receiver, definition: { ...definition, credential, buildRequest, judge } },
    };
  }
  const one = () => withCredential(delivery(1, {}, META));
  const taken = answer(200, {}, JSON.stringify({ events_received: 1 }));
  const asked = () =>
    log.filter((entry) => !Array.isArray(entry) && entry.url.includes('token.example')).length;
  const sentWith = () =>
    log.flatMap((entry) =>
      Array.isArray(entry) || entry.url.includes('token.example') ? [] : [entry.headers['authorization']],
    );

  it('is fetched once however many wait, and used until it ends', async () => {
    exchange = ({ url }) => (url.includes('token') ? answer(200, {}, TOKEN) : taken);
    await Promise.all([
      attempter.send([one()], new Flight()),
      attempter.send([one()], new Flight()),
      attempter.send([one()], new Flight()),
    ]);
    await attempter.send([one()], new Flight());
    expect(asked()).toBe(1);
    now = NOW + 3_600_000;
    await attempter.send([one()], new Flight());
    expect(asked()).toBe(2);
  });

  it('is on record as ciphertext, and nowhere else', async () => {
    exchange = ({ url }) => (url.includes('token') ? answer(200, {}, TOKEN) : answer(500, {}, `no ${TOKEN}`));
    await attempter.send([one()], new Flight());
    const records = log.flatMap((entry) => (Array.isArray(entry) ? entry : []));
    const kept = records.find(({ topic }) => topic === 'credential.refreshed.v1');
    const decoded = decodeEvent('credential.refreshed.v1', kept?.value ?? null);
    if (!decoded.ok) throw new Error(decoded.problem);
    const ciphertext = decoded.value.credentials['accessToken'] ?? Buffer.alloc(0);
    expect(encryption.decryptSecret(ciphertext, 'destination:partner:accessToken')).toBe(TOKEN);
    for (const { value } of records) expect(value?.toString('latin1')).not.toContain(TOKEN);
  });

  it('that the platform takes no more is dropped, and the request made again once with another, for free', async () => {
    let fetched = 0;
    exchange = ({ url, headers }) => {
      if (url.includes('token')) return answer(200, {}, `${TOKEN}-${++fetched}`);
      return headers['authorization']?.endsWith('-1') ? answer(401) : taken;
    };
    const only = one();
    await attempter.send([only], new Flight());
    expect(sentWith()).toEqual([`Bearer ${TOKEN}-1`, `Bearer ${TOKEN}-2`]);
    expect(standing(only)).toMatchObject({ outcome: 'delivered', attempt: 2, tries: 1 });
  });

  it('refused twice waits like any other failure', async () => {
    exchange = ({ url }) => (url.includes('token') ? answer(200, {}, TOKEN) : answer(401));
    const only = one();
    expect(await attempter.send([only], new Flight())).toBe('down');
    expect(sentWith()).toHaveLength(2);
    expect(standing(only)).toMatchObject({
      outcome: 'retry',
      tries: 1,
      nextAttemptAt: expect.any(Number) as number,
    });
  });

  it.each([
    [503, 'retry', 'token_http_503'],
    [400, 'refused', 'token_invalid_grant'],
  ])(
    'that is answered %d leaves the delivery %s, and nothing is sent',
    async (status, outcome, reasonCode) => {
      exchange = () => answer(status);
      const only = one();
      expect(await attempter.send([only], new Flight())).toBe('down');
      expect(sentWith()).toEqual([]);
      expect(standing(only)).toMatchObject({ outcome, mayHaveArrived: false });
      const last = log.at(-1) as Outgoing[];
      expect(decodeEvent('delivery.attempted.v1', last[0]?.value ?? null)).toMatchObject({
        value: { deliveries: [{ reasonCode }], url: '' },
      });
    },
  );
});
