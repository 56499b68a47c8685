/** Decisions out of the bytes of their records, as decision_records keeps them; of a revision that was written twice the first in the log. */
import { type ConversionDecided, decodeEvent, schemaIdOf } from '@tributary/contracts';
import type { SchemaIds } from './undecoded-store.ts';

/** A record, as the queries over decision_records give it; unmerged ones more than once. */
export interface RecordRow {
  /** Base64. */
  readonly value: string;
  readonly recordOffset: string;
}

interface Placed {
  readonly decided: ConversionDecided;
  readonly offset: number;
}

const TOPIC = 'conversion.decided.v1';

/**
 * A record that nobody can read is passed over: the queue that decodes the topic keeps it in undecoded_records, and nothing
 * behind it counts as stored until it is dealt with.
 */
export class DecisionRecords {
  readonly #schemas: SchemaIds | undefined;

  /** Without `schemas` nobody can read a record of a schema that this build does not hold. */
  constructor(schemas?: SchemaIds) {
    this.#schemas = schemas;
  }

  /**
   * The latest revision of each conversion.
   * @throws DependencyFailure while nobody can say what the schema of a record is.
   */
  async latestIn(rows: readonly RecordRow[]): Promise<readonly ConversionDecided[]> {
    return standing(await this.#decoded(rows), ({ conversionId }) => conversionId);
  }

  /** Every revision, by conversion and in their order. @throws DependencyFailure as {@link latestIn}. */
  async revisionsIn(rows: readonly RecordRow[]): Promise<readonly ConversionDecided[]> {
    const decoded = await this.#decoded(rows);
    const revisions = standing(decoded, ({ conversionId, revision }) => `${conversionId} ${revision}`);
    return revisions.toSorted(byConversionAndRevision);
  }

  async #decoded(rows: readonly RecordRow[]): Promise<readonly Placed[]> {
    const placed: Placed[] = [];
    for (const { value, recordOffset } of rows) {
      const decided = await this.#decisionIn(Buffer.from(value, 'base64'));
      if (decided !== null) placed.push({ decided, offset: Number(recordOffset) });
    }
    return placed;
  }

  async #decisionIn(bytes: Buffer): Promise<ConversionDecided | null> {
    const decoded = decodeEvent(TOPIC, bytes);
    if (decoded.ok) return decoded.value;
    const schemaId = decoded.problem === 'unknown_schema_id' ? schemaIdOf(bytes) : null;
    // A newer release may write before this one is replaced.
    if (schemaId === null || (await this.#schemas?.learn(schemaId)) !== 'learnt') return null;
    const again = decodeEvent(TOPIC, bytes);
    return again.ok ? again.value : null;
  }
}

/** Of those with one id the latest revision, and of one revision the first record: as the version of conversions has it. */
function standing(
  records: readonly Placed[],
  idOf: (decided: ConversionDecided) => string,
): readonly ConversionDecided[] {
  const byId = new Map<string, Placed>();
  for (const each of records) {
    const id = idOf(each.decided);
    const known = byId.get(id);
    if (known === undefined || standsOver(each, known)) byId.set(id, each);
  }
  return Array.from(byId.values(), ({ decided }) => decided);
}

function standsOver(a: Placed, b: Placed): boolean {
  const later = a.decided.revision - b.decided.revision;
  return later === 0 ? a.offset < b.offset : later > 0;
}

function byConversionAndRevision(a: ConversionDecided, b: ConversionDecided): number {
  if (a.conversionId !== b.conversionId) return a.conversionId < b.conversionId ? -1 : 1;
  return a.revision - b.revision;
}
