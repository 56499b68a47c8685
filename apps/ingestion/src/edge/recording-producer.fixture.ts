/** A bus that keeps what it is given, for tests of the edge; it can fail. */
import type { EventProducer, OutgoingRecord, RecordPosition } from '@tributary/bus';
import { decodeEvent, type EventOf, type TopicName } from '@tributary/contracts';

export class RecordingProducer implements EventProducer {
  readonly records: OutgoingRecord[] = [];
  failure: Error | undefined;

  async produce(records: readonly OutgoingRecord[]): Promise<readonly RecordPosition[]> {
    if (this.failure) throw this.failure;
    const start = this.records.length;
    this.records.push(...records);
    return records.map(({ topic }, index) => ({ topic, partition: 0, offset: start + index }));
  }

  /** What was written to a topic, decoded. */
  of<T extends TopicName>(topic: T): EventOf<T>[] {
    return this.records
      .filter((record) => record.topic === topic)
      .map(({ value }) => {
        const decoded = decodeEvent(topic, value);
        if (!decoded.ok) throw new Error(decoded.problem);
        return decoded.value;
      });
  }
}
