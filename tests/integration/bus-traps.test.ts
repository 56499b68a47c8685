/** The traps of kafkajs's consumer on a real broker: what kafkajs alone does where that can be shown, then that ours is not caught. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import {
  type BatchHandler,
  ensureTopics,
  KafkaConnection,
  KafkaConsumerGroup,
  KafkaEventProducer,
  type OutgoingRecord,
  outgoing,
  partitionOf,
  type WorkOptions,
} from '@tributary/bus';
import { type DeadLettered, decodeEvent, encodeEvent } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { aClick, aRefusal, eventually } from '@tributary/testing';
import { CompressionCodecs, CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

const TOPIC = 'postback.refused.v1';
const brokers = inject('brokers').split(',');
const connection = new KafkaConnection({
  brokers,
  clientId: 'bus-traps',
  logger: createLogger('bus-traps', 'silent'),
});
const producer = new KafkaEventProducer({ connection });
const plain = new Kafka({
  brokers,
  clientId: 'plain',
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 100, retries: 5 },
});

let groups: KafkaConsumerGroup[] = [];
let run: string;
let endings: (() => Promise<void>)[] = [];

beforeAll(async () => {
  await ensureTopics(connection, 1);
  // The first group of a broker waits until the broker has made the topic that groups are kept in.
  newRun();
  const warm = await join(async ({ events }) => events.length);
  await eventually(
    () => warm.status.isMember,
    (yes) => yes,
    60_000,
  );
});

afterEach(async () => {
  await Promise.all(groups.map((group) => group.stop()));
  await Promise.all(endings.map((end) => end()));
  groups = [];
  endings = [];
});

afterAll(async () => {
  await producer.close();
  await connection.close();
});

const newRun = () => {
  run = randomUUID().slice(0, 8);
};

async function join(
  handle: BatchHandler<typeof TOPIC>,
  options: Partial<WorkOptions> & { groupId?: string } = {},
): Promise<KafkaConsumerGroup> {
  const group = new KafkaConsumerGroup({
    connection,
    producer,
    groupId: `traps-${run}`,
    handlers: new Map([[TOPIC, handle as BatchHandler]]),
    onFatal: (error) => {
      throw error;
    },
    ...options,
  });
  groups.push(group);
  await group.start();
  return group;
}

/** Records of this test in one partition: its own run is their key. */
function record(): OutgoingRecord {
  return outgoing(TOPIC, run, aRefusal({ sourceId: run }));
}

function ownOffsets(seen: number[]): BatchHandler<typeof TOPIC> {
  return async ({ events }) => {
    for (const { key, offset } of events) if (key === run) seen.push(offset);
    return events.length;
  };
}

/** Dead letters of this run, as they come in. */
async function deadLetters(): Promise<DeadLettered[]> {
  const letters: DeadLettered[] = [];
  const reader = new KafkaConsumerGroup({
    connection,
    producer,
    groupId: `letters-${run}`,
    handlers: new Map([
      [
        'dead-letter.v1',
        async ({ events }) => {
          for (const { key, value } of events) {
            const letter = decodeEvent('dead-letter.v1', value);
            if (key === run && letter.ok) letters.push(letter.value);
          }
          return events.length;
        },
      ],
    ]),
    onFatal: (error) => {
      throw error;
    },
  });
  groups.push(reader);
  await reader.start();
  return letters;
}

/** A topic of one partition where the broker keeps batches as foreign producers compress them. */
async function scratchTopic(): Promise<string> {
  const topic = `scratch-${run}`;
  const admin = plain.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false });
  await eventually(
    () =>
      admin.fetchTopicMetadata({ topics: [topic] }).then(
        ({ topics }) => topics.length,
        () => 0,
      ),
    (known) => known === 1,
  );
  await admin.disconnect();
  return topic;
}

/** The error after which kafkajs alone does not go on. */
async function endOfPlainConsumer(topic: string, eachMessage: () => Promise<void>): Promise<string> {
  const consumer = plain.consumer({ groupId: `plain-${run}`, maxWaitTimeInMs: 100 });
  endings.push(() => consumer.disconnect());
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const crash = new Promise<string>((resolve) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) resolve(payload.error.message);
    });
  });
  await consumer.run({ eachMessage });
  return crash;
}

async function producePlain(topic: string, compression = CompressionTypes.None): Promise<void> {
  const foreign = plain.producer();
  await foreign.connect();
  const value = encodeEvent(TOPIC, aRefusal({ sourceId: run }));
  await foreign.send({ topic, compression, messages: [{ key: run, value }] });
  await foreign.disconnect();
}

