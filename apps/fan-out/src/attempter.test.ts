/** One attempt with everything around it in memory: what is on record before the first byte, what follows from each outcome, what is hidden. */
import { randomBytes } from 'node:crypto';
import type { EventProducer, Outgoing, RecordPosition } from '@tributary/bus';
import { aChange, Configuration } from '@tributary/configuration';
import {
  type ConversionDecided,
  type DeadLettered,
  type DeliveryAttempted,
  type DeliveryDue,
  decodeEvent,
  encodeEvent,
} from '@tributary/contracts';
import type { OutwardRequest } from '@tributary/destinations';
import { createLogger, DependencyFailure, Encryption } from '@tributary/runtime';
import { StoredOffsets } from '@tributary/store';
import { aDecision } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { Attempter } from './attempter.ts';
import type { DueDelivery } from './delivery-records.ts';
import { DestinationLanes } from './destination-lanes.ts';
import { planDeliveries } from './plan.ts';
import { Receivers } from './receivers.ts';
import { SendLedger } from './send-ledger.ts';
import type { Exchange } from './sender.ts';

const NOW = Date.UTC(2026, 0, 2, 4);
const SECRET = 'partner-s3cret/+';
const ADDRESS = '192.0.2.77';
const encryption = new Encryption(randomBytes(32).toString('base64'));

/** Everything that happened, in order. */
let log: (Outgoing[] | OutwardRequest)[];
let exchange: Exchange;
let failProduceAt: number;
let isOwner: boolean;
/** Throws what the sender is to throw. */
let refuse: () => void;
/** Throws what the producer is to throw. */
let refuseRecord: (records: Outgoing[]) => void;
let ledger: SendLedger;
let now: number;
let lanes: DestinationLanes;
let attempter: Attempter;

const producer: EventProducer = {
  produce: async (records): Promise<readonly RecordPosition[]> => {
    if (log.length === failProduceAt) throw new DependencyFailure('kafka_unavailable', 'away');
    refuseRecord([...records]);
    log.push([...records]);
    return records.map(({ topic }, offset) => ({ topic, partition: 0, offset: log.length * 10 + offset }));
  },
};

beforeEach(() => {
  log = [];
  exchange = answer(200);
  failProduceAt = -1;
  isOwner = true;
  refuse = () => {};
  refuseRecord = () => {};
  now = NOW;
  const offsets = new StoredOffsets(
    { endOffsets: async () => new Map(), committedOffsets: async () => new Map() },
    'tributary',
  );
  ledger = new SendLedger({ deliveriesById: async () => [] }, offsets);
  lanes = new DestinationLanes();
  attempter = new Attempter({
    sender: {
      send: async (request) => {
        log.push(request);
        now += 120;
        refuse();
        return exchange;
      },
    },
    lanes,
    ledger,
    producer,
    isOwner: () => isOwner,
    encryption,
    clock: { now: () => now },
    random: () => 0.5,
    configurationVersion: () => 7,
    logger: createLogger('attempter-test', 'silent'),
  });
});

function answer(status: number, headers: Record<string, string> = {}, body = 'ok'): Exchange {
  return { ok: true, response: { status, headers, body } };
}

