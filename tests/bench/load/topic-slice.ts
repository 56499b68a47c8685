/** What was written to a topic between two moments, decoded, to be compared with what was accepted. */
import { randomUUID } from 'node:crypto';
import type { KafkaConnection } from '@tributary/bus';
import { decodeEvent, type EventOf, type TopicName } from '@tributary/contracts';

type Offsets = ReadonlyMap<number, number>;

/** Every event of the topic from one set of offsets up to the present end. */
export async function eventsSince<T extends TopicName>(
  connection: KafkaConnection,
  topic: T,
  from: Offsets,
): Promise<EventOf<T>[]> {
  const ends = await connection.endOffsets(topic);
  const open = new Map([...ends].filter(([partition, end]) => end > (from.get(partition) ?? 0)));
  const events: EventOf<T>[] = [];
  if (open.size === 0) return events;
  const consumer = connection.kafka.consumer({
    groupId: `bench-${randomUUID()}`,
    maxBytesPerPartition: 8 * 1024 * 1024,
    allowAutoTopicCreation: false,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
      void consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch, heartbeat }) => {
          const start = from.get(batch.partition) ?? 0;
          for (const { offset, value } of batch.messages) {
            if (Number(offset) < start) continue;
            const decoded = decodeEvent(topic, value);
            if (!decoded.ok) throw new Error(`${topic} holds what cannot be decoded: ${decoded.problem}`);
            events.push(decoded.value);
          }
          if (Number(batch.lastOffset()) + 1 >= (open.get(batch.partition) ?? 0))
            open.delete(batch.partition);
          await heartbeat();
          if (open.size === 0) resolve();
        },
      });
      for (const [partition] of ends)
        consumer.seek({ topic, partition, offset: String(from.get(partition) ?? 0) });
    });
    return events;
  } finally {
    await consumer.disconnect();
  }
}
