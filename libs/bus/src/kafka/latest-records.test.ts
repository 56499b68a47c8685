/** A compacted topic followed with kafkajs in memory: the start waits for everything that is there. */
import { type DestinationState, encodeEvent } from '@tributary/contracts';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import type { ConsumerRunConfig } from 'kafkajs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SchemaSource } from '../records.ts';
import type { KafkaConnection } from './connection.ts';
import { LatestRecords } from './latest-records.ts';

const TOPIC = 'destination.state.v1';

let run: ConsumerRunConfig | undefined;
let runs: number;
let crash: (event: object) => void;
let seen: (readonly [string, number | null])[];
let fatal: string[];
let learn: SchemaSource['learn'];
let stop: () => Promise<void>;
let isFailing: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  [run, runs, seen, fatal, stop] = [undefined, 0, [], [], async () => undefined];
  learn = async () => 'unknown';
  isFailing = false;
});

afterEach(async () => {
  await stop();
  vi.useRealTimers();
});

/** @param ends by partition. */
function follow(...ends: number[]): Promise<unknown> {
  const kafka = {
    consumer: () => ({
      events: { CRASH: 'crash' },
      on: (_name: string, listener: (event: object) => void) => {
        crash = (payload) => listener({ payload });
      },
      connect: async () => undefined,
      subscribe: async () => undefined,
      disconnect: async () => undefined,
      run: async (given: ConsumerRunConfig) => {
        run = given;
        runs += 1;
      },
    }),
  };
  const connection = {
    clientId: 'test',
    logger: createLogger('latest-records-test', 'silent'),
    kafka,
    endOffsets: async () => new Map(ends.entries()),
  };
  const records = new LatestRecords({
    connection: connection as unknown as KafkaConnection,
    topic: TOPIC,
    schemas: { learn: (id) => learn(id) },
    onFatal: ({ message }) => fatal.push(message),
  });
  return records
    .follow((key, state) => {
      if (isFailing) throw new Error('not taken');
      seen.push([key, state?.probes ?? null]);
    })
    .then((followed) => {
      stop = followed.stop;
    });
}

function stateOf(destinationId: string, probes: number): Buffer {
  const state: DestinationState = {
    destinationId,
    definition: 'webhook',
    advertiserId: null,
    breaker: 'open',
    breakerChangedAt: 1,
    probeAt: null,
    probes,
    consecutiveFailures: 1,
    failingSince: 1,
    lastFailureAt: 1,
    lastFailureCode: null,
    lastSuccessAt: null,
    lastRequestId: null,
    isDisabled: false,
    disabledAt: null,
    disabledReasonCode: null,
    parkedDeliveries: null,
    instanceId: 'test',
    changedAt: 1,
    configurationVersion: 1,
  };
  return encodeEvent(TOPIC, state);
}

async function handOver(partition: number, ...records: readonly [number, string, Buffer | null][]) {
  const messages = records.map(([offset, key, value]) => ({
    offset: String(offset),
    key: Buffer.from(key),
    value,
  }));
  const lastOffset = () => messages.at(-1)?.offset;
  await run?.eachBatch?.({
    batch: { partition, messages, lastOffset },
    heartbeat: async () => undefined,
  } as never);
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isOver = false;
  void promise.then(() => {
    isOver = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  return !isOver;
}

it('the start waits for every partition that has records, across what compaction took, and it goes on after that', async () => {
  const following = follow(9, 0, 3);
  await vi.advanceTimersByTimeAsync(0);
  await handOver(0, [4, 'a', stateOf('a', 1)], [8, 'b', stateOf('b', 2)]);
  expect(await isPending(following)).toBe(true);
  await handOver(2, [2, 'c', null]);
  await following;
  await handOver(0, [9, 'a', stateOf('a', 3)]);
  expect(seen).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', null],
    ['a', 3],
  ]);
});

it('an empty topic is not waited for, and one that is slow for as long as it takes', async () => {
  await follow(0, 0);
  const following = follow(2);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(await isPending(following)).toBe(true);
  await handOver(0, [1, 'late', stateOf('late', 1)]);
  await following;
  expect(seen).toEqual([['late', 1]]);
});

it('nothing is handed over twice when the consumer begins again', async () => {
  const following = follow(2);
  await vi.advanceTimersByTimeAsync(0);
  await handOver(0, [0, 'a', stateOf('a', 1)], [1, 'a', stateOf('a', 2)]);
  await following;
  await handOver(0, [0, 'a', stateOf('a', 1)], [1, 'a', stateOf('a', 2)], [2, 'a', stateOf('a', 3)]);
  expect(seen.map(([, probes]) => probes)).toEqual([1, 2, 3]);
});

it('what was not taken is handed over again', async () => {
  const following = follow(1);
  await vi.advanceTimersByTimeAsync(0);
  isFailing = true;
  await expect(handOver(0, [0, 'a', stateOf('a', 1)])).rejects.toThrow('not taken');
  isFailing = false;
  await handOver(0, [0, 'a', stateOf('a', 1)]);
  await following;
  expect(seen).toEqual([['a', 1]]);
});

it('what nobody can decode is left out; a schema of a later release is learnt, however long its registry is away', async () => {
  const later = stateOf('later', 7);
  const id = later.readInt32BE(1);
  later.writeInt32BE(0x010203, 1);
  const following = follow(3);
  await vi.advanceTimersByTimeAsync(0);
  learn = () => Promise.reject(new DependencyFailure('schema_registry_unavailable', 'away'));
  const handedOver = handOver(
    0,
    [0, 'x', Buffer.from('not an event')],
    [1, 'later', later],
    [2, 'after', stateOf('after', 8)],
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen).toEqual([]);
  learn = async () => {
    later.writeInt32BE(id, 1);
    return 'learnt';
  };
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all([handedOver, following]);
  expect(seen).toEqual([
    ['later', 7],
    ['after', 8],
  ]);
});

it('the process ends when kafkajs crashes for good, not when it restarts or the group has no coordinator yet', async () => {
  await follow(0);
  crash({ restart: true, error: new Error('again') });
  const cold = Object.assign(new Error('cold'), { name: 'KafkaJSGroupCoordinatorNotFound' });
  crash({ restart: false, error: new Error('wrapped', { cause: cold }) });
  await vi.advanceTimersByTimeAsync(1_000);
  expect([fatal, runs]).toEqual([[], 2]);
  crash({ restart: false, error: new Error('for good') });
  expect(fatal).toEqual(['for good']);
});
