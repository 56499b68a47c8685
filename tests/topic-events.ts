/** What stands in a topic, from its start or from a moment on, decoded: to be compared with what was accepted. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaConnection } from '@tributary/bus';
import { decodeEvent, type EventOf, type TopicName } from '@tributary/contracts';

type Offsets = ReadonlyMap<number, number>;

const READ_BOUND_MS = 180_000;
const FETCH_BYTES = 8 * 1024 * 1024;
/** A broker that was just started again may refuse for a while. */
const RETRIES = 20;

/**
 * Every event of the topic up to its end at the call.
 * @param from by partition, the first offset to read; the start of each when absent.
 * @throws Error for a record that cannot be decoded, and when the end is not reached in time.
 */
export async function eventsOf<T extends TopicName>(
  connection: KafkaConnection,
  topic: T,
  from: Offsets = new Map(),
): Promise<EventOf<T>[]> {
  const startOf = (partition: number) => from.get(partition) ?? 0;
  const ends = await connection.endOffsets(topic);
  const left = new Map([...ends].filter(([partition, end]) => end > startOf(partition)));
  const events: EventOf<T>[] = [];
  if (left.size === 0) return events;
  const consumer = connection.kafka.consumer({
    groupId: `events-${randomUUID()}`,
    maxBytesPerPartition: FETCH_BYTES,
    allowAutoTopicCreation: false,
    retry: { retries: RETRIES },
  });
  const givenUpAt = performance.now() + READ_BOUND_MS;
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    let problem: Error | undefined;
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const { partition, messages } = batch;
        const end = left.get(partition);
        if (end === undefined) return;
        for (const { offset, value } of messages) {
          if (Number(offset) < startOf(partition) || Number(offset) >= end) continue;
          const decoded = decodeEvent(topic, value);
          if (decoded.ok) events.push(decoded.value);
          else problem ??= new Error(`${topic} cannot be read: ${decoded.problem}`);
        }
        if (Number(batch.lastOffset()) >= end - 1) left.delete(partition);
      },
    });
    for (const partition of left.keys())
      consumer.seek({ topic, partition, offset: String(startOf(partition)) });
    while (left.size > 0) {
      if (problem !== undefined) throw problem;
      if (performance.now() > givenUpAt) throw new Error(`${topic} could not be read to its end`);
      await delay(50);
    }
    if (problem !== undefined) throw problem;
    return events;
  } finally {
    await consumer.disconnect().catch(() => undefined);
  }
}
