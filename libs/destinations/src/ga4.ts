/** Google Analytics 4, Measurement Protocol for web streams: it takes whatever it is sent and never says what it made of it. */
import {
  type AttemptOutcome,
  judgeStatus,
  type Money,
  type OutwardConversion,
  parseRetryAfter,
} from '@tributary/domain';
import { z } from 'zod';
import { exactUnits, negated, valueProblems } from './amounts.ts';
import { FAULTS_TOLD } from './batch-refusal.ts';
import { browserId } from './browser.ts';
import { consentProblems, whenConsentDenied } from './consent.ts';
import { type CounterEventForm, differenceOf, noCorrections } from './correction.ts';
import {
  type DestinationPage,
  defineDestination,
  forAll,
  type JudgeInput,
  type OutwardDelivery,
  refused,
  retry,
  type ValidateInput,
  type ValidationProblem,
} from './definition.ts';
import { DAY_MS, eventTime, timeProblems } from './event-time.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, secret } from './settings.ts';

const DOCS = 'https://developers.google.com/analytics/devguides/collection/protocol/ga4';
const REFERENCE = `${DOCS}/reference`;
const EVENTS = `${DOCS}/reference/events`;
const SENDING = `${DOCS}/sending-events`;
const VALIDATING = `${DOCS}/validating-events`;
const NAMING = 'https://support.google.com/analytics/answer/13316687';
const TRANSACTIONS = 'https://support.google.com/analytics/answer/12313109';
const COLLECTION_LIMITS = 'https://support.google.com/analytics/answer/9267744';
const PAGE = 'docs/destinations/ga4.md';

/** An event may be backdated by 72 hours. */
const MAX_AGE_MS = 3 * DAY_MS;
/** Longest value of a parameter that is collected. */
const MAX_VALUE_LENGTH = 100;

const EVENT_NAME = /^[A-Za-z][A-Za-z0-9_]{0,39}$/;
const RESERVED_PREFIX = /^(?:firebase_|ga_|google_|gtag\.)/;
/** Names that are collected automatically, and refused or dropped when sent. */
const RESERVED_NAMES: readonly string[] = [
  'ad_activeview',
  'ad_click',
  'ad_exposure',
  'ad_impression',
  'ad_query',
  'ad_reward',
  'adunit_exposure',
  'app_clear_data',
  'app_exception',
  'app_install',
  'app_remove',
  'app_store_refund',
  'app_store_subscription_cancel',
  'app_store_subscription_renew',
  'app_update',
  'app_upgrade',
  'click',
  'error',
  'file_download',
  'first_open',
  'first_visit',
  'form_start',
  'form_submit',
  'in_app_purchase',
  'page_view',
  'scroll',
  'session_start',
  'user_engagement',
  'video_progress',
  'video_start',
  'view_complete',
  'view_search_results',
];

const PURCHASE = 'purchase';
const REFUND = 'refund';

function isEventName(name: string): boolean {
  // A refund is made of a correction; one of our event types under that name would be taken away twice.
  return EVENT_NAME.test(name) && !RESERVED_PREFIX.test(name) && ![...RESERVED_NAMES, REFUND].includes(name);
}

const settings = z.strictObject({
  measurementId: z
    .string()
    .regex(/^G-[A-Z0-9]{4,20}$/, 'must look like G-ABC1234567')
    .describe('of the web stream; not the id of the stream or of the property'),
  apiSecret: secret().describe(
    'of the stream, under Measurement Protocol API secrets; the platform takes it in the URL only',
  ),
  baseUrl: baseUrl('https://www.google-analytics.com').describe(
    'scheme, host and port: `https://region1.google-analytics.com` keeps collection in the European Union; any other one only to reach a sandbox',
  ),
  whenConsentDenied: whenConsentDenied(),
  events: z
    .record(
      z.string().min(1),
      z.string().refine(isEventName, 'must be an event name that is neither reserved nor refund'),
    )
    .default({})
    .describe(
      'outward event by our event type, in place of the table below; names that Google keeps for itself and `refund` are not taken',
    ),
});

