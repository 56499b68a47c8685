/** LinkedIn Conversions API: all we know of it. The kind of event belongs to a conversion rule, so outward events are rule ids. */
import { type AttemptOutcome, judgeStatus, type OutwardConversion, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { unitsText, valueProblems } from './amounts.ts';
import { refuseBatch } from './batch-refusal.ts';
import { platformClickId } from './click-id.ts';
import { consentProblems } from './consent.ts';
import { noCorrections } from './correction.ts';
import { oauthRefresh, type RefreshGrant } from './credential.ts';
import {
  type DestinationPage,
  defineDestination,
  delivered,
  forAll,
  type JudgeInput,
  type OutwardDelivery,
  refused,
  retry,
  tokenExpired,
  type ValidateInput,
  type ValidationProblem,
} from './definition.ts';
import { DAY_MS, MINUTE_MS, timeProblems } from './event-time.ts';
import { foreignPageAnswer, isForeignPage } from './foreign-page.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, eventOverrides, secret } from './settings.ts';
import { subjectHash } from './subject-hash.ts';

const DOCS =
  'https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api';
const SCHEMA = `${DOCS}-schema`;
const DEDUPLICATION =
  'https://learn.microsoft.com/en-us/linkedin/marketing/integrations/conversions/deduplication';
const EXTERNAL_IDS =
  'https://learn.microsoft.com/en-us/linkedin/marketing/conversions/custom-matching-identifiers';
const REFRESH_TOKENS =
  'https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens';
const PAGE = 'docs/destinations/linkedin.md';

/** One older event refuses the whole request, and so does one that lies ahead. */
const MAX_AGE_MS = 90 * DAY_MS;
/** For clocks that differ; sent as the time of sending. */
const MAX_LEAD_MS = MINUTE_MS;

const settings = z
  .strictObject({
    accessToken: secret()
      .optional()
      .describe(
        'an access token that needs no refresh; else the three below. Sent in the `Authorization` header',
      ),
    clientId: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/)
      .optional()
      .describe('of the app that was granted `rw_conversions`'),
    clientSecret: secret().optional().describe('of the same app'),
    refreshToken: secret()
      .optional()
      .describe('valid for a year; a member must then authorise the app again'),
    apiVersion: z
      .string()
      .regex(/^20\d{2}(?:0[1-9]|1[0-2])$/, 'must look like 202604')
      .default('202604')
      .describe('the `LinkedIn-Version` header; a version lives for about a year'),
    baseUrl: baseUrl('https://api.linkedin.com'),
    sendCustomerId: z
      .boolean()
      .default(false)
      .describe('whether the customer id goes along in clear as `externalIds`, for matching'),
    events: eventOverrides()
      .refine(
        (events) => Object.values(events).every((rule) => /^\d{1,20}$/.test(rule)),
        'must be the digits of rules',
      )
      .describe('the id of a conversion rule by our event type: only what is named here is sent'),
  })
  .superRefine(({ accessToken, clientId, clientSecret, refreshToken }, context) => {
    const refresh = { clientId, clientSecret, refreshToken };
    const missing = Object.entries(refresh).filter(([, value]) => value === undefined);
    if (accessToken === undefined) {
      for (const [name] of missing) {
        context.addIssue({ code: 'custom', path: [name], message: 'is needed without an accessToken' });
      }
    } else if (missing.length < 3) {
      context.addIssue({
        code: 'custom',
        path: ['accessToken'],
        message: 'stands in place of a refresh token',
      });
    }
  });

type LinkedInSettings = z.output<typeof settings>;

