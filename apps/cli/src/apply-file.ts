/** A configuration file: YAML, collections of entities by id, secrets only as references to environment variables. */
import { LineCounter, parseDocument } from 'yaml';

/** Collections in the order in which they refer to each other: whatever an entity names comes before it. */
export const COLLECTION_ORDER = [
  'advertisers',
  'partners',
  'exchange-rates',
  'offers',
  'campaigns',
  'sources',
  'destinations',
  'subscriptions',
  'api-keys',
] as const;

/** One entity as the console API takes it. */
export interface WantedEntity {
  readonly collection: string;
  readonly id: string;
  readonly document: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly tokens?: readonly string[];
  readonly key?: string;
}

export interface ConfigurationFile {
  /** In the order in which they can be written. */
  readonly entities: readonly WantedEntity[];
  /** The collections the file has, also those it has empty: what `--prune` may remove from. */
  readonly collections: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;
type Environment = (name: string) => string | undefined;

const REFERENCE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
/** Where each of these may stand. */
const SECRET_FIELDS: Readonly<Record<string, readonly string[]>> = {
  secrets: ['destinations', 'sources'],
  tokens: ['sources'],
  key: ['api-keys'],
};

/**
 * @param environment gives the variables that the file refers to.
 * @throws Error that lists every fault by its place; it quotes nothing of the file, which may hold what it should not.
 */
export function readConfigurationFile(text: string, environment: Environment): ConfigurationFile {
  const faults: string[] = [];
  const root = parseYaml(text);
  const strangers = Object.keys(root).filter((name) => !isCollection(name));
  if (strangers.length > 0) faults.push(`there is only ${COLLECTION_ORDER.join(', ')} at the top`);
  const collections = COLLECTION_ORDER.filter((name) => Object.hasOwn(root, name));
  const entities = collections.flatMap((collection) => {
    const byId = root[collection] ?? {};
    if (!isRecord(byId)) {
      faults.push(`${collection}: must be entities by their id`);
      return [];
    }
    return Object.entries(byId).map(([id, fields]) => {
      if (!isRecord(fields)) faults.push(`${collection}/${id}: must be the fields of the entity`);
      return readEntity(collection, id, isRecord(fields) ? fields : {}, environment, faults);
    });
  });
  if (faults.length > 0) throw new Error(`the file cannot be applied:\n  ${faults.join('\n  ')}`);
  return { entities, collections };
}

function parseYaml(text: string): Fields {
  const lineCounter = new LineCounter();
  // Not pretty: a pretty error quotes the line.
  const parsed = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
  });
  const [error] = parsed.errors;
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    throw new Error(`the file is not YAML: ${error.code} at line ${line}, column ${col}`);
  }
  const root: unknown = parsed.toJS({ maxAliasCount: 100 }) ?? {};
  if (!isRecord(root)) throw new Error('the file must hold collections by their name');
  return root;
}

function readEntity(
  collection: string,
  id: string,
  { secrets, tokens, key, ...document }: Fields,
  environment: Environment,
  faults: string[],
): WantedEntity {
  const place = `${collection}/${id}`;
  for (const [field, homes] of Object.entries(SECRET_FIELDS))
    if ({ secrets, tokens, key }[field] !== undefined && !homes.includes(collection))
      faults.push(`${place}: ${field} is only for ${homes.join(' and ')}`);
  const resolve = (value: unknown, field: string): string => {
    const name = typeof value === 'string' ? REFERENCE.exec(value)?.[1] : undefined;
    if (name === undefined)
      faults.push(`${place}: ${field} must be a reference to an environment variable, \${NAME}`);
    const resolved = name === undefined ? undefined : environment(name);
    if (name !== undefined && resolved === undefined) faults.push(`${place}: ${field}: ${name} is not set`);
    return resolved ?? '';
  };
  return {
    collection,
    id,
    document,
    ...(secrets !== undefined && { secrets: readSecrets(secrets, resolve) }),
    ...(tokens !== undefined && {
      tokens: (Array.isArray(tokens) ? tokens : [tokens]).map((token: unknown, index) =>
        resolve(token, `tokens.${index}`),
      ),
    }),
    ...(key !== undefined && { key: resolve(key, 'key') }),
  };
}

function readSecrets(
  secrets: unknown,
  resolve: (value: unknown, field: string) => string,
): Readonly<Record<string, string>> {
  if (!isRecord(secrets)) return { '': resolve(secrets, 'secrets') };
  return Object.fromEntries(
    Object.entries(secrets).map(([path, value]) => [path, resolve(value, `secrets.${path}`)]),
  );
}

function isCollection(name: string): boolean {
  return COLLECTION_ORDER.some((collection) => collection === name);
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
