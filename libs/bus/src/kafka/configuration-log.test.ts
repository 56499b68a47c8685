/** Following the configuration topic with kafkajs in memory: old configuration is never served for ever behind a green health. */
import { type ConfigurationChanged, encodeEvent } from '@tributary/contracts';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import type { ConsumerRunConfig } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FollowedLog, KafkaConfigurationLog } from './configuration-log.ts';
import type { KafkaConnection } from './connection.ts';

const PROBE_MS = 5_000;
const STALL_MS = 60_000;

let end: number;
let isAway: boolean;
let fatal: string[];
let seen: number[];
let consumer: { run: ConsumerRunConfig | undefined; runs: number; crash: (event: object) => void };
let followed: FollowedLog | undefined;
let learn: (id: number) => Promise<'learnt' | 'unknown'>;
let changes: (string | null)[];
let heartbeats: number;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  end = 2;
  isAway = false;
  fatal = [];
  seen = [];
  changes = [];
  heartbeats = 0;
  learn = async () => 'unknown';
  consumer = { run: undefined, runs: 0, crash: () => undefined };
});

afterEach(async () => {
  await followed?.stop();
  vi.useRealTimers();
});

async function follow(): Promise<FollowedLog> {
  const kafka = {
    consumer: () => ({
      events: { CRASH: 'crash' },
      on: (_name: string, listener: (event: object) => void) => {
        consumer.crash = (payload) => listener({ payload });
      },
      connect: async () => undefined,
      subscribe: async () => undefined,
      disconnect: async () => undefined,
      run: async (run: ConsumerRunConfig) => {
        consumer.run = run;
        consumer.runs += 1;
      },
    }),
  };
  const connection = {
    clientId: 'test',
    logger: createLogger('configuration-log-test', 'silent'),
    kafka,
    endOffsets: async () => {
      if (isAway) throw new DependencyFailure('kafka_unavailable', 'away');
      return new Map([[0, end]]);
    },
  };
  const log = new KafkaConfigurationLog({
    connection: connection as unknown as KafkaConnection,
    schemas: { learn: (id) => learn(id) },
    onFatal: ({ message }) => fatal.push(message),
  });
  const following = log.follow((offset, change) => {
    seen.push(offset);
    changes.push(change?.entityId ?? null);
  });
  await vi.advanceTimersByTimeAsync(0);
  await handOver(0, 1);
  followed = await following;
  return followed;
}

async function handOver(...offsets: number[]): Promise<void> {
  await handOverRecords(offsets.map((offset) => [offset, null]));
}

async function handOverRecords(records: readonly (readonly [number, Buffer | null])[]): Promise<void> {
  const messages = records.map(([offset, value]) => ({ offset: String(offset), value }));
  const heartbeat = async () => {
    heartbeats += 1;
  };
  await consumer.run?.eachBatch?.({ batch: { messages }, heartbeat } as never);
}

const TOPIC = 'configuration.changed.v1';

function change(entityId: string): Buffer {
  const event: ConfigurationChanged = {
    changeId: '019b7c40-0000-7000-8000-000000000001',
    entityType: 'partner',
    entityId,
    operation: 'put',
    expectedVersion: -1,
    document: JSON.stringify({ id: entityId, name: entityId }),
    secrets: {},
    effectiveFrom: 0,
    recordedAt: 0,
    actor: 'test',
  };
  return encodeEvent(TOPIC, event);
}

/** A change under a schema id this build does not know until `known` is called. */
function changeOfLaterRelease(entityId: string) {
  const value = change(entityId);
  const id = value.readInt32BE(1);
  value.writeInt32BE(0x010203, 1);
  // The codec learns elsewhere; here the id becomes one it knows.
  return { value, known: () => value.writeInt32BE(id, 1) };
}

it('a log is handed over once, also when the consumer begins again', async () => {
  await follow();
  await handOver(0, 1, 2);
  expect(seen).toEqual([0, 1, 2]);
});

