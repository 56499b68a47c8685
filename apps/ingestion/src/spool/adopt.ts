/** Empties a spool into Kafka: what `npm run adopt-spool` does with the spool of an instance that never came back. */
import type { EventProducer } from '@tributary/bus';
import type { TopicName } from '@tributary/contracts';
import type { Spool } from './spool.ts';

export interface Adoption {
  /** Records Kafka has acknowledged, by topic. */
  readonly adopted: ReadonlyMap<TopicName, number>;
  /** Records that stay behind, set aside: they cannot be read. */
  readonly damaged: number;
}

const BATCH_RECORDS = 500;
const BATCH_BYTES = 800_000;
const DEADLINE_MS = 30_000;

/**
 * Oldest first; a record leaves the spool only when Kafka has it, so it may be broken off and begun again at any time.
 * @throws DependencyFailure when Kafka does not take a batch: it and what is behind it are still in the spool.
 */
export async function adoptSpool(
  spool: Spool,
  kafka: EventProducer,
  onProgress: (adopted: number) => void = () => undefined,
): Promise<Adoption> {
  const adopted = new Map<TopicName, number>();
  let total = 0;
  while (!spool.isEmpty) {
    const batch = await spool.oldest(BATCH_RECORDS, BATCH_BYTES);
    await kafka.produce(
      batch.map(({ record }) => record),
      DEADLINE_MS,
    );
    await spool.remove(batch);
    for (const { record } of batch) adopted.set(record.topic, (adopted.get(record.topic) ?? 0) + 1);
    total += batch.length;
    onProgress(total);
  }
  return { adopted, damaged: spool.status().damaged };
}
