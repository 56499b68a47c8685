/** Nest over the bus: none of the ways in which Nest's own Kafka transport commits an offset without work. */
import 'reflect-metadata';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  type INestMicroservice,
  Module,
  type Type,
  UseFilters,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { aRefusal, eventually } from '@tributary/testing';
import { EMPTY, type Observable, of } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KafkaConnection } from '../kafka/connection.ts';
import { InMemoryBroker } from '../memory/in-memory-broker.ts';
import { InMemoryConsumerGroup } from '../memory/in-memory-group.ts';
import { outgoing, type PartitionBatch } from '../records.ts';
import { BatchStrategy, PassThroughFilter } from './batch-strategy.ts';

const TOPIC = 'postback.refused.v1';
const logger = createLogger('nest-test', 'silent');

let broker: InMemoryBroker;
let fatal: string[];
let app: INestMicroservice | undefined;
/** What the controllers below do with a batch. */
let handle: (batch: PartitionBatch) => unknown;

beforeEach(() => {
  broker = new InMemoryBroker();
  fatal = [];
});

afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function listen(controller: Type): Promise<BatchStrategy> {
  @Module({ controllers: [controller] })
  class TestModule {}
  const strategy = new BatchStrategy({
    connection: { clientId: 'test', logger } as KafkaConnection,
    groupId: 'group',
    producer: broker,
    onFatal: ({ message }) => fatal.push(message),
    makeGroup: (options) => new InMemoryConsumerGroup({ ...options, broker, service: 'test', logger }),
  });
  app = await NestFactory.createMicroservice(TestModule, { strategy, logger: false });
  await app.listen();
  return strategy;
}

const produce = () =>
  broker.produce([outgoing(TOPIC, 'lane', aRefusal()), outgoing(TOPIC, 'lane', aRefusal())]);
const committed = async () =>
  [...(await broker.committedOffsets('group', TOPIC)).values()].filter((offset) => offset >= 0);
const deadLetters = () => broker.recordsOf('dead-letter.v1').length;

@Controller()
@UseFilters(PassThroughFilter)
class Handler {
  @EventPattern(TOPIC)
  batch(@Payload() batch: PartitionBatch): unknown {
    return handle(batch);
  }
}

it('commits what a handler has done, and tells how it fares', async () => {
  handle = async ({ events }: PartitionBatch) => events.length;
  await produce();
  const strategy = await listen(Handler);
  await eventually(committed, (offsets) => offsets[0] === 2);
  expect(strategy.groupStatus).toEqual({
    isMember: true,
    assigned: 12,
    prepared: 12,
    lag: 0,
    isStalled: false,
  });
  await app?.close();
  expect(strategy.isMember).toBe(false);
});

it('waits through an outage: PassThroughFilter keeps it one', async () => {
  let outages = 2;
  handle = async ({ events }: PartitionBatch) => {
    if (outages-- > 0) throw new DependencyFailure('clickhouse_unavailable', 'down');
    return events.length;
  };
  await produce();
  await listen(Handler);
  await eventually(committed, (offsets) => offsets[0] === 2);
  expect([deadLetters(), fatal]).toEqual([0, []]);
});

describe('is refused at the start', () => {
  @Controller()
  class OfNoTopic {
    @EventPattern('postback.reffused.v1')
    batch(): number {
      return 0;
    }
  }

  @Controller()
  class Silent {}

  @Controller()
  class Twice extends Handler {
    @EventPattern(TOPIC)
    again(): number {
      return 0;
    }
  }

  it.each<[string, Type, RegExp]>([
    ['a handler of no topic', OfNoTopic, /no topic is called postback.reffused.v1/],
    ['a group without handlers', Silent, /no handler/],
    ['a second handler of a topic: Nest would await the first only', Twice, /two handlers/],
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
    handle = answer;
    await produce();
    await listen(Handler);
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

  @Catch()
  class SwallowsWithValue implements ExceptionFilter {
    catch(error: unknown, _host: ArgumentsHost): Observable<unknown> {
      return of({ failed: String(error) });
    }
  }

  @Catch()
  class SwallowsWithNothing implements ExceptionFilter {
    catch(): Observable<never> {
      return EMPTY;
    }
  }

  @Controller()
  @UseFilters(SwallowsWithValue)
  class Swallowing extends Handler {}

  @Controller()
  @UseFilters(SwallowsWithNothing)
  class Emptying extends Handler {}

  @Controller()
  @UseFilters()
  class OfNestsOwn {
    @EventPattern(TOPIC)
    batch(@Payload() batch: PartitionBatch): unknown {
      return handle(batch);
    }
  }

  it.each<[string, Type]>([
    ['a filter that turns an error into a value', Swallowing],
    ['a filter that turns an error into nothing', Emptying],
    ["Nest's own filter, which an outage leaves as a plain object", OfNestsOwn],
  ])('%s', async (_name, controller) => {
    handle = () => Promise.reject(new DependencyFailure('clickhouse_unavailable', 'down'));
    await produce();
    await listen(controller);
    await eventually(
      () => fatal,
      ({ length }) => length === 1,
    );
    expect([await committed(), deadLetters()]).toEqual([[], 0]);
  });
});
