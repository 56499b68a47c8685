/** Following the configuration topic with kafkajs in memory: old configuration is never served for ever behind a green health. */
import { DependencyFailure } from '@tributary/runtime';
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

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  end = 2;
  isAway = false;
  fatal = [];
  seen = [];
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
    kafka,
    endOffsets: async () => {
      if (isAway) throw new DependencyFailure('kafka_unavailable', 'away');
      return new Map([[0, end]]);
    },
  };
  const log = new KafkaConfigurationLog({
    connection: connection as unknown as KafkaConnection,
    onFatal: ({ message }) => fatal.push(message),
  });
  const following = log.follow((offset) => seen.push(offset));
  await vi.advanceTimersByTimeAsync(0);
  await handOver(0, 1);
  followed = await following;
  return followed;
}

async function handOver(...offsets: number[]): Promise<void> {
  const messages = offsets.map((offset) => ({ offset: String(offset), value: null }));
  await consumer.run?.eachBatch?.({ batch: { messages } } as never);
}

it('a log is handed over once, also when the consumer begins again', async () => {
  await follow();
  await handOver(0, 1, 2);
  expect(seen).toEqual([0, 1, 2]);
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
