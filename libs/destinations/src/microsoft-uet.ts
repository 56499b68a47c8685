/** Microsoft Advertising, Conversions API of a UET tag: each event of a batch is taken or refused by itself, and the body says which. */
import { type AttemptOutcome, judgeStatus, type OutwardConversion, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { exactUnits, valueProblems } from './amounts.ts';
import { FAULTS_TOLD, refuseBatch } from './batch-refusal.ts';
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
import { DAY_MS, timeProblems } from './event-time.ts';
import { foreignPageAnswer, isForeignPage } from './foreign-page.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, eventOverrides, secret } from './settings.ts';

const DOCS = 'https://learn.microsoft.com/en-us/advertising/guides/uet-conversion-api-integration';
const ADJUSTMENTS =
  'https://learn.microsoft.com/en-us/advertising/campaign-management-service/onlineconversionadjustment';
const PAGE = 'docs/destinations/microsoft-uet.md';

const MAX_AGE_MS = 7 * DAY_MS;
/** For how long a click leads to a conversion. */
const CLICK_MAX_AGE_MS = 90 * DAY_MS;
/** A GUID, with or without hyphens. */
const CLICK_ID = /^[0-9a-f-]{32,36}$/i;

const settings = z.strictObject({
  tagId: z
    .string()
    .regex(/^\d{1,20}$/, 'must be the digits of a UET tag')
    .describe('the digits of the UET tag'),
  apiToken: secret().describe(
    'of the tag, from "Use Conversions API" in its set-up; sent in the `Authorization` header',
  ),
  apiVersion: z
    .string()
    .regex(/^v\d{1,3}$/, 'must look like v1')
    .default('v1')
    .describe('version of the API'),
  baseUrl: baseUrl('https://capi.uet.microsoft.com'),
  whenConsentDenied: whenConsentDenied(),
  events: eventOverrides(),
});

type MicrosoftSettings = z.output<typeof settings>;

const page: DestinationPage = {
  summary:
    'Sends a conversion as a custom event to one UET tag, where a conversion goal counts the events of its own action name.',
  fields: [
    ['`continueOnValidationError`', '`true`: an event that is not valid does not hold up the others'],
    ['`eventType`', '`custom`'],
    ['`eventName`', 'the table above; it must equal the action of the conversion goal'],
    ['`eventId`', 'the delivery id, the same on every attempt'],
    ['`eventTime`', 'when the conversion occurred, in seconds'],
    ['`eventSourceUrl`', "the extra `event_source_url`, else the click's landing page"],
    ['`adStorageConsent`', '`G` or `D`, left out when not known'],
    ['`userData.msclkid`', 'of the latest click that has one, at most 90 days older than the conversion'],
    ['`userData.anonymousId`', 'the extra `uetvid`, which is the `_uetvid` cookie; never made up'],
    [
      '`userData.em`, `ph`, `externalId`',
      'SHA-256, made at the edge: the e-mail without dots and `+suffix` at every domain, the phone number in E.164, the customer id; not when consent is denied',
    ],
    [
      '`userData.clientIpAddress`, `clientUserAgent`',
      "the postback's, else the click's; the address is decrypted for this one request, and not sent when consent is denied",
    ],
    ['`customData.value`, `currency`', 'the revenue, written with all its digits'],
    ['`customData.transactionId`', 'the transaction id'],
    ['`customData.items`, `itemIds`', 'the product id and quantity'],
  ],
  checks: [
    ['`too_old`, `eventTime`', 'at most 7 days old'],
    ['`consent_denied`, `adStorageConsent`', 'with `whenConsentDenied: withhold`'],
    ['`test_not_possible`, `data`', 'every test conversion: the platform has no test mode'],
    ['`identifier_missing`, `userData`', 'an msclkid, anonymous id, e-mail, phone or customer id'],
    ['`value_invalid`, `customData.currency`', 'an ISO 4217 code'],
  ],
  answers: [
    ['2xx, `eventsReceived` equals what was sent', 'delivered'],
    [
      '2xx with `error.details` that name events',
      'those are refused `event_invalid`, the others delivered; a detail with `isWarning` refuses none',
    ],
    ['2xx, `eventsReceived` is less than what is not named', 'retry `events_not_received`, the batch split'],
    foreignPageAnswer('Microsoft'),
    ['401, or code `Unauthorized`', 'refused `token_invalid`'],
    ['403', 'refused `permission_denied`'],
    ['404 with an error body', 'refused `tag_unknown`'],
    ['429', 'retry `throttled`, Retry-After honoured'],
    ['5xx with an error body', 'retry `platform_failing`'],
    [
      '400 or 422 that names events of a batch',
      'those are refused `event_invalid`, the others go again without them',
    ],
    ['413, and 400 or 422 that names none', 'a batch is split, a single event refused `event_invalid`'],
    ['HTTP 408, 425 or 5xx without an error body', 'retry `http_<status>`'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `response_unreadable`'],
  ],
  notes: [
    'The API is given out tag by tag; a new token works after a quarter of an hour at most.',
    'Only `purchase` has a name of its own here: name the other event types in `events`, each as the action of its goal.',
    'A refund is not told: what changes or takes back a conversion of a tag is `ApplyOnlineConversionAdjustments` of the Campaign Management API, another service with an access of its own, which this definition does not speak.',
    'The sources disagree on the e-mail before hashing (with or without dots and suffix), on the phone number (with or without `+`) and on the customer id (hashed or not); what two of three do is done here.',
    'Whether `eventsReceived` counts the events with faults is not documented; both readings are taken.',
    'Events are recognised again, also those of the tag on the page, by `eventId` and `eventName`; for how long is not documented.',
  ],
  sources: [
    DOCS,
    ADJUSTMENTS,
    "limits, `continueOnValidationError`, answers: Segment's action-destinations `ms-bing-capi`, walkerOS `bing`, Tealium's connector",
    'seven days: the template of PostHog',
    'normal forms before hashing: walkerOS `bing/src/hash.ts`, `microsoft-capi-tag` of Stape',
  ],
};

export const microsoftUet = defineDestination<MicrosoftSettings>({
  key: 'microsoft-uet',
  title: 'Microsoft Advertising UET',
  api: { version: 'v1', docs: DOCS },
  page,
  settings,
  exampleSettings: {
    tagId: '187012345',
    apiToken: 'example-api-token',
    events: { lead: 'submit_lead' },
  },
  // Goals are named by whoever makes them; only of a purchase is the name the same everywhere.
  events: { first_purchase: 'purchase', sale: 'purchase' },
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 1_000,
  maxBodyBytes: 1_000_000,
  maxAgeMs: () => MAX_AGE_MS,
  dedupWindowMs: null,

  credential: null,

  batchKey: () => '',
  amounts: () => ['revenue'],
  corrections: () =>
    noCorrections(
      'the Conversions API has no call to change or take back an event; the Campaign Management API has, and is another service',
      ADJUSTMENTS,
    ),

  validate: (input) => [
    ...timeProblems(input, { field: 'eventTime', source: DOCS, maxAgeMs: MAX_AGE_MS, maxLeadMs: null }),
    ...consentProblems(input, { field: 'adStorageConsent', source: PAGE }),
    ...testProblems(input),
    ...identifierProblems(input),
    ...valueProblems(input, {
      valueField: 'customData.value',
      currencyField: 'customData.currency',
      requiredFor: [],
      source: DOCS,
    }),
  ],

  buildRequest: ({ deliveries, settings: given }) => ({
    method: 'POST',
    url: `${given.baseUrl}/${given.apiVersion}/${given.tagId}/events`,
    headers: { authorization: `Bearer ${given.apiToken}`, 'content-type': 'application/json' },
    body: jsonText({ data: deliveries.map(uetEvent), continueOnValidationError: true }),
  }),

  judge: judgeRequest,
});

type Input = ValidateInput<MicrosoftSettings>;

function testProblems({ conversion: { isTest } }: Input): ValidationProblem[] {
  if (!isTest) return [];
  const message = 'the platform has no test mode, and would count it';
  return [{ field: 'data', code: 'test_not_possible', message, source: PAGE }];
}

const IDENTIFYING_FIELDS = ['msclkid', 'anonymousId', 'em', 'ph', 'externalId'] as const;

function identifierProblems({ conversion }: Input): ValidationProblem[] {
  const user = userData(conversion);
  if (IDENTIFYING_FIELDS.some((field) => user[field] !== undefined)) return [];
  const message = 'needs an msclkid, anonymous id, e-mail, phone or customer id';
  return [{ field: 'userData', code: 'identifier_missing', message, source: DOCS }];
}

const AD_STORAGE = { granted: 'G', denied: 'D', unknown: undefined } as const;

function uetEvent({ deliveryId, event, conversion }: OutwardDelivery): JsonValue {
  return {
    eventType: 'custom',
    eventName: event,
    eventId: deliveryId,
    eventTime: Math.floor(conversion.occurredAt / 1_000),
    eventSourceUrl: pageUrl(conversion),
    adStorageConsent: AD_STORAGE[conversion.consent.adUserData],
    userData: userData(conversion),
    customData: customData(conversion),
  };
}

function userData(conversion: OutwardConversion) {
  const { subjectHashes, consent } = conversion;
  const own = { msclkid: clickIdOf(conversion), anonymousId: browserId(conversion, 'uetvid') };
  if (consent.adUserData === 'denied') {
    return {
      ...own,
      em: undefined,
      ph: undefined,
      externalId: undefined,
      clientUserAgent: userAgent(conversion),
    };
  }
  return {
    ...own,
    em: subjectHashes['emailDotless'],
    ph: subjectHashes['phoneE164'],
    externalId: subjectHashes['customerExternal'],
    clientIpAddress: ipAddress(conversion),
    clientUserAgent: userAgent(conversion),
  };
}

function clickIdOf(conversion: OutwardConversion): string | undefined {
  const value = platformClickId(conversion, ['msclkid'], CLICK_MAX_AGE_MS)?.value ?? '';
  return CLICK_ID.test(value) ? value : undefined;
}

function customData({ revenue, transactionId, productId, quantity }: OutwardConversion): JsonValue {
  return {
    value: revenue === null ? undefined : exactUnits(revenue),
    currency: revenue?.currency,
    transactionId: transactionId ?? undefined,
    itemIds: productId === null ? undefined : [productId],
    items: productId === null ? undefined : [{ id: productId, quantity: quantity ?? undefined }],
  };
}

const detailOfEvent = z.looseObject({
  index: z.int().nonnegative().optional(),
  propertyName: z.string().nullish(),
  errorCode: z.string().nullish(),
  errorMessage: z.string().nullish(),
  isWarning: z.boolean().nullish(),
});

const failed = z.looseObject({
  code: z.union([z.string(), z.int()]).nullish(),
  message: z.string().nullish(),
  details: z.array(detailOfEvent).nullish(),
});

const answer = z.looseObject({ eventsReceived: z.int().nonnegative().optional(), error: failed.nullish() });

type Failure = z.output<typeof failed>;
type Detail = z.output<typeof detailOfEvent>;

/** Statuses that refuse a whole request for what some of its events hold. */
const EVENT_STATUSES: readonly number[] = [400, 422];

function judgeRequest({ response, deliveryCount, now }: JudgeInput<MicrosoftSettings>): AttemptOutcome[] {
  const { status, headers } = response;
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  const all = (outcome: AttemptOutcome) => forAll(deliveryCount, outcome);
  if (status >= 300 && status < 400) return all(byStatus);
  const parsed = answer.safeParse(parseJson(response.body));
  const error = parsed.data?.error ?? null;
  const detail = error === null ? undefined : describe(error);
  if (isForeignPage(response)) return all(retry('response_unreadable', { afterMs }));
  if (status === 401 || error?.code === 'Unauthorized')
    return all(refused('token_invalid', 'destination', detail));
  if (status === 403) return all(refused('permission_denied', 'destination', detail));
  if (status === 429) return all(retry('throttled', { detail, afterMs }));
  if (byStatus.outcome === 'retry') {
    return all(error === null ? byStatus : retry('platform_failing', { detail, afterMs }));
  }
  const received = parsed.data?.eventsReceived;
  if (byStatus.outcome === 'delivered' && received !== undefined) {
    return judgeEvents({ received, details: faultsOf(error), deliveryCount });
  }
  if (status === 404 && error !== null) return all(refused('tag_unknown', 'destination', detail));
  const isOfEvents = status === 413 || (EVENT_STATUSES.includes(status) && error !== null);
  if (!isOfEvents) return all(retry('response_unreadable', { afterMs }));
  const named = faultsOf(error).flatMap(({ index }) => index ?? []);
  return refuseBatch({ deliveryCount, named, reason: 'event_invalid', detail });
}

interface ReceivedEvents {
  readonly received: number;
  readonly details: readonly Detail[];
  readonly deliveryCount: number;
}

/** A batch that was taken, without the events that are named. */
function judgeEvents({ received, details, deliveryCount }: ReceivedEvents): AttemptOutcome[] {
  const faults = Map.groupBy(details, ({ index }) => index ?? -1);
  const places = Array.from({ length: deliveryCount }, (_, place) => place);
  const sound = places.filter((place) => !faults.has(place)).length;
  return places.map((place) => {
    const own = faults.get(place);
    if (own !== undefined) return refused('event_invalid', 'event', own.map(inWords).join('; '));
    if (received >= sound) return delivered();
    const detail = `eventsReceived ${received} of ${deliveryCount}`;
    return retry('events_not_received', { detail, splitBatch: deliveryCount > 1 });
  });
}

function faultsOf(error: Failure | null): readonly Detail[] {
  return (error?.details ?? []).filter(({ isWarning }) => isWarning !== true);
}

function describe(error: Failure): string {
  const parts = [error.code, error.message, ...faultsOf(error).slice(0, FAULTS_TOLD).map(inWords)];
  return parts.filter((part) => part != null && part !== '').join(': ');
}

/** Without `attemptedValue`, which is what was sent. */
function inWords({ propertyName, errorCode, errorMessage }: Detail): string {
  return [propertyName, errorMessage ?? errorCode].filter((part) => part != null && part !== '').join(': ');
}