const page: DestinationPage = {
  summary:
    'Streams a conversion to a conversion rule of LinkedIn, which attributes it to the campaigns that the rule is associated with.',
  fields: [
    [
      '`conversion`',
      '`urn:lla:llaPartnerConversion:` and the rule that the setting `events` names for the event type',
    ],
    [
      '`conversionHappenedAt`',
      'when the conversion occurred, in milliseconds; the time of sending where that lies ahead',
    ],
    ['`eventId`', 'the delivery id, the same on every attempt'],
    ['`conversionValue.amount`, `currencyCode`', 'the revenue as text, with all its digits'],
    ['`user.userIds` `SHA256_EMAIL`', 'SHA-256 of the e-mail, trimmed and lower-case, made at the edge'],
    [
      '`user.userIds` `LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID`',
      'the latest `li_fat_id` of the click, as it came',
    ],
    ['`user.externalIds`', 'the customer id, with `sendCustomerId`'],
    ['header `X-RestLi-Method`', '`BATCH_CREATE`, also for one event'],
  ],
  checks: [
    ['`too_old`, `conversionHappenedAt`', 'at most 90 days old'],
    [
      '`in_future`, `conversionHappenedAt`',
      'at most one minute after the time of sending, for clocks that differ',
    ],
    [
      '`identifier_missing`, `user.userIds`',
      'an e-mail or a `li_fat_id`; an external id alone matches nobody at first',
    ],
    [
      '`value_invalid`, `conversionValue.currencyCode`',
      'an ISO 4217 code: LinkedIn takes any text and then has no use for the value',
    ],
    ['`consent_denied`, `user`', 'always: the API has no flag under which it could be sent'],
    ['`test_not_possible`, `conversion`', 'the API has no test switch'],
  ],
  answers: [
    ['2xx with `elements` of status 201, as many as were sent', 'delivered'],
    ['2xx with an element of another status', 'that event is judged by its status'],
    [
      '400 with `indices [n]`, 422 with `Index: n`',
      'nothing was stored: the events named are refused `event_invalid`, the others go again',
    ],
    [
      '400, 413 or 422 that names none',
      'retry `batch_refused` with the batch split; refused `event_invalid` when it was alone',
    ],
    [
      '401',
      'retry `token_expired` with a fetched access token; refused `token_invalid` with one of the settings, or with `REVOKED_ACCESS_TOKEN`',
    ],
    foreignPageAnswer('LinkedIn'),
    [
      '403',
      'refused `permission_denied`; a rule that does not exist is answered so too, with `No ad accounts found`',
    ],
    ['426, or 400 `VERSION_MISSING`', 'refused `version_retired`: raise `apiVersion`, then replay'],
    ['408, 423, 425, 429, 5xx', 'retry `http_<status>`, Retry-After honoured'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `response_unreadable`'],
  ],
  notes: [
    "Each rule must have `conversionMethod` `CONVERSIONS_API` and be associated with campaigns. Where the Insight Tag tells the same conversion, it needs a rule of its own and the same event id; of two alike LinkedIn keeps the tag's.",
    'For how long a repeated event id is recognised is not documented.',
    'A request carries events of one rule only, so that a rule that is wrong refuses no other.',
    'First and last name, company and title (`userInfo`) would be needed in clear, which we do not keep. `PLAINTEXT_IP_ADDRESS` and `GOOGLE_AID`, which newer versions of the schema name, are not sent: an identifier that a version does not know refuses the whole request.',
    'Denied ad personalisation alone does not withhold a conversion; the API has no field that would say so.',
    'The rate limit is 600 requests a minute and 300,000 a day. Attribution takes up to 24 hours, reports up to 48.',
  ],
  sources: [
    SCHEMA,
    DEDUPLICATION,
    EXTERNAL_IDS,
    REFRESH_TOKENS,
    "requests, and answers 401, 403, 422 and 426: RudderStack's rudder-transformer, `v1/destinations/linkedin_ads/networkHandler.js` and its recorded answers",
    'the rate limit: <https://developer.salesforce.com/docs/data/data-cloud-int/guide/c360-a-linkedincapi-connector.html>',
  ],
};

export const linkedin = defineDestination<LinkedInSettings>({
  key: 'linkedin',
  title: 'LinkedIn Conversions API',
  api: { version: '202604', docs: DOCS },
  page,
  settings,
  exampleSettings: {
    clientId: '86example0client',
    clientSecret: 'example-client-secret',
    refreshToken: 'AQX-example-refresh-token',
    events: { lead: '104012', sale: '104013' },
  },
  events: {},
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 5_000,
  // LinkedIn publishes no figure; this one is ours.
  maxBodyBytes: 1_000_000,
  maxAgeMs: () => MAX_AGE_MS,
  dedupWindowMs: null,

  credential: oauthRefresh({
    tokenUrl: () => 'https://www.linkedin.com/oauth/v2/accessToken',
    grant: refreshGrant,
    // Programmatic access tokens are valid for 60 days.
    defaultLifetimeMs: 60 * DAY_MS,
  }),

  // The rule stands in each event; but LinkedIn answers one it does not know with a 403 for the whole request.
  batchKey: ({ event }) => event,
  amounts: () => ['revenue'],
  corrections: () =>
    noCorrections(
      'conversion events can only be created; one sent again under its id is dropped as a repeat',
      SCHEMA,
    ),

  validate: (input) => [
    ...timeProblems(input, {
      field: 'conversionHappenedAt',
      source: SCHEMA,
      maxAgeMs: MAX_AGE_MS,
      maxLeadMs: MAX_LEAD_MS,
    }),
    ...consentProblems(
      { conversion: input.conversion, settings: { whenConsentDenied: 'withhold' } },
      { field: 'user', source: PAGE },
    ),
    ...testProblems(input),
    ...identifierProblems(input),
    ...valueProblems(input, {
      valueField: 'conversionValue.amount',
      currencyField: 'conversionValue.currencyCode',
      requiredFor: [],
      source: SCHEMA,
    }),
  ],

  buildRequest: ({ deliveries, settings: given, accessToken, now }) => ({
    method: 'POST',
    url: `${given.baseUrl}/rest/conversionEvents`,
    headers: {
      authorization: `Bearer ${accessToken ?? given.accessToken}`,
      'content-type': 'application/json',
      'linkedin-version': given.apiVersion,
      'x-restli-protocol-version': '2.0.0',
      'x-restli-method': 'BATCH_CREATE',
    },
    body: jsonText({ elements: deliveries.map((delivery) => conversionEvent(delivery, given, now)) }),
  }),

  judge: judgeRequest,
});

function refreshGrant({ clientId, clientSecret, refreshToken }: LinkedInSettings): RefreshGrant | null {
  if (clientId === undefined || clientSecret === undefined || refreshToken === undefined) return null;
  return { clientId, clientSecret, refreshToken };
}

function testProblems({ conversion: { isTest } }: ValidateInput<LinkedInSettings>): ValidationProblem[] {
  if (!isTest) return [];
  const message = 'the API has no test switch, so the conversion would count';
  return [{ field: 'conversion', code: 'test_not_possible', message, source: PAGE }];
}

function identifierProblems({ conversion }: ValidateInput<LinkedInSettings>): ValidationProblem[] {
  if (userIds(conversion).length > 0) return [];
  const message = 'needs an e-mail or a li_fat_id';
  return [{ field: 'user.userIds', code: 'identifier_missing', message, source: SCHEMA }];
}

function conversionEvent(
  { deliveryId, event, conversion }: OutwardDelivery,
  { sendCustomerId }: LinkedInSettings,
  now: number,
): JsonValue {
  const { revenue, customerId, occurredAt } = conversion;
  return {
    conversion: `urn:lla:llaPartnerConversion:${event}`,
    conversionHappenedAt: Math.min(occurredAt, now),
    conversionValue:
      revenue === null ? undefined : { currencyCode: revenue.currency, amount: unitsText(revenue) },
    eventId: deliveryId,
    user: {
      userIds: userIds(conversion),
      externalIds: sendCustomerId && customerId !== null ? [customerId] : undefined,
    },
  };
}

function userIds(conversion: OutwardConversion) {
  const found = {
    SHA256_EMAIL: subjectHash(conversion, 'emailPlain'),
    LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID: platformClickId(conversion, ['li_fat_id'])?.value,
  };
  return Object.entries(found).flatMap(([idType, idValue]) =>
    idValue === undefined ? [] : [{ idType, idValue }],
  );
}

const created = z.looseObject({ elements: z.array(z.looseObject({ status: z.int() })) });

const failure = z.looseObject({ code: z.string().optional(), message: z.string().optional() });

/** Statuses that refuse a whole request for what some of its events hold. */
const EVENT_STATUSES: readonly number[] = [400, 413, 422];
const LOCKED = 423;
const VERSION_RETIRED = 426;

function judgeRequest({ response, deliveryCount, settings: given, now }: JudgeInput<LinkedInSettings>) {
  const { status, headers } = response;
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const body = parseJson(response.body);
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  if (byStatus.outcome === 'delivered') return judgeElements(body, deliveryCount);
  if (isForeignPage(response)) return forAll(deliveryCount, retry('response_unreadable'));
  const { code, message } = failure.safeParse(body).data ?? {};
  const detail = [code, message].filter((part) => part !== undefined).join(': ') || undefined;
  const all = (outcome: AttemptOutcome) => forAll(deliveryCount, outcome);
  if (status === VERSION_RETIRED || code === 'VERSION_MISSING') {
    return all(refused('version_retired', 'destination', detail));
  }
  if (EVENT_STATUSES.includes(status)) {
    return refuseBatch({ deliveryCount, named: placesIn(message ?? ''), reason: 'event_invalid', detail });
  }
  if (status === 401) {
    const isRenewable = refreshGrant(given) !== null && code !== 'REVOKED_ACCESS_TOKEN';
    return all(isRenewable ? tokenExpired(detail) : refused('token_invalid', 'destination', detail));
  }
  if (status === 403) return all(refused('permission_denied', 'destination', detail));
  if (status === LOCKED) return all(retry(`http_${LOCKED}`, { detail, afterMs }));
  return all(detail === undefined ? byStatus : { ...byStatus, detail });
}

function judgeElements(body: unknown, deliveryCount: number): AttemptOutcome[] {
  const elements = created.safeParse(body).data?.elements;
  if (elements?.length !== deliveryCount) return forAll(deliveryCount, retry('response_unreadable'));
  return elements.map(({ status }) => (status === 201 ? delivered() : judgeElement(status)));
}

/** Only 201 is documented: whatever else stands there has created nothing. */
function judgeElement(status: number): AttemptOutcome {
  const outcome = judgeStatus({ status });
  return outcome.outcome === 'delivered' ? retry('response_unreadable') : outcome;
}

/**
 * The places that a message names. A 422 lists faults by line, `Index: 2, ERROR :: /path :: text`; a 400 ends in
 * `indices [0, 2] (0-indexed)`.
 *
 * Source: answers recorded by RudderStack's rudder-transformer, test/integrations/destinations/linkedin_ads.
 */
function placesIn(message: string): number[] {
  const lines = [...message.matchAll(/Index: (\d+), ERROR/g)];
  const lists = [...message.matchAll(/indices \[([\d, ]+)\]/g)].flatMap(([list]) => [
    ...list.matchAll(/(\d+)/g),
  ]);
  return [...lines, ...lists].map(([, place]) => Number(place));
}
