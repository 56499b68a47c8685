/** What the edge needs of whoever takes its events: they are safe when it answers. */
import type { OutgoingRecord, RecordPosition } from '@tributary/bus';

/** Every EventProducer is one. */
export interface SafeProducer {
  /**
   * Resolves when Kafka or the fsynced spool has all records.
   * @param deadlineMs after which the promise rejects; the records may still come to be stored then.
   * @returns in the order of the records where each stands in the log; null for one that is in the spool.
   * @throws DependencyFailure when neither took them in time; ids make a repeat harmless. RangeError for a record that Kafka
   * would never take for its size.
   */
  produce(
    records: readonly OutgoingRecord[],
    deadlineMs?: number,
  ): Promise<readonly (RecordPosition | null)[]>;
}
