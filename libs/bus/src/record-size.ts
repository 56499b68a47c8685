/** How large a record is, and how large Kafka takes one. */
import type { Outgoing } from './records.ts';

/**
 * A single record above this could never be written, and would fail every flush it is part of. Dead letters may be twice
 * as large (topics-admin.ts): one holds its record whole.
 */
const MAX_RECORD_BYTES = 1_000_000;
const MAX_DEAD_LETTER_BYTES = 2_000_000;
/** What a record adds to its key and value at most. */
const RECORD_HEAD_BYTES = 64;

export function bytesOf({ key, value, headers = {} }: Outgoing): number {
  let head = RECORD_HEAD_BYTES;
  for (const name of Object.keys(headers)) head += name.length + (headers[name]?.length ?? 0) * 2;
  return Buffer.byteLength(key) + (value?.length ?? 0) + head;
}

/** @throws RangeError when Kafka would never take one of them for its size. */
export function assertWritable(records: readonly Outgoing[]): void {
  for (const record of records) {
    const bytes = bytesOf(record);
    if (bytes > limitOf(record))
      throw new RangeError(`a record of ${bytes} bytes is too large for ${record.topic}`);
  }
}

function limitOf({ topic }: Outgoing): number {
  return topic === 'dead-letter.v1' ? MAX_DEAD_LETTER_BYTES : MAX_RECORD_BYTES;
}
