/** Every configuration entity: its shape, its limits and its defaults, as the log keeps it and as every service reads it. */
import {
  AMOUNT_FORMATS,
  AMOUNT_UNITS,
  CHARSETS,
  compileTemplate,
  DESTINATION_MODES,
  isTimeZone,
  LANDING_PAGE_CATALOGUE,
  type LintSeverity,
  lintTemplate,
  MATCHES,
  type OverrideScope,
  POSTBACK_PARAMETERS,
  POSTBACK_STATUSES,
  type PostbackField,
  parseExchangeRate,
  REPEAT_MODES,
  STANDARD_EVENT_CLASSES,
  STANDARD_WITHOUT_TRANSACTION_ID,
  STATES,
  TIME_FORMATS,
  WITHOUT_TRANSACTION_ID,
} from '@tributary/domain';
import { z } from 'zod';
import {
  currency,
  DAY_MS,
  decimal,
  durationMs,
  eventType,
  foreignWord,
  id,
  name,
  notEmpty,
  someMs,
} from './fields.ts';
import { offer } from './offer.ts';

// The log is folded from its first record by every later release, and a document that no longer fits is passed over: the
// one before it stays in force. So a schema here may only ever widen: new fields optional, new values added, limits raised.

export const CAMPAIGN_STATUSES = ['active', 'paused'] as const;
export const DESTINATION_STATUSES = ['active', 'disabled'] as const;

/** What a source may want answered instead of 200 and our JSON. */
export const SUCCESS_STATUSES = [200, 201, 202, 204] as const;
export const SUCCESS_CONTENT_TYPES = [
  'text/plain',
  'text/html',
  'application/json',
  'application/xml',
  'image/gif',
] as const;

/** Parked and held conversions are never delivered, so no subscription can ask for them. */
export const DELIVERABLE_MATCHES = MATCHES.filter((match) => match !== 'parked');
export const DELIVERABLE_STATES = STATES.filter((state) => state !== 'held');

const urlTemplate = z.string().superRefine((text, context) => {
  const compiled = compileTemplate(text, LANDING_PAGE_CATALOGUE);
  if (!compiled.ok) {
    for (const { message, ...params } of compiled.problems)
      context.addIssue({ code: 'custom', message, params });
  } else if (!isSafeOrigin(compiled.template.origin)) {
    context.addIssue({ code: 'custom', message: 'must be https, or http to this very machine' });
  }
});

const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

function isSafeOrigin(origin: string): boolean {
  const { protocol, hostname } = new URL(origin);
  return protocol === 'https:' || LOOPBACK_HOST.test(hostname);
}

/** What a payment of a subscription lasts; months are those of the calendar. */
const period = z.union([
  z.strictObject({ days: z.int().min(1).max(366) }),
  z.strictObject({ months: z.int().min(1).max(60) }),
]);

/** What each time is about stands beside the type `LifecycleRules` of the domain; what is left out is at its standard there. */
const lifecycle = z.strictObject({
  worthActingForMs: someMs.optional(),
  activationWithinMs: someMs.optional(),
  renewalPeriod: period.optional(),
  renewalPeriodsByPlan: z.record(foreignWord, period).optional(),
  renewalNoticeMs: durationMs.optional(),
  renewalGraceMs: durationMs.optional(),
  winBackAfterChurnMs: someMs.optional(),
  winBackAfterSilenceMs: someMs.optional(),
});

const advertiser = z.strictObject({
  id,
  name,
  currency,
  /** Complete: the standard classes are written into the document, so that a later standard never changes old facts. */
  eventClasses: z
    .record(eventType, eventType)
    .default({})
    .transform((given) => ({ ...STANDARD_EVENT_CLASSES, ...given })),
  /**
   * Complete, like the classes. A rule of the advertiser and not of the offer: an offer is only known once the click is
   * found, and the identity of a fact cannot depend on when that happens.
   */
  withoutTransactionId: z
    .record(eventType, z.enum(WITHOUT_TRANSACTION_ID))
    .default({})
    .transform((given) => ({ ...STANDARD_WITHOUT_TRANSACTION_ID, ...given })),
  /** How long a conversion waits for its click; without a click there is no offer to say it. */
  parkedForMs: durationMs.default(DAY_MS),
  /** What a further report of a known fact does, by its event type; `reject` where nothing is said. */
  onRepeat: z.record(eventType, z.enum(REPEAT_MODES)).optional(),
  /** When signals to CRM tools are raised. */
  lifecycle: lifecycle.optional(),
});

