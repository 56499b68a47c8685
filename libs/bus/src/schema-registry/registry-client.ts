/** Learns the schemas of ids that this build does not know, and never takes an outage of the registry for a missing schema. */
import { LOCKED_SCHEMAS, learnSchema, writtenSchemaIds } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { askRegistry, textIn } from './registry-requests.ts';

/** For so long an id that the registry did not know is not asked about again: a poison record costs one call a minute. */
const UNKNOWN_FOR_MS = 60_000;
/** Broken producers may write any id; beyond this many the oldest are forgotten. */
const MAX_UNKNOWN = 10_000;

export interface SchemaRegistryClientOptions {
  /** Base address of a Confluent-compatible registry. */
  readonly url: string;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export class SchemaRegistryClient {
  readonly #url: string;
  readonly #now: () => number;
  /** When each id was last found unknown, oldest first. */
  readonly #unknownAt = new Map<number, number>();
  /** Questions on their way: partitions that meet the same id share one. */
  readonly #asked = new Map<number, Promise<'learnt' | 'unknown'>>();

  constructor({ url, now = Date.now }: SchemaRegistryClientOptions) {
    this.#url = url;
    this.#now = now;
  }

  /**
   * Teaches the codec the schema of an id.
   * @returns `learnt`: decode again. `unknown`: no such schema, or none of ours; nothing to wait for.
   * @throws DependencyFailure: nobody can say yet; ask again later.
   */
  learn(id: number): Promise<'learnt' | 'unknown'> {
    const unknownAt = this.#unknownAt.get(id);
    if (unknownAt !== undefined && this.#now() - unknownAt < UNKNOWN_FOR_MS)
      return Promise.resolve('unknown');
    const asked = this.#asked.get(id) ?? this.#ask(id).finally(() => this.#asked.delete(id));
    this.#asked.set(id, asked);
    return asked;
  }

  /**
   * The Avro schema of an id as JSON text; null when there is none.
   * @throws DependencyFailure when the registry does not answer, fails, or does not know our own schemas either: then
   * it is empty or not our registry, and its refusal says nothing about the id.
   */
  async schemaOf(id: number): Promise<string | null> {
    const schema = await this.#read(id);
    if (schema === null) await this.#proveItself();
    return schema;
  }

  /** Resolves when the registry answers and knows the schemas we write. @throws DependencyFailure */
  async ping(): Promise<void> {
    await this.#proveItself();
  }

  async #ask(id: number): Promise<'learnt' | 'unknown'> {
    const schema = await this.schemaOf(id);
    if (schema !== null && learnSchema(id, schema) === 'learnt') return 'learnt';
    this.#noteUnknown(id);
    return 'unknown';
  }

  #noteUnknown(id: number): void {
    this.#unknownAt.delete(id);
    this.#unknownAt.set(id, this.#now());
    const [oldest] = this.#unknownAt.keys();
    if (this.#unknownAt.size > MAX_UNKNOWN && oldest !== undefined) this.#unknownAt.delete(oldest);
  }

  /** @throws DependencyFailure */
  async #read(id: number): Promise<string | null> {
    const { status, body } = await askRegistry(this.#url, `/schemas/ids/${id}`);
    // Registries refuse an id that cannot be one, as broken producers write them, with other codes than 404.
    if (status >= 400) return null;
    const schema = textIn(body, 'schema');
    if (status === 200 && schema !== null) return schema;
    throw new DependencyFailure(
      'schema_registry_unavailable',
      `the schema registry gives no schema and answers ${status}`,
    );
  }

  /** @throws DependencyFailure when a schema that we write is not there under its id. */
  async #proveItself(): Promise<void> {
    const [[name, id] = ['', 0]] = writtenSchemaIds();
    const schema = await this.#read(id);
    if (schema !== null && recordName(schema) === recordName(LOCKED_SCHEMAS[name]?.at(-1)?.schema)) return;
    throw new DependencyFailure(
      'schema_registry_unavailable',
      `the schema registry does not know ${name} under the id ${id}`,
    );
  }
}

function recordName(schema: string | object | undefined): string | undefined {
  try {
    const definition = typeof schema === 'string' ? JSON.parse(schema) : schema;
    return `${definition?.namespace}.${definition?.name}`;
  } catch {
    return undefined;
  }
}