describe('finding 0.4: a TypeError, RangeError, SyntaxError or ReferenceError in a handler', () => {
  it('ends a consumer of kafkajs alone for good', async () => {
    newRun();
    const topic = await scratchTopic();
    await producePlain(topic);
    const end = await endOfPlainConsumer(topic, async () => {
      throw new TypeError('a defect');
    });
    expect(end).toBe('a defect');
  });

  it.each([TypeError, RangeError, SyntaxError, ReferenceError, undefined])(
    'sets one record aside with ours, and the next is handled (%o)',
    async (kind) => {
      newRun();
      const letters = await deadLetters();
      const [bad, good] = await producer.produce([record(), record()]);
      const seen: number[] = [];
      await join(async ({ events }) => {
        for (const { key, offset } of events) {
          if (key !== run) continue;
          // A promise may also be rejected with nothing at all.
          if (offset === bad?.offset) return kind ? Promise.reject(new kind('a defect')) : Promise.reject();
          seen.push(offset);
        }
        return events.length;
      });
      await eventually(
        () => [letters.map(({ offset }) => offset), seen.includes(good?.offset ?? -1)] as const,
        ([offsets, isHandled]) => isHandled && offsets.length === 1 && offsets[0] === bad?.offset,
      );
    },
  );
});

describe('issues 1141 and 1475: a batch that a foreign producer compressed', () => {
  // Each wraps the bytes in its format without making them smaller: no codec is needed to write them.
  type Codec = CompressionTypes.Snappy | CompressionTypes.LZ4 | CompressionTypes.ZSTD;
  const FORMATS: Record<string, [Codec, (bytes: Buffer) => Buffer]> = {
    snappy: [CompressionTypes.Snappy, snappyOf],
    lz4: [CompressionTypes.LZ4, lz4Of],
    zstd: [CompressionTypes.ZSTD, zstdCompressSync],
  };

  async function produceForeign(topic: string, format: string): Promise<void> {
    const [type, compress] = FORMATS[format] ?? [];
    if (type === undefined || compress === undefined) throw new Error(format);
    const before = CompressionCodecs[type];
    CompressionCodecs[type] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => compress(buffer),
      decompress: async () => Promise.reject(new Error('never here')),
    });
    try {
      await producePlain(topic, type);
    } finally {
      CompressionCodecs[type] = before;
    }
  }

  it.each(Object.keys(FORMATS))('ends a consumer of kafkajs alone for good: %s', async (format) => {
    newRun();
    const topic = await scratchTopic();
    await produceForeign(topic, format);
    expect(await endOfPlainConsumer(topic, async () => undefined)).toMatch(/compression not implemented/);
  });

  it.each(Object.keys(FORMATS))(
    'is unpacked by the broker in our topics, and handled: %s',
    async (format) => {
      newRun();
      await produceForeign(TOPIC, format);
      const seen: number[] = [];
      await join(ownOffsets(seen));
      await eventually(
        () => seen.length,
        (count) => count === 1,
      );
    },
  );
});

describe('poison', () => {
  const good = encodeEvent(TOPIC, aRefusal());
  const POISON: [name: string, value: Buffer | null, reasonCode: string][] = [
    ['truncated Avro', good.subarray(0, good.length - 3), 'undecodable'],
    ['a wrong magic byte', Buffer.concat([Buffer.from([1]), good.subarray(1)]), 'not_wire_format'],
    ['JSON', Buffer.from('{"sourceId":"x"}'), 'not_wire_format'],
    ['an empty value', Buffer.alloc(0), 'empty_value'],
    ['a tombstone', null, 'empty_value'],
    ['1 MB', Buffer.alloc(1_048_000, 7), 'not_wire_format'],
    [
      'an unknown schema id',
      Buffer.concat([Buffer.from([0, 0, 1, 2, 3]), good.subarray(5)]),
      'unknown_schema_id',
    ],
    ['an event of another topic', encodeEvent('click.recorded.v1', aClick()), 'schema_of_another_topic'],
  ];

  // A machine that is busy with other things may need a second try for the second.
  it.each(POISON)(
    '%s goes to the dead letters as it came, the next record is handled within a second',
    { retry: 2 },
    async (_name, value, reasonCode) => {
      newRun();
      const letters = await deadLetters();
      const seen = new Map<number, number>();
      const group = await join(async ({ events }) => {
        for (const { key, offset } of events) if (key === run) seen.set(offset, performance.now());
        return events.length;
      });
      await eventually(
        () => group.status,
        ({ prepared, lag }) => prepared === 12 && lag === 0,
      );
      const foreign = plain.producer();
      await foreign.connect();
      const [position] = await foreign.send({
        topic: TOPIC,
        messages: [{ key: run, value, partition: partitionOf(TOPIC, run) }],
      });
      const [next] = await producer.produce([record()]);
      const writtenAt = performance.now();
      const handledAt = await eventually(
        () => seen.get(next?.offset ?? -1) ?? 0,
        (at) => at > 0,
      );
      await foreign.disconnect();
      expect(handledAt - writtenAt).toBeLessThan(1_000);
      const [letter] = await eventually(
        () => letters,
        ({ length }) => length === 1,
      );
      expect(letter).toMatchObject({
        reasonCode,
        topic: TOPIC,
        partition: partitionOf(TOPIC, run),
        offset: Number(position?.baseOffset),
      });
      expect(letter?.key?.toString()).toBe(run);
      expect(
        letter?.value === null ? null : Buffer.compare(letter?.value ?? Buffer.alloc(0), value ?? good),
      ).toBe(value === null ? null : 0);
    },
  );
});