const campaign = z.strictObject({
  id,
  offerId: id,
  partnerId: id.optional(),
  name,
  /** URL template with macros of a landing page. */
  landingUrl: urlTemplate,
  status: z.enum(CAMPAIGN_STATUSES),
  /** Where a click on a paused campaign goes, with the same macros; without one, where the installation says. */
  fallbackUrl: urlTemplate.optional(),
  /** Currency of a click's `cost` that comes without its own. */
  costCurrency: currency.optional(),
});

const partner = z.strictObject({ id, name });

/** What one unit of a currency is worth in another, in that direction only; a later change leaves earlier facts as they were. */
const exchangeRate = z
  .strictObject({
    id,
    from: currency,
    to: currency,
    rate: z
      .string()
      .refine(
        (text) => parseExchangeRate(text) !== null,
        'must be a decimal above 0 with a point and at most 12 digits on either side of it, such as 0.9215',
      ),
  })
  .superRefine((given, context) => {
    if (given.from === given.to)
      context.addIssue({ code: 'custom', path: ['to'], message: 'must be another currency than from' });
    // The pair is the id, so that it has one rate at a time and the one at an instant is found without a search.
    if (given.id !== exchangeRateIdOf(given.from, given.to))
      context.addIssue({
        code: 'custom',
        path: ['id'],
        message: 'must be from and to in lower case with a dash between them, such as usd-eur',
      });
  });

/** The id of the entity that holds the rate of a pair of currencies. */
export function exchangeRateIdOf(from: string, to: string): string {
  return `${from}-${to}`.toLowerCase();
}

const POSTBACK_FIELDS = Object.keys(POSTBACK_PARAMETERS) as readonly PostbackField[];

/** The name of a parameter, or a path to it. */
const parameterPath = foreignWord;
const postbackField = z.enum(POSTBACK_FIELDS);
const foreignWords = z.array(foreignWord).max(1_000);

const eventTypeRule = z.strictObject({
  when: z
    .record(parameterPath, z.string().max(200))
    .refine((when) => Object.keys(when).length > 0, 'must name at least one parameter'),
  eventType,
});

/** What each member means stands beside the type `SourceProfile` of the domain; what is left out is at its default there. */
const profile = z.strictObject({
  aliases: z.partialRecord(postbackField, notEmpty(parameterPath)).default({}),
  constants: z.partialRecord(postbackField, foreignWord).optional(),
  eventTypes: z.record(foreignWord, eventType).optional(),
  eventTypeRules: z.array(eventTypeRule).max(1_000).optional(),
  ignoredEventTypes: foreignWords.optional(),
  ignoredStatuses: foreignWords.optional(),
  statuses: z.record(foreignWord, z.enum(POSTBACK_STATUSES)).optional(),
  defaultStatus: z.enum(POSTBACK_STATUSES).optional(),
  amountUnit: z.enum(AMOUNT_UNITS).default('units'),
  amountFormat: z.enum(AMOUNT_FORMATS).optional(),
  amountCarriesCurrency: z.boolean().optional(),
  currencies: z.record(foreignWord, currency).optional(),
  defaultEventType: eventType.optional(),
  defaultCurrency: currency.optional(),
  defaultRevenue: z.record(eventType, decimal).optional(),
  timeFormats: notEmpty(z.enum(TIME_FORMATS)).optional(),
  timeZone: z.string().refine(isTimeZone, 'must be a time zone of the IANA database').optional(),
  charset: z.enum(CHARSETS).optional(),
  charsetParameter: foreignWord.optional(),
  isDoubleEncoded: z.boolean().optional(),
  qualifiesBy: z.strictObject({ parameter: parameterPath, atLeast: decimal }).optional(),
  rowsAt: parameterPath.optional(),
});

/**
 * The secret fields of a source. Either verifies, so at most two are active: a new one goes into the free field, and the
 * old one is taken away when its sender has changed over.
 */
export const SIGNING_SECRETS = ['signing.first', 'signing.second'] as const;

const addressOrRange = z.union([z.ipv4(), z.cidrv4(), z.ipv6(), z.cidrv6()], {
  error: 'must be an IP address or a range such as 203.0.113.0/24',
});

/**
 * Which proofs a call must bring. What is left out follows from what the source has: a token where it has token hashes, a
 * signature where it has signing secrets, both where it has both. A proof that is not required is judged when it is there.
 * Without any required proof only the allow list speaks for a call, and without that list nobody may post.
 */
