/** The twin in memory keeps the promises of the bus, and has faults on demand. */
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aRefusal, eventually } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import { busConformance } from '../conformance.ts';
import type { BatchHandler, IncomingEvent } from '../records.ts';
import { outgoing } from '../records.ts';
import { InMemoryBroker } from './in-memory-broker.ts';
import { InMemoryConsumerGroup } from './in-memory-group.ts';

const TOPIC = 'postback.refused.v1';
const logger = createLogger('twin-test', 'silent');

const shared = new InMemoryBroker();

describe('the bus in memory', () => {
  const checks = busConformance({
    producer: shared,
    member: (groupId, options) =>
      new InMemoryConsumerGroup({
        ...options,
        broker: shared,
        producer: shared,
        groupId,
        service: 'test',
        logger,
      }),
    committedOffsets: (groupId, topic) => shared.committedOffsets(groupId, topic),
  });
  it.each(checks)('$name', ({ run }) => run());
});

describe('its faults', () => {
  const record = () => outgoing(TOPIC, 'lane', aRefusal());

  function member(broker: InMemoryBroker, handle: BatchHandler): InMemoryConsumerGroup {
    return new InMemoryConsumerGroup({
      broker,
      producer: broker,
      groupId: 'group',
      service: 'test',
      logger,
      handlers: new Map([[TOPIC, handle]]),
      onFatal: (error) => {
        throw error;
      },
    });
  }

  it('a broker that is away refuses, and hands over what came before once it is back', async () => {
    const broker = new InMemoryBroker();
    const seen: IncomingEvent[] = [];
    const group = member(broker, async ({ events }) => seen.push(...events));
    await group.start();
    broker.isAway = true;
    await expect(broker.produce([record()])).rejects.toBeInstanceOf(DependencyFailure);
    expect(group.status.isMember).toBe(false);
    broker.isAway = false;
    await broker.produce([record()]);
    await eventually(
      () => seen.length,
      (count) => count === 1,
    );
    await group.stop();
  });

  it.each([
    ['refused', 0],
    ['answer_lost', 1],
  ] as const)('a send whose fault is %s has written %i', async (fault, written) => {
    const broker = new InMemoryBroker();
    broker.produceFault = fault;
    await expect(broker.produce([record()])).rejects.toBeInstanceOf(DependencyFailure);
    expect(broker.recordsOf(TOPIC)).toHaveLength(written);
  });

  it('a killed member commits nothing, and its successor works the same records', async () => {
    const broker = new InMemoryBroker();
    await broker.produce([record(), record()]);
    let isAtWork = false;
    const killed = member(broker, () => {
      isAtWork = true;
      return new Promise(() => undefined);
    });
    await killed.start();
    await eventually(
      () => isAtWork,
      (yes) => yes,
    );
    killed.kill();
    const seen: number[] = [];
    const successor = member(broker, async ({ events }) => seen.push(...events.map(({ offset }) => offset)));
    await successor.start();
    await eventually(
      () => seen.length,
      (count) => count === 2,
    );
    expect(seen).toEqual([0, 1]);
    await successor.stop();
  });

  it('a commit of a generation that is over is refused', async () => {
    const broker = new InMemoryBroker();
    const group = member(broker, async ({ events }) => events.length);
    await group.start();
    const place = { topic: TOPIC, partition: 0 } as const;
    expect(() => broker.commit('group', 0, place, 5)).toThrow('ILLEGAL_GENERATION');
    broker.commit('group', 1, place, 5);
    expect(broker.committed('group', place)).toBe(5);
    await group.stop();
  });
});
