/** What stands in a topic, from its start or from a moment on, decoded: to be compared with what was accepted. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaConnection } from '@tributary/bus';
import { decodeEvent, type EventOf, type TopicName } from '@tributary/contracts';

type Offsets = ReadonlyMap<number, number>;

/** A topic of which nothing more comes for so long is not read to its end. */
const STALLED_MS = 60_000;
const FETCH_BYTES = 8 * 1024 * 1024;
/** A broker that was just started again may refuse for a while. */
const RETRIES = 20;

/**
 * Every event of the topic up to its end at the call.
 * @param from by partition, the first offset to read; the start of each when absent.
 * @throws Error for a record that cannot be decoded, and when nothing more comes before the end.
 */
export async function eventsOf<T extends TopicName>(
  connection: KafkaConnection,
  topic: T,
  from: Offsets = new Map(),
): Promise<EventOf<T>[]> {
  const events: EventOf<T>[] = [];
  await eachEventOf(connection, topic, (event) => events.push(event), from);
  return events;
}

/** As {@link eventsOf}, for topics of which not all events find room at once. */
export async function eachEventOf<T extends TopicName>(
  connection: KafkaConnection,
  topic: T,
  use: (event: EventOf<T>) => void,
  from: Offsets = new Map(),
): Promise<void> {
  const startOf = (partition: number) => from.get(partition) ?? 0;
  const ends = await connection.endOffsets(topic);
  const left = new Map([...ends].filter(([partition, end]) => end > startOf(partition)));
  if (left.size === 0) return;
  const consumer = connection.kafka.consumer({
    groupId: `events-${randomUUID()}`,
    maxBytesPerPartition: FETCH_BYTES,
    allowAutoTopicCreation: false,
    retry: { retries: RETRIES },
  });
  let heardAt = performance.now();
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
        heardAt = performance.now();
        for (const { offset, value } of messages) {
          if (Number(offset) < startOf(partition) || Number(offset) >= end) continue;
          const decoded = decodeEvent(topic, value);
          if (decoded.ok) use(decoded.value);
          else problem ??= new Error(`${topic} cannot be read: ${decoded.problem}`);
        }
        if (Number(batch.lastOffset()) >= end - 1) left.delete(partition);
      },
    });
    for (const partition of left.keys())
      consumer.seek({ topic, partition, offset: String(startOf(partition)) });
    while (left.size > 0) {
      if (problem !== undefined) throw problem;
      if (performance.now() > heardAt + STALLED_MS) throw new Error(`${topic} could not be read to its end`);
      await delay(50);
    }
    if (problem !== undefined) throw problem;
  } finally {
    await consumer.disconnect().catch(() => undefined);
  }
}