const authentication = z.strictObject({
  token: z.boolean().optional(),
  signature: z.boolean().optional(),
});

const source = z
  .strictObject({
    id,
    advertiserId: id,
    /** Never changes once the source exists: two owners would otherwise decide one lane. */
    lane: id.optional(),
    name,
    tokenHashes: z
      .array(z.string().regex(/^[0-9a-f]{64}$/, 'must be SHA-256 as lower-case hex'))
      .max(20)
      .default([]),
    authentication: authentication.optional(),
    /** Who may call, as seen behind `TRUSTED_PROXIES`; everybody when left out. */
    allowedAddresses: z.array(addressOrRange).min(1).max(500).optional(),
    /** Refuses what came to us, or to the outermost trusted proxy, without TLS. */
    requiresHttps: z.boolean().optional(),
    /** Postbacks a second, over all instances of ingestion; without limit when left out. */
    ratePerSecond: z.number().min(0.01).max(1_000_000).optional(),
    /** Postbacks that may come at once after a pause; one second's worth when left out. */
    rateBurst: z.int().min(1).max(10_000_000).optional(),
    profile: profile.prefault({}),
    allowedExtras: z.array(foreignWord).max(100).default([]),
    /** What the source wants to read on success instead of our JSON. */
    successBody: z.string().max(1_000).optional(),
    successStatus: z.literal(SUCCESS_STATUSES).optional(),
    successContentType: z.enum(SUCCESS_CONTENT_TYPES).optional(),
    isTest: z.boolean().default(false),
  })
  .transform((given) => ({ ...given, lane: given.lane ?? given.advertiserId }));

/** What waits for a destination lies in the timer topics, which are kept for 7 days. */
const MAX_DISABLE_AFTER_MS = 6 * DAY_MS;

/** Settings in place of the destination's own, for the conversions of an offer, of an event type, or of both. */
const override = z
  .strictObject({
    offerId: id.optional(),
    eventType: eventType.optional(),
    /** Only what differs, and only what the definition lets differ. */
    settings: z.record(z.string(), z.unknown()),
  })
  .superRefine(({ offerId, eventType: event }, context) => {
    if (offerId === undefined && event === undefined)
      context.addIssue({ code: 'custom', message: 'must name an offer, an event type or both' });
  });

const overrides = z
  .array(override)
  .max(1_000)
  .superRefine((given, context) => {
    const seen = new Set<string>();
    for (const [index, { offerId = '', eventType: event = '' }] of given.entries()) {
      const scope = `${offerId} ${event}`;
      if (seen.has(scope))
        context.addIssue({ code: 'custom', path: [index], message: 'is for the same as one before it' });
      seen.add(scope);
    }
  });

/** What is held longer than this would be of no use to any platform. */
const MAX_GUARD_MS = 7 * DAY_MS;

/** For some time after a change of the destination or of a subscription to it, outliers are held before they are told. */
const guard = z
  .strictObject({
    /** Then everything passes, also what was held; a day when left out. */
    forMs: someMs.max(MAX_GUARD_MS, 'must be at most 7 days').optional(),
    /** The largest amount that passes, by currency; amounts in any other currency are held too. */
    maxValue: z
      .record(currency, decimal)
      .refine((limits) => Object.keys(limits).length > 0, 'must name at least one currency')
      .optional(),
    /** How many pass within an hour, over all instances of fan-out. */
    maxPerHour: z.int().min(1).max(1_000_000_000).optional(),
    /** ISO 8601 in UTC: what was decided until then has been looked at, and passes. */
    releasedAt: z.iso.datetime().optional(),
  })
  .refine(
    ({ maxValue, maxPerHour }) => maxValue !== undefined || maxPerHour !== undefined,
    'must name maxValue, maxPerHour or both',
  );

