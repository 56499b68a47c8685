/** Meta Conversions API: all we know of it. A batch is taken or refused as a whole, and `judge` reads the body, not only the status. */
import {
  type AttemptOutcome,
  judgeStatus,
  type OutwardConversion,
  parseRetryAfter,
  type SubjectForm,
} from '@tributary/domain';
import { z } from 'zod';
import { exactUnits, predictedLtv, valueProblems } from './amounts.ts';
import { browserId, ipAddress, pageUrl, userAgent } from './browser.ts';
import { platformClickId } from './click-id.ts';
import { consentProblems, whenConsentDenied } from './consent.ts';
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
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, eventOverrides, secret } from './settings.ts';
import { subjectHashList } from './subject-hash.ts';

const DOCS = 'https://developers.facebook.com/docs/marketing-api/conversions-api';
const SERVER_EVENT = `${DOCS}/parameters/server-event`;
const CUSTOMER_INFORMATION = `${DOCS}/parameters/customer-information-parameters`;
const CUSTOM_DATA = `${DOCS}/parameters/custom-data`;

/** The platform takes events of 7 days, of physical stores 62; one older event refuses the whole request. */
const MAX_AGE_MS = 7 * DAY_MS;
const STORE_MAX_AGE_MS = 62 * DAY_MS;
/** How far in the future an event may be, for clocks that differ. */
const MAX_LEAD_MS = MINUTE_MS;
/** The browser's own `_fbc` cookie lives 90 days; an older click is not sent as one. */
const FBC_LIFETIME_MS = 90 * DAY_MS;

/** `action_source` of the server event. Those of apps need `app_data` about the device, which no postback has. */
const ACTION_SOURCES = [
  'website',
  'email',
  'phone_call',
  'chat',
  'physical_store',
  'system_generated',
  'other',
] as const;

/**
 * Limited Data Use: whether the platform limits what it does with the event, and for which state.
 * Source: developers.facebook.com, data processing options; 0/0 lets the platform locate the person, 1/1000 is California.
 */
const LIMITED_DATA_USE = {
  off: {},
  located: {
    data_processing_options: ['LDU'],
    data_processing_options_country: 0,
    data_processing_options_state: 0,
  },
  california: {
    data_processing_options: ['LDU'],
    data_processing_options_country: 1,
    data_processing_options_state: 1_000,
  },
} as const;

const settings = z.strictObject({
  pixelId: z
    .string()
    .regex(/^\d{1,20}$/, 'must be the digits of a pixel or dataset id')
    .describe('the digits of the pixel or dataset id'),
  accessToken: secret().describe('sent in the `Authorization` header, never in the URL'),
  apiVersion: z
    .string()
    .regex(/^v\d{1,3}\.\d$/, 'must look like v25.0')
    .default('v25.0')
    .describe('version of the Graph API'),
  baseUrl: baseUrl('https://graph.facebook.com'),
  actionSource: z.enum(ACTION_SOURCES).default('website').describe('where the conversion happened'),
  testEventCode: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,50}$/)
    .optional()
    .describe(
      'from the Test Events page; test conversions are sent under it and never without it. Meta counts them all the same, see below: leave it out where they must not count',
    ),
  limitedDataUse: z
    .enum(['off', 'located', 'california'])
    .default('off')
    .describe(
      'whether Meta limits what it does with the event; by `located` it finds out where the person is, by `california` it is told',
    ),
  /** `limit` sends them under Limited Data Use. */
  whenConsentDenied: whenConsentDenied(),
  cookieDomainDots: z
    .int()
    .min(0)
    .max(3)
    .default(1)
    .describe(
      'dots in the registrable domain that holds the `_fbc` cookie: 1 for example.com, 2 for example.co.uk',
    ),
  events: eventOverrides(),
});

