/** What the registry knows and how it looks it up: the locked subject versions, immutable, without any HTTP. */
import { type AvroSchema, describeProblem, fullProblems, type SubjectVersion } from '@tributary/contracts';

/**
 * The refusals of the Confluent protocol that a read-only registry can give.
 * `errorCode` goes into the body; clients act on it and not on the HTTP status.
 */
export const REGISTRY_PROBLEMS = {
  not_found: { httpStatus: 404, errorCode: 404 },
  subject_not_found: { httpStatus: 404, errorCode: 40401 },
  version_not_found: { httpStatus: 404, errorCode: 40402 },
  schema_not_found: { httpStatus: 404, errorCode: 40403 },
  compatibility_not_set: { httpStatus: 404, errorCode: 40408 },
  mode_not_set: { httpStatus: 404, errorCode: 40409 },
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

/** Why a schema could not be the next version; empty when it could. */
export type CompatibilityAnswer = Answer<readonly string[]>;

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

  /** Those that begin with `prefix`, in alphabetical order. */
  subjects(prefix = ''): readonly string[] {
    return [...this.#bySubject.keys()].filter((subject) => subject.startsWith(prefix)).toSorted();
  }

  /** Every version of the subjects that begin with `prefix`. */
  allVersions(prefix: string, isLatestOnly: boolean): readonly SubjectVersion[] {
    return this.subjects(prefix).flatMap((subject) => {
      const versions = this.#bySubject.get(subject) ?? [];
      return isLatestOnly ? versions.slice(-1) : versions;
    });
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

  /** The subjects under which an id is registered. */
  subjectsOfId(text: string): Answer<readonly string[]> {
    const versions = this.#withId(text);
    return versions.length === 0
      ? schemaIdNotFound(text)
      : found([...new Set(versions.map(({ subject }) => subject))]);
  }

  /** Whether a schema and one version of a subject read each other. */
  compatibilityWith(subject: string, version: string, schema: string): CompatibilityAnswer {
    const answer = this.version(subject, version);
    return answer.ok ? compatibility([answer.value], schema) : answer;
  }

  /** Whether a schema and every version of a subject read each other. */
  compatibilityWithAll(subject: string, schema: string): CompatibilityAnswer {
    const versions = this.#bySubject.get(subject);
    return versions === undefined ? subjectNotFound(subject) : compatibility(versions, schema);
  }

  /**
   * The version of a subject that has this schema. White space and the order of attributes do not matter, because
   * every Avro library prints a schema in its own order.
   */
  lookUp(subject: string, schema: string): Answer<SubjectVersion> {
    const versions = this.#bySubject.get(subject);
    if (versions === undefined) return subjectNotFound(subject);
    const canonical = canonicalJson(schema);
    if (canonical === null) return invalidSchema();
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

function compatibility(versions: readonly SubjectVersion[], schema: string): CompatibilityAnswer {
  const newer = avroSchemaIn(schema);
  if (newer === null) return invalidSchema();
  return found(
    versions.flatMap(({ version, schema: older }) =>
      fullProblems(JSON.parse(older), newer).map(
        (problem) => `version ${version}: ${describeProblem(problem)}`,
      ),
    ),
  );
}

function avroSchemaIn(text: string): AvroSchema | null {
  try {
    const schema: unknown = JSON.parse(text);
    const isSchema = typeof schema === 'string' || (typeof schema === 'object' && schema !== null);
    return isSchema ? (schema as AvroSchema) : null;
  } catch {
    return null;
  }
}

function invalidSchema(): Answer<never> {
  return refused('invalid_schema', 'Invalid schema: it is not JSON.');
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