const destination = z.strictObject({
  id,
  name,
  /** Key of the platform's definition. */
  definition: id,
  /** What the definition asks for, without the secret fields; only the definition can judge it. */
  settings: z.record(z.string(), z.unknown()).default({}),
  /** Of those that fit a conversion one counts: for offer and event type, else for the offer, else for the event type. */
  overrides: overrides.optional(),
  advertiserId: id.optional(),
  partnerId: id.optional(),
  status: z.enum(DESTINATION_STATUSES),
  /** What is done with what it is to be told; `live` when left out. What was rehearsed in another mode is never sent later. */
  mode: z.enum(DESTINATION_MODES).optional(),
  guard: guard.optional(),
  /** Milliseconds before the second, third, … attempt, in place of the fast ladder. */
  scheduleMs: z.array(durationMs).max(50).optional(),
  /** Requests to it at once, from each instance of fan-out; 16 when left out. */
  concurrency: z.int().min(1).max(256).optional(),
  /** Requests a second, over all instances of fan-out; without limit when left out. */
  ratePerSecond: z.number().min(0.01).max(1_000_000).optional(),
  /** After so long of nothing but failures it is switched off; 5 days when left out. */
  disableAfterMs: someMs.max(MAX_DISABLE_AFTER_MS, 'must be at most 6 days').optional(),
});

/** A range of an amount in one currency; what has another currency, or no amount, is not in it. */
const revenueRange = z
  .strictObject({ currency, atLeast: decimal.optional(), below: decimal.optional() })
  .refine(
    ({ atLeast, below }) => atLeast !== undefined || below !== undefined,
    'must name atLeast, below or both',
  );

const CONDITION_FIELD =
  /^(?:campaignId|customerId|productId|planId|couponCode|isFirstOfCustomer|(?:subIds|clickSubIds|extras)\.[\w.-]{1,64})$/;

/** What one further fact of a conversion must be; of several parts all must hold. */
const condition = z
  .strictObject({
    field: z
      .string()
      .regex(
        CONDITION_FIELD,
        'must be campaignId, customerId, productId, planId, couponCode, isFirstOfCustomer, or a name behind subIds., clickSubIds. or extras.',
      ),
    /** It is one of these; `isFirstOfCustomer` is `true` or `false`. */
    anyOf: notEmpty(z.string().max(1_000)).optional(),
    /** It is missing, or none of these. */
    noneOf: notEmpty(z.string().max(1_000)).optional(),
    isPresent: z.boolean().optional(),
  })
  .refine(
    ({ anyOf, noneOf, isPresent }) => anyOf !== undefined || noneOf !== undefined || isPresent !== undefined,
    'must name anyOf, noneOf or isPresent',
  );

const subscription = z.strictObject({
  id,
  destinationId: id,
  /** A conversion must fit every list that is there. */
  filter: z
    .strictObject({
      eventTypes: notEmpty(eventType).optional(),
      offerIds: notEmpty(id).optional(),
      partnerIds: notEmpty(id).optional(),
      sourceIds: notEmpty(id).optional(),
      matches: notEmpty(z.enum(DELIVERABLE_MATCHES)).default(['attributed']),
      states: notEmpty(z.enum(DELIVERABLE_STATES)).default(['payable']),
      /** Net of what was taken back by then. */
      revenue: revenueRange.optional(),
      /** ISO 3166 of the conversion, or of its click. */
      countries: notEmpty(
        z.string().regex(/^[A-Z]{2}$/, 'must be a country of ISO 3166 such as DE'),
      ).optional(),
      /** All must hold. */
      conditions: z.array(condition).min(1).max(50).optional(),
    })
    .prefault({}),
  /** Outward event by event type, in place of the definition's own mapping. */
  events: z.record(eventType, foreignWord).optional(),
});

/** What the holder of an API key may do; the table is `apps/console/src/routes.ts`. */
export const API_KEY_ROLES = ['admin', 'analyst', 'partner'] as const;
export type ApiKeyRole = (typeof API_KEY_ROLES)[number];

/** The actor of changes made with the process's own key, so no configured key may be called that. */
export const BOOTSTRAP_KEY_ID = 'console_api_key';

/** Who may use the console. The key itself is nowhere; its hash is a secret field. */
const apiKey = z
  .strictObject({
    id: id.refine((text) => text !== BOOTSTRAP_KEY_ID, 'is the name of the key in CONSOLE_API_KEY'),
    name,
    role: z.enum(API_KEY_ROLES),
    /** Whose campaigns and offers a key of role `partner` shows. */
    partnerId: id.optional(),
    /** ISO 8601 in UTC; from then on the key opens nothing. */
    expiresAt: z.iso.datetime().optional(),
  })
  .superRefine(({ role, partnerId }, context) => {
    if ((role === 'partner') === (partnerId !== undefined)) return;
    const message = role === 'partner' ? 'is needed for the role partner' : 'is only for the role partner';
    context.addIssue({ code: 'custom', path: ['partnerId'], message });
  });

