/** What becomes of a decision met again and of a retry that comes due: nothing delivered is sent twice, nothing waiting is forgotten. */
import {
  type EventProducer,
  type IncomingEvent,
  type Outgoing,
  type PartitionBatch,
  partitionOf,
  type SchemaSource,
} from '@tributary/bus';
import { aChange, ConfigurationFollower, InMemoryConfigurationLog } from '@tributary/configuration';
import {
  type ConversionDecided,
  type DeliveryDue,
  decodeEvent,
  encodeEvent,
  LOCKED_SCHEMAS,
  learnSchema,
} from '@tributary/contracts';
import { outwardKey } from '@tributary/domain';
import { createLogger, DependencyFailure, Encryption } from '@tributary/runtime';
import { type StoredDelivery, StoredOffsets } from '@tributary/store';
import { aDecision } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Attempter } from './attempter.ts';
import { DestinationLanes } from './destination-lanes.ts';
import { FanOut } from './fan-out.ts';
import { Receivers } from './receivers.ts';
import { SendLedger } from './send-ledger.ts';
import type { Exchange } from './sender.ts';

const NOW = Date.UTC(2026, 0, 2, 4, 0, 0);
const decided = aDecision();
const DELIVERY_ID = outwardKey(decided.conversionId, 'partner', 'sale');

const LATER_ID = 4_000_001;
const POISON_ID = 4_000_002;
const decisionSchema = LOCKED_SCHEMAS['conversion.decided.v1']?.at(-1)?.schema as {
  fields: readonly object[];
};
const LATER_SCHEMA = JSON.stringify({
  ...decisionSchema,
  fields: [...decisionSchema.fields, { name: 'later', type: 'int', default: 0 }],
});

let stored: StoredDelivery[];
let written: Outgoing[];
let sent: number;
let learn: SchemaSource['learn'];
/** Throws where what was just written is not to be acknowledged. */
let acknowledge: (topic: string) => void;
let exchange: () => Promise<Exchange>;
let fanOut: FanOut;
let log: InMemoryConfigurationLog;
let follower: ConfigurationFollower;

const delivered: Exchange = { ok: true, response: { status: 200, headers: {}, body: 'OK' } };

const destination = { id: 'partner', name: 'Partner', definition: 'partner-postback', status: 'active' };
const settings = { urlTemplate: 'https://partner.example/?c={click_id}' };

beforeEach(async () => {
  stored = [];
  written = [];
  sent = 0;
  learn = async () => 'unknown';
  acknowledge = () => {};
  exchange = async () => delivered;
  log = new InMemoryConfigurationLog();
  await log.append(aChange('destination', { ...destination, settings }));
  await log.append(aChange('subscription', { id: 'all', destinationId: 'partner' }));
  follower = new ConfigurationFollower(log);
  await follower.start();
  const producer: EventProducer = {
    produce: async (records) => {
      written.push(...records);
      for (const { topic } of records) acknowledge(topic);
      return records.map(({ topic, key }, index) => ({
        topic,
        partition: partitionOf(topic, key),
        offset: written.length + index,
      }));
    },
  };
  const none = async () => new Map<number, number>();
  const ledger = new SendLedger(
    { deliveriesById: async (ids) => stored.filter(({ deliveryId }) => ids.includes(deliveryId)) },
    new StoredOffsets({ endOffsets: none, committedOffsets: none }, 'tributary'),
  );
  const encryption = new Encryption(Buffer.alloc(32, 7).toString('base64'));
  const shared = {
    producer,
    ledger,
    clock: { now: () => NOW },
    logger: createLogger('fan-out-test', 'silent'),
  };
  const attempter = new Attempter({
    ...shared,
    sender: {
      send: () => {
        sent += 1;
        return exchange();
      },
    },
    lanes: new DestinationLanes(),
    isOwner: () => true,
    encryption,
    random: () => 0.5,
    configurationVersion: () => 1,
  });
  fanOut = new FanOut({
    ...shared,
    follower,
    receivers: new Receivers(encryption),
    attempter,
    schemas: { learn: (id) => learn(id) },
  });
});

function standing(changes: Partial<StoredDelivery>): StoredDelivery {
  const first = { deliveryId: DELIVERY_ID, revision: 1, attempt: 1 } as const;
  return { ...first, phase: 'ended', outcome: 'retry', nextAttemptAt: NOW + 4_000, ...changes };
}

function decisions(...events: ConversionDecided[]): PartitionBatch<'conversion.decided.v1'> {
  const topic = 'conversion.decided.v1';
  return {
    topic,
    partition: 0,
    signal: new AbortController().signal,
    events: events.map((event, offset) => ({
      topic,
      partition: 0,
      offset,
      key: event.conversionId,
      writtenAt: NOW,
      headers: {},
      event: { ...event, clickIpCiphertext: null },
      value: encodeEvent(topic, { ...event, clickIpCiphertext: null }),
    })),
  };
}