const page: DestinationPage = {
  summary:
    'Sends a conversion as a server event to one pixel or dataset, so that Meta can match it to a person and optimise for it.',
  fields: [
    ['`event_name`', 'the table above'],
    ['`event_time`', 'when the conversion occurred, in seconds'],
    ['`event_id`', 'the delivery id, the same on every attempt'],
    ['`action_source`', 'the setting'],
    ['`event_source_url`', "the extra `event_source_url`, else the click's landing page"],
    ['`opt_out`', '`true` when the person denied personalised ads'],
    [
      '`user_data.em`, `ph`, `external_id`, `fn`, `ln`, `ct`, `st`, `zp`, `country`',
      'SHA-256 of the form Meta asks for, made at the edge; sent as they are, where we have them. The edge makes hashes of e-mail, phone and customer id',
    ],
    [
      '`user_data.client_ip_address`',
      "the postback's address, else the click's; decrypted for this one request",
    ],
    ['`user_data.client_user_agent`', "the postback's, else the click's"],
    [
      '`user_data.fbc`',
      'the extra `fbc` when it holds the same click; else built from the latest `fbclid` as `fb.{dots}.{first seen, ms}.{fbclid}`, unless that is more than 90 days older than the conversion',
    ],
    ['`user_data.fbp`', 'the extra `fbp`, never made up'],
    ['`custom_data.value`, `currency`', 'the revenue, written with all its digits'],
    ['`custom_data.order_id`', 'the transaction id'],
    [
      '`custom_data.predicted_ltv`',
      'what the customer is expected to be worth, in the currency of the revenue',
    ],
    [
      '`custom_data.content_ids`, `contents`, `content_type`, `num_items`',
      'the product and the quantity, where the postback names them; the type is `product`',
    ],
  ],
  checks: [
    [
      '`too_old`, `event_time`',
      'at most 7 days old, 62 for `physical_store`: one older event refuses the whole request',
    ],
    ['`in_future`, `event_time`', 'at most one minute ahead'],
    ['`consent_denied`, `user_data`', 'with `whenConsentDenied: withhold`'],
    ['`test_not_possible`, `test_event_code`', 'a test conversion needs `testEventCode`'],
    [
      '`identifier_missing`, `user_data`',
      'an e-mail, phone, external id, `fbc` or `fbp`, or both IP address and user agent',
    ],
    ['`field_missing`, `custom_data.value`', '`Purchase` needs value and currency'],
    ['`value_invalid`, `custom_data.currency`', 'an ISO 4217 code'],
    ['`field_missing`, `event_source_url` or `user_data.client_user_agent`', 'website events need both'],
  ],
  answers: [
    ['`events_received` equals what was sent', 'delivered'],
    ['`events_received` is less', 'retry `events_not_received`, the batch split'],
    ['error 4, 17, 80003, or HTTP 429', 'retry `throttled`, Retry-After honoured'],
    ['HTTP 5xx with an error body, `is_transient`, or a code not in this table', 'retry `platform_failing`'],
    ['HTTP 408, 425, 429 or 5xx without an error body', 'retry `http_<status>`'],
    ['error 190', 'refused `token_invalid`, which concerns the destination'],
    ['error 200', 'refused `permission_denied`, likewise'],
    ['error 100 with subcode 33', 'refused `dataset_unreachable`, likewise: a wrong pixel id, or not ours'],
    ['error 3, 100, 105, 294, 2650 for several events', 'retry `batch_refused`, the batch split'],
    ['error 100 with subcode 2804003', 'refused `event_too_old`'],
    ['error 3, 100, 105, 294, 2650', 'refused `event_invalid`'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `response_unreadable`'],
  ],
  notes: [
    'Renewals are left out on purpose: Meta has no standard event for them, and sent as `Purchase` they would feed bidding twice. Name them in `events` to send them.',
    'Events under a `test_event_code` show on the Test Events page and are used for targeting and measurement like any other, says Meta. A dataset of its own keeps tests apart.',
  ],
  sources: [
    SERVER_EVENT,
    CUSTOMER_INFORMATION,
    CUSTOM_DATA,
    `${DOCS}/using-the-api`,
    "error codes: RudderStack's rudder-transformer, `facebookUtils/networkHandler.js`",
    "the form of `fbc`: Meta's capi-param-builder",
    "fields: Meta's published `facebook-nodejs-business-sdk` 24.0.1",
  ],
};

type MetaSettings = z.output<typeof settings>;

export const meta = defineDestination<MetaSettings>({
  key: 'meta',
  title: 'Meta Conversions API',
  api: { version: 'v25.0', docs: DOCS },
  page,
  settings,
  exampleSettings: {
    pixelId: '1234567890123456',
    accessToken: 'EAAB-example-token',
    testEventCode: 'TEST12345',
  },
  // Renewals have no standard event; sent as Purchase they would feed bidding twice, so they are opt-in by `events`.
  events: {
    lead: 'Lead',
    signup: 'CompleteRegistration',
    trial_start: 'StartTrial',
    subscription_started: 'Subscribe',
    first_purchase: 'Purchase',
    sale: 'Purchase',
  },
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 1_000,
  // The platform publishes no figure; RudderStack keeps to about 1 MB.
  maxBodyBytes: 1_000_000,
  maxAgeMs,
  // By event_name and event_id; within five minutes the browser's copy wins.
  dedupWindowMs: 2 * DAY_MS,

  credential: null,

  batchKey: () => '',
  amounts: () => ['revenue'],
  corrections: () =>
    noCorrections(
      'the Conversions API has no call to change or take back an event; one sent again under its id is dropped as a repeat',
      SERVER_EVENT,
    ),

  validate: (input) => [
    ...timeProblems(input, timeRule(input.settings)),
    ...consentProblems(input, { field: 'user_data', source: 'docs/destinations/meta.md' }),
    ...testProblems(input),
    ...customerProblems(input),
    ...valueProblems(input, VALUE_RULE),
    ...websiteProblems(input),
  ],

  buildRequest: ({ deliveries, settings: given }) => {
    const isTest = deliveries.some(({ conversion }) => conversion.isTest);
    return {
      method: 'POST',
      url: `${given.baseUrl}/${given.apiVersion}/${given.pixelId}/events`,
      // In a header rather than the URL, because URLs end up in the logs of proxies.
      headers: { authorization: `Bearer ${given.accessToken}`, 'content-type': 'application/json' },
      body: jsonText({
        data: deliveries.map((delivery) => serverEvent(delivery, given)),
        test_event_code: isTest ? given.testEventCode : undefined,
      }),
    };
  },

  // A request is taken or refused as a whole, so all its events share one outcome.
  judge: (input) => forAll(input.deliveryCount, judgeRequest(input)),
});

type Input = ValidateInput<MetaSettings>;

const VALUE_RULE = {
  valueField: 'custom_data.value',
  currencyField: 'custom_data.currency',
  requiredFor: ['Purchase'],
  source: CUSTOM_DATA,
} as const;

function maxAgeMs({ actionSource }: MetaSettings): number {
  return actionSource === 'physical_store' ? STORE_MAX_AGE_MS : MAX_AGE_MS;
}

function timeRule(given: MetaSettings) {
  return { field: 'event_time', source: SERVER_EVENT, maxAgeMs: maxAgeMs(given), maxLeadMs: MAX_LEAD_MS };
}

function testProblems({ conversion: { isTest }, settings: { testEventCode } }: Input): ValidationProblem[] {
  if (!isTest || testEventCode !== undefined) return [];
  const message = 'a test conversion needs a test event code';
  return [{ field: 'test_event_code', code: 'test_not_possible', message, source: `${DOCS}/using-the-api` }];
}

/** Fields that identify a person by themselves; a country or a city alone matches nobody. */
const IDENTIFYING_FIELDS = ['em', 'ph', 'external_id', 'fbc', 'fbp'] as const;

function customerProblems({ conversion, settings: given }: Input): ValidationProblem[] {
  const user = userData(conversion, given);
  const isIdentified =
    IDENTIFYING_FIELDS.some((field) => user[field] !== undefined) ||
    (user.client_ip_address !== undefined && user.client_user_agent !== undefined);
  if (isIdentified) return [];
  const message = 'needs an e-mail, phone, external id, fbclid or fbp, or both IP address and user agent';
  return [{ field: 'user_data', code: 'identifier_missing', message, source: CUSTOMER_INFORMATION }];
}

function websiteProblems({ conversion, settings: { actionSource } }: Input): ValidationProblem[] {
  if (actionSource !== 'website') return [];
  const needed = {
    event_source_url: pageUrl(conversion),
    'user_data.client_user_agent': userAgent(conversion),
  };
  return Object.entries(needed)
    .filter(([, value]) => value === undefined)
    .map(([field]) => ({
      field,
      code: 'field_missing',
      message: 'website events need it',
      source: SERVER_EVENT,
    }));
}

function serverEvent({ deliveryId, event, conversion }: OutwardDelivery, given: MetaSettings): JsonValue {
  return {
    event_name: event,
    event_time: Math.floor(conversion.occurredAt / 1_000),
    event_id: deliveryId,
    action_source: given.actionSource,
    event_source_url: pageUrl(conversion),
    // Measured, but not used to choose whom to show ads.
    opt_out: conversion.consent.adPersonalization === 'denied' ? true : undefined,
    ...limitedDataUse(conversion, given),
    user_data: userData(conversion, given),
    custom_data: customData(conversion),
  };
}

function limitedDataUse({ consent }: OutwardConversion, given: MetaSettings) {
  const isOff = given.limitedDataUse === 'off';
  return LIMITED_DATA_USE[isOff && consent.adUserData === 'denied' ? 'located' : given.limitedDataUse];
}

function userData(conversion: OutwardConversion, given: MetaSettings) {
  const hashed = (form: SubjectForm) => subjectHashList(conversion, form);
  return {
    em: hashed('emailPlain'),
    ph: hashed('phoneDigits'),
    external_id: hashed('customerExternal'),
    fn: hashed('firstNameLetters'),
    ln: hashed('lastNameLetters'),
    ct: hashed('city'),
    st: hashed('state'),
    zp: hashed('postalCode'),
    country: hashed('country'),
    client_ip_address: ipAddress(conversion),
    client_user_agent: userAgent(conversion),
    fbc: clickCookie(conversion, given),
    fbp: browserId(conversion, 'fbp'),
  };
}

function customData(conversion: OutwardConversion): JsonValue | undefined {
  const { revenue, transactionId, productId, quantity } = conversion;
  const worth = predictedLtv(conversion);
  const data = {
    value: revenue === null ? undefined : exactUnits(revenue),
    currency: revenue?.currency,
    order_id: transactionId ?? undefined,
    predicted_ltv: worth === undefined ? undefined : exactUnits(worth),
    num_items: quantity ?? undefined,
    ...(productId !== null && {
      content_type: 'product',
      content_ids: [productId],
      contents: [{ id: productId, quantity: quantity ?? undefined }],
    }),
  };
  return Object.values(data).every((value) => value === undefined) ? undefined : data;
}

/**
 * `fbc`, the click as Meta's cookie would hold it: `fb.{dots}.{first seen, ms}.{fbclid}`.
 *
 * The time is when the click was first seen, not when it is sent; the id keeps its case. A cookie that the page passed on
 * is sent unchanged as long as it holds the same click, because its time is the browser's own.
 * Source: Meta's capi-param-builder.
 */
function clickCookie(conversion: OutwardConversion, given: MetaSettings): string | undefined {
  const { extras, occurredAt } = conversion;
  const cookie = /^fb\.\d\.\d+\.[\x21-\x7e]{1,500}$/.test(extras['fbc'] ?? '') ? extras['fbc'] : undefined;
  const latest = platformClickId(conversion, ['fbclid']);
  if (latest === undefined || cookie?.split('.')[3] === latest.value) return cookie;
  if (occurredAt - latest.firstSeenAt > FBC_LIFETIME_MS) return undefined;
  return `fb.${given.cookieDomainDots}.${latest.firstSeenAt}.${latest.value}`;
}

const success = z.looseObject({ events_received: z.int() });

const failure = z.looseObject({
  error: z.looseObject({
    code: z.int(),
    error_subcode: z.int().optional(),
    message: z.string().optional(),
    error_user_msg: z.string().optional(),
    is_transient: z.boolean().optional(),
  }),
});

type MetaError = z.output<typeof failure>['error'];

/**
 * Error codes by what they ask for; every other code is tried again.
 *
 * | code[/subcode]                       | outcome                                                          |
 * |--------------------------------------|------------------------------------------------------------------|
 * | 4, 17, 80003, HTTP 429               | retry `throttled`, Retry-After honoured                          |
 * | 1, 2, 341, 368, 5000, 21009, unknown | retry; so is anything with `is_transient`                        |
 * | 190                                  | refused `token_invalid` until somebody reconnects                |
 * | 200                                  | refused `permission_denied`                                      |
 * | 100/33                               | refused `dataset_unreachable`: wrong pixel id, or not ours       |
 * | 100/2804003                          | refused `event_too_old`                                          |
 * | 3, 100, 105, 294, 2650               | refused `event_invalid`                                          |
 *
 * Source: RudderStack's rudder-transformer, facebookUtils/networkHandler.js; `is_transient` is the platform's own word.
 */
const THROTTLED_CODES: readonly number[] = [4, 17, 80_003];
const EVENT_CODES: readonly number[] = [3, 100, 105, 294, 2_650];
const TOKEN_CODE = 190;
const PERMISSION_CODE = 200;
const PARAMETER_CODE = 100;
const UNREACHABLE_SUBCODE = 33;
const TOO_OLD_SUBCODE = 2_804_003;

function judgeRequest({ response, deliveryCount, now }: JudgeInput<MetaSettings>): AttemptOutcome {
  const { status, headers } = response;
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  if (status >= 300 && status < 400) return byStatus;
  const body = parseJson(response.body);
  const error = failure.safeParse(body);
  if (error.success) return judgeError(error.data.error, { status, deliveryCount, afterMs });
  if (byStatus.outcome === 'retry') return byStatus;
  const received = success.safeParse(body);
  if (byStatus.outcome !== 'delivered' || !received.success) return retry('response_unreadable', { afterMs });
  const count = received.data.events_received;
  if (count === deliveryCount) return delivered();
  const detail = `events_received ${count} of ${deliveryCount}`;
  return retry('events_not_received', { detail, splitBatch: deliveryCount > 1 });
}

function judgeError(
  error: MetaError,
  request: { readonly status: number; readonly deliveryCount: number; readonly afterMs: number | null },
): AttemptOutcome {
  const { code, error_subcode: subcode } = error;
  const detail = describe(error);
  const { status, deliveryCount, afterMs } = request;
  if (status === 429 || THROTTLED_CODES.includes(code)) return retry('throttled', { detail, afterMs });
  if (status >= 500 || error.is_transient === true) return retry('platform_failing', { detail, afterMs });
  if (code === TOKEN_CODE) return refused('token_invalid', 'destination', detail);
  if (code === PERMISSION_CODE) return refused('permission_denied', 'destination', detail);
  if (code === PARAMETER_CODE && subcode === UNREACHABLE_SUBCODE) {
    return refused('dataset_unreachable', 'destination', detail);
  }
  if (!EVENT_CODES.includes(code)) return retry('platform_failing', { detail, afterMs });
  // One bad event refuses its whole request: only an event that was sent alone is known to be the bad one.
  if (deliveryCount > 1) return retry('batch_refused', { detail, splitBatch: true });
  return refused(subcode === TOO_OLD_SUBCODE ? 'event_too_old' : 'event_invalid', 'event', detail);
}

function describe({ code, error_subcode: subcode, message, error_user_msg: userMessage }: MetaError): string {
  const number = subcode === undefined ? `${code}` : `${code}/${subcode}`;
  return [number, message, userMessage].filter((part) => part !== undefined).join(': ');
}
