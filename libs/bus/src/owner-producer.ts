/** Writes results only while this instance is known to own its partitions: one that stood still for long goes on in mid-work, and is an owner no more. */
import { DependencyFailure } from '@tributary/runtime';
import type { EventProducer, Outgoing, RecordPosition } from './records.ts';

export class OwnerProducer implements EventProducer {
  readonly #producer: EventProducer;
  readonly #isOwner: () => boolean;

  constructor(producer: EventProducer, isOwner: () => boolean) {
    this.#producer = producer;
    this.#isOwner = isOwner;
  }

  /** @throws DependencyFailure also while the group has not been heard of: the work is tried again, or given up when it is another's. */
  async produce(records: readonly Outgoing[], deadlineMs?: number): Promise<readonly RecordPosition[]> {
    if (!this.#isOwner())
      throw new DependencyFailure(
        'kafka_unavailable',
        'whether the partitions are still owned here is not known',
      );
    return this.#producer.produce(records, deadlineMs);
  }
}
