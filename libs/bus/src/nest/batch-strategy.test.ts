/** Nest over the bus: none of the ways in which Nest's own Kafka transport commits an offset without work. */
import 'reflect-metadata';
import type { INestMicroservice, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aRefusal, eventually } from '@tributary/testing';
import { EMPTY } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KafkaConnection } from '../kafka/connection.ts';
import { InMemoryBroker } from '../memory/in-memory-broker.ts';
import { InMemoryConsumerGroup } from '../memory/in-memory-group.ts';
import { outgoing, type PartitionBatch } from '../records.ts';
import { BatchStrategy } from './batch-strategy.ts';
import {
  moduleOf,
  OfNoTopic,
  OfOneTopicTwice,
  Right,
  SwallowingIntoNothing,
  SwallowingIntoValue,
  TOPIC,
  WithoutFilter,
  WithoutHandler,
  work,
} from './controllers.fixture.ts';

const logger = createLogger('nest-test', 'silent');

let broker: InMemoryBroker;
let fatal: string[];
let app: INestMicroservice | undefined;

beforeEach(() => {
  broker = new InMemoryBroker();
  fatal = [];
});

afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function listen(controller: Type): Promise<BatchStrategy> {
  const strategy = new BatchStrategy({
    connection: { clientId: 'test', logger } as KafkaConnection,
    groupId: 'group',
    producer: broker,
    onFatal: ({ message }) => fatal.push(message),
    makeGroup: (options) => new InMemoryConsumerGroup({ ...options, broker, service: 'test', logger }),
  });
  app = await NestFactory.createMicroservice(moduleOf(controller), { strategy, logger: false });
  await app.listen();
  return strategy;
}

const produce = () =>
  broker.produce([outgoing(TOPIC, 'lane', aRefusal()), outgoing(TOPIC, 'lane', aRefusal())]);
const committed = async () =>
  [...(await broker.committedOffsets('group', TOPIC)).values()].filter((offset) => offset >= 0);
const deadLetters = () => broker.recordsOf('dead-letter.v1').length;

it('commits what a handler has done, and tells how it fares', async () => {
  work.handle = async ({ events }: PartitionBatch) => events.length;
  await produce();
  const strategy = await listen(Right);
  await eventually(committed, (offsets) => offsets[0] === 2);
  expect(strategy.groupStatus).toEqual({
    isMember: true,
    assigned: 12,
    prepared: 12,
    lag: 0,
    isStalled: false,
  });
  await app?.close();
  expect(strategy.groupStatus.isMember).toBe(false);
});

it('waits through an outage: PassThroughFilter keeps it one', async () => {
  let outages = 2;
  work.handle = async ({ events }: PartitionBatch) => {
    if (outages-- > 0) throw new DependencyFailure('clickhouse_unavailable', 'down');
    return events.length;
  };
  await produce();
  await listen(Right);
  await eventually(committed, (offsets) => offsets[0] === 2);
  expect([deadLetters(), fatal]).toEqual([0, []]);
});

describe('is refused at the start', () => {
  it.each<[string, Type, RegExp]>([
    ['a handler of no topic', OfNoTopic, /no topic is called postback.reffused.v1/],
    ['a group without handlers', WithoutHandler, /no handler/],
    ['a second handler of a topic: Nest would await the first only', OfOneTopicTwice, /two handlers/],
  ])('%s', async (_name, controller, words) => {
    await expect(listen(controller)).rejects.toThrow(words);
  });
});

describe('commits nothing, sets nothing aside and ends the process when nothing says that the work was done:', () => {
  it.each<[string, () => unknown]>([
    ['a handler that forgets to await its work', () => void Promise.resolve()],
    ['an answer that is no number', () => 'OK'],
    ['an observable of nothing', () => EMPTY],
  ])('%s', async (_name, answer) => {
    work.handle = answer;
    await produce();
    await listen(Right);
    await eventually(
      () => fatal,
      ({ length }) => length === 1,
    );
    expect([fatal, await committed(), deadLetters()]).toEqual([
      [`the handler of ${TOPIC} answered no number of its 2 events`],
      [],
      0,
    ]);
  });

  it.each<[string, Type]>([
    ['a filter that turns an error into a value', SwallowingIntoValue],
    ['a filter that turns an error into nothing', SwallowingIntoNothing],
    ["Nest's own filter, which an outage leaves as a plain object", WithoutFilter],
  ])('%s', async (_name, controller) => {
    work.handle = () => Promise.reject(new DependencyFailure('clickhouse_unavailable', 'down'));
    await produce();
    await listen(controller);
    await eventually(
      () => fatal,
      ({ length }) => length === 1,
    );
    expect([await committed(), deadLetters()]).toEqual([[], 0]);
  });
});
