/** The OpenAPI 3.1 document of the API, made from the route table, the refusals and the schemas of the entities. */
import { type ConfiguredEntityType, documentJsonSchema } from '@tributary/configuration';
import { EXPLANATION_SCHEMAS } from './explain/explanation-schema.ts';
import { instant, type Json, list, object, ref, text, texts, whole } from './json-schema.ts';
import { REFUSAL_STATUSES, type RefusalCode } from './refusal.ts';
import { REPLAY_SCHEMAS } from './replay/replay-schema.ts';
import { COLLECTIONS, PARTNER_COLLECTIONS, ROUTES, type Route, type RouteName } from './routes.ts';

const version = { type: 'integer', minimum: -1 };
const collection = { type: 'string', enum: [...COLLECTIONS.keys()] };
const entityType = { type: 'string', enum: [...COLLECTIONS.values()] };
const empty = { type: 'object', additionalProperties: false };

/** `api_key` becomes `ApiKey`. */
function schemaName(type: ConfiguredEntityType): string {
  return type
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** What may stand beside the document in a write of this type. */
function writeFields(type: ConfiguredEntityType): Json {
  if (type === 'source')
    return {
      tokens: { type: 'array', maxItems: 20, items: { type: 'string', minLength: 16, maxLength: 256 } },
      secrets: texts,
    };
  if (type === 'destination') return { secrets: texts };
  if (type === 'api_key')
    return { key: { type: 'string', minLength: 24, maxLength: 256 }, generateKey: { type: 'boolean' } };
  return {};
}

/** A document without its id and, in a view, also without what the reader may not see; unknown fields are refused. */
function writtenDocument(type: ConfiguredEntityType): Json {
  const schema = documentJsonSchema(type);
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return { ...schema, required: required.filter((name) => name !== 'id') };
}

function entitySchemas(type: ConfiguredEntityType): Json {
  const name = schemaName(type);
  const fields = writeFields(type);
  const when = type === 'api_key' ? {} : { effectiveFrom: instant };
  const write = { document: writtenDocument(type), ...fields, expectedVersion: version, ...when };
  const versionView = { version, effectiveFrom: instant, document: { anyOf: [ref(name), empty] } };
  const view = {
    entityType: { const: type },
    id: text,
    ...versionView,
    isScheduled: { type: 'boolean' },
    inForce: { anyOf: [ref(`${name}Version`), { type: 'null' }] },
    isUnreadable: { const: true },
    ...((type === 'destination' || type === 'source') && { secretNames: list(text) }),
    ...(type === 'api_key' && { key: text }),
  };
  const operation = { type: 'string', enum: ['put', 'remove', 'unreadable'] };
  return {
    [name]: documentJsonSchema(type),
    [`${name}Version`]: object(versionView),
    [`${name}View`]: object(view, ['inForce', 'isUnreadable', 'key']),
    [`${name}Write`]: object(
      write,
      Object.keys(write).filter((field) => field !== 'document'),
    ),
    [`${name}List`]: object({ version, items: list(ref(`${name}View`)) }),
    [`${name}History`]: object({ items: list(object({ ...versionView, operation })) }),
  };
}

const problem = object({ path: text, message: text, code: text, position: whole, length: whole }, [
  'code',
  'position',
  'length',
]);

const SHARED_SCHEMAS: Json = {
  Refusal: object(
    {
      code: { type: 'string', enum: Object.keys(REFUSAL_STATUSES) },
      message: text,
      field: text,
      problems: list(problem),
    },
    ['field', 'problems'],
  ),
  ConfigurationVersion: object({ version }),
  Scheduled: object({
    version,
    items: list(
      object({
        entityType,
        id: text,
        version,
        effectiveFrom: instant,
        document: { type: 'object' },
        operation: { type: 'string', enum: ['put', 'remove'] },
      }),
    ),
  }),
  SecretInventory: object({
    firstKeyTag: text,
    keyTags: list(text),
    revisions: list(
      object({ collection, id: text, version, inForceUntil: instant, keyTags: texts }, ['inForceUntil']),
    ),
  }),
  Wishes: object({
    changes: {
      type: 'array',
      maxItems: 10_000,
      items: object(
        {
          collection,
          id: text,
          remove: { const: true },
          document: { type: 'object' },
          secrets: texts,
          tokens: list(text),
          key: text,
          generateKey: { type: 'boolean' },
        },
        ['remove', 'document', 'secrets', 'tokens', 'key', 'generateKey'],
      ),
    },
  }),
  Plan: object({
    version,
    changes: list(
      object(
        {
          collection,
          id: text,
          action: { type: 'string', enum: ['create', 'change', 'remove', 'unchanged'] },
          expectedVersion: version,
          differences: list(object({ path: text, before: true, after: true }, ['before', 'after'])),
          warnings: list(problem),
        },
        ['warnings'],
      ),
    ),
  }),
  Reseal: object({ expectedVersion: version }, ['expectedVersion']),
  ...EXPLANATION_SCHEMAS,
  ...REPLAY_SCHEMAS,
};

interface Exchange {
  readonly body?: Json;
  readonly answer: Json;
  readonly refusals: readonly RefusalCode[];
}

const READS_A_BODY: readonly RefusalCode[] = [
  'request_malformed',
  'body_too_large',
  'content_type_unsupported',
];

const WRITES: readonly RefusalCode[] = [
  'request_malformed',
  'version_conflict',
  'body_too_large',
  'content_type_unsupported',
  'document_invalid',
  'kafka_unavailable',
  'configuration_behind',
];

/** What goes over the wire on a route; `type` is that of the collection, where the route has one. */
const EXCHANGES: { readonly [R in RouteName]: (type: ConfiguredEntityType) => Exchange } = {
  readOpenapi: () => ({ answer: { type: 'object' }, refusals: [] }),
  readVersion: () => ({ answer: ref('ConfigurationVersion'), refusals: [] }),
  listScheduled: () => ({ answer: ref('Scheduled'), refusals: [] }),
  listSecrets: () => ({ answer: ref('SecretInventory'), refusals: [] }),
  planChanges: () => ({
    body: ref('Wishes'),
    answer: ref('Plan'),
    refusals: [
      'request_malformed',
      'not_found',
      'still_referenced',
      'body_too_large',
      'content_type_unsupported',
      'document_invalid',
      'lane_immutable',
    ],
  }),
  explainConversion: () => ({
    answer: ref('Explanation'),
    refusals: ['not_found', 'clickhouse_unavailable'],
  }),
  listDeadLetters: () => ({ answer: ref('DeadLetterList'), refusals: ['clickhouse_unavailable'] }),
  readDeadLetter: () => ({
    answer: ref('DeadLetterWithAttempts'),
    refusals: ['not_found', 'clickhouse_unavailable'],
  }),
  planReplay: () => ({
    body: ref('ReplayWish'),
    answer: ref('ReplayPlan'),
    refusals: [...READS_A_BODY, 'replay_too_large', 'clickhouse_unavailable'],
  }),
  orderReplay: () => ({
    body: ref('ReplayOrder'),
    answer: ref('Replay'),
    refusals: [
      ...READS_A_BODY,
      'plan_changed',
      'replay_too_large',
      'clickhouse_unavailable',
      'kafka_unavailable',
    ],
  }),
  listReplays: () => ({ answer: ref('ReplayList'), refusals: ['clickhouse_unavailable'] }),
  readReplay: () => ({
    answer: ref('ReplayWithOutcomes'),
    refusals: ['not_found', 'clickhouse_unavailable'],
  }),
  stopReplay: () => ({
    answer: ref('Replay'),
    refusals: ['not_found', 'clickhouse_unavailable', 'kafka_unavailable'],
  }),
  listEntities: (type) => ({ answer: ref(`${schemaName(type)}List`), refusals: [] }),
  readEntity: (type) => ({ answer: ref(`${schemaName(type)}View`), refusals: ['not_found'] }),
  readHistory: (type) => ({ answer: ref(`${schemaName(type)}History`), refusals: ['not_found'] }),
  putEntity: (type) => ({
    body: ref(`${schemaName(type)}Write`),
    answer: ref(`${schemaName(type)}View`),
    refusals: [...WRITES, 'effective_from_past', ...(type === 'source' ? (['lane_immutable'] as const) : [])],
  }),
  removeEntity: (type) => ({
    answer: ref(`${schemaName(type)}View`),
    refusals: [
      'request_malformed',
      'not_found',
      'version_conflict',
      'still_referenced',
      'kafka_unavailable',
      'configuration_behind',
    ],
  }),
  resealEntity: (type) => ({
    body: ref('Reseal'),
    answer: ref(`${schemaName(type)}View`),
    refusals: [...WRITES, 'not_found', 'version_unreadable'],
  }),
};

/** Codes that any route but the open one may answer. */
const ALWAYS: readonly RefusalCode[] = [
  'request_malformed',
  'unauthorized',
  'forbidden',
  'url_too_long',
  'internal',
];

function responses({ answer, refusals }: Exchange, isOpen: boolean): Json {
  const codes = [...new Set([...(isOpen ? [] : ALWAYS), ...refusals])];
  const byStatus = Map.groupBy(codes, (code) => REFUSAL_STATUSES[code]);
  const refused = [...byStatus].map(([status, of]) => [
    status,
    { description: of.join(', '), content: { 'application/json': { schema: ref('Refusal') } } },
  ]);
  const success = { description: 'Done.', content: { 'application/json': { schema: answer } } };
  return { 200: success, ...Object.fromEntries(refused) };
}

function parametersOf({ path, query = [] }: Route): readonly Json[] {
  return [
    ...(path.includes(':id') ? [{ name: 'id', in: 'path', required: true, schema: text }] : []),
    ...query.map((name) => ({
      name,
      in: 'query',
      required: false,
      schema: name === 'expectedVersion' ? version : text,
    })),
  ];
}

function operation(name: RouteName, of: string | null): Json {
  const route: Route = ROUTES[name];
  const exchange = EXCHANGES[name]((of !== null && COLLECTIONS.get(of)) || 'partner');
  const { roles } = route;
  const mayBePartner = of === null || PARTNER_COLLECTIONS.has(of);
  const readers = roles === 'everyone' ? [] : roles.filter((role) => role !== 'partner' || mayBePartner);
  return {
    operationId: of === null ? name : `${name}:${of}`,
    summary: route.summary,
    description: roles === 'everyone' ? 'No key needed.' : `Roles: ${readers.join(', ')}.`,
    ...(of !== null && { tags: [of] }),
    ...(roles === 'everyone' && { security: [] }),
    parameters: parametersOf(route),
    ...(exchange.body && {
      requestBody: { required: true, content: { 'application/json': { schema: exchange.body } } },
    }),
    responses: responses(exchange, roles === 'everyone'),
  };
}

function paths(): Json {
  const all: Record<string, Record<string, Json>> = {};
  const add = (name: RouteName, of: string | null) => {
    const { method, path } = ROUTES[name];
    const address = `/api/v1/${path.replace(':collection', of ?? '').replace(':id', '{id}')}`;
    all[address] = { ...all[address], [method.toLowerCase()]: operation(name, of) };
  };
  const names = Object.keys(ROUTES) as RouteName[];
  for (const name of names.filter((each) => !ROUTES[each].path.startsWith(':'))) add(name, null);
  for (const of of COLLECTIONS.keys())
    for (const name of names.filter((each) => ROUTES[each].path.startsWith(':'))) add(name, of);
  return all;
}

let made: Json | undefined;

/** The document; the same object at every call. */
export function openapi(): Json {
  made ??= {
    openapi: '3.1.0',
    info: {
      title: 'Tributary console',
      version: '1',
      description:
        'The configuration as a log, and why each conversion stands where it stands. The codes of refusals are explained in docs/errors.md.',
    },
    servers: [{ url: 'http://127.0.0.1:8081' }],
    security: [{ apiKey: [] }],
    paths: paths(),
    components: {
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } },
      schemas: Object.assign({}, SHARED_SCHEMAS, ...[...COLLECTIONS.values()].map(entitySchemas)),
    },
  };
  return made;
}