function due(...attempts: number[]): PartitionBatch<'delivery.due.1s.v1'> {
  const topic = 'delivery.due.1s.v1';
  const decision = decisions(decided).events[0]?.value ?? Buffer.alloc(0);
  return {
    topic,
    partition: 0,
    signal: new AbortController().signal,
    events: attempts.map((attempt, offset): IncomingEvent<typeof topic> => {
      const event: DeliveryDue = {
        deliveryId: DELIVERY_ID,
        destinationId: 'partner',
        outwardEvent: 'sale',
        attempt,
        dueAt: NOW - 1,
        enqueuedAt: NOW - 1_001,
        decision,
        lastReasonCode: null,
      };
      return {
        topic,
        partition: 0,
        offset,
        key: decided.conversionId,
        writtenAt: NOW,
        headers: {},
        event,
        value: Buffer.alloc(0),
      };
    }),
  };
}

const topics = () => written.map(({ topic }) => topic);

describe('a decision', () => {
  it('never seen is sent', async () => {
    expect(await fanOut.decisions(decisions(decided))).toBe(1);
    expect(sent).toBe(1);
    expect(topics()).toEqual(['delivery.attempted.v1', 'delivery.attempted.v1']);
  });

  it.each(['delivered', 'refused', 'dead', 'superseded'])('%s before is not sent again', async (outcome) => {
    stored = [standing({ outcome, nextAttemptAt: null })];
    await fanOut.decisions(decisions(decided));
    expect(sent).toBe(0);
    expect(written).toEqual([]);
  });

  it('cut off after its intent is repeated as the same attempt', async () => {
    stored = [standing({ phase: 'intended', outcome: null, attempt: 2 })];
    await fanOut.decisions(decisions(decided));
    expect(sent).toBe(1);
    const [first] = written;
    expect(decodeEvent('delivery.attempted.v1', first?.value ?? null)).toMatchObject({
      value: { deliveries: [{ deliveryId: DELIVERY_ID, attempt: 2 }] },
    });
  });

  it('waiting for a retry is put into the timer wheel again, at its own time', async () => {
    stored = [standing({})];
    await fanOut.decisions(decisions(decided));
    expect(sent).toBe(0);
    expect(topics()).toEqual(['delivery.due.1s.v1']);
    expect(decodeEvent('delivery.due.1s.v1', written[0]?.value ?? null)).toMatchObject({
      value: { attempt: 2, dueAt: NOW + 4_000 },
    });
  });

  it('with several revisions in one batch is sent once, in the newest', async () => {
    await fanOut.decisions(decisions(decided, { ...decided, revision: 2 }));
    expect(sent).toBe(1);
    expect(decodeEvent('delivery.attempted.v1', written[0]?.value ?? null)).toMatchObject({
      value: { deliveries: [{ revision: 2 }] },
    });
  });

  it('whose batch fails is waited for whole: what was under way has ended before the batch is tried again', async () => {
    const other = { ...decided, conversionId: 'c0ffee00-0000-8000-8000-000000000009' };
    let ended = 0;
    exchange = async () => {
      const isFirst = sent === 1;
      await new Promise((resolve) => setTimeout(resolve, isFirst ? 1 : 30));
      ended += 1;
      if (isFirst) throw new DependencyFailure('kafka_unavailable', 'down');
      return delivered;
    };
    await expect(fanOut.decisions(decisions(decided, other))).rejects.toBeInstanceOf(DependencyFailure);
    expect(ended).toBe(2);
  });
});