function delivery(
  attempt = 1,
  changes: Partial<ConversionDecided> = {},
  destination: object = {},
): DueDelivery {
  const configuration = new Configuration();
  const secrets = {
    'secrets.token': encryption.encryptSecret(SECRET, 'destination:partner:secrets.token'),
  };
  const document = {
    id: 'partner',
    name: 'Partner',
    definition: 'partner-postback',
    status: 'active',
    settings: {
      urlTemplate: 'https://partner.example/?c={click_id}&t={secret:token}',
      headers: { 'x-key': '{secret:token}' },
    },
    ...destination,
  };
  configuration.apply(0, aChange('destination', document, { secrets }));
  configuration.apply(1, aChange('subscription', { id: 's', destinationId: 'partner' }));
  const ipCiphertext = encryption.encryptPersonal(ADDRESS, NOW);
  const decided = aDecision({ ipCiphertext, clickIpCiphertext: null, ...changes });
  const [plan] = planDeliveries(
    decided,
    configuration,
    new Receivers(encryption),
    decided.decidedAt,
  ).deliveries;
  if (plan === undefined) throw new Error('nothing is planned');
  const askedBy = { topic: 'conversion.decided.v1', partition: 3, offset: 14 } as const;
  return { ...plan, decided, wire: encodeEvent('conversion.decided.v1', decided), attempt, askedBy };
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

async function standing(of: DueDelivery) {
  return (await ledger.standings([of.deliveryId])).get(of.deliveryId);
}

describe('an attempt that is delivered', () => {
  it('is on record as intended, acknowledged, before the first byte leaves, and as ended after', async () => {
    const one = delivery();
    await attempter.attempt(one);
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
        { deliveryId: one.deliveryId, conversionId: one.decided.conversionId, attempt: 1, outcome: null },
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
    expect(await standing(one)).toEqual({
      attempt: 1,
      phase: 'ended',
      outcome: 'delivered',
      nextAttemptAt: null,
      revision: 1,
    });
  });

  it('sends the delivery id as the key by which repeats are known', async () => {
    const one = delivery(3);
    await attempter.attempt(one);
    expect(log[1]).toMatchObject({ headers: { 'idempotency-key': one.deliveryId } });
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
    exchange = outcome;
    const one = delivery(attempt);
    await attempter.attempt(one);
    const dueAt = NOW + 120 + delayMs;
    const [due, ended] = [written(2)[0], written(3)[0]];
    expect(ended?.event).toMatchObject({
      errorCode: outcome.ok ? null : outcome.error,
      deliveries: [{ outcome: 'retry', reasonCode, nextAttemptAt: dueAt }],
    });
    expect(due).toMatchObject({ topic, key: one.decided.conversionId });
    expect(due?.event).toMatchObject({
      deliveryId: one.deliveryId,
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
    expect(await standing(one)).toMatchObject({ attempt, phase: 'ended', outcome: 'retry' });
  });

  it('has its retry in the timer wheel before its end is on record: an end alone would never be tried again', async () => {
    exchange = answer(503);
    failProduceAt = 2;
    const one = delivery();
    await expect(attempter.attempt(one)).rejects.toBeInstanceOf(DependencyFailure);
    expect(await standing(one)).toMatchObject({ attempt: 1, phase: 'intended' });
    log = [];
    failProduceAt = 3;
    await expect(attempter.attempt(one)).rejects.toBeInstanceOf(DependencyFailure);
    expect(written(2)).toMatchObject([{ topic: 'delivery.due.1s.v1' }]);
    expect(await standing(one)).toMatchObject({ attempt: 1, phase: 'intended' });
  });

  it("follows the destination's own schedule", async () => {
    exchange = answer(500);
    await attempter.attempt(delivery(1, {}, { scheduleMs: [600_000] }));
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
    exchange = outcome;
    const one = delivery(attempt);
    await attempter.attempt(one);
    const [dead, ended] = [written(2)[0], written(3)[0]];
    expect(ended?.event).toMatchObject({ deliveries: [{ outcome: end, reasonCode, nextAttemptAt: null }] });
    expect(dead).toMatchObject({ topic: 'dead-letter.v1', key: one.decided.conversionId });
    const letter = dead?.event as DeadLettered;
    expect(letter).toMatchObject({
      kind: 'delivery',
      service: 'fan-out',
      reasonCode,
      deliveryId: one.deliveryId,
      destinationId: 'partner',
      conversionId: one.decided.conversionId,
      attempts: attempt,
    });
    expect(decodeEvent('conversion.decided.v1', letter.value)).toEqual({ ok: true, value: one.decided });
    expect(await standing(one)).toMatchObject({ outcome: end });
  });

  it('is the same dead letter when it happens twice', async () => {
    exchange = answer(404);
    const one = delivery();
    await attempter.attempt(one);
    await attempter.attempt(one);
    const letters = [written(2)[0], written(6)[0]].map((letter) =>
      letter ? (letter.event as DeadLettered).deadLetterId : undefined,
    );
    expect(letters[0]).toBe(letters[1]);
  });
});

describe('a conversion the destination cannot take', () => {
  it('is refused without a byte being sent', async () => {
    const one = delivery(1, { isTest: true });
    await attempter.attempt(one);
    expect(log).toHaveLength(2);
    const [dead, ended] = [written(0)[0], written(1)[0]];
    expect(ended?.event).toMatchObject({
      phase: 'ended',
      url: '',
      responseStatus: null,
      deliveries: [{ outcome: 'refused', reasonCode: 'invalid_test_not_possible:status' }],
    });
    expect(dead?.topic).toBe('dead-letter.v1');
    expect(await standing(one)).toMatchObject({ phase: 'ended', outcome: 'refused' });
  });
});

describe('a defect of ours after the request has left', () => {
  it.each<[string, (one: DueDelivery) => DueDelivery, number | null]>([
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
        exchange = answer(503);
        refuseRecord = ([record]) => {
          if (record?.topic === 'delivery.due.1s.v1') throw new RangeError('too large');
        };
        return one;
      },
      503,
    ],
  ])('%s ends the delivery dead, and sends nothing again', async (_name, broken, status) => {
    const one = broken(delivery());
    await attempter.attempt(one);
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
      event: { kind: 'delivery', reasonCode: 'attempt_failed', deliveryId: one.deliveryId },
    });
    expect(JSON.stringify([intended, dead, ended])).not.toContain('s3cret');
    expect(await standing(one)).toMatchObject({ attempt: 1, phase: 'ended', outcome: 'dead' });
  });
});

