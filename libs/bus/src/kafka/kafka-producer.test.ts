/** The producer with kafkajs in memory: what Kafka would refuse for its size is cut, what it leaves out is sent again, what fails is told. */

import { setTimeout as delay } from 'node:timers/promises';
import { aRefusal } from '@tributary/testing';
import type { ProducerBatch, RecordMetadata } from 'kafkajs';
import { beforeEach, describe, expect, it } from 'vitest';
import { outgoing } from '../records.ts';
import type { KafkaConnection } from './connection.ts';
import { KafkaEventProducer } from './kafka-producer.ts';

const TOPIC = 'postback.refused.v1';
/** Kafka's standard for message.max.bytes. */
const BROKER_LIMIT_BYTES = 1_048_588;

/** Each send as a list of batches: one per topic and partition, as kafkajs builds them. */
let sends: { partition: number; keys: string[]; bytes: number }[][];
let answer: (entries: RecordMetadata[]) => RecordMetadata[] | Promise<RecordMetadata[]>;
let clients: number;
let ends: Map<number, number>;
let producer: KafkaEventProducer;

beforeEach(() => {
  sends = [];
  clients = 0;
  ends = new Map();
  answer = (entries) => entries;
  const kafka = {
    producer: () => {
      clients += 1;
      return { connect: async () => undefined, disconnect: async () => undefined, sendBatch };
    },
  };
  producer = new KafkaEventProducer({ connection: { kafka } as unknown as KafkaConnection });
});

async function sendBatch({ topicMessages = [] }: ProducerBatch): Promise<RecordMetadata[]> {
  const batches = topicMessages.flatMap(({ topic, messages }) =>
    [...Map.groupBy(messages, ({ partition }) => partition ?? -1)].map(([partition, share]) => ({
      topic,
      partition,
      share,
    })),
  );
  sends.push(
    batches.map(({ partition, share }) => ({
      partition,
      keys: share.map(({ key }) => String(key)),
      bytes: share.reduce((sum, { key, value }) => sum + String(key).length + (value?.length ?? 0) + 70, 0),
    })),
  );
  return answer(
    batches.map(({ topic, partition, share }) => {
      const baseOffset = ends.get(partition) ?? 0;
      ends.set(partition, baseOffset + share.length);
      return { topicName: topic, partition, errorCode: 0, baseOffset: String(baseOffset) };
    }),
  );
}

function records(count: number, rawCallLength = 10) {
  const rawCall = 'x'.repeat(rawCallLength);
  return Array.from({ length: count }, (_, n) => outgoing(TOPIC, `key-${n}`, aRefusal({ rawCall })));
}

function oneKey(count: number, rawCallLength = 10) {
  const rawCall = 'x'.repeat(rawCallLength);
  return Array.from({ length: count }, () => outgoing(TOPIC, 'lane', aRefusal({ rawCall })));
}

describe('a flush', () => {
  it('takes all that waits in one send, and gives each its position', async () => {
    const [left, right] = await Promise.all([producer.produce(oneKey(2)), producer.produce(oneKey(1))]);
    expect(sends).toHaveLength(1);
    expect([...left, ...right].map(({ offset }) => offset)).toEqual([0, 1, 2]);
    expect(await producer.produce([])).toEqual([]);
  });

  it('never builds a batch that a broker of standard settings refuses, and keeps the order', async () => {
    const positions = await producer.produce(oneKey(3_000, 4_000));
    expect(sends.length).toBeGreaterThan(10);
    expect(Math.max(...sends.flat().map(({ bytes }) => bytes))).toBeLessThan(BROKER_LIMIT_BYTES);
    expect(positions.map(({ offset }) => offset)).toEqual(Array.from({ length: 3_000 }, (_, n) => n));
  });

  it('is not failed for all by one record that no broker takes', async () => {
    const [large] = oneKey(1, 1_000_000);
    const [good, refused] = await Promise.allSettled([
      producer.produce(oneKey(1)),
      producer.produce([...oneKey(1), ...(large ? [large] : [])]),
    ]);
    expect([good?.status, sends.flat().map(({ keys }) => keys.length)]).toEqual(['fulfilled', [1]]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'RangeError' } });
  });

  it('sends the shares of several partitions together', async () => {
    await producer.produce(records(3_000, 4_000));
    expect(Math.max(...sends.flat().map(({ bytes }) => bytes))).toBeLessThan(BROKER_LIMIT_BYTES);
    expect(sends[0]?.length).toBe(12);
    expect(sends.length).toBeLessThan(4);
  });
});

describe('a response that leaves a partition out', () => {
  it('has that partition sent again, and nothing else', async () => {
    let isFirst = true;
    answer = (entries) => {
      const told = isFirst ? entries.slice(1) : entries;
      isFirst = false;
      return told;
    };
    const positions = await producer.produce(records(50));
    expect(sends).toHaveLength(2);
    expect(sends[1]).toEqual([sends[0]?.[0]]);
    expect(positions.every((position) => position !== undefined)).toBe(true);
  });

  it('for good is a failure', async () => {
    answer = () => [];
    await expect(producer.produce(oneKey(1))).rejects.toMatchObject({ code: 'kafka_unavailable' });
  });
});

describe('a failure', () => {
  it('is told to all of the flush, and the next one has a new client', async () => {
    answer = () => {
      throw new Error('OUT_OF_ORDER_SEQUENCE');
    };
    const both = await Promise.allSettled([producer.produce(oneKey(1)), producer.produce(oneKey(1))]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    answer = (entries) => entries;
    await expect(producer.produce(oneKey(1))).resolves.toHaveLength(1);
    expect(clients).toBe(2);
  });

  it('is a silence of Kafka, but not the time that other work takes which it acknowledges', async () => {
    let isSilent = false;
    answer = async (entries) => {
      if (isSilent) await new Promise(() => undefined);
      await delay(60);
      return entries;
    };
    // Ten sends one after the other, since a partition's share of one send is bounded.
    const behind = producer.produce(oneKey(10, 800_000), 10_000, 150);
    await expect(producer.produce(oneKey(1), 10_000, 150)).resolves.toHaveLength(1);
    await expect(behind).resolves.toHaveLength(10);
    isSilent = true;
    const startedAt = performance.now();
    await expect(producer.produce(oneKey(1), 10_000, 150)).rejects.toMatchObject({ code: 'kafka_deadline' });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('is a deadline that has passed', async () => {
    answer = () => {
      throw new Error('never reached');
    };
    let release: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const kafka = { producer: () => ({ connect: () => slow, disconnect: async () => undefined, sendBatch }) };
    const waiting = new KafkaEventProducer({ connection: { kafka } as unknown as KafkaConnection });
    await expect(waiting.produce(oneKey(1), 20)).rejects.toMatchObject({ code: 'kafka_deadline' });
    release();
    await waiting.close();
  });
});