describe('a change under a schema this build does not know', () => {
  it('is learnt before it is handed over, so that no reader folds another configuration', async () => {
    await follow();
    const later = changeOfLaterRelease('later');
    const asked: number[] = [];
    learn = async (id) => {
      asked.push(id);
      later.known();
      return 'learnt';
    };
    await handOverRecords([
      [2, later.value],
      [3, change('next')],
    ]);
    expect([seen.slice(2), changes.slice(2), asked]).toEqual([[2, 3], ['later', 'next'], [0x010203]]);
  });

  it('waits, and all after it, while nobody can say what it is: as a member of its group, and no fault', async () => {
    await follow();
    const later = changeOfLaterRelease('later');
    let isRegistryAway = true;
    learn = async () => {
      if (isRegistryAway) throw new DependencyFailure('schema_registry_unavailable', 'away');
      later.known();
      return 'learnt';
    };
    end = 4;
    const handedOver = handOverRecords([
      [2, later.value],
      [3, change('next')],
    ]);
    await vi.advanceTimersByTimeAsync(3 * STALL_MS);
    expect([seen, fatal, followed?.lastHeardAt]).toEqual([[0, 1], [], 1_000_000]);
    expect(heartbeats).toBeGreaterThan(30);
    isRegistryAway = false;
    await vi.advanceTimersByTimeAsync(PROBE_MS);
    await handedOver;
    expect([changes.slice(2), fatal]).toEqual([['later', 'next'], []]);
    expect(followed?.lastHeardAt).toBe(1_000_000 + 3 * STALL_MS + PROBE_MS);
  });

  it('that nobody knows counts for nobody', async () => {
    await follow();
    await handOverRecords([
      [2, changeOfLaterRelease('poison').value],
      [3, change('next')],
    ]);
    expect([seen.slice(2), changes.slice(2)]).toEqual([
      [2, 3],
      [null, 'next'],
    ]);
  });

  it('does not hold up who stops', async () => {
    const following = await follow();
    learn = () => Promise.reject(new DependencyFailure('schema_registry_unavailable', 'away'));
    const handedOver = handOverRecords([[2, changeOfLaterRelease('later').value]]);
    await vi.advanceTimersByTimeAsync(100);
    await following.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    await handedOver;
    expect(seen).toEqual([0, 1]);
  });
});

describe('lastHeardAt', () => {
  it('goes on while everything in the log is known to be handed over', async () => {
    const { lastHeardAt } = await follow();
    expect(lastHeardAt).toBe(1_000_000);
    await vi.advanceTimersByTimeAsync(3 * PROBE_MS);
    expect(followed?.lastHeardAt).toBe(1_000_000 + 3 * PROBE_MS);
  });

  it('stays where it is while no broker answers, for minutes too, and ends nothing', async () => {
    await follow();
    isAway = true;
    await vi.advanceTimersByTimeAsync(10 * STALL_MS);
    expect([followed?.lastHeardAt, fatal]).toEqual([1_000_000, []]);
    isAway = false;
    await vi.advanceTimersByTimeAsync(PROBE_MS);
    expect(followed?.lastHeardAt).toBe(1_000_000 + 10 * STALL_MS + PROBE_MS);
  });
});

describe('the process ends', () => {
  it('when the log goes on and nothing is handed over any more', async () => {
    await follow();
    end = 3;
    await vi.advanceTimersByTimeAsync(STALL_MS + PROBE_MS);
    expect(fatal).toEqual([]);
    expect(followed?.lastHeardAt).toBe(1_000_000);
    await vi.advanceTimersByTimeAsync(PROBE_MS);
    expect(fatal).toEqual(['configuration.changed.v1 was read up to 2 and has ended at 3 for 65000 ms']);
  });

  it('not while records come in, however far behind', async () => {
    await follow();
    end = 1_000;
    for (let offset = 2; offset < 40; offset++) {
      await handOver(offset);
      await vi.advanceTimersByTimeAsync(PROBE_MS);
    }
    expect(fatal).toEqual([]);
  });

  it('when the log ends before what was read: it was replaced, and its offsets mean something else', async () => {
    await follow();
    end = 1;
    await vi.advanceTimersByTimeAsync(STALL_MS + PROBE_MS);
    expect(fatal).toEqual([]);
    await vi.advanceTimersByTimeAsync(PROBE_MS);
    expect(fatal).toEqual(['configuration.changed.v1 was read up to 2 and has ended at 1 for 65000 ms']);
  });

  it('when kafkajs crashes for good, and not when it restarts or the group has no coordinator yet', async () => {
    await follow();
    consumer.crash({ restart: true, error: new Error('again') });
    const cold = Object.assign(new Error('cold'), { name: 'KafkaJSGroupCoordinatorNotFound' });
    consumer.crash({ restart: false, error: new Error('wrapped', { cause: cold }) });
    await vi.advanceTimersByTimeAsync(1_000);
    expect([fatal, consumer.runs]).toEqual([[], 2]);
    consumer.crash({ restart: false, error: new Error('for good') });
    expect(fatal).toEqual(['for good']);
  });
});