describe('Kafka away', () => {
  it('before the intent is on record: nothing is sent', async () => {
    failProduceAt = 0;
    const one = delivery();
    await expect(attempter.attempt(one)).rejects.toBeInstanceOf(DependencyFailure);
    expect(log).toEqual([]);
    expect(await standing(one)).toBeUndefined();
  });

  it('after the request: the ledger holds it as ambiguous, to be repeated under its key', async () => {
    failProduceAt = 2;
    const one = delivery();
    await expect(attempter.attempt(one)).rejects.toBeInstanceOf(DependencyFailure);
    expect(await standing(one)).toEqual({
      attempt: 1,
      phase: 'intended',
      outcome: null,
      nextAttemptAt: null,
      revision: 1,
    });
  });
});

describe('an instance that the group no longer hears of', () => {
  it('sends nothing: its partitions are worked elsewhere by now', async () => {
    const running = Array.from({ length: 16 }, () => Promise.withResolvers<void>());
    for (const { promise } of running) void lanes.run('partner', () => promise);
    const one = delivery();
    const queued = attempter.attempt(one);
    // It stood still for long, and goes on in mid-queue.
    isOwner = false;
    for (const { resolve } of running) resolve();
    await expect(queued).rejects.toBeInstanceOf(DependencyFailure);
    expect(log).toEqual([]);
    expect(await standing(one)).toBeUndefined();
  });
});

describe('records', () => {
  it('hold neither the secrets nor the address, not even where the receiver echoes them', async () => {
    const echo = `got ${SECRET} and ${encodeURIComponent(SECRET)} and ${JSON.stringify(SECRET)} from ${ADDRESS}`;
    exchange = answer(503, { 'x-echo': SECRET, 'set-cookie': 'session=1' }, echo);
    await attempter.attempt(delivery());
    expect(JSON.stringify(log[1])).toContain(encodeURIComponent(SECRET));
    const recorded = JSON.stringify([attempted(0), attempted(3)]);
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
    exchange = answer(200, {}, 'x'.repeat(100_000));
    await attempter.attempt(delivery());
    expect(attempted(2).responseBody).toHaveLength(16_384);
  });
});
