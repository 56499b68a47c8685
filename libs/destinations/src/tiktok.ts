/** TikTok Events API 2.0: all we know of it. The status is 200 even for a failure: what counts is the `code` in the body. */
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
  refusedTogether,
  retry,
  type ValidateInput,
  type ValidationProblem,
} from './definition.ts';
import { DAY_MS, timeProblems } from './event-time.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, eventOverrides, secret } from './settings.ts';
import { subjectHash, subjectHashList } from './subject-hash.ts';

/** `Report App, Web, Offline, or CRM Events`; what is not said otherwise has its source there. */
const DOCS = 'https://business-api.tiktok.com/portal/docs?id=1771101303285761';
const SUPPORTED_EVENTS = 'https://business-api.tiktok.com/portal/docs?id=1771101186666498';
const LIMITED_DATA_USE = 'https://business-api.tiktok.com/portal/docs?id=1771101204435970';
const RETURN_CODES = 'https://business-api.tiktok.com/portal/docs?id=1737172488964097';
const DEDUPLICATION = 'https://ads.tiktok.com/help/article/event-deduplication';
const OWN_PAGE = 'docs/destinations/tiktok.md';

/** The reference names no greatest age: 7 days of the web are what its users keep to, 28 days of shops what Amperity documents. */
const MAX_AGE_MS = 7 * DAY_MS;
const OFFLINE_MAX_AGE_MS = 28 * DAY_MS;

/** Offline events can be standard events only. */
const STANDARD_EVENTS: readonly string[] = [
  'AddPaymentInfo',
  'AddToCart',
  'AddToWishlist',
  'ApplicationApproval',
  'ClickButton',
  'CompletePayment',
  'CompleteRegistration',
  'Contact',
  'CustomizeProduct',
  'Download',
  'FindLocation',
  'InitiateCheckout',
  'Lead',
  'Pageview',
  'PlaceAnOrder',
  'Purchase',
  'Schedule',
  'Search',
  'StartTrial',
  'SubmitApplication',
  'SubmitForm',
  'Subscribe',
  'ViewContent',
];

/** The currencies the reference lists as supported. */
const CURRENCIES: readonly string[] = (
  'AED ARS AUD BDT BHD BIF BOB BRL CAD CHF CLP CNY COP CRC CZK DKK DZD EGP EUR GBP GTQ HKD HNL HUF IDR ILS INR ISK JPY ' +
  'KES KHR KRW KWD KZT MAD MOP MXN MYR NGN NIO NOK NZD OMR PEN PHP PKR PLN PYG QAR RON RUB SAR SEK SGD THB TRY TWD UAH ' +
  'USD VES VND ZAR'
).split(' ');

const settings = z.strictObject({
  eventSource: z
    .enum(['web', 'offline'])
    .default('web')
    .describe('where the conversion happened: on a site with a pixel, or in a shop'),
  eventSourceId: z
    .string()
    .regex(/^[A-Za-z0-9]{1,64}$/, 'must be a pixel code or the id of an offline event set')
    .describe('the pixel code; for `offline` the id of the offline event set'),
  accessToken: secret().describe('sent in the `Access-Token` header; TikTok gives it without an end'),
  apiVersion: z
    .string()
    .regex(/^v\d\.\d$/, 'must look like v1.3')
    .default('v1.3')
    .describe('version of the Business API'),
  baseUrl: baseUrl('https://business-api.tiktok.com'),
  testEventCode: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,50}$/)
    .optional()
    .describe('from the Test Events tab; test conversions are sent under it and never without it'),
  clickWindowDays: z
    .int()
    .min(1)
    .max(28)
    .default(7)
    .describe(
      'how old a click may be at the conversion; the click-through window of the Attribution Manager',
    ),
  limitedDataUse: z
    .enum(['off', 'on'])
    .default('off')
    .describe('whether every event of the web is sent under Limited Data Use'),
  whenConsentDenied: whenConsentDenied(),
  events: eventOverrides(),
});

type TiktokSettings = z.output<typeof settings>;

