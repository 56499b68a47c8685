/** Reddit Conversions API v3: all we know of it. A batch is taken or refused as a whole, and a refusal names the events to blame. */
import { hashIdentifier, judgeStatus, type OutwardConversion, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { exactUnits, valueProblems } from './amounts.ts';
import { refuseBatch } from './batch-refusal.ts';
import { browserId, hashedIpAddress, pageUrl, userAgent } from './browser.ts';
import { platformClickId } from './click-id.ts';
import { consentProblems, deniesAnyUse, whenConsentDenied } from './consent.ts';
import { noCorrections } from './correction.ts';
import {
  type DestinationPage,
  defineDestination,
  delivered,
  forAll,
  type JudgeInput,
  type OutwardDelivery,
  refused,
  retry,
  type ValidateInput,
  type ValidationProblem,
} from './definition.ts';
import { DAY_MS, MINUTE_MS, timeProblems } from './event-time.ts';
import { foreignPageAnswer, isForeignPage } from './foreign-page.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, eventOverrides, secret } from './settings.ts';
import { subjectHash } from './subject-hash.ts';

const DOCS = 'https://ads-api.reddit.com/docs/v3';
const EVENTS = `${DOCS}/operations/Post%20Conversion%20Events`;
const INTEGRATION = `${DOCS}/guides/programs/capi/direct-integration`;
const HELP = 'https://business.reddithelp.com/s/article';

const MAX_AGE_MS = 7 * DAY_MS;
const MAX_LEAD_MS = 5 * MINUTE_MS;
const MAX_CUSTOM_NAME = 64;

const ACTION_SOURCES = ['WEBSITE', 'APP', 'PHYSICAL_STORE', 'OTHER'] as const;

/** The standard events; every other name is sent as a custom event. */
const TRACKING_TYPES: readonly string[] = [
  'PAGE_VISIT',
  'VIEW_CONTENT',
  'SEARCH',
  'ADD_TO_CART',
  'ADD_TO_WISHLIST',
  'PURCHASE',
  'LEAD',
  'SIGN_UP',
];

const settings = z.strictObject({
  pixelId: z
    .string()
    .regex(/^[A-Za-z0-9_]{1,50}$/, 'must be a pixel id')
    .describe('the pixel id of Events Manager, such as `a2_abc123`'),
  accessToken: secret().describe('a conversion access token of Events Manager, which does not expire'),
  apiVersion: z
    .string()
    .regex(/^v\d{1,2}$/, 'must look like v3')
    .default('v3')
    .describe('version of the Ads API'),
  baseUrl: baseUrl('https://ads-api.reddit.com'),
  actionSource: z.enum(ACTION_SOURCES).default('WEBSITE').describe('where the conversion happened'),
  testId: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,100}$/)
    .optional()
    .describe('from Event Testing; test conversions are sent under it and never without it'),
  limitedDataUse: z
    .enum(['off', 'on'])
    .default('off')
    .describe('whether every event is sent under Limited Data Use'),
  whenConsentDenied: whenConsentDenied(),
  events: eventOverrides().refine(
    (events) => Object.values(events).every((event) => event.length <= MAX_CUSTOM_NAME),
    `must be at most ${MAX_CUSTOM_NAME} characters`,
  ),
});

type RedditSettings = z.output<typeof settings>;

