/** What becomes of a record ClickHouse could not decode: published again, set aside for ever, or left until more is known. */
import type { SchemaRegistryClient } from '@tributary/bus';
import { decodeEvent, schemaIdOf, type TopicName } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';

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

/** The schema registry that ClickHouse asks; it throws a DependencyFailure when nothing follows from its answers. */
export type Schemas = Pick<SchemaRegistryClient, 'schemaOf' | 'learn'>;

/** A schema id the registry does not know may still be published: schemas come before their producers, but a registry may lag. */
export const UNKNOWN_SCHEMA_PATIENCE_MS = 600_000;

const WAIT = { kind: 'wait' } as const;
const REPUBLISH = { kind: 'republish' } as const;

export async function appraise(undecoded: Undecoded, schemas: Schemas): Promise<Appraisal> {
  try {
    return await appraisalOf(undecoded, schemas);
  } catch (error) {
    if (error instanceof DependencyFailure) return WAIT;
    throw error;
  }
}

async function appraisalOf(
  { topic, key, value, openForMs }: Undecoded,
  schemas: Schemas,
): Promise<Appraisal> {
  // Published under another key it would lie in another partition.
  if (!Buffer.from(key.toString('utf8')).equals(key)) return deadLetter('key_not_utf8');
  const id = schemaIdOf(value);
  const decoded = decodeEvent(topic, value);
  // What this build decodes ClickHouse decodes once the registry has the schema for it, too.
  if (decoded.ok && id !== null) return (await schemas.schemaOf(id)) === null ? WAIT : REPUBLISH;
  if (!decoded.ok && decoded.problem !== 'unknown_schema_id') return deadLetter(decoded.problem);
  if (id === null || (await schemas.learn(id)) === 'unknown')
    return openForMs < UNKNOWN_SCHEMA_PATIENCE_MS ? WAIT : deadLetter('unknown_schema_id');
  const learnt = decodeEvent(topic, value);
  return learnt.ok ? REPUBLISH : deadLetter(learnt.problem);
}

function deadLetter(reasonCode: string): Appraisal {
  return { kind: 'dead_letter', reasonCode };
}