const page: DestinationPage = {
  summary:
    'Sends a conversion as an event of a site or of a shop, so that TikTok can match it to a click or a person and optimise for it.',
  fields: [
    ['`event_source`, `event_source_id`', 'the settings'],
    ['`test_event_code`', 'the setting, for test conversions only'],
    ['`event`', 'the table above'],
    ['`event_time`', 'when the conversion occurred, in seconds'],
    ['`event_id`', 'the delivery id, the same on every attempt'],
    [
      '`user.email`, `phone`',
      'SHA-256 of the lower-case e-mail and of the number as E.164 with its `+`; made at the edge, sent as they are',
    ],
    [
      '`user.external_id`, `first_name`, `last_name`, `zip_code`',
      'SHA-256 as well; of the web only. The edge makes hashes of e-mail, phone and customer id',
    ],
    ['`user.country`', 'the country of the conversion: two letters, lower case, in clear; of the web only'],
    ['`user.ttclid`', 'the latest click within `clickWindowDays`; of the web only'],
    ['`user.ttp`', 'the extra `ttp`, never made up; of the web only'],
    [
      '`user.ip`, `user_agent`',
      "the postback's, else the click's; the address is decrypted for this one request; of the web only",
    ],
    ['`properties.value`, `currency`', 'the revenue, written with all its digits'],
    ['`properties.order_id`', 'the transaction id'],
    [
      '`properties.content_ids`, `contents`, `content_type`, `num_items`',
      'the product and its quantity: a postback carries no order lines',
    ],
    ['`properties.predicted_ltv`', 'as reported, when it is in the currency of the revenue'],
    [
      '`properties.customer_type`',
      "`new` or `returning`, where it is known whether it is the customer's first of its class; of the web only",
    ],
    ['`page.url`', "the extra `event_source_url`, else the click's landing page; of the web only"],
    [
      '`limited_data_use`',
      '`true` by the setting, or when the person denied any use of their data for ads; of the web only',
    ],
  ],
  checks: [
    ['`too_old`, `event_time`', 'at most 7 days old, 28 for `offline`'],
    [
      '`consent_denied`, `user`',
      'with `whenConsentDenied: withhold`; for `offline` always, since Limited Data Use is of the web and apps only',
    ],
    ['`test_not_possible`, `test_event_code`', 'a test conversion needs `testEventCode`'],
    ['`value_invalid`, `event`', 'an `offline` event is a standard event'],
    ['`field_missing`, `page.url`', 'events of the web need it'],
    [
      '`value_invalid`, `properties.currency`',
      'one of the 62 currencies that TikTok supports, all of ISO 4217',
    ],
  ],
  answers: [
    ['`code` 0 with a 2xx', 'delivered'],
    ['`code` 40050: a duplicated request', 'delivered: it was taken before'],
    ['`code` 20001: some events were taken', 'retry `partly_taken`, the batch split'],
    ['`code` 40100, 40132, or HTTP 429', 'retry `throttled`, Retry-After honoured'],
    ['`code` 40202, 50000 and above, unknown, or HTTP 5xx', 'retry `platform_failing`'],
    ['`code` 40102, 40104, 40105', 'refused `token_invalid`'],
    ['`code` 40001, 40003, 40118, 40125, 40130', 'refused `permission_denied`'],
    ['every other `code` from 40000 to 49999 for several events', 'retry `batch_refused`, the batch split'],
    ['`code` 40062', 'refused `identifier_unhashed`'],
    ['every other `code` from 40000 to 49999', 'refused `event_invalid`'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `http_<status>` or `response_unreadable`'],
  ],
  notes: [
    'Renewals are left out on purpose: TikTok has no standard event for them, and sent as `Purchase` they would feed bidding twice. Name them in `events` to send them.',
    'Events of apps need an allowlisted account and the id of the app, events of a CRM the id of a TikTok lead: neither is sent.',
    'TikTok knows a repeat by event source, event and event id. Which code answers which fault, and what names the events that failed under code 20001, is not published: such a batch is split until each event is answered alone, and those that were taken are repeats.',
    'The greatest age of an event of the web is not published; 7 days are the cautious reading.',
    'The names, the postal code and the country of a person are not in the reference; Segment and RudderStack send them.',
    'A limit of 1,000 requests a second is all that is known of rates; TikTok names no size of a request, and ours is kept to 1 MB.',
  ],
  sources: [
    DOCS,
    SUPPORTED_EVENTS,
    LIMITED_DATA_USE,
    RETURN_CODES,
    DEDUPLICATION,
    'age of offline events: <https://docs.amperity.com/datagrid/events_tiktok_ads.html>',
    "names of the return codes: TikTok's tiktok-business-api-sdk, `tiktok_code.py`; what becomes of them: RudderStack's rudder-transformer, `tiktok_ads/networkHandler.js`, and our reading",
    "the test event code and the further fields of `user`: Segment's action-destinations, `tiktok-conversions`",
  ],
};

export const tiktok = defineDestination<TiktokSettings>({
  key: 'tiktok',
  title: 'TikTok Events API',
  api: { version: 'v1.3', docs: DOCS },
  page,
  settings,
  exampleSettings: {
    eventSourceId: 'COQDA8RC77U2TMR44LI0',
    accessToken: 'example-token',
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
  // The platform publishes no figure; Tealium keeps to 1 MB.
  maxBodyBytes: 1_000_000,
  maxAgeMs,
  // By event source, event and event_id.
  dedupWindowMs: 2 * DAY_MS,

  credential: null,

  batchKey: () => '',
  amounts: () => ['revenue'],
  corrections: () =>
    noCorrections(
      'the Events API has no call to change or take back an event and no event for a refund; one sent again under its id is dropped as a repeat',
      SUPPORTED_EVENTS,
    ),

  validate: (input) => [
    ...timeProblems(input, timeRule(input.settings)),
    ...deniedProblems(input),
    ...testProblems(input),
    ...eventProblems(input),
    ...currencyProblems(input),
    ...pageProblems(input),
  ],

  buildRequest: ({ deliveries, settings: given }) => {
    const isTest = deliveries.some(({ conversion }) => conversion.isTest);
    return {
      method: 'POST',
      url: `${given.baseUrl}/open_api/${given.apiVersion}/event/track/`,
      headers: { 'access-token': given.accessToken, 'content-type': 'application/json' },
      body: jsonText({
        event_source: given.eventSource,
        event_source_id: given.eventSourceId,
        test_event_code: isTest ? given.testEventCode : undefined,
        data: deliveries.map((delivery) => eventData(delivery, given)),
      }),
    };
  },

  // Which events of a request failed is told in no documented way, so all of them share one outcome.
  judge: (input) => forAll(input.deliveryCount, judgeRequest(input)),
});

type Input = ValidateInput<TiktokSettings>;

function maxAgeMs({ eventSource }: TiktokSettings): number {
  return eventSource === 'offline' ? OFFLINE_MAX_AGE_MS : MAX_AGE_MS;
}

function timeRule(given: TiktokSettings) {
  return { field: 'event_time', source: OWN_PAGE, maxAgeMs: maxAgeMs(given), maxLeadMs: null };
}

/** Limited Data Use is of the web and apps: an offline event of a person who denied cannot be limited. */
function deniedProblems({ conversion, settings: given }: Input): ValidationProblem[] {
  const isLimitable = given.eventSource === 'web';
  const whenDenied = isLimitable ? given.whenConsentDenied : 'withhold';
  const rule = { field: 'user', source: isLimitable ? OWN_PAGE : LIMITED_DATA_USE };
  return consentProblems({ conversion, settings: { whenConsentDenied: whenDenied } }, rule);
}

function testProblems({ conversion: { isTest }, settings: { testEventCode } }: Input): ValidationProblem[] {
  if (!isTest || testEventCode !== undefined) return [];
  const message = 'a test conversion needs a test event code';
  return [{ field: 'test_event_code', code: 'test_not_possible', message, source: OWN_PAGE }];
}

function eventProblems({ event, settings: { eventSource } }: Input): ValidationProblem[] {
  if (eventSource === 'web' || STANDARD_EVENTS.includes(event)) return [];
  const message = 'offline events are standard events only';
  return [{ field: 'event', code: 'value_invalid', message, source: SUPPORTED_EVENTS }];
}

const VALUE_RULE = {
  valueField: 'properties.value',
  currencyField: 'properties.currency',
  // Recommended for revenue, but nowhere required.
  requiredFor: [],
  source: DOCS,
} as const;

function currencyProblems(input: Input): ValidationProblem[] {
  const problems = valueProblems(input, VALUE_RULE);
  const { revenue } = input.conversion;
  if (problems.length > 0 || revenue === null || CURRENCIES.includes(revenue.currency)) return problems;
  const message = 'not a currency that TikTok supports';
  return [{ field: VALUE_RULE.currencyField, code: 'value_invalid', message, source: DOCS }];
}

function pageProblems({ conversion, settings: { eventSource } }: Input): ValidationProblem[] {
  if (eventSource !== 'web' || pageUrl(conversion) !== undefined) return [];
  const message = 'events of the web need it';
  return [{ field: 'page.url', code: 'field_missing', message, source: DOCS }];
}

function eventData({ deliveryId, event, conversion }: OutwardDelivery, given: TiktokSettings): JsonValue {
  const isWeb = given.eventSource === 'web';
  const isLimited = isWeb && (given.limitedDataUse === 'on' || deniesAnyUse(conversion));
  return {
    event,
    event_time: Math.floor(conversion.occurredAt / 1_000),
    event_id: deliveryId,
    limited_data_use: isLimited ? true : undefined,
    user: { ...contact(conversion), ...(isWeb && visitor(conversion, given)) },
    properties: { ...purchase(conversion), ...(isWeb && customerType(conversion)) },
    page: isWeb ? { url: pageUrl(conversion) } : undefined,
  };
}

function contact(conversion: OutwardConversion) {
  return {
    email: subjectHashList(conversion, 'emailPlain'),
    phone: subjectHashList(conversion, 'phoneE164'),
  };
}

/** What the reference takes of the web and apps only. */
function visitor(conversion: OutwardConversion, { clickWindowDays }: TiktokSettings) {
  const hashed = (form: SubjectForm) => subjectHash(conversion, form);
  return {
    external_id: subjectHashList(conversion, 'customerExternal'),
    first_name: hashed('firstName'),
    last_name: hashed('lastName'),
    zip_code: hashed('postalCode'),
    country: conversion.country?.toLowerCase(),
    ttclid: platformClickId(conversion, ['ttclid'], clickWindowDays * DAY_MS)?.value,
    ttp: browserId(conversion, 'ttp'),
    ip: ipAddress(conversion),
    user_agent: userAgent(conversion),
  };
}

function purchase(conversion: OutwardConversion) {
  const { revenue, transactionId, productId, quantity } = conversion;
  const worth = predictedLtv(conversion);
  return {
    value: revenue === null ? undefined : exactUnits(revenue),
    currency: revenue?.currency,
    order_id: transactionId ?? undefined,
    predicted_ltv: worth === undefined ? undefined : exactUnits(worth),
    num_items: quantity ?? undefined,
    ...(productId !== null && {
      content_type: 'product',
      content_ids: [productId],
      contents: [{ content_id: productId, quantity: quantity ?? undefined }],
    }),
  };
}

function customerType({ isFirstOfCustomer }: OutwardConversion) {
  if (isFirstOfCustomer === null) return {};
  return { customer_type: isFirstOfCustomer ? 'new' : 'returning' };
}

const answer = z.looseObject({ code: z.int(), message: z.string().optional() });

type TiktokAnswer = z.output<typeof answer>;

/** Return codes by what they ask for; the page of the destination has the table and its sources. */
const TAKEN_CODES: readonly number[] = [0, 40_050];
const PARTLY_TAKEN_CODE = 20_001;
const THROTTLED_CODES: readonly number[] = [40_100, 40_132];
const CONFLICT_CODE = 40_202;
const TOKEN_CODES: readonly number[] = [40_102, 40_104, 40_105];
const PERMISSION_CODES: readonly number[] = [40_001, 40_003, 40_118, 40_125, 40_130];
const UNHASHED_CODE = 40_062;

function judgeRequest({ response, deliveryCount, now }: JudgeInput<TiktokSettings>): AttemptOutcome {
  const { status, headers } = response;
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  if (status >= 300 && status < 400) return byStatus;
  const read = answer.safeParse(parseJson(response.body));
  if (read.success) return judgeCode(read.data, { status, deliveryCount, afterMs });
  return byStatus.outcome === 'retry' ? byStatus : retry('response_unreadable', { afterMs });
}

function judgeCode(
  { code, message }: TiktokAnswer,
  request: { readonly status: number; readonly deliveryCount: number; readonly afterMs: number | null },
): AttemptOutcome {
  const { status, deliveryCount, afterMs } = request;
  const detail = message === undefined ? `${code}` : `${code}: ${message}`;
  if (status === 429 || THROTTLED_CODES.includes(code)) return retry('throttled', { detail, afterMs });
  if (status >= 500 || code === CONFLICT_CODE) return retry('platform_failing', { detail, afterMs });
  if (TOKEN_CODES.includes(code)) return refused('token_invalid', 'destination', detail);
  if (PERMISSION_CODES.includes(code)) return refused('permission_denied', 'destination', detail);
  if (TAKEN_CODES.includes(code)) {
    return status >= 200 && status < 300 ? delivered() : retry('response_unreadable', { detail, afterMs });
  }
  if (code === PARTLY_TAKEN_CODE) return retry('partly_taken', { detail, splitBatch: deliveryCount > 1 });
  if (code < 40_000 || code >= 50_000) return retry('platform_failing', { detail, afterMs });
  return refusedTogether(
    code === UNHASHED_CODE ? 'identifier_unhashed' : 'event_invalid',
    detail,
    deliveryCount,
  );
}
