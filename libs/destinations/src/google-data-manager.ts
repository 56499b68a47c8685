/** Google Data Manager API: a request is taken or refused as a whole, and what becomes of each event is only told later, under its id. */
import { type AttemptOutcome, judgeStatus, type OutwardConversion, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { exactUnits, valueProblems } from './amounts.ts';
import { FAULTS_TOLD, refuseBatch } from './batch-refusal.ts';
import { platformClickId } from './click-id.ts';
import { consentProblems, whenConsentDenied } from './consent.ts';
import type { AdjustmentForm } from './correction.ts';
import { type Credential, oauthRefresh } from './credential.ts';
import {
  type DestinationPage,
  defineDestination,
  delivered,
  forAll,
  type JudgeInput,
  type OutwardDelivery,
  refused,
  retry,
  TOKEN_EXPIRED,
  tokenExpired,
  type ValidateInput,
  type ValidationProblem,
} from './definition.ts';
import { DAY_MS, MINUTE_MS, timeProblems } from './event-time.ts';
import {
  type FollowUp,
  type FollowUpAnswer,
  type FollowUpGroup,
  type FollowUpJudgeInput,
  pending,
  untold,
} from './follow-up.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import type { OutwardResponse } from './outward-request.ts';
import { assertionRequest, serviceAccountKey } from './service-account.ts';
import { baseUrl, secret } from './settings.ts';

const DOCS = 'https://developers.google.com/data-manager/api';
const SEND_EVENTS = `${DOCS}/devguides/events/google-ads/offline/send-events`;
const ADJUSTMENTS = `${DOCS}/devguides/events/google-ads/conversion-adjustments`;
const LIMITS = `${DOCS}/devguides/limits`;
const ERRORS = `${DOCS}/devguides/concepts/understand-errors`;
const DIAGNOSTICS = `${DOCS}/devguides/diagnostics`;
const OFFLINE_IMPORT = 'https://support.google.com/google-ads/answer/7012522';
const PAGE = 'docs/destinations/google-data-manager.md';

const SCOPE = 'https://www.googleapis.com/auth/datamanager';
/** Google's tokens live an hour. */
const TOKEN_LIFETIME_MS = 3_600_000;

/** A conversion that is uploaded more than 90 days after its click is not imported. */
const MAX_AGE_MS = 90 * DAY_MS;
/**
 * The page on adjustments names no age. The Google Ads API, behind which the same conversions stand, answers
 * CONVERSION_EXPIRED after 54 days; so do we.
 */
const ADJUSTMENT_MAX_AGE_MS = 54 * DAY_MS;

/** Google asks to wait half an hour before the first question, and longer before each further one. */
const FIRST_ASKED_AFTER_MS = 30 * MINUTE_MS;
/** Ours: the last question is asked after 16 hours. */
const LAST_ASKED_AFTER_MS = DAY_MS;

/** By the platform's preference; exactly one may be sent. */
const CLICK_IDS = ['gclid', 'gbraid', 'wbraid'] as const;

/** `eventSource`. IN_STORE is left out: store sales need the id of a store and take no adjustments. */
const EVENT_SOURCES = ['WEB', 'APP', 'PHONE', 'MESSAGE', 'OTHER'] as const;

const accountId = () =>
  z.string().regex(/^\d{10}$/, 'must be the ten digits of a Google Ads account, without hyphens');

const settings = z
  .strictObject({
    customerId: accountId().describe('the Google Ads account that owns the conversion actions: ten digits'),
    loginCustomerId: accountId()
      .optional()
      .describe(
        'the manager account through which the account is reached; none where it is reached directly',
      ),
    events: z
      .record(
        z.string().min(1),
        z.string().regex(/^\d{1,20}$/, 'must be the digits of a conversion action id'),
      )
      .describe(
        'the id of a conversion action of type `UPLOAD_CLICKS` by our event type; the digits `ctId` in its URL',
      ),
    clientId: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('of the OAuth client, for access by a refresh token'),
    clientSecret: secret().optional().describe('of the OAuth client'),
    refreshToken: secret()
      .optional()
      .describe(`of a user of the account, granted for the scope \`${SCOPE}\``),
    serviceAccountKey: serviceAccountKey()
      .optional()
      .describe(
        'in place of the three above: the base64 of the JSON key of a service account that is a user of the account',
      ),
    apiVersion: z
      .string()
      .regex(/^v\d{1,3}$/, 'must look like v1')
      .default('v1')
      .describe('version of the API'),
    baseUrl: baseUrl('https://datamanager.googleapis.com'),
    tokenBaseUrl: baseUrl('https://oauth2.googleapis.com').describe(
      'where access tokens are fetched; another one only to reach a sandbox',
    ),
    eventSource: z.enum(EVENT_SOURCES).default('WEB').describe('where the conversion happened'),
    whenConsentDenied: whenConsentDenied(),
  })
  .refine(hasOneGrant, 'needs either clientId, clientSecret and refreshToken, or serviceAccountKey');

type GoogleSettings = z.output<typeof settings>;

interface Grants {
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly refreshToken?: string | undefined;
  readonly serviceAccountKey?: string | undefined;
}

function hasOneGrant({ clientId, clientSecret, refreshToken, serviceAccountKey: key }: Grants): boolean {
  const refresh = [clientId, clientSecret, refreshToken].filter((part) => part !== undefined).length;
  return key === undefined ? refresh === 3 : refresh === 0;
}

const refresh = oauthRefresh<GoogleSettings>({
  tokenUrl,
  grant: ({ clientId, clientSecret, refreshToken }) =>
    clientId === undefined || clientSecret === undefined || refreshToken === undefined
      ? null
      : { clientId, clientSecret, refreshToken },
  defaultLifetimeMs: TOKEN_LIFETIME_MS,
});

const credential: Credential<GoogleSettings> = {
  isNeeded: () => true,
  buildRequest: (input) => {
    const { serviceAccountKey: key } = input.settings;
    if (key === undefined) return refresh.buildRequest(input);
    return assertionRequest({ key, scope: SCOPE, tokenUrl: tokenUrl(input.settings), now: input.now });
  },
  // Both grants are answered alike: RFC 6749 §5.
  judge: refresh.judge,
};

function tokenUrl({ tokenBaseUrl }: GoogleSettings): string {
  return `${tokenBaseUrl}/token`;
}

const RESTATEMENT: AdjustmentForm = {
  form: 'adjustment',
  tells: 'new_total',
  direction: 'any',
  maxAgeMs: ADJUSTMENT_MAX_AGE_MS,
  source: ADJUSTMENTS,
};

const page: DestinationPage = {
  summary:
    'Sends a conversion to Google Ads as an offline event of one conversion action, and restates its value when it changes.',
  fields: [
    [
      '`destinations`',
      'one: the account (and its manager), and the conversion action as `productDestinationId`',
    ],
    ['`encoding`', '`HEX`, how the hashes are written'],
    ['`validateOnly`', '`true` for tests, which Google then checks and does not record'],
    [
      '`transactionId`',
      'the delivery id, the same on every attempt; of an adjustment that of the event it adjusts',
    ],
    ['`eventTimestamp`', 'when the conversion occurred, RFC 3339 in UTC; the same in an adjustment'],
    ['`lastUpdatedTimestamp`', 'of an adjustment only: when the decision fell that asks for it'],
    ['`eventSource`', 'the setting'],
    [
      '`conversionValue`, `currency`',
      'the revenue with all its digits; of an adjustment what it is now, 0 when nothing is left',
    ],
    [
      '`adIdentifiers.gclid`, `gbraid` or `wbraid`',
      'the first of them that the click has, at most 90 days older than the conversion',
    ],
    ['`adIdentifiers.landingPageDeviceInfo.userAgent`', "the click's user agent, beside a click id"],
    [
      '`userData.userIdentifiers`',
      'the SHA-256 of the e-mail (at Gmail without dots and `+suffix`) and of the phone number (E.164), made at the edge; not beside a `wbraid`, and not when consent is denied',
    ],
    [
      '`consent.adUserData`, `adPersonalization`',
      '`CONSENT_GRANTED` or `CONSENT_DENIED`, left out when not known',
    ],
  ],
  checks: [
    ['`too_old`, `eventTimestamp`', 'at most 90 days old'],
    [
      '`too_old`, `adIdentifiers.gclid` (`gbraid`, `wbraid`)',
      'the click is at most 90 days old when the event is sent',
    ],
    ['`consent_denied`, `consent.adUserData`', 'with `whenConsentDenied: withhold`'],
    ['`identifier_missing`, `adIdentifiers`', 'a click id, an e-mail or a phone number'],
    ['`value_invalid`, `currency`', 'an ISO 4217 code'],
  ],
  answers: [
    ['200 with a `requestId`', 'delivered: accepted, and not yet matched to a click'],
    ['401 or `UNAUTHENTICATED`', 'retry `token_expired`, with a new access token'],
    ['429 with an error body, or `RESOURCE_EXHAUSTED`', 'retry `throttled`, Retry-After honoured'],
    [
      '5xx with an error body, `INTERNAL_ERROR`, `DEADLINE_EXCEEDED`, `UNAVAILABLE`',
      'retry `platform_failing`',
    ],
    ['`TOO_MANY_EVENTS`', 'retry `batch_refused`, the batch split'],
    [
      '403 with an error body, `PERMISSION_DENIED` or a reason that concerns the account or its terms',
      'refused `permission_denied`',
    ],
    [
      'a reason or field that concerns the conversion action, or another 4xx with an error body',
      'refused `destination_invalid`',
    ],
    [
      '400 that names events of a batch by `events[N]`',
      'those are refused `event_invalid`, the others go again without them',
    ],
    ['400 that names no event of a batch', 'retry `batch_refused`, the batch split'],
    ['400 to a single event', 'refused `event_invalid`, or `event_too_old` for `EVENT_TIME_INVALID`'],
    ['HTTP 408, 425, 429 or 5xx without an error body', 'retry `http_<status>`'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `response_unreadable`'],
    ['status `SUCCESS`, asked later', 'delivered'],
    [
      'status `FAILED` or `PARTIAL_SUCCESS`, by the counts of each reason',
      'refused `event_too_old`, `consent_missing`, `permission_denied` or `event_invalid`; retry `platform_failing` for `INTERNAL_ERROR`',
    ],
    [
      'of these `DUPLICATE_TRANSACTION_ID` and `DUPLICATE_GCLID`',
      'delivered: the event is counted already. Of an adjustment refused `adjustment_not_taken`',
    ],
  ],
  notes: [
    'Google has no taxonomy of events: every event type needs a conversion action of its own, named in `events`. A type without one is not sent.',
    'A `requestId` says that the request was well formed. Whether its events were dropped afterwards, as too old, without consent or as duplicates, is asked by `requestStatus:retrieve`: first after half an hour, then after twice as long each time, for a day. Google tells how many, and not which: what became of an event is known where all of a request fared alike.',
    'There is no retraction: what is taken back is restated to a value of 0, and the conversion itself stays counted.',
    'An event with a transaction id that Google does not know becomes a conversion of its own. So when Google dropped an event after it had accepted it, an adjustment of it is counted as a new conversion with the right value.',
    'The page on adjustments names no age; ours is the 54 days of the Google Ads API (`CONVERSION_EXPIRED`).',
    'No IP address is sent: Google takes none of people in the EEA, the United Kingdom and Switzerland, and where a person is we do not always know. No postal address either: it needs the postal code in clear.',
    'With `whenConsentDenied: limit` an event goes out as `CONSENT_DENIED`, without hashes; Google may then drop it (`DENIED_CONSENT`).',
    'A project may send 300 requests a minute and 100,000 a day.',
  ],
  sources: [
    SEND_EVENTS,
    ADJUSTMENTS,
    LIMITS,
    ERRORS,
    DIAGNOSTICS,
    OFFLINE_IMPORT,
    'fields and error reasons: the published client `@google-ads/datamanager` 0.3.0, its protos',
    'CONVERSION_EXPIRED: `ConversionAdjustmentUploadError` of the Google Ads API v24',
    'a `wbraid` goes without user identifiers: RudderStack and Segment, for the Google Ads API',
  ],
};

export const googleDataManager = defineDestination<GoogleSettings>({
  key: 'google-data-manager',
  title: 'Google Data Manager API',
  api: { version: 'v1', docs: DOCS },
  page,
  settings,
  exampleSettings: {
    customerId: '1234567890',
    loginCustomerId: '9876543210',
    events: { lead: '111222333', sale: '444555666' },
    clientId: '1234-example.apps.googleusercontent.com',
    clientSecret: 'example-client-secret',
    refreshToken: '1//example-refresh-token',
  },
  // One conversion action for each event type, and only the account's owner knows their ids.
  events: {},
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 2_000,
  // No figure is published.
  maxBodyBytes: 1_000_000,
  maxAgeMs: () => MAX_AGE_MS,
  // By transactionId within the conversion action; for how long is not said.
  dedupWindowMs: null,

  credential,

  batchKey: ({ event }) => event,
  amounts: () => ['revenue'],
  corrections: () => ({ restate: RESTATEMENT, retract: RESTATEMENT }),

  validate: (input) => [
    ...timeProblems(input, {
      field: 'eventTimestamp',
      source: OFFLINE_IMPORT,
      maxAgeMs: MAX_AGE_MS,
      maxLeadMs: null,
    }),
    ...clickProblems(input),
    ...consentProblems(input, { field: 'consent.adUserData', source: PAGE }),
    ...identifierProblems(input),
    ...valueProblems(input, {
      valueField: 'conversionValue',
      currencyField: 'currency',
      requiredFor: [],
      source: SEND_EVENTS,
    }),
  ],

  buildRequest: ({ deliveries, settings: given, accessToken }) => ({
    method: 'POST',
    url: `${given.baseUrl}/${given.apiVersion}/events:ingest`,
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: jsonText({
      destinations: [destination(deliveries[0]?.event ?? '', given)],
      encoding: 'HEX',
      validateOnly: deliveries.some(({ conversion }) => conversion.isTest) ? true : undefined,
      events: deliveries.map((delivery) => ingestedEvent(delivery, given)),
    }),
  }),

  judge: judgeRequest,

  followUp: {
    requestIdOf: ({ response, isTest }) => (isTest ? null : requestIdOf(response)),
    firstAfterMs: FIRST_ASKED_AFTER_MS,
    lastAfterMs: LAST_ASKED_AFTER_MS,
    buildRequest: ({ requestId, settings: given, accessToken }) => ({
      method: 'GET',
      url: `${given.baseUrl}/${given.apiVersion}/requestStatus:retrieve?requestId=${encodeURIComponent(requestId)}`,
      headers: { authorization: `Bearer ${accessToken}` },
      body: null,
    }),
    judge: judgeStatusAnswer,
  } satisfies FollowUp<GoogleSettings>,
});

type Input = ValidateInput<GoogleSettings>;

function clickProblems({ conversion, now }: Input): ValidationProblem[] {
  const click = clickIdOf(conversion);
  if (click === undefined || now - click.firstSeenAt <= MAX_AGE_MS) return [];
  const field = `adIdentifiers.${click.name}`;
  return [{ field, code: 'too_old', message: 'the click is older than 90 days', source: OFFLINE_IMPORT }];
}

function identifierProblems({ conversion }: Input): ValidationProblem[] {
  if (clickIdOf(conversion) !== undefined || userDataOf(conversion) !== undefined) return [];
  const message = 'needs a gclid, gbraid or wbraid, an e-mail or a phone number';
  return [{ field: 'adIdentifiers', code: 'identifier_missing', message, source: SEND_EVENTS }];
}

function destination(conversionActionId: string, { customerId, loginCustomerId }: GoogleSettings): JsonValue {
  return {
    operatingAccount: googleAdsAccount(customerId),
    loginAccount: loginCustomerId === undefined ? undefined : googleAdsAccount(loginCustomerId),
    productDestinationId: conversionActionId,
  };
}

function googleAdsAccount(id: string): JsonValue {
  return { accountType: 'GOOGLE_ADS', accountId: id };
}

/** An adjustment is the event once more, under its own transaction id and with everything an event needs. */
function ingestedEvent(
  { deliveryId, conversion, correction }: OutwardDelivery,
  given: GoogleSettings,
): JsonValue {
  return {
    transactionId: correction?.deliveredAs.deliveryId ?? deliveryId,
    eventTimestamp: rfc3339(conversion.occurredAt),
    lastUpdatedTimestamp: correction === null ? undefined : rfc3339(correction.correctedAt),
    eventSource: given.eventSource,
    ...conversionValue({ conversion, correction }),
    adIdentifiers: adIdentifiersOf(conversion),
    userData: userDataOf(conversion),
    consent: consentOf(conversion),
  };
}

function rfc3339(at: number): string {
  return new Date(at).toISOString();
}

function conversionValue({ conversion, correction }: Pick<OutwardDelivery, 'conversion' | 'correction'>) {
  if (correction === null) return valued(conversion.revenue);
  // Left out, the value would be the standard one of the conversion action, and nothing would be taken back.
  const { currency } = correction.now.revenue ?? correction.held.revenue ?? {};
  return { conversionValue: exactUnits(correction.now.revenue ?? NOTHING), currency };
}

const NOTHING = { micros: 0n, currency: '' } as const;

function valued(revenue: OutwardConversion['revenue']) {
  return revenue === null ? {} : { conversionValue: exactUnits(revenue), currency: revenue.currency };
}

function clickIdOf(conversion: OutwardConversion) {
  return platformClickId(conversion, CLICK_IDS, MAX_AGE_MS);
}

function adIdentifiersOf(conversion: OutwardConversion): JsonValue | undefined {
  const click = clickIdOf(conversion);
  if (click === undefined) return undefined;
  const userAgent = conversion.click?.userAgent;
  return {
    [click.name]: click.value,
    landingPageDeviceInfo: userAgent == null ? undefined : { userAgent },
  };
}

function userDataOf(conversion: OutwardConversion): JsonValue | undefined {
  const { subjectHashes, consent } = conversion;
  if (consent.adUserData === 'denied' || clickIdOf(conversion)?.name === 'wbraid') return undefined;
  const userIdentifiers = [
    { emailAddress: subjectHashes['emailGmail'] },
    { phoneNumber: subjectHashes['phoneE164'] },
  ].filter((identifier) => Object.values(identifier).some((hash) => hash !== undefined));
  return userIdentifiers.length === 0 ? undefined : { userIdentifiers };
}

const CONSENT_STATUS = { granted: 'CONSENT_GRANTED', denied: 'CONSENT_DENIED', unknown: undefined } as const;

function consentOf({ consent }: OutwardConversion): JsonValue | undefined {
  const adUserData = CONSENT_STATUS[consent.adUserData];
  const adPersonalization = CONSENT_STATUS[consent.adPersonalization];
  return adUserData === undefined && adPersonalization === undefined
    ? undefined
    : { adUserData, adPersonalization };
}

const accepted = z.looseObject({ requestId: z.string().regex(/^[\x21-\x7e]{1,500}$/) });

/** google.rpc.Status: the reasons stand in the details, of the request and of single fields. */
const failure = z.looseObject({
  error: z.looseObject({
    code: z.int().optional(),
    status: z.string().optional(),
    message: z.string().optional(),
    details: z
      .array(
        z.looseObject({
          reason: z.string().optional(),
          fieldViolations: z
            .array(
              z.looseObject({
                field: z.string().optional(),
                reason: z.string().optional(),
                description: z.string().optional(),
              }),
            )
            .optional(),
        }),
      )
      .optional(),
  }),
});

type GoogleError = z.output<typeof failure>['error'];

/**
 * Statuses and reasons by what they ask for; every other reason of a 400 or 413 concerns the event.
 *
 * | status or reason                                                    | outcome                                        |
 * |---------------------------------------------------------------------|------------------------------------------------|
 * | 401, UNAUTHENTICATED                                                | retry with another access token                |
 * | 429, RESOURCE_EXHAUSTED                                             | retry `throttled`, Retry-After honoured        |
 * | 5xx, INTERNAL(_ERROR), DEADLINE_EXCEEDED, UNAVAILABLE               | retry `platform_failing`                       |
 * | TOO_MANY_EVENTS                                                     | the batch is split                             |
 * | 403, PERMISSION_DENIED and what concerns the account and its terms  | refused `permission_denied`, the destination   |
 * | what concerns the conversion action, and every other 4xx            | refused `destination_invalid`, the destination |
 * | EVENT_TIME_INVALID                                                  | refused `event_too_old`                        |
 *
 * Source: error.proto of the published client, and the page on errors.
 */
const EVENT_STATUSES: readonly number[] = [400, 413];
const FAILING: readonly string[] = ['INTERNAL', 'INTERNAL_ERROR', 'DEADLINE_EXCEEDED', 'UNAVAILABLE'];
export const ACCOUNT_REASONS: readonly string[] = [
  'PERMISSION_DENIED',
  'NOT_ALLOWLISTED',
  'TERMS_AND_CONDITIONS_NOT_SIGNED',
  'DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS',
  'DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS',
  'DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED',
  'OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH',
  'EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED',
];
export const DESTINATION_REASONS: readonly string[] = [
  'INVALID_DESTINATION',
  'INVALID_CONVERSION_ACTION_ID',
  'INVALID_CONVERSION_ACTION_TYPE',
  'DESTINATION_ACCOUNT_TYPE_MISMATCH',
  'EVENT_SOURCE_AND_DESTINATION_MISMATCH',
];

function judgeRequest({ response, deliveryCount, now }: JudgeInput<GoogleSettings>): AttemptOutcome[] {
  const { status, headers } = response;
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  const body = parseJson(response.body);
  const error = failure.safeParse(body);
  const all = (outcome: AttemptOutcome) => forAll(deliveryCount, outcome);
  if (status >= 300 && status < 400) return all(byStatus);
  if (status === 401) return all(tokenExpired(error.success ? describe(error.data.error) : undefined));
  if (error.success) return judgeError(error.data.error, { status, deliveryCount, afterMs });
  if (byStatus.outcome === 'retry') return all(byStatus);
  const isAccepted = requestIdOf(response) !== null;
  return all(isAccepted ? delivered() : retry('response_unreadable', { afterMs }));
}

/** Google's id of a request that it accepted; null for any other answer. */
function requestIdOf({ status, body }: OutwardResponse): string | null {
  if (status < 200 || status > 299) return null;
  const read = accepted.safeParse(parseJson(body));
  return read.success ? read.data.requestId : null;
}

interface FailedRequest {
  readonly status: number;
  readonly deliveryCount: number;
  readonly afterMs: number | null;
}

function judgeError(error: GoogleError, { status, deliveryCount, afterMs }: FailedRequest): AttemptOutcome[] {
  const detail = describe(error);
  const codes = codesOf(error);
  const has = (...wanted: readonly string[]) => wanted.some((code) => codes.includes(code));
  const all = (outcome: AttemptOutcome) => forAll(deliveryCount, outcome);
  if (has('UNAUTHENTICATED')) return all(tokenExpired(detail));
  if (status === 429 || has('RESOURCE_EXHAUSTED')) return all(retry('throttled', { detail, afterMs }));
  if (status >= 500 || has(...FAILING)) return all(retry('platform_failing', { detail, afterMs }));
  if (status === 403 || has(...ACCOUNT_REASONS))
    return all(refused('permission_denied', 'destination', detail));
  const isAboutEvents = EVENT_STATUSES.includes(status) && !has(...DESTINATION_REASONS);
  if (!isAboutEvents || concernsDestination(error)) {
    return all(refused('destination_invalid', 'destination', detail));
  }
  const reason = has('EVENT_TIME_INVALID') ? 'event_too_old' : 'event_invalid';
  return refuseBatch({ deliveryCount, named: placesOf(error), reason, detail });
}

function violationsOf({ details = [] }: GoogleError) {
  return details.flatMap(({ fieldViolations = [] }) => fieldViolations);
}

function codesOf(error: GoogleError): readonly string[] {
  const reasons = [...(error.details ?? []), ...violationsOf(error)].map(({ reason }) => reason);
  return [error.status, ...reasons].filter((code) => code !== undefined);
}

/** Places of the events that the violations name: `events[2].user_data`, or with its parent, `events.events[2]`. */
function placesOf(error: GoogleError): readonly number[] {
  return violationsOf(error).flatMap(({ field = '' }) => {
    const place = /(?:^|\.)events\[(\d{1,4})\]/.exec(field)?.[1];
    return place === undefined ? [] : [Number(place)];
  });
}

function concernsDestination(error: GoogleError): boolean {
  return violationsOf(error).some(({ field = '' }) => /^destinations\b/.test(field));
}

/** The platform's words, without the values of fields: descriptions may repeat what was sent. */
function describe(error: GoogleError): string {
  const violations = violationsOf(error)
    .slice(0, FAULTS_TOLD)
    .map(({ field, reason }) => [reason, field].filter(isGiven).join(' at '));
  const codes = [...new Set(codesOf(error))].join(', ');
  return [codes, error.message, ...new Set(violations)].filter(isGiven).join(': ');
}

function isGiven(part: string | undefined): part is string {
  return part !== undefined && part !== '';
}

/** google.ads.datamanager.v1.RetrieveRequestStatusResponse; 64-bit numbers are text in Google's JSON. */
const statusAnswer = z.looseObject({
  // A request of ours has one destination.
  requestStatusPerDestination: z.tuple([
    z.looseObject({
      requestStatus: z.string(),
      errorInfo: z
        .looseObject({
          errorCounts: z
            .array(z.looseObject({ recordCount: z.coerce.number().int().min(0), reason: z.string() }))
            .default([]),
        })
        .default({ errorCounts: [] }),
    }),
  ]),
});

type ErrorCounts = z.output<
  typeof statusAnswer
>['requestStatusPerDestination'][0]['errorInfo']['errorCounts'];

function judgeStatusAnswer(input: FollowUpJudgeInput<GoogleSettings>): FollowUpAnswer {
  const { response, now } = input;
  const { status, headers } = response;
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const body = parseJson(response.body);
  const error = failure.safeParse(body);
  if (status === 401) return pending(TOKEN_EXPIRED);
  if (error.success) return judgeStatusError(error.data.error, { status, afterMs });
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  if (byStatus.outcome === 'refused') return untold(byStatus.reason);
  if (byStatus.outcome === 'retry') return pending(byStatus.reason, { afterMs });
  const read = statusAnswer.safeParse(body);
  if (!read.success) return pending('response_unreadable', { afterMs });
  const [{ requestStatus, errorInfo }] = read.data.requestStatusPerDestination;
  const groups = groupsOf(requestStatus, errorInfo.errorCounts, input);
  if (groups !== null) return { answer: 'settled', groups };
  return requestStatus === 'PARTIAL_SUCCESS' ? untold('counts_missing') : pending('processing');
}

function judgeStatusError(
  error: GoogleError,
  { status, afterMs }: Pick<FailedRequest, 'status' | 'afterMs'>,
): FollowUpAnswer {
  const detail = describe(error);
  const codes = codesOf(error);
  if (codes.includes('UNAUTHENTICATED')) return pending(TOKEN_EXPIRED, { detail });
  const isTemporary = status === 429 || status >= 500 || codes.some((code) => TEMPORARY.includes(code));
  return isTemporary
    ? pending('platform_failing', { detail, afterMs })
    : untold('request_status_refused', detail);
}

const TEMPORARY: readonly string[] = [...FAILING, 'RESOURCE_EXHAUSTED'];

/** Null while Google is not done, or where its counts leave open how many were dropped. */
function groupsOf(
  requestStatus: string,
  errorCounts: ErrorCounts,
  { deliveryCount, isAdjustment }: FollowUpJudgeInput<GoogleSettings>,
): readonly FollowUpGroup[] | null {
  if (requestStatus === 'SUCCESS') return [{ count: deliveryCount, outcome: delivered() }];
  const dropped = errorCounts.map(({ recordCount, reason }) => ({
    count: recordCount,
    outcome: outcomeOfDropped(reason, isAdjustment),
  }));
  const left = deliveryCount - dropped.reduce((sum, { count }) => sum + count, 0);
  if (requestStatus === 'FAILED' && left !== 0) {
    return [{ count: deliveryCount, outcome: outcomeOfAllDropped(errorCounts, isAdjustment) }];
  }
  if (requestStatus === 'FAILED') return dropped;
  if (requestStatus !== 'PARTIAL_SUCCESS' || dropped.length === 0 || left < 0) return null;
  return [...dropped, { count: left, outcome: delivered() }];
}

/** That all were dropped is certain; why may not be, for Google need not give the counts, and an event may have several faults. */
function outcomeOfAllDropped(errorCounts: ErrorCounts, isAdjustment: boolean): AttemptOutcome {
  const [first, ...others] = new Set(errorCounts.map(({ reason }) => reason));
  if (first !== undefined && others.length === 0) return outcomeOfDropped(first, isAdjustment);
  const reasons = [first, ...others].filter((reason) => reason !== undefined).slice(0, FAULTS_TOLD);
  return refused('event_invalid', 'event', reasons.join(', ') || undefined);
}

/**
 * What an event is that was accepted and dropped afterwards, by the reason without its prefix.
 *
 * | reason                                                   | outcome                                            |
 * |----------------------------------------------------------|----------------------------------------------------|
 * | INTERNAL_ERROR                                           | retry `platform_failing`                           |
 * | DUPLICATE_TRANSACTION_ID, DUPLICATE_GCLID of an event    | delivered: it is counted already                   |
 * | the same of an adjustment                                | refused `adjustment_not_taken`: the old one stands |
 * | EVENT_TOO_OLD                                            | refused `event_too_old`                            |
 * | DENIED_CONSENT, NO_CONSENT, UNKNOWN_CONSENT              | refused `consent_missing`                          |
 * | DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED | refused `permission_denied`, the destination       |
 * | any other                                                | refused `event_invalid`                            |
 *
 * Source: processing_errors.proto of the published client.
 */
function outcomeOfDropped(reason: string, isAdjustment: boolean): AttemptOutcome {
  const short = reason.replace(/^PROCESSING_ERROR_(?:REASON_)?/, '');
  if (short === 'INTERNAL_ERROR') return retry('platform_failing', { detail: short });
  if (DUPLICATES.includes(short)) {
    return isAdjustment ? refused('adjustment_not_taken', 'event', short) : delivered();
  }
  if (short === 'EVENT_TOO_OLD') return refused('event_too_old', 'event', short);
  if (CONSENT_REASONS.includes(short)) return refused('consent_missing', 'event', short);
  if (short === TERMS_REASON) return refused('permission_denied', 'destination', short);
  return refused('event_invalid', 'event', short);
}

const DUPLICATES: readonly string[] = ['DUPLICATE_TRANSACTION_ID', 'DUPLICATE_GCLID'];
const CONSENT_REASONS: readonly string[] = ['DENIED_CONSENT', 'NO_CONSENT', 'UNKNOWN_CONSENT'];
const TERMS_REASON = 'DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED';

/** The reasons of the table. */
export const DROPPED_REASONS: readonly string[] = [
  'INTERNAL_ERROR',
  'EVENT_TOO_OLD',
  ...DUPLICATES,
  ...CONSENT_REASONS,
  TERMS_REASON,
];
