/** Completes the document of a source: its tokens become hashes, and what a writer leaves out stays as it is. */
import { createHash } from 'node:crypto';
import type { Configuration } from '@tributary/configuration';
import type { WriteRequest } from './write-request.ts';

/**
 * | tokenHashes | tokens | the source then takes |
 * |---|---|---|
 * | left out | left out | what it took before |
 * | left out | given | these tokens only |
 * | given | left out | the listed hashes only: how a token is revoked |
 * | given | given | both: how a token is rotated |
 */
export function completeSource(
  configuration: Configuration,
  id: string,
  { document, tokens }: Pick<WriteRequest, 'document' | 'tokens'>,
): Readonly<Record<string, unknown>> {
  const { tokenHashes = tokens === null ? configuration.source(id)?.tokenHashes : [] } = document;
  const lane = document['lane'] ?? configuration.laneOf(id);
  return {
    ...document,
    ...(lane !== undefined && { lane }),
    ...(tokenHashes !== undefined && { tokenHashes: withTokens(tokenHashes, tokens ?? []) }),
  };
}

/** Something other than a list goes on to the schema, which refuses it. */
function withTokens(tokenHashes: unknown, tokens: readonly string[]): unknown {
  if (!Array.isArray(tokenHashes)) return tokenHashes;
  return [...new Set<unknown>([...tokenHashes, ...tokens.map(hashOf)])];
}

function hashOf(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}