/** The schema of each entity's document; unknown keys are refused, defaults are filled in. */
export const ENTITY_SCHEMAS = {
  advertiser,
  offer,
  campaign,
  partner,
  source,
  destination,
  subscription,
  api_key: apiKey,
  exchange_rate: exchangeRate,
} as const;

export type ConfiguredEntityType = keyof typeof ENTITY_SCHEMAS;

export const CONFIGURED_ENTITY_TYPES = Object.keys(ENTITY_SCHEMAS) as readonly ConfiguredEntityType[];

type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** An entity as readers see it: every default filled in. */
export type EntityOf<T extends ConfiguredEntityType> = DeepReadonly<z.output<(typeof ENTITY_SCHEMAS)[T]>>;

export type Advertiser = EntityOf<'advertiser'>;
export type Offer = EntityOf<'offer'>;
export type Campaign = EntityOf<'campaign'>;
export type Partner = EntityOf<'partner'>;
export type Source = EntityOf<'source'>;
export type SourceProfile = Source['profile'];
export type Destination = EntityOf<'destination'>;
export type Subscription = EntityOf<'subscription'>;
export type ApiKey = EntityOf<'api_key'>;

/** What each override of a destination is for, in the order of the document. */
export function overrideScopesOf({
  overrides = [],
}: Pick<Destination, 'overrides'>): readonly OverrideScope[] {
  return overrides.map(({ offerId = null, eventType: event = null }) => ({ offerId, eventType: event }));
}

/** One fault of a document; `path` is where, dotted, empty for the whole. */
export interface DocumentProblem {
  readonly path: string;
  readonly message: string;
  /** Of a fault within a text that has a grammar of its own, as a template: a stable code, where it begins, and how long it is. */
  readonly code?: string;
  readonly position?: number;
  readonly length?: number;
}

export type ParsedDocument<T extends ConfiguredEntityType> =
  | { readonly ok: true; readonly entity: EntityOf<T> }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/** Judges a document of one entity type, alone: whether what it refers to exists is another matter. */
export function parseDocument<T extends ConfiguredEntityType>(
  entityType: T,
  document: unknown,
): ParsedDocument<T> {
  const parsed = ENTITY_SCHEMAS[entityType].safeParse(document);
  if (parsed.success) return { ok: true, entity: parsed.data as EntityOf<T> };
  return { ok: false, problems: parsed.error.issues.map(problemOf) };
}

function problemOf(issue: z.core.$ZodIssue): DocumentProblem {
  const { path, message } = issue;
  return { path: path.join('.'), message, ...(issue.code === 'custom' ? issue.params : undefined) };
}

/** What is wrong or doubtful in a document that parses. */
export interface DocumentFindings {
  /** With one of these the document is not to be written. */
  readonly errors: readonly DocumentProblem[];
  readonly warnings: readonly DocumentProblem[];
}

/**
 * Reviews a document that somebody is about to write. The fold never asks: what was taken once stays in force, however
 * strict a later release is.
 */
export function reviewDocument<T extends ConfiguredEntityType>(
  entityType: T,
  entity: EntityOf<T>,
): DocumentFindings {
  return entityType === 'campaign' ? reviewCampaign(entity as Campaign) : { errors: [], warnings: [] };
}

function reviewCampaign({ landingUrl, fallbackUrl }: Campaign): DocumentFindings {
  const found = Object.entries({ landingUrl, fallbackUrl }).flatMap(([path, text]) =>
    text === undefined ? [] : lintTemplate(text, 'landing_page').map((finding) => ({ path, ...finding })),
  );
  return findingsBySeverity(found);
}

/** Sorts what a linter found into what forbids a document and what does not. */
export function findingsBySeverity(
  found: readonly (DocumentProblem & { readonly severity: LintSeverity })[],
): DocumentFindings {
  const of = (wanted: LintSeverity) =>
    found.filter(({ severity }) => severity === wanted).map(({ severity: _, ...problem }) => problem);
  return { errors: of('error'), warnings: of('warning') };
}

/** The document of an entity type as JSON Schema 2020-12, as a writer sends it: what has a default may be left out. */
export function documentJsonSchema(entityType: ConfiguredEntityType): Readonly<Record<string, unknown>> {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(ENTITY_SCHEMAS[entityType], { io: 'input' });
  return schema;
}

export function isConfiguredEntityType(text: string): text is ConfiguredEntityType {
  return Object.hasOwn(ENTITY_SCHEMAS, text);
}
