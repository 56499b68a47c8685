/** What becomes of a record ClickHouse could not decode: published again, set aside for ever, or left until more is known. */
import { decodeEvent, decodesWith, schemaIdOf, type TopicName } from '@tributary/contracts';
import type { SchemaLookup } from './registry-client.ts';

export type Appraisal =
  | { readonly kind: 'republish' }
  | { readonly kind: 'dead_letter'; readonly reasonCode: string }
  | { readonly kind: 'wait' };

export interface Undecoded {
  readonly topic: TopicName;
  readonly key: Buffer;
  readonly value: Buffer;
  /** How long ClickHouse has shown it as undecoded. */
  readonly openForMs: number;
}

/** A schema id the registry does not know may still be published: schemas come before their producers, but a registry may lag. */
export const UNKNOWN_SCHEMA_PATIENCE_MS = 600_000;

const WAIT = { kind: 'wait' } as const;
const REPUBLISH = { kind: 'republish' } as const;

/** @param lookUp asks the registry for an id; called only when the answer decides. */
export async function appraise(
  { topic, key, value, openForMs }: Undecoded,
  lookUp: (id: number) => Promise<SchemaLookup>,
): Promise<Appraisal> {
  // Published under another key it would lie in another partition.
  if (!Buffer.from(key.toString('utf8')).equals(key)) return deadLetter('key_not_utf8');
  const decoded = decodeEvent(topic, value);
  if (!decoded.ok && decoded.problem !== 'unknown_schema_id') return deadLetter(decoded.problem);
  const id = schemaIdOf(value);
  if (id === null) return deadLetter('not_wire_format');
  const found = await lookUp(id);
  switch (found.kind) {
    case 'unavailable':
      return WAIT;
    case 'unknown':
      return decoded.ok || openForMs < UNKNOWN_SCHEMA_PATIENCE_MS ? WAIT : deadLetter('unknown_schema_id');
    case 'of_another_topic':
      return decoded.ok ? WAIT : deadLetter('schema_of_another_topic');
    case 'found':
      return decoded.ok || decodesWith(found.schema, value) ? REPUBLISH : deadLetter('undecodable');
  }
}

function deadLetter(reasonCode: string): Appraisal {
  return { kind: 'dead_letter', reasonCode };
}
