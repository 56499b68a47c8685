/** A group's member with kafkajs in memory: how long it counts as an owner while it drains, is dealt anew, or stood still. */
import { createLogger } from '@tributary/runtime';
import { aRefusal } from '@tributary/testing';
import type { ConsumerRunConfig } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { outgoing } from '../records.ts';
import type { KafkaConnection } from './connection.ts';
import { KafkaConsumerGroup } from './consumer-group.ts';

const TOPIC = 'postback.refused.v1';

let listeners: Map<string, (event: object) => void>;
let run: ConsumerRunConfig | undefined;
let isMemberOnLeaving: boolean[];
let commits: number;
let connect: () => Promise<void>;
let finish: () => void;
let group: KafkaConsumerGroup;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  listeners = new Map();
  run = undefined;
  isMemberOnLeaving = [];
  commits = 0;
  connect = async () => undefined;
  const consumer = {
    events: {
      GROUP_JOIN: 'join',
      HEARTBEAT: 'heartbeat',
      STOP: 'stop',
      CRASH: 'crash',
      REQUEST: 'request',
    },
    on: (name: string, listener: (event: object) => void) => listeners.set(name, listener),
    connect: () => connect(),
    subscribe: async () => undefined,
    run: async (config: ConsumerRunConfig) => {
      run = config;
    },
    pause: () => undefined,
    resume: () => undefined,
    disconnect: async () => {
      isMemberOnLeaving.push(group.status.isMember);
    },
  };
  const connection = {
    clientId: 'test',
    logger: createLogger('group-test', 'silent'),
    kafka: { consumer: () => consumer },
  };
  group = new KafkaConsumerGroup({
    connection: connection as unknown as KafkaConnection,
    groupId: 'group',
    producer: { produce: async () => [] },
    handlers: new Map([
      [
        TOPIC,
        ({ events }) =>
          new Promise<number>((resolve) => {
            finish = () => resolve(events.length);
          }),
      ],
    ]),
    onFatal: (error) => {
      throw error;
    },
  });
});

afterEach(async () => {
  finish?.();
  const stopped = group.stop();
  await vi.advanceTimersByTimeAsync(20_000);
  await stopped;
  vi.useRealTimers();
});

const tell = (name: string, payload: object = {}) => listeners.get(name)?.({ payload });
const answered = (apiName: string, duration = 5) => tell('request', { apiName, duration });

function join(): void {
  answered('SyncGroup');
  tell('join', { memberAssignment: { [TOPIC]: [0] } });
}

function heartbeat(duration?: number): void {
  answered('Heartbeat', duration);
  tell('heartbeat');
}

/** A member with one record in hand. */
async function atWork(): Promise<void> {
  await group.start();
  join();
  const { value } = outgoing(TOPIC, 'k', aRefusal());
  const message = { offset: '0', timestamp: '0', key: Buffer.from('k'), value, headers: {} };
  await run?.eachBatch?.({
    batch: { topic: TOPIC, partition: 0, highWatermark: '1', messages: [message] },
    commitOffsetsIfNecessary: async () => {
      commits += 1;
    },
  } as never);
  await vi.advanceTimersByTimeAsync(0);
}

describe('a member that drains', () => {
  it('owns what it has in hand while the group hears of it, and no longer than until it leaves', async () => {
    await atWork();
    const stopped = group.stop();
    await vi.advanceTimersByTimeAsync(9_000);
    heartbeat();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(group.status.isMember).toBe(true);
    finish();
    await stopped;
    expect([commits, isMemberOnLeaving]).toEqual([1, [false]]);
    heartbeat();
    expect(group.status.isMember).toBe(false);
  });

  it('owns nothing once the group has not heard of it for the session', async () => {
    await atWork();
    const stopped = group.stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(group.status.isMember).toBe(false);
    finish();
    await stopped;
  });

  it('owns nothing, and commits nothing, once the partitions are dealt anew', async () => {
    await atWork();
    const stopped = group.stop();
    join();
    heartbeat();
    expect(group.status.isMember).toBe(false);
    finish();
    await stopped;
    expect(commits).toBe(0);
  });
});

describe('the group has heard of a member', () => {
  it('when the coordinator was asked, not when the answer was read: a process that stood still reads an old one', async () => {
    await atWork();
    await vi.advanceTimersByTimeAsync(60_000);
    heartbeat(59_000);
    expect(group.status.isMember).toBe(false);
    heartbeat(1_000);
    expect(group.status.isMember).toBe(true);
    await vi.advanceTimersByTimeAsync(8_999);
    expect(group.status.isMember).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(group.status.isMember).toBe(false);
  });

  it('that joins, in the same way', async () => {
    await group.start();
    answered('SyncGroup', 12_000);
    tell('join', { memberAssignment: { [TOPIC]: [0] } });
    expect(group.status.isMember).toBe(false);
    heartbeat();
    expect(group.status.isMember).toBe(true);
  });
});

it('a start that does not end in time leaves nobody behind who joins later', async () => {
  let connected: () => void = () => undefined;
  connect = () =>
    new Promise((resolve) => {
      connected = resolve;
    });
  const started = group.start().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(40_000);
  expect(await started).toMatchObject({ code: 'kafka_deadline' });
  expect(isMemberOnLeaving).toEqual([false]);
  connected();
  await vi.advanceTimersByTimeAsync(0);
  expect([run, isMemberOnLeaving]).toEqual([undefined, [false, false]]);
  join();
  expect(group.status).toMatchObject({ isMember: false, assigned: 0 });
});