const page: DestinationPage = {
  summary: 'Sends a conversion as a conversion event to one pixel of Reddit Ads.',
  fields: [
    ['`event_at`', 'when the conversion occurred, in milliseconds'],
    ['`action_source`', 'the setting'],
    ['`event_source_url`', "of `WEBSITE`: the extra `event_source_url`, else the click's landing page"],
    [
      '`type.tracking_type`, `custom_event_name`',
      'the table above; a name that is no standard event goes as `CUSTOM` under that name',
    ],
    ['`click_id`', 'the latest `rdt_cid` of the click, as it came'],
    ['`user.email`', 'SHA-256 of the e-mail in lower case, without dots and `+suffix`, made at the edge'],
    ['`user.phone_number`', 'SHA-256 of `+`, country code and digits, made at the edge'],
    ['`user.external_id`', 'SHA-256 of the customer id'],
    ['`user.ip_address`', "SHA-256 of the postback's address, else of the click's"],
    ['`user.user_agent`', "the postback's, else the click's"],
    [
      '`user.uuid`',
      'the extra `rdt_uuid`, the `_rdt_uuid` cookie; never made up, and only with a UUID in it',
    ],
    [
      '`user.data_processing_options`',
      '`LDU` and the country, by `limitedDataUse`, `whenConsentDenied: limit`, or where the person denied personalised ads',
    ],
    ['`metadata.conversion_id`', 'the delivery id, the same on every attempt'],
    ['`metadata.value`, `currency`', 'the revenue in units, written with all its digits'],
    ['`metadata.item_count`, `products`', 'the quantity, and the product where one is named'],
    ['`test_id`', 'of tests, beside `events`'],
  ],
  checks: [
    ['`too_old`, `event_at`', 'at most 7 days old: one older event refuses the whole request'],
    ['`in_future`, `event_at`', 'at most 5 minutes ahead'],
    ['`consent_denied`, `user`', 'with `whenConsentDenied: withhold`'],
    ['`test_not_possible`, `test_id`', 'a test conversion needs `testId`'],
    [
      '`identifier_missing`, `user`',
      'a click id, e-mail, phone, external id or uuid; of `PHYSICAL_STORE` only e-mail, phone and external id are sent',
    ],
    ['`value_invalid`, `metadata.currency`', 'an ISO 4217 code'],
  ],
  answers: [
    ['200 `Successfully processed N conversion events.`, as many as were sent', 'delivered'],
    ['200 with another number', 'retry `events_not_received`, the batch split'],
    [
      '200 `… None were processed.`',
      'retry `batch_refused` with the batch split; refused `event_invalid` when it was alone',
    ],
    [
      '400 or 422 with `fields` such as `$.data.events[1].user.UUID`',
      'nothing was processed: the events named are refused `event_invalid`, the others go again',
    ],
    [
      '400, 413 or 422 that names none',
      'retry `batch_refused` with the batch split; refused `event_invalid` when it was alone',
    ],
    foreignPageAnswer('Reddit'),
    ['401', 'refused `token_invalid`'],
    ['403', 'refused `permission_denied`: the token may not post to this pixel'],
    ['404', 'refused `pixel_unknown`'],
    ['408, 425, 429, 5xx', 'retry `http_<status>`, Retry-After honoured'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `response_unreadable`'],
  ],
  notes: [
    'A repeat is told by `conversion_id` and the type, for custom events also the name, and only within one `action_source`; the pixel must send the same id.',
    'Each test goes in a request of its own: Event Testing shows one event of a request, and takes ten a second.',
    'The e-mail is hashed as the integration guide has it. The page on advanced matching has every other character that is neither letter nor digit removed as well: an address such as `a_b@example.com` may then match nobody.',
    'Reddit throttles default user agents; the sender has its own. The limits are 1,000 requests and 10,000 events a second; an older page has 5,000 requests and 250,000 events a minute.',
    'The documentation shows Limited Data Use with `country` and `region`. We know no region, so only the country is sent, where it is known.',
    'Trials and subscriptions have no standard event. Renewals are left out on purpose: sent as `PURCHASE` they would feed bidding twice.',
  ],
  sources: [
    EVENTS,
    INTEGRATION,
    `${DOCS}/capi-migration`,
    `${HELP}/event-deduplication`,
    `${HELP}/conversion-access-token`,
    "the guide, the table of errors and a 400 as it came: Segment's action-destinations, `reddit-conversions-api/V3-API-REFERENCE.md` and `V3-TEST-SCENARIOS.md`",
    "age and answers: RudderStack's rudder-transformer, `cdk/v2/destinations/reddit` and `v1/destinations/reddit/networkHandler.js`",
    'which identifiers suffice: <https://doc.commandersact.com/features/destinations/destinations-catalog/reddit-conversions-api>',
  ],
};

export const reddit = defineDestination<RedditSettings>({
  key: 'reddit',
  title: 'Reddit Conversions API',
  api: { version: 'v3', docs: DOCS },
  page,
  settings,
  exampleSettings: { pixelId: 'a2_example', accessToken: 'example-conversion-token', testId: 't2_example' },
  events: {
    lead: 'LEAD',
    signup: 'SIGN_UP',
    trial_start: 'StartTrial',
    subscription_started: 'Subscribe',
    first_purchase: 'PURCHASE',
    sale: 'PURCHASE',
  },
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 1_000,
  // Reddit publishes no figure; this one is ours.
  maxBodyBytes: 1_000_000,
  maxAgeMs: () => MAX_AGE_MS,
  dedupWindowMs: 2 * DAY_MS,

  credential: null,

  batchKey: ({ deliveryId, conversion }) => (conversion.isTest ? deliveryId : ''),
  amounts: () => ['revenue'],
  corrections: () =>
    noCorrections(
      'conversion events can only be posted; of two under one id one is dropped as a duplicate',
      EVENTS,
    ),

  validate: (input) => [
    ...timeProblems(input, {
      field: 'event_at',
      source: INTEGRATION,
      maxAgeMs: MAX_AGE_MS,
      maxLeadMs: MAX_LEAD_MS,
    }),
    ...consentProblems(input, { field: 'user', source: 'docs/destinations/reddit.md' }),
    ...testProblems(input),
    ...identifierProblems(input),
    ...valueProblems(input, {
      valueField: 'metadata.value',
      currencyField: 'metadata.currency',
      requiredFor: [],
      source: EVENTS,
    }),
  ],

  buildRequest: ({ deliveries, settings: given }) => {
    const isTest = deliveries.some(({ conversion }) => conversion.isTest);
    return {
      method: 'POST',
      url: `${given.baseUrl}/api/${given.apiVersion}/pixels/${given.pixelId}/conversion_events`,
      headers: { authorization: `Bearer ${given.accessToken}`, 'content-type': 'application/json' },
      body: jsonText({
        data: {
          test_id: isTest ? given.testId : undefined,
          events: deliveries.map((delivery) => conversionEvent(delivery, given)),
        },
      }),
    };
  },

  judge: judgeRequest,
});

type Input = ValidateInput<RedditSettings>;

function testProblems({ conversion: { isTest }, settings: { testId } }: Input): ValidationProblem[] {
  if (!isTest || testId !== undefined) return [];
  const message = 'a test conversion needs a test id';
  return [{ field: 'test_id', code: 'test_not_possible', message, source: INTEGRATION }];
}

/** Match keys that find a person by themselves; an address and a browser do so only with the size of the screen. */
const IDENTIFYING_FIELDS = ['email', 'phone_number', 'external_id', 'uuid'] as const;

function identifierProblems({ conversion, settings: given }: Input): ValidationProblem[] {
  const { click_id: clickId, user } = matchKeys(conversion, given);
  if (clickId !== undefined || IDENTIFYING_FIELDS.some((field) => user[field] !== undefined)) return [];
  const message = 'needs a click id, e-mail, phone, external id or uuid';
  return [{ field: 'user', code: 'identifier_missing', message, source: `${HELP}/conversions-api` }];
}

function conversionEvent(
  { deliveryId, event, conversion }: OutwardDelivery,
  given: RedditSettings,
): JsonValue {
  const { click_id, user } = matchKeys(conversion, given);
  const { revenue, quantity, productId, occurredAt } = conversion;
  const items = quantity ?? undefined;
  return {
    click_id,
    event_at: occurredAt,
    event_source_url: given.actionSource === 'WEBSITE' ? pageUrl(conversion) : undefined,
    action_source: given.actionSource,
    type: TRACKING_TYPES.includes(event)
      ? { tracking_type: event }
      : { tracking_type: 'CUSTOM', custom_event_name: event },
    user: { ...user, data_processing_options: dataProcessing(conversion, given) },
    metadata: {
      conversion_id: deliveryId,
      currency: revenue?.currency,
      value: revenue === null ? undefined : exactUnits(revenue),
      item_count: items,
      products: productId === null ? undefined : [{ id: productId, quantity: items }],
    },
  };
}

/** Of a purchase in a shop Reddit wants nothing that belongs to a browser. Source: the integration guide, match keys. */
function matchKeys(conversion: OutwardConversion, { actionSource }: RedditSettings) {
  const { customerId } = conversion;
  const isInBrowser = actionSource !== 'PHYSICAL_STORE';
  return {
    click_id: isInBrowser ? platformClickId(conversion, ['rdt_cid'])?.value : undefined,
    user: {
      email: subjectHash(conversion, 'emailDotless'),
      phone_number: subjectHash(conversion, 'phoneE164'),
      external_id: customerId === null ? undefined : (hashIdentifier(customerId) ?? undefined),
      ip_address: isInBrowser ? hashedIpAddress(conversion) : undefined,
      user_agent: isInBrowser ? userAgent(conversion) : undefined,
      uuid: isInBrowser ? browserId(conversion, 'rdt_uuid') : undefined,
    },
  };
}

/** The former `opt_out` is said this way too. Source: the migration guide from v2. */
function dataProcessing(conversion: OutwardConversion, { limitedDataUse }: RedditSettings) {
  if (limitedDataUse === 'off' && !deniesAnyUse(conversion)) return undefined;
  return { modes: ['LDU'], country: conversion.country ?? undefined };
}

/** Recorded are answers with the sentence in `data` and answers with nothing around it. */
const told = z.union([
  z.looseObject({ data: z.looseObject({ message: z.string() }) }).transform(({ data }) => data.message),
  z.looseObject({ message: z.string() }).transform(({ message }) => message),
]);
const NONE_PROCESSED = /\bNone were processed\b/;
const PROCESSED = /^Successfully processed (\d+) conversion events?\.?$/;

const failure = z.looseObject({
  error: z.looseObject({
    message: z.string().optional(),
    /** Of a 401, where it differs from the others. */
    explanation: z.string().optional(),
    fields: z.array(z.looseObject({ field: z.string(), message: z.string().optional() })).optional(),
  }),
});

type RedditError = z.output<typeof failure>['error'];

/** Statuses that refuse a whole request for what some of its events hold. */
const EVENT_STATUSES: readonly number[] = [400, 413, 422];

const DESTINATION_REASONS: Readonly<Record<number, string>> = {
  401: 'token_invalid',
  403: 'permission_denied',
  404: 'pixel_unknown',
};

function judgeRequest({ response, deliveryCount, now }: JudgeInput<RedditSettings>) {
  const { status, headers } = response;
  const byStatus = judgeStatus({ status, retryAfterMs: parseRetryAfter(headers['retry-after'], now) });
  const body = parseJson(response.body);
  if (byStatus.outcome === 'delivered') return judgeProcessed(body, deliveryCount);
  if (isForeignPage(response)) return forAll(deliveryCount, retry('response_unreadable'));
  const error = failure.safeParse(body).data?.error ?? {};
  const detail = describe(error);
  if (EVENT_STATUSES.includes(status)) {
    return refuseBatch({ deliveryCount, named: placesIn(error), reason: 'event_invalid', detail });
  }
  const reason = DESTINATION_REASONS[status];
  if (reason !== undefined) return forAll(deliveryCount, refused(reason, 'destination', detail));
  return forAll(deliveryCount, detail === undefined ? byStatus : { ...byStatus, detail });
}

function judgeProcessed(body: unknown, deliveryCount: number) {
  const message = told.safeParse(body).data ?? '';
  if (NONE_PROCESSED.test(message)) {
    return refuseBatch({ deliveryCount, named: [], reason: 'event_invalid', detail: message });
  }
  const count = PROCESSED.exec(message)?.[1];
  if (count === undefined) return forAll(deliveryCount, retry('response_unreadable'));
  if (Number(count) === deliveryCount) return forAll(deliveryCount, delivered());
  const splitBatch = deliveryCount > 1;
  return forAll(deliveryCount, retry('events_not_received', { detail: message, splitBatch }));
}

function placesIn({ fields = [] }: RedditError): number[] {
  return fields.flatMap(({ field }) => {
    const place = /^\$\.data\.events\[(\d+)\]/.exec(field)?.[1];
    return place === undefined ? [] : [Number(place)];
  });
}

function describe({ message, explanation, fields = [] }: RedditError): string | undefined {
  const parts = [
    message,
    explanation,
    ...fields.map(({ field, message: fault }) => `${field}: ${fault ?? ''}`),
  ];
  return parts.filter((part) => part !== undefined).join(' ') || undefined;
}
