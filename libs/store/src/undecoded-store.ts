/** Reads of the records ClickHouse could not decode and nobody has dealt with yet. */
import { isKnownSchemaId } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import type { Watermark } from './stored-offsets.ts';

/** Where a record stands in the log. */
export interface RecordPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface UndecodedRecord extends RecordPlace {
  readonly key: Buffer;
  /** The record's value as it is in the log. */
  readonly value: Buffer;
  /** When ClickHouse last failed to decode it, epoch ms. */
  readonly seenAt: number;
}

/** Who knows schemas that this build does not hold; satisfied by the bus. */
export interface SchemaIds {
  /** @throws DependencyFailure when nobody answers. */
  learn(id: number): Promise<'learnt' | 'unknown'>;
}

interface OpenRow {
  readonly topic: string;
  readonly recordPartition: number;
  readonly recordOffset: string;
  readonly key: string;
  readonly value: string;
  readonly seenAt: string;
}

interface FirstRow {
  readonly recordPartition: number;
  readonly schemaId: number;
  readonly recordOffset: string;
}

/** Of the values of one page; a page holds one record at least. */
const PAGE_BYTES = 16 * 1024 * 1024;
const OPEN = loadQuery('open-undecoded');
const COUNT = loadQuery('count-open-undecoded');
const FIRST = loadQuery('first-open-undecoded');

export class UndecodedStore {
  readonly #clickhouse: Pick<ClickhouseConnection, 'rows'>;
  readonly #schemas: SchemaIds | undefined;

  /** Without `schemas` a record under any id could be an event of ours. */
  constructor(clickhouse: Pick<ClickhouseConnection, 'rows'>, schemas?: SchemaIds) {
    this.#clickhouse = clickhouse;
    this.#schemas = schemas;
  }

  /** At most `limit` open records from a place on, by topic, partition and offset. @throws DependencyFailure */
  async open(from: RecordPlace, limit: number): Promise<readonly UndecodedRecord[]> {
    const rows = await this.#clickhouse.rows<OpenRow>(OPEN, {
      topic: from.topic,
      partition: from.partition,
      offset: from.offset,
      limit,
      bytes: PAGE_BYTES,
    });
    return rows.map(({ topic, recordPartition, recordOffset, key, value, seenAt }) => ({
      topic,
      partition: recordPartition,
      offset: Number(recordOffset),
      key: Buffer.from(key, 'hex'),
      value: Buffer.from(value, 'hex'),
      seenAt: Number(seenAt),
    }));
  }

  /** @throws DependencyFailure */
  async count(): Promise<number> {
    const [row] = await this.#clickhouse.rows<{ n: string }>(COUNT);
    return Number(row?.n ?? 0);
  }

  /**
   * Offset of the first open record of a topic that could be an event of ours, by partition; a partition without one is
   * not there. A newer release's events count; what some foreign program wrote there holds nobody up.
   * @param read what ClickHouse has committed: a record whose repeat stands above it is still open.
   * @throws DependencyFailure
   */
  async firstOpen(topic: string, read: Watermark): Promise<Watermark> {
    const rows = await this.#clickhouse.rows<FirstRow>(FIRST, { topic, read });
    const first = new Map<number, number>();
    for (const { recordPartition, schemaId, recordOffset } of rows) {
      if (!first.has(recordPartition) && (await this.#couldBeOurs(schemaId)))
        first.set(recordPartition, Number(recordOffset));
    }
    return first;
  }

  /** Also while nobody can say: the answer to whoever looks into the table may stand in that record. */
  async #couldBeOurs(schemaId: number): Promise<boolean> {
    if (this.#schemas === undefined || isKnownSchemaId(schemaId)) return true;
    try {
      return (await this.#schemas.learn(schemaId)) === 'learnt';
    } catch (error) {
      if (error instanceof DependencyFailure) return true;
      throw error;
    }
  }
}
