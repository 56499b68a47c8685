/** What the registry knows and how it looks it up: the locked subject versions, immutable, without any HTTP. */
import type { SubjectVersion } from '@tributary/contracts';

/**
 * The refusals of the Confluent protocol that a read-only registry can give.
 * `errorCode` goes into the body; clients act on it and not on the HTTP status.
 */
export const REGISTRY_PROBLEMS = {
  not_found: { httpStatus: 404, errorCode: 404 },
  subject_not_found: { httpStatus: 404, errorCode: 40401 },
  version_not_found: { httpStatus: 404, errorCode: 40402 },
  schema_not_found: { httpStatus: 404, errorCode: 40403 },
  invalid_schema: { httpStatus: 422, errorCode: 42201 },
  invalid_version: { httpStatus: 422, errorCode: 42202 },
  read_only: { httpStatus: 405, errorCode: 42205 },
} as const;
export type RegistryProblem = keyof typeof REGISTRY_PROBLEMS;

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: RegistryProblem; readonly message: string };

/** Where a schema is registered; the timer topics share one schema, so an id may have several. */
export type SubjectVersionName = Pick<SubjectVersion, 'subject' | 'version'>;

const LATEST = ['latest', '-1'];
const LARGEST_VERSION = 2_147_483_647;

export class Registry {
  readonly #bySubject: ReadonlyMap<string, readonly SubjectVersion[]>;
  readonly #byId: ReadonlyMap<number, readonly SubjectVersion[]>;
  readonly #bySchema: ReadonlyMap<SubjectVersion, string>;

  constructor(versions: readonly SubjectVersion[]) {
    const ascending = versions.toSorted((a, b) => a.version - b.version);
    this.#bySubject = Map.groupBy(ascending, ({ subject }) => subject);
    this.#byId = Map.groupBy(ascending, ({ id }) => id);
    this.#bySchema = new Map(ascending.map((version) => [version, canonicalJson(version.schema) ?? '']));
  }

  subjects(): readonly string[] {
    return [...this.#bySubject.keys()].toSorted();
  }

  /** The version numbers of a subject, ascending. */
  versions(subject: string): Answer<readonly number[]> {
    const versions = this.#bySubject.get(subject);
    if (versions === undefined) return subjectNotFound(subject);
    return found(versions.map(({ version }) => version));
  }

  /** One version of a subject; `text` is a number from 1, `latest`, or `-1`, which means the same. */
  version(subject: string, text: string): Answer<SubjectVersion> {
    const isLatest = LATEST.includes(text);
    const wanted = positiveInteger(text);
    if (!isLatest && (wanted === null || wanted > LARGEST_VERSION)) return invalidVersion(text);
    const versions = this.#bySubject.get(subject);
    if (versions === undefined) return subjectNotFound(subject);
    const version = isLatest ? versions.at(-1) : versions.find((each) => each.version === wanted);
    return version === undefined
      ? refused('version_not_found', `Version ${text} not found.`)
      : found(version);
  }

  /** The Avro schema of an id, as JSON text. */
  schemaOfId(text: string): Answer<string> {
    const [first] = this.#withId(text);
    return first === undefined ? schemaIdNotFound(text) : found(first.schema);
  }

  /** Every subject and version under which an id is registered. */
  versionsOfId(text: string): Answer<readonly SubjectVersionName[]> {
    const versions = this.#withId(text);
    if (versions.length === 0) return schemaIdNotFound(text);
    return found(versions.map(({ subject, version }) => ({ subject, version })));
  }

  /**
   * The version of a subject that has this schema. White space and the order of attributes do not matter, because
   * every Avro library prints a schema in its own order.
   */
  lookUp(subject: string, schema: string): Answer<SubjectVersion> {
    const versions = this.#bySubject.get(subject);
    if (versions === undefined) return subjectNotFound(subject);
    const canonical = canonicalJson(schema);
    if (canonical === null) return refused('invalid_schema', 'Invalid schema: it is not JSON.');
    const version = versions.findLast((each) => this.#bySchema.get(each) === canonical);
    return version === undefined ? refused('schema_not_found', 'Schema not found') : found(version);
  }

  #withId(text: string): readonly SubjectVersion[] {
    const id = positiveInteger(text);
    return id === null ? [] : (this.#byId.get(id) ?? []);
  }
}

export function found<T>(value: T): Answer<T> {
  return { ok: true, value };
}

export function refused(problem: RegistryProblem, message: string): Answer<never> {
  return { ok: false, problem, message };
}

function subjectNotFound(subject: string): Answer<never> {
  return refused('subject_not_found', `Subject '${subject}' not found.`);
}

function schemaIdNotFound(text: string): Answer<never> {
  return refused('schema_not_found', `Schema ${text} not found`);
}

function invalidVersion(text: string): Answer<never> {
  return refused(
    'invalid_version',
    `The specified version '${text}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
  );
}

function positiveInteger(text: string): number | null {
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
}

/** JSON text with its attributes in alphabetical order, or null when the text is not JSON. */
function canonicalJson(text: string): string | null {
  try {
    return JSON.stringify(JSON.parse(text, sortAttributes));
  } catch {
    return null;
  }
}

function sortAttributes(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