describe('heartbeats', () => {
  it('go on while a handler works for 15 s, longer than the session timeout of 10 s: nobody is evicted', async () => {
    newRun();
    await producer.produce([record()]);
    let assignments = 0;
    let calls = 0;
    let isDone = false;
    const group = await join(
      async ({ events }) => {
        if (events.some(({ key }) => key === run)) {
          calls += 1;
          await delay(15_000);
          isDone = true;
        }
        return events.length;
      },
      {
        assignment: {
          assigned: async () => {
            assignments += 1;
          },
        },
      },
    );
    await eventually(
      () => isDone && group.status.lag === 0,
      (yes) => yes,
      30_000,
    );
    expect([assignments, calls, group.status.isMember]).toEqual([1, 1, true]);
  });
});

describe('a rebalance', () => {
  it('leaves no late commit of the owner before: what its successor committed is never taken back', async () => {
    newRun();
    const keys = keysOfAllPartitions();
    const send = () => producer.produce(keys.map((key) => outgoing(TOPIC, key, aRefusal({ sourceId: key }))));
    const isOwn = (key: string) => key.startsWith(run);
    await send();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const inHand = new Set<number>();
    const first = await join(async ({ events, partition }) => {
      if (events.some(({ key }) => isOwn(key)) && !inHand.has(partition)) {
        inHand.add(partition);
        await released;
      }
      return events.length;
    });
    await eventually(
      () => inHand.size,
      (partitions) => partitions === 12,
    );
    const ends = new Map((await send()).map(({ partition, offset }) => [partition, offset + 1]));
    const moved = new Set<number>();
    const second = await join(async ({ events, partition }) => {
      if ((events.at(-1)?.offset ?? -1) + 1 === ends.get(partition)) moved.add(partition);
      return events.length;
    });
    const committed = () => connection.committedOffsets(`traps-${run}`, TOPIC);
    await eventually(
      () => [first.status.assigned, second.status.assigned, moved.size],
      (counts) => counts.every((count) => count === 6),
    );
    await eventually(committed, (offsets) =>
      [...moved].every((partition) => offsets.get(partition) === ends.get(partition)),
    );
    release();
    await eventually(committed, (offsets) =>
      [...ends].every(([partition, end]) => moved.has(partition) || offsets.get(partition) === end),
    );
    await first.stop();
    expect(new Map([...(await committed())].toSorted())).toEqual(new Map([...ends].toSorted()));
  });
});

function keysOfAllPartitions(): string[] {
  const keys: string[] = [];
  for (let n = 0; keys.filter(Boolean).length < 12; n++)
    keys[partitionOf(TOPIC, `${run}-${n}`)] ??= `${run}-${n}`;
  return keys;
}

/** Snappy's raw format with literals only. */
function snappyOf(bytes: Buffer): Buffer {
  const parts: Buffer[] = [varint(bytes.length)];
  for (let start = 0; start < bytes.length; start += 60) {
    const literal = bytes.subarray(start, start + 60);
    parts.push(Buffer.from([(literal.length - 1) << 2]), literal);
  }
  return Buffer.concat(parts);
}

/** LZ4's frame format with blocks as they are. */
function lz4Of(bytes: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])];
  for (let start = 0; start < bytes.length; start += 65_536) {
    const block = bytes.subarray(start, start + 65_536);
    const size = Buffer.alloc(4);
    size.writeUInt32LE((block.length | 0x80000000) >>> 0);
    parts.push(size, block);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