type Ga4Settings = z.output<typeof settings>;

const REFUNDED: CounterEventForm = {
  form: 'counter_event',
  event: REFUND,
  tells: 'difference',
  direction: 'down',
  // A refund is an event of its own time: only how long ago it was decided counts.
  maxAgeMs: null,
  source: EVENTS,
};

const page: DestinationPage = {
  summary:
    'Sends a conversion as an event to one web stream of Google Analytics 4, and a refund of a purchase when it is taken back or lowered.',
  fields: [
    ['`measurement_id`, `api_secret`', 'in the URL, from the settings'],
    [
      '`client_id`',
      'the last two parts of the extra `ga_client_id`, which is the `_ga` cookie; never made up',
    ],
    ['`timestamp_micros`', 'when the conversion occurred, of a refund when it was decided; in microseconds'],
    ['`consent.ad_user_data`, `ad_personalization`', '`GRANTED` or `DENIED`, left out when not known'],
    ['`events[].name`', 'the table above'],
    ['`params.delivery_id`', 'the delivery id, the same on every attempt; a parameter of ours'],
    [
      '`params.session_id`, `engagement_time_msec`',
      'the session in the extra `ga_session_id`, which is the `_ga_<stream>` cookie, and 1; both or neither; not of a refund',
    ],
    [
      '`params.value`, `currency`',
      'the revenue with all its digits; of a refund what it takes away, above zero',
    ],
    [
      '`params.transaction_id`',
      'of `purchase` and `refund`: the transaction id, else the delivery id of the purchase',
    ],
    [
      '`params.tax`, `shipping`, `coupon`, `items`',
      'of `purchase`: as reported; one item by product id and quantity',
    ],
  ],
  checks: [
    ['`too_old`, `timestamp_micros`', 'at most 72 hours old'],
    ['`consent_denied`, `consent.ad_user_data`', 'with `whenConsentDenied: withhold`'],
    ['`identifier_missing`, `client_id`', 'the extra `ga_client_id`'],
    ['`value_invalid`, `transaction_id`', 'of `purchase`: at most 100 characters'],
    ['`value_invalid`, `currency`', 'an ISO 4217 code'],
  ],
  answers: [
    ['2xx', 'delivered: the platform answers so whatever it is sent'],
    [
      '2xx with `validationMessages`, as only tests are answered',
      'refused `event_invalid`; a batch is split',
    ],
    ['HTTP 408, 425, 429 or 5xx', 'retry `http_<status>`, Retry-After honoured'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['other 4xx', 'refused `http_<status>`'],
  ],
  notes: [
    'The platform answers 204 to a wrong secret, a wrong measurement id and an event it drops. Send a test conversion first: tests go to `/debug/mp/collect`, which checks the fields, records nothing, and does not check secret and id either.',
    'A purchase is recognised again by its `transaction_id`, also when a tag on the page sent it. For how long is not documented, and repeats of other events and of refunds are not documented to be recognised.',
    'Only a purchase can be taken back, and only lowered: there is no event that raises one, and none that undoes another event. The number of purchases stays; a refund lowers revenue.',
    'Renewals are not sent unless `events` names them: as purchases they would feed bidding twice where Google Ads imports them.',
    'A request is for one client, one time and one consent: events share one only where these are equal.',
    'Without `ga_session_id` an event belongs to no session, and reports show its traffic source as not set.',
    'App streams need an `app_instance_id`, which no postback carries. No IP address, user agent or user id is sent.',
    'The size of 130,000 bytes and the 100 characters of a value are what Google documents for collection; a longer coupon or product id is left out.',
  ],
  sources: [
    REFERENCE,
    SENDING,
    EVENTS,
    VALIDATING,
    NAMING,
    TRANSACTIONS,
    COLLECTION_LIMITS,
    "form of the `_ga` cookie and `engagement_time_msec` of 1: RudderStack's rudder-transformer, `ga4`",
  ],
};

export const ga4 = defineDestination<Ga4Settings>({
  key: 'ga4',
  title: 'Google Analytics 4',
  api: { version: 'GA4', docs: DOCS },
  page,
  settings,
  exampleSettings: { measurementId: 'G-ABC1234567', apiSecret: 'example-api-secret' },
  // Renewals have no event of their own; as purchases they would feed bidding twice where Ads imports them, so they are opt-in.
  events: {
    lead: 'generate_lead',
    signup: 'sign_up',
    trial_start: 'start_trial',
    subscription_started: 'subscribe',
    first_purchase: PURCHASE,
    sale: PURCHASE,
  },
  unmappedEvents: 'withhold',
  confirmedBy: 'status',
  maxBatch: 25,
  maxBodyBytes: 130_000,
  maxAgeMs: () => MAX_AGE_MS,
  dedupWindowMs: null,

  credential: null,

  batchKey: (delivery) => jsonText(envelope(delivery)),
  amounts: () => ['revenue'],
  corrections: (_settings, event) =>
    event === PURCHASE
      ? { restate: REFUNDED, retract: REFUNDED }
      : noCorrections('only a purchase can be refunded; no event takes another event back', EVENTS),

  validate: (input) => [
    ...timeProblems(input, {
      field: 'timestamp_micros',
      source: SENDING,
      maxAgeMs: MAX_AGE_MS,
      maxLeadMs: null,
    }),
    ...consentProblems(input, { field: 'consent.ad_user_data', source: PAGE }),
    ...clientProblems(input),
    ...transactionProblems(input),
    ...valueProblems(input, {
      valueField: 'value',
      currencyField: 'currency',
      requiredFor: [],
      source: EVENTS,
    }),
  ],

  buildRequest: ({ deliveries, settings: given }) => {
    const [first] = deliveries;
    const isTest = deliveries.some(({ conversion }) => conversion.isTest);
    const query = new URLSearchParams({ measurement_id: given.measurementId, api_secret: given.apiSecret });
    return {
      method: 'POST',
      url: `${given.baseUrl}${isTest ? '/debug' : ''}/mp/collect?${query}`,
      headers: { 'content-type': 'application/json' },
      body: jsonText({
        ...(first === undefined ? {} : envelope(first)),
        events: deliveries.map((delivery) => ({ name: delivery.event, params: paramsOf(delivery) })),
      }),
    };
  },

  judge: (input) => forAll(input.deliveryCount, judgeRequest(input)),
});

type Input = ValidateInput<Ga4Settings>;

function clientProblems({ conversion }: Input): ValidationProblem[] {
  if (clientIdOf(conversion) !== undefined) return [];
  const message = 'needs the _ga cookie in the extra ga_client_id';
  return [{ field: 'client_id', code: 'identifier_missing', message, source: REFERENCE }];
}

function transactionProblems({ conversion, event }: Input): ValidationProblem[] {
  const length = conversion.transactionId?.length ?? 0;
  if (event !== PURCHASE || length <= MAX_VALUE_LENGTH) return [];
  const message = `longer than ${MAX_VALUE_LENGTH} characters`;
  return [{ field: 'transaction_id', code: 'value_invalid', message, source: COLLECTION_LIMITS }];
}

/** What a request says once for all its events. */
function envelope(delivery: OutwardDelivery) {
  return {
    client_id: clientIdOf(delivery.conversion),
    timestamp_micros: eventTime(delivery) * 1_000,
    consent: consentOf(delivery.conversion),
  };
}

/** The cookie is `GA1.1.123.456`; its last two parts are the client. */
function clientIdOf(conversion: OutwardConversion): string | undefined {
  return browserId(conversion, 'ga_client_id')?.split('.').slice(-2).join('.');
}

const CONSENT = { granted: 'GRANTED', denied: 'DENIED', unknown: undefined } as const;

function consentOf({ consent }: OutwardConversion): JsonValue | undefined {
  const adUserData = CONSENT[consent.adUserData];
  const adPersonalization = CONSENT[consent.adPersonalization];
  return adUserData === undefined && adPersonalization === undefined
    ? undefined
    : { ad_user_data: adUserData, ad_personalization: adPersonalization };
}

function paramsOf(delivery: OutwardDelivery): JsonValue {
  const { deliveryId, event, conversion, correction } = delivery;
  if (correction !== null) return refundParams(delivery);
  return {
    delivery_id: deliveryId,
    ...sessionParams(conversion),
    ...valueParams(conversion.revenue),
    ...(event === PURCHASE ? purchaseParams(delivery) : {}),
  };
}

/** Both make the event part of the session in reports; one alone is not enough. */
function sessionParams(conversion: OutwardConversion) {
  // `GS1.1.<id>.…`, since May 2025 `GS2.1.s<id>$…`, or the id alone.
  const cookie = browserId(conversion, 'ga_session_id') ?? '';
  const sessionId = /^(?:GS\d\.\d\.)?s?(\d+)/.exec(cookie)?.[1];
  return sessionId === undefined ? {} : { session_id: sessionId, engagement_time_msec: 1 };
}

function valueParams(money: Money | null) {
  return money === null ? {} : { value: exactUnits(money), currency: money.currency };
}

function purchaseParams({ deliveryId, conversion }: OutwardDelivery) {
  const { tax, shipping, couponCode, productId, quantity } = conversion;
  const itemId = collected(productId);
  return {
    transaction_id: transactionIdOf(conversion, deliveryId),
    tax: tax === null ? undefined : exactUnits(tax),
    shipping: shipping === null ? undefined : exactUnits(shipping),
    coupon: collected(couponCode),
    items: itemId === undefined ? undefined : [{ item_id: itemId, quantity: quantity ?? undefined }],
  };
}

/** What is taken away is told as a positive amount: the event's name says the rest. */
function refundParams({ deliveryId, conversion, correction }: OutwardDelivery): JsonValue {
  if (correction === null) throw new Error('a refund is a correction');
  const difference = differenceOf(correction, 'revenue');
  return {
    delivery_id: deliveryId,
    ...valueParams(difference && negated(difference)),
    transaction_id: transactionIdOf(conversion, correction.deliveredAs.deliveryId),
  };
}

/** An empty id would make all purchases with one the same purchase. */
function transactionIdOf({ transactionId }: OutwardConversion, purchaseDeliveryId: string): string {
  return transactionId === null || transactionId.trim() === '' ? purchaseDeliveryId : transactionId;
}

function collected(text: string | null): string | undefined {
  return text === null || text === '' || text.length > MAX_VALUE_LENGTH ? undefined : text;
}

/** The answer of the validation server; the real one has no body. */
const validated = z.looseObject({
  validationMessages: z
    .array(z.looseObject({ fieldPath: z.string().optional(), validationCode: z.string().optional() }))
    .min(1),
});

function judgeRequest({ response, deliveryCount, now }: JudgeInput<Ga4Settings>): AttemptOutcome {
  const { status, headers } = response;
  const byStatus = judgeStatus({ status, retryAfterMs: parseRetryAfter(headers['retry-after'], now) });
  const faults = validated.safeParse(parseJson(response.body));
  if (byStatus.outcome !== 'delivered' || !faults.success) return byStatus;
  // Without the descriptions: they quote what was sent.
  const detail = faults.data.validationMessages
    .slice(0, FAULTS_TOLD)
    .map(({ validationCode = 'INVALID', fieldPath = '' }) =>
      [validationCode, fieldPath].filter(Boolean).join(' at '),
    )
    .join('; ');
  if (deliveryCount > 1) return retry('batch_refused', { detail, splitBatch: true });
  return refused('event_invalid', 'event', detail);
}
