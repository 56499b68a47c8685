/** Pinterest Conversions API v5: all we know of it. Each event of a request is answered for itself. */
import { type AttemptOutcome, judgeStatus, type OutwardConversion, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { predictedLtv, unitsText, valueProblems } from './amounts.ts';
import { ipAddress, pageUrl, userAgent } from './browser.ts';
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
import { subjectHashList } from './subject-hash.ts';

const DOCS = 'https://developers.pinterest.com/docs/api/v5/events-create/';
/** The OpenAPI description that Pinterest publishes; what is not said otherwise has its source there. */
const DESCRIPTION = 'https://github.com/pinterest/api-description';
const LIMITED_DATA_PROCESSING =
  'https://developers.pinterest.com/docs/track-conversions/use-limited-data-processing-flag/';
const OWN_PAGE = 'docs/destinations/pinterest.md';

/** The platform names no greatest age: 7 days are what its users keep to. */
const MAX_AGE_MS = 7 * DAY_MS;

/** An event of another name is not accepted. */
const EVENTS: readonly string[] = [
  'add_payment_info',
  'add_to_cart',
  'add_to_wishlist',
  'app_install',
  'app_open',
  'checkout',
  'contact',
  'custom',
  'customize_product',
  'find_location',
  'initiate_checkout',
  'lead',
  'page_visit',
  'schedule',
  'search',
  'signup',
  'start_trial',
  'submit_application',
  'subscribe',
  'view_category',
  'view_content',
  'watch_video',
];

const settings = z.strictObject({
  adAccountId: z
    .string()
    .regex(/^\d{1,18}$/, 'must be the digits of an ad account id')
    .describe('the digits of the ad account'),
  accessToken: secret().describe(
    'the conversion access token of Ads Manager, sent in the `Authorization` header',
  ),
  apiVersion: z
    .string()
    .regex(/^v\d{1,2}$/, 'must look like v5')
    .default('v5')
    .describe('version of the API'),
  baseUrl: baseUrl('https://api.pinterest.com'),
  actionSource: z
    .enum(['web', 'offline', 'app_ios', 'app_android'])
    .default('web')
    .describe('where the conversion happened'),
  limitedDataProcessing: z
    .enum(['off', 'on'])
    .default('off')
    .describe('whether every event is sent under Limited Data Processing'),
  whenConsentDenied: whenConsentDenied(),
  events: eventOverrides(),
});

type PinterestSettings = z.output<typeof settings>;

const page: DestinationPage = {
  summary:
    'Sends a conversion as an event of one ad account, so that Pinterest can match it to a person and optimise for it. Tests are marked in the URL, checked and not recorded.',
  fields: [
    ['`test=true` in the URL', 'for test conversions only'],
    ['`event_name`', 'the table above'],
    ['`action_source`', 'the setting'],
    ['`event_time`', 'when the conversion occurred, in seconds'],
    ['`event_id`', 'the delivery id, the same on every attempt'],
    ['`event_source_url`', "the extra `event_source_url`, else the click's landing page"],
    ['`opt_out`', '`true` when the person denied the use of their data for ads'],
    [
      '`user_data.em`, `ph`, `external_id`, `fn`, `ln`, `ct`, `st`, `country`',
      'lists of SHA-256 of the form Pinterest asks for, made at the edge; sent as they are, where we have them. The edge makes hashes of e-mail, phone and customer id',
    ],
    [
      '`user_data.client_ip_address`, `client_user_agent`',
      "the postback's, else the click's; the address is decrypted for this one request",
    ],
    ['`user_data.click_id`', 'the latest `epik`, as it was captured'],
    ['`custom_data.value`, `currency`', 'the revenue as text, with all its digits'],
    ['`custom_data.order_id`', 'the transaction id'],
    [
      '`custom_data.content_ids`, `contents`, `num_items`',
      'the product and its quantity: a postback carries no order lines',
    ],
    ['`custom_data.predicted_ltv`', 'as reported, as text, when it is in the currency of the revenue'],
    [
      '`custom_data.opt_out_type`',
      '`LDP` by the setting, or when the person denied any use of their data for ads',
    ],
  ],
  checks: [
    ['`too_old`, `event_time`', 'at most 7 days old'],
    ['`consent_denied`, `user_data`', 'with `whenConsentDenied: withhold`'],
    ['`value_invalid`, `event_name`', "one of Pinterest's events"],
    ['`identifier_missing`, `user_data`', 'an e-mail, or both IP address and user agent'],
    ['`value_invalid`, `custom_data.currency`', 'an ISO 4217 code'],
  ],
  answers: [
    ['`events[i].status` `processed`, with 2xx or 422', 'event i delivered'],
    ['`events[i].status` `failed`, with 2xx or 422', 'event i refused `event_invalid`'],
    ['HTTP 429 or `code` 8', 'retry `throttled`, Retry-After honoured'],
    ['HTTP 408, 425, 5xx; 503 has `code` 4197', 'retry `http_<status>`, Retry-After honoured'],
    ['HTTP 401 or `code` 2', 'refused `token_invalid`'],
    ['HTTP 403 or `code` 29', 'refused `permission_denied`'],
    [
      'HTTP 422 without an answer for each event, 400 (`code` 4196) and every other 4xx, for several events',
      'retry `batch_refused`, the batch split',
    ],
    ['the same for one event', 'refused `event_invalid`, without a body of Pinterest `http_<status>`'],
    ['2xx with answers for another number of events', 'retry `events_not_received`, the batch split'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `response_unreadable`'],
  ],
  notes: [
    'Renewals are left out on purpose: Pinterest has no standard event for them, and sent as `checkout` they would feed bidding twice. Name them in `events` to send them.',
    'Pinterest knows a repeat by event and event id, but not among `offline` events: one that is repeated after an answer was lost may count twice. For how long is not documented.',
    'The greatest age of an event is not published; 7 days are the cautious reading.',
    'Limited Data Processing applies to people whose state of residence Pinterest is told: `st` and `country` are sent where they are known. They are hashed in lower case, as the description has it; the example of the page on Limited Data Processing hashes capitals.',
    'The postal code is not sent: Pinterest takes its digits only, and no hash of them is made.',
    'Pinterest advises a value before tax and shipping; the revenue is sent as it was reported.',
    'In which form a 422 tells each event is not documented; it is looked for under `events` and `details.events`.',
    'The documented rate is 5,000 requests a minute for an ad account. Pinterest names no size of a request; ours is kept to 1 MB.',
  ],
  sources: [
    DOCS,
    `fields, limits and answers: the OpenAPI description and the clients made of it, <${DESCRIPTION}>`,
    LIMITED_DATA_PROCESSING,
  ],
};

export const pinterest = defineDestination<PinterestSettings>({
  key: 'pinterest',
  title: 'Pinterest Conversions API',
  api: { version: 'v5', docs: DOCS },
  page,
  settings,
  exampleSettings: { adAccountId: '549755885175', accessToken: 'pina_example-token' },
  // Renewals have no standard event; sent as checkout they would feed bidding twice, so they are opt-in by `events`.
  events: {
    lead: 'lead',
    signup: 'signup',
    trial_start: 'start_trial',
    subscription_started: 'subscribe',
    first_purchase: 'checkout',
    sale: 'checkout',
  },
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 1_000,
  // The platform publishes no figure.
  maxBodyBytes: 1_000_000,
  maxAgeMs: () => MAX_AGE_MS,
  dedupWindowMs: null,

  credential: null,

  batchKey: () => '',
  amounts: () => ['revenue'],
  corrections: () =>
    noCorrections(
      'the Conversions API has no call to change or take back an event and no event for a refund; one sent again under its id is dropped as a repeat',
      DESCRIPTION,
    ),

  validate: (input) => [
    ...timeProblems(input, {
      field: 'event_time',
      source: OWN_PAGE,
      maxAgeMs: MAX_AGE_MS,
      maxLeadMs: null,
    }),
    ...consentProblems(input, { field: 'user_data', source: OWN_PAGE }),
    ...eventProblems(input),
    ...personProblems(input),
    ...valueProblems(input, VALUE_RULE),
  ],

  buildRequest: ({ deliveries, settings: given }) => {
    const isTest = deliveries.some(({ conversion }) => conversion.isTest);
    return {
      method: 'POST',
      url: `${given.baseUrl}/${given.apiVersion}/ad_accounts/${given.adAccountId}/events${isTest ? '?test=true' : ''}`,
      headers: { authorization: `Bearer ${given.accessToken}`, 'content-type': 'application/json' },
      body: jsonText({ data: deliveries.map((delivery) => conversionEvent(delivery, given)) }),
    };
  },

  judge: judgeRequest,
});

type Input = ValidateInput<PinterestSettings>;

const VALUE_RULE = {
  valueField: 'custom_data.value',
  currencyField: 'custom_data.currency',
  requiredFor: [],
  source: DESCRIPTION,
} as const;

function eventProblems({ event }: Input): ValidationProblem[] {
  if (EVENTS.includes(event)) return [];
  const message = 'Pinterest accepts no event of another name';
  return [{ field: 'event_name', code: 'value_invalid', message, source: DESCRIPTION }];
}

function personProblems({ conversion }: Input): ValidationProblem[] {
  const user = userData(conversion);
  const isIdentified =
    user.em !== undefined || (user.client_ip_address !== undefined && user.client_user_agent !== undefined);
  if (isIdentified) return [];
  const message = 'needs an e-mail, or both IP address and user agent';
  return [{ field: 'user_data', code: 'identifier_missing', message, source: DESCRIPTION }];
}

function conversionEvent(
  { deliveryId, event, conversion }: OutwardDelivery,
  given: PinterestSettings,
): JsonValue {
  return {
    event_name: event,
    action_source: given.actionSource,
    event_time: Math.floor(conversion.occurredAt / 1_000),
    event_id: deliveryId,
    event_source_url: pageUrl(conversion),
    opt_out: conversion.consent.adUserData === 'denied' ? true : undefined,
    user_data: userData(conversion),
    custom_data: customData(conversion, given),
  };
}

function userData(conversion: OutwardConversion) {
  return {
    em: subjectHashList(conversion, 'emailPlain'),
    ph: subjectHashList(conversion, 'phoneDigits'),
    external_id: subjectHashList(conversion, 'customerExternal'),
    fn: subjectHashList(conversion, 'firstName'),
    ln: subjectHashList(conversion, 'lastName'),
    ct: subjectHashList(conversion, 'city'),
    st: subjectHashList(conversion, 'state'),
    country: subjectHashList(conversion, 'country'),
    client_ip_address: ipAddress(conversion),
    client_user_agent: userAgent(conversion),
    click_id: platformClickId(conversion, ['epik'])?.value,
  };
}

function customData(conversion: OutwardConversion, { limitedDataProcessing }: PinterestSettings) {
  const { revenue, transactionId, productId, quantity } = conversion;
  const worth = predictedLtv(conversion);
  const isLimited = limitedDataProcessing === 'on' || deniesAnyUse(conversion);
  return {
    value: revenue === null ? undefined : unitsText(revenue),
    currency: revenue?.currency,
    order_id: transactionId ?? undefined,
    predicted_ltv: worth === undefined ? undefined : unitsText(worth),
    num_items: quantity ?? undefined,
    ...(productId !== null && {
      content_ids: [productId],
      contents: [{ id: productId, quantity: quantity ?? undefined }],
    }),
    opt_out_type: isLimited ? 'LDP' : undefined,
  };
}

const report = z.looseObject({
  events: z.array(
    z.looseObject({ status: z.enum(['processed', 'failed']), error_message: z.string().nullish() }),
  ),
});

type EventReport = z.output<typeof report>['events'][number];

const failure = z.looseObject({
  code: z.int(),
  message: z.string().nullish(),
  details: z.unknown().optional(),
});

const THROTTLED_CODE = 8;
const TOKEN_CODE = 2;
const PERMISSION_CODE = 29;

function judgeRequest({
  response,
  deliveryCount,
  now,
}: JudgeInput<PinterestSettings>): readonly AttemptOutcome[] {
  const { status, headers } = response;
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  const body = parseJson(response.body);
  const isAnswered = byStatus.outcome === 'delivered' || status === 422;
  const events = isAnswered ? eventsIn(body) : undefined;
  if (events?.length === deliveryCount) return events.map(judgeEvent);
  const outcome = () => {
    if (byStatus.outcome === 'delivered') return unaccounted(events, { deliveryCount, afterMs });
    return judgeFailure(byStatus, { status, body, deliveryCount, afterMs });
  };
  return forAll(deliveryCount, outcome());
}

/** Where each event is answered; a 422 has its answers among its details. */
function eventsIn(body: unknown): readonly EventReport[] | undefined {
  const detailed = failure.safeParse(body);
  const [found] = [body, detailed.success ? detailed.data.details : undefined]
    .map((each) => report.safeParse(each))
    .filter(({ success }) => success);
  return found?.data?.events;
}

function judgeEvent({ status, error_message: message }: EventReport): AttemptOutcome {
  return status === 'processed' ? delivered() : refused('event_invalid', 'event', message ?? undefined);
}

interface RequestFacts {
  readonly deliveryCount: number;
  readonly afterMs: number | null;
}

function unaccounted(
  events: readonly EventReport[] | undefined,
  { deliveryCount, afterMs }: RequestFacts,
): AttemptOutcome {
  if (events === undefined) return retry('response_unreadable', { afterMs });
  const detail = `${events.length} answers for ${deliveryCount} events`;
  return retry('events_not_received', { detail, splitBatch: deliveryCount > 1 });
}

function judgeFailure(
  byStatus: Exclude<AttemptOutcome, { outcome: 'delivered' }>,
  request: RequestFacts & { readonly status: number; readonly body: unknown },
): AttemptOutcome {
  const { status, deliveryCount, afterMs } = request;
  if (status >= 300 && status < 400) return byStatus;
  const read = failure.safeParse(request.body);
  const { code, message } = read.success ? read.data : {};
  const detail = code === undefined ? undefined : `${code}: ${message ?? ''}`;
  if (status === 429 || code === THROTTLED_CODE) return retry('throttled', { detail, afterMs });
  if (byStatus.outcome === 'retry') return retry(byStatus.reason, { detail, afterMs });
  if (status === 401 || code === TOKEN_CODE) return refused('token_invalid', 'destination', detail);
  if (status === 403 || code === PERMISSION_CODE) return refused('permission_denied', 'destination', detail);
  return refusedTogether(read.success ? 'event_invalid' : byStatus.reason, detail, deliveryCount);
}