describe('a destination that never answers in time', () => {
  const decided17 = Array.from({ length: 17 }, (_, n) => ({
    ...decided,
    conversionId: `c0ffee00-0000-8000-8000-0000000000${n + 10}`,
  }));

  afterEach(() => {
    vi.useRealTimers();
  });

  it('is waited for half a minute, then the batch comes again and makes only what is left', async () => {
    vi.useFakeTimers();
    const answered = Promise.withResolvers<Exchange>();
    exchange = () => answered.promise;
    const working = fanOut.decisions(decisions(...decided17));
    const failed = expect(working).rejects.toMatchObject({
      name: 'DependencyFailure',
      code: 'destination_busy',
    });
    await vi.advanceTimersByTimeAsync(29_999);
    expect(sent).toBe(16);
    await vi.advanceTimersByTimeAsync(1);
    answered.resolve(delivered);
    await failed;
    expect(sent).toBe(16);
    expect(await fanOut.decisions(decisions(...decided17))).toBe(17);
    expect(sent).toBe(17);
  });

  it('is waited for no longer where a batch holds many records of one retry', async () => {
    vi.useFakeTimers();
    exchange = () => new Promise(() => {});
    void fanOut.decisions(decisions(...decided17.slice(0, 16)));
    await vi.advanceTimersByTimeAsync(0);
    stored = [standing({})];
    const failed = expect(fanOut.due(due(2, 2, 2))).rejects.toMatchObject({ code: 'destination_busy' });
    await vi.advanceTimersByTimeAsync(30_000);
    await failed;
    expect(sent).toBe(16);
  });

  it('keeps nobody from draining', async () => {
    exchange = () => new Promise(() => {});
    void fanOut.decisions(decisions(...decided17.slice(0, 16)));
    const drain = new AbortController();
    const waiting = fanOut.decisions({ ...decisions(decided), signal: drain.signal });
    setTimeout(() => drain.abort(), 5);
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('a retry that comes due', () => {
  it('is made when the ledger waits for it', async () => {
    stored = [standing({})];
    expect(await fanOut.due(due(2))).toBe(1);
    expect(sent).toBe(1);
  });

  it('is made once when it stands in the wheel twice', async () => {
    stored = [standing({})];
    expect(await fanOut.due(due(2, 2))).toBe(2);
    expect(sent).toBe(1);
  });

  it.each<[string, Partial<StoredDelivery>, number]>([
    ['of an attempt already made', { attempt: 2 }, 2],
    ['of a later attempt than the next', {}, 3],
    ['of a delivery that was delivered', { outcome: 'delivered', nextAttemptAt: null }, 2],
  ])('%s is dropped', async (_name, changes, attempt) => {
    stored = [standing(changes)];
    expect(await fanOut.due(due(attempt))).toBe(1);
    expect(sent).toBe(0);
  });

  it('whose attempt was cut off by a crash is repeated', async () => {
    stored = [standing({ attempt: 2, phase: 'intended', outcome: null })];
    await fanOut.due(due(2));
    expect(sent).toBe(1);
  });

  it('proves that the attempt before it was judged, also where its end is not known to be on record', async () => {
    stored = [standing({})];
    exchange = async () => ({ ok: false, error: 'timeout' });
    // The end of the second attempt arrives in the log, its acknowledgement does not.
    acknowledge = (topic) => {
      if (topic === 'delivery.attempted.v1' && written.length === 3)
        throw new DependencyFailure('kafka_unavailable', 'away');
    };
    const second = fanOut.due(due(2));
    const third = fanOut.due(due(3));
    await expect(second).rejects.toBeInstanceOf(DependencyFailure);
    expect(await third).toBe(1);
    expect(sent).toBe(2);
    // By now the store shows the end, and the second comes again.
    stored = [standing({ attempt: 2 })];
    expect(await fanOut.due(due(2))).toBe(1);
    expect(sent).toBe(2);
  });

  it('of a decision in a schema that a later release writes waits until that is learnt', async () => {
    stored = [standing({})];
    const [first] = due(2).events;
    if (first === undefined) throw new Error('nothing is due');
    // One optional field more, under an id that this build has never met.
    const wire = Buffer.concat([first.event.decision, Buffer.of(0)]);
    wire.writeInt32BE(LATER_ID, 1);
    const retry = { ...due(2), events: [{ ...first, event: { ...first.event, decision: wire } }] };
    learn = async () => {
      throw new DependencyFailure('schema_registry_unavailable', 'away');
    };
    await expect(fanOut.due(retry)).rejects.toBeInstanceOf(DependencyFailure);
    expect(sent).toBe(0);
    const asked: number[] = [];
    learn = async (id) => {
      asked.push(id);
      return learnSchema(id, LATER_SCHEMA) === 'learnt' ? 'learnt' : 'unknown';
    };
    expect(await fanOut.due(retry)).toBe(1);
    expect([sent, asked]).toEqual([1, [LATER_ID]]);
  });

  it('of a decision in a schema that nobody knows is a defect of its record', async () => {
    stored = [standing({})];
    const batch = due(2);
    batch.events[0]?.event.decision.writeInt32BE(POISON_ID, 1);
    await expect(fanOut.due(batch)).rejects.toThrow('unknown_schema_id');
    expect(written).toEqual([]);
  });

  it('to a destination that was disabled meanwhile ends dead, as a dead letter', async () => {
    stored = [standing({})];
    await log.append(
      aChange('destination', { ...destination, status: 'disabled', settings }, { expectedVersion: 0 }),
    );
    await fanOut.due(due(2));
    expect(sent).toBe(0);
    expect(topics()).toEqual(['dead-letter.v1', 'delivery.attempted.v1']);
    expect(decodeEvent('delivery.attempted.v1', written[1]?.value ?? null)).toMatchObject({
      value: { phase: 'ended', deliveries: [{ outcome: 'dead', reasonCode: 'destination_disabled' }] },
    });
  });
});
