/** Asks the schema registry what ClickHouse would ask: the schema of an id, and whether it is one of the topic's. */

export type SchemaLookup =
  | { readonly kind: 'found'; readonly schema: string }
  /** The registry knows the topic but no such id. */
  | { readonly kind: 'unknown' }
  /** The id belongs to other topics alone. */
  | { readonly kind: 'of_another_topic' }
  /** Away, or answering without knowing what it must know: nothing follows from it. */
  | { readonly kind: 'unavailable' };

const ANSWER_BOUND_MS = 2_000;
const UNAVAILABLE = { kind: 'unavailable' } as const;

export class RegistryClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/$/, '');
  }

  /** Never throws: a registry that cannot be asked is `unavailable`. */
  async schemaOf(topic: string, id: number): Promise<SchemaLookup> {
    const subject = `${topic}-value`;
    const [schema, uses] = await Promise.all([
      this.#get(`/schemas/ids/${id}`),
      this.#get(`/schemas/ids/${id}/versions`),
    ]);
    if (schema === 'failed' || uses === 'failed') return UNAVAILABLE;
    if (schema === 'not_found') {
      // A registry that has lost its schemas, or a proxy without one, answers 404 to everything.
      const versions = await this.#get(`/subjects/${encodeURIComponent(subject)}/versions`);
      return Array.isArray(versions) && versions.length > 0 ? { kind: 'unknown' } : UNAVAILABLE;
    }
    if (!isSchema(schema) || !Array.isArray(uses)) return UNAVAILABLE;
    return uses.some((use: { subject?: unknown }) => use.subject === subject)
      ? { kind: 'found', schema: schema.schema }
      : { kind: 'of_another_topic' };
  }

  async #get(path: string): Promise<unknown> {
    try {
      const response = await fetch(`${this.#url}${path}`, { signal: AbortSignal.timeout(ANSWER_BOUND_MS) });
      const body: unknown = await response.json();
      if (response.ok) return body;
      return response.status === 404 ? 'not_found' : 'failed';
    } catch {
      return 'failed';
    }
  }
}

function isSchema(body: unknown): body is { schema: string } {
  return typeof body === 'object' && body !== null && 'schema' in body && typeof body.schema === 'string';
}
