/** A record nobody can handle, set aside with its raw bytes and coordinates. */
import { deadLetterIdOf, type TopicName } from '@tributary/contracts';
import { type OutgoingRecord, outgoing } from './records.ts';

/** A record as it came from the broker. */
export interface RawRecord {
  readonly topic: TopicName;
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface DeadLetterReason {
  readonly service: string;
  readonly reasonCode: string;
  /** One line for people, without personal data. */
  readonly detail: string | null;
  readonly at: number;
}

/** The dead letter of a raw record; keyed like the record, so that it lands with its kind. */
export function deadLetterOf(record: RawRecord, reason: DeadLetterReason): OutgoingRecord {
  return outgoing('dead-letter.v1', record.key?.toString('utf8') ?? '', {
    deadLetterId: deadLetterIdOf(record.topic, record.partition, record.offset),
    kind: 'record',
    service: reason.service,
    reasonCode: reason.reasonCode,
    detail: reason.detail,
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    key: record.key,
    value: record.value,
    headers: record.headers,
    conversionId: null,
    deliveryId: null,
    destinationId: null,
    attempts: null,
    deadLetteredAt: reason.at,
  });
}
