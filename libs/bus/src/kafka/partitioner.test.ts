/** The partition of a key: murmur2 of the Java client, with the values of its own tests, and topics that agree with each other. */
import { PARTITIONS, TOPICS } from '@tributary/contracts';
import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { expect, it } from 'vitest';
import { partitionOf } from './partitioner.ts';

// Source: org.apache.kafka.common.utils.UtilsTest.testMurmur2.
it.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
])('%s lies where every other client puts it', (key, murmur2) => {
  expect(partitionOf('click.recorded.v1', key)).toBe((murmur2 & 0x7f_ff_ff_ff) % PARTITIONS);
});

it('puts one conversion into the same partition of every topic that is keyed by it', () => {
  const key = 'c0ffee00-0000-8000-8000-000000000001';
  const topics = [
    'conversion.decided.v1',
    'delivery.attempted.v1',
    'delivery.due.1s.v1',
    'delivery.due.1h.v1',
  ] as const;
  expect(new Set(topics.map((topic) => partitionOf(topic, key))).size).toBe(1);
});

it('spreads keys over all partitions, and counts bytes of UTF-8', () => {
  const used = new Set(Array.from({ length: 1_000 }, (_, n) => partitionOf('click.recorded.v1', `key-${n}`)));
  expect([...used].sort((a, b) => a - b)).toEqual(Array.from({ length: PARTITIONS }, (_, n) => n));
  for (const key of ['', 'ü', '🛒', '\u0000'])
    expect(partitionOf('click.recorded.v1', key)).toBeLessThan(PARTITIONS);
});

it('knows a topic of one partition', () => {
  expect(TOPICS['configuration.changed.v1'].partitions).toBe(1);
  expect(partitionOf('configuration.changed.v1', 'source:shop')).toBe(0);
});

it('puts any key where kafkajs puts it', () => {
  const kafkajs = Partitioners.DefaultPartitioner();
  const topic = 'click.recorded.v1';
  const partitionMetadata = Array.from({ length: PARTITIONS }, (_, partitionId) => ({
    partitionId,
    leader: 0,
  }));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (key) => {
      const message = { key, value: null };
      expect(partitionOf(topic, key)).toBe(
        kafkajs({ topic, partitionMetadata: partitionMetadata as never, message }),
      );
    }),
  );
});
