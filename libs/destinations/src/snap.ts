/** Snap Conversions API v3: all we know of it. A failure may come with a 200, so `judge` reads the body. */
import { type AttemptOutcome, judgeStatus, type OutwardConversion, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { exactUnits, predictedLtv, valueProblems } from './amounts.ts';
import { browserId, ipAddress, pageUrl, userAgent } from './browser.ts';
import { platformClickId } from './click-id.ts';
import { consentProblems, deniesAnyUse, whenConsentDenied } from './consent.ts';
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
  refusedTogether,
  retry,
  tokenExpired,
  type ValidateInput,
  type ValidationProblem,
} from './definition.ts';
import { DAY_MS, MINUTE_MS, timeProblems } from './event-time.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, eventOverrides, secret } from './settings.ts';
import { subjectHashList } from './subject-hash.ts';

const DOCS = 'https://developers.snap.com/api/marketing-api/Conversions-API';
const USING_THE_API = `${DOCS}/UsingTheAPI`;
const PARAMETERS = `${DOCS}/Parameters`;
const DEDUPLICATION = `${DOCS}/Deduplication`;
const OFFLINE_EVENTS = `${DOCS}/OfflineEvents`;
const SDK = 'https://github.com/Snapchat/business-sdk-v3-java';
const OWN_PAGE = 'docs/destinations/snap.md';

/** Snap documents 37 days for what is reported; RudderStack found events of the web refused after 7. */
const MAX_AGE_MS = 7 * DAY_MS;
const OFFLINE_MAX_AGE_MS = 37 * DAY_MS;

/** Where Snap's reply does not say how long an access token lives; shorter than any it is known to give. */
const TOKEN_LIFETIME_MS = 30 * MINUTE_MS;

const GRANT_FIELDS = ['clientId', 'clientSecret', 'refreshToken'] as const;

const settings = z
  .strictObject({
    pixelId: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be a pixel id')
      .describe('the id of the pixel, for events of a site and of a shop'),
    accessToken: secret()
      .optional()
      .describe('the long-lived Conversions API token of the organisation; or the next three instead'),
    clientId: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/)
      .optional()
      .describe('id of the OAuth app'),
    clientSecret: secret().optional().describe('secret of the OAuth app'),
    refreshToken: secret().optional().describe('refresh token of whoever connected the account'),
    apiVersion: z
      .string()
      .regex(/^v\d{1,2}$/, 'must look like v3')
      .default('v3')
      .describe('version of the Conversions API'),
    baseUrl: baseUrl('https://tr.snapchat.com'),
    accountsUrl: baseUrl('https://accounts.snapchat.com').describe(
      'where access tokens are fetched: scheme, host and port; another one only to reach a sandbox',
    ),
    actionSource: z.enum(['WEB', 'OFFLINE']).default('WEB').describe('where the conversion happened'),
    limitedDataUse: z
      .enum(['off', 'on'])
      .default('off')
      .describe('whether every event is sent under limited data use'),
    limitedDataUseOption: z
      .enum(['LMU', 'LDU'])
      .default('LMU')
      .describe("the word for it: `LMU` is that of Snap's documentation, `LDU` that of its SDK"),
    whenConsentDenied: whenConsentDenied(),
    events: eventOverrides(),
  })
  .refine((given) => {
    const grantFields = GRANT_FIELDS.filter((name) => given[name] !== undefined).length;
    return grantFields === (given.accessToken === undefined ? GRANT_FIELDS.length : 0);
  }, 'either accessToken, or clientId, clientSecret and refreshToken');

type SnapSettings = z.output<typeof settings>;

const page: DestinationPage = {
  summary:
    'Sends a conversion as an event of one pixel, so that Snap can match it to a person and optimise for it. Tests go to the address that only validates.',
  fields: [
    [
      '`access_token` in the URL',
      'the token; the documented place, so that proxies on the way may log it. Hidden in our records',
    ],
    ['`event_name`', 'the table above'],
    ['`event_time`', 'when the conversion occurred, in seconds'],
    ['`event_id`', 'the delivery id, the same on every attempt'],
    ['`action_source`', 'the setting'],
    ['`event_source_url`', "the extra `event_source_url`, else the click's landing page"],
    [
      '`data_processing_options`',
      'the setting `limitedDataUseOption` by `limitedDataUse`, or when the person denied any use of their data for ads',
    ],
    [
      '`user_data.em`, `ph`, `fn`, `ln`, `ct`, `st`, `zp`, `country`, `external_id`',
      'SHA-256 of the form Snap asks for, made at the edge; sent as they are, where we have them. The edge makes hashes of e-mail, phone and customer id',
    ],
    [
      '`user_data.client_ip_address`, `client_user_agent`',
      "the postback's, else the click's; the address is decrypted for this one request",
    ],
    ['`user_data.sc_click_id`', 'the latest `ScCid`, as it was captured'],
    ['`user_data.sc_cookie1`', 'the extra `scid`, the `_scid` cookie; never made up'],
    ['`custom_data.value`, `currency`', 'the revenue, written with all its digits'],
    ['`custom_data.order_id`', 'the transaction id'],
    [
      '`custom_data.content_ids`, `contents`, `num_items`',
      'the product and its quantity: a postback carries no order lines',
    ],
    ['`custom_data.predicted_ltv`', 'as reported, when it is in the currency of the revenue'],
  ],
  checks: [
    ['`too_old`, `event_time`', 'at most 7 days old, 37 for `OFFLINE`'],
    ['`consent_denied`, `user_data`', 'with `whenConsentDenied: withhold`'],
    ['`identifier_missing`, `user_data`', 'an e-mail, a phone, or both IP address and user agent'],
    ['`field_missing`, `custom_data.value`', '`PURCHASE` needs value and currency'],
    ['`value_invalid`, `custom_data.currency`', 'an ISO 4217 code'],
    ['`field_missing`, `event_source_url`', 'events of the web need it'],
  ],
  answers: [
    ['`status` `VALID` with a 2xx', 'delivered'],
    ['`event_logs` of a test', 'each event by its own entry: delivered, or refused `event_invalid`'],
    [
      '`status` `INVALID`, whatever the HTTP status, for several events',
      'retry `batch_refused`, the batch split',
    ],
    ['`status` `INVALID`', 'refused `event_invalid`'],
    [
      'HTTP 401',
      'retry `token_expired` and another access token; with `accessToken` refused `token_invalid`',
    ],
    ['HTTP 403', 'refused `permission_denied`'],
    ['HTTP 408, 425, 429, 5xx', 'retry `http_<status>`, Retry-After honoured'],
    ['every other 4xx', 'as `INVALID`, with reason `http_<status>`'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `response_unreadable`'],
  ],
  notes: [
    'Renewals are left out on purpose: Snap has no standard event for them, and sent as `PURCHASE` they would feed bidding twice. Name them in `events` to send them. Snap has no event for a lead: it goes as `SIGN_UP`.',
    'Snap knows a repeat by event and event id for 48 hours, and a `PURCHASE` by its order id for 30 days: of two conversions of one order it counts one.',
    'Whether one bad event refuses a whole request is not documented; a refused one is split until each event is answered alone.',
    'Snap documents that events of up to 37 days are reported; 7 days for the web are the cautious reading.',
    "What limits the use of data is `LMU` in Snap's documentation and `LDU` in the example of its SDK: ask your contact, and set `limitedDataUseOption`.",
    'Events of apps need sixteen facts of the device: none is sent.',
    'The documented rate is 1,000 requests a second for long-lived tokens, 10 for others. Snap names no size of a request; ours is kept to 1 MB.',
  ],
  sources: [
    DOCS,
    USING_THE_API,
    PARAMETERS,
    DEDUPLICATION,
    OFFLINE_EVENTS,
    `form of requests and answers: Snap's Java SDK, \`api/openapi.yaml\` and \`ConversionApiClient\`, <${SDK}>`,
    "the age of events of the web: RudderStack's rudder-transformer, `snapchat_conversion/transformV3.ts`",
    "the refresh of access tokens: Segment's action-destinations, `snap-conversions-api`",
  ],
};

export const snap = defineDestination<SnapSettings>({
  key: 'snap',
  title: 'Snap Conversions API',
  api: { version: 'v3', docs: DOCS },
  page,
  settings,
  exampleSettings: {
    pixelId: '4a018335-717f-41dd-a66e-58eb2473aa61',
    clientId: 'example-client',
    clientSecret: 'example-client-secret',
    refreshToken: 'example-refresh-token',
  },
  // Renewals have no standard event; sent as PURCHASE they would feed bidding twice, so they are opt-in by `events`.
  events: {
    lead: 'SIGN_UP',
    signup: 'SIGN_UP',
    trial_start: 'START_TRIAL',
    subscription_started: 'SUBSCRIBE',
    first_purchase: 'PURCHASE',
    sale: 'PURCHASE',
  },
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 2_000,
  // The platform publishes no figure; Tealium keeps to 2 MB.
  maxBodyBytes: 1_000_000,
  maxAgeMs,
  // By event and event_id; a PURCHASE is known by its order_id for longer.
  dedupWindowMs: 2 * DAY_MS,

  credential: oauthRefresh({
    tokenUrl: ({ accountsUrl }) => `${accountsUrl}/login/oauth2/access_token`,
    grant: grantOf,
    defaultLifetimeMs: TOKEN_LIFETIME_MS,
  }),

  batchKey: () => '',
  amounts: () => ['revenue'],
  corrections: () =>
    noCorrections(
      'the Conversions API has no call to change or take back an event and no event for a refund; one sent again under its id or its order is dropped as a repeat',
      DEDUPLICATION,
    ),

  validate: (input) => [
    ...timeProblems(input, timeRule(input.settings)),
    ...consentProblems(input, { field: 'user_data', source: OWN_PAGE }),
    ...personProblems(input),
    ...valueProblems(input, VALUE_RULE),
    ...pageProblems(input),
  ],

  buildRequest: ({ deliveries, settings: given, accessToken }) => {
    const isTest = deliveries.some(({ conversion }) => conversion.isTest);
    const token = encodeURIComponent(accessToken ?? given.accessToken ?? '');
    const path = `${given.apiVersion}/${given.pixelId}/events${isTest ? '/validate' : ''}`;
    return {
      method: 'POST',
      // The documented place of the token is the URL, and no header.
      url: `${given.baseUrl}/${path}?access_token=${token}`,
      headers: { 'content-type': 'application/json' },
      body: jsonText({ data: deliveries.map((delivery) => capiEvent(delivery, given)) }),
    };
  },

  judge: judgeRequest,
});

function grantOf({ clientId, clientSecret, refreshToken }: SnapSettings): RefreshGrant | null {
  if (clientId === undefined || clientSecret === undefined || refreshToken === undefined) return null;
  return { clientId, clientSecret, refreshToken };
}

type Input = ValidateInput<SnapSettings>;

const VALUE_RULE = {
  valueField: 'custom_data.value',
  currencyField: 'custom_data.currency',
  requiredFor: ['PURCHASE'],
  source: USING_THE_API,
} as const;

function maxAgeMs({ actionSource }: SnapSettings): number {
  return actionSource === 'OFFLINE' ? OFFLINE_MAX_AGE_MS : MAX_AGE_MS;
}

function timeRule(given: SnapSettings) {
  const source = given.actionSource === 'OFFLINE' ? DOCS : OWN_PAGE;
  return { field: 'event_time', source, maxAgeMs: maxAgeMs(given), maxLeadMs: null };
}

function personProblems({ conversion }: Input): ValidationProblem[] {
  const user = userData(conversion);
  const isIdentified =
    user.em !== undefined ||
    user.ph !== undefined ||
    (user.client_ip_address !== undefined && user.client_user_agent !== undefined);
  if (isIdentified) return [];
  const message = 'needs an e-mail or phone, or both IP address and user agent';
  return [{ field: 'user_data', code: 'identifier_missing', message, source: USING_THE_API }];
}

function pageProblems({ conversion, settings: { actionSource } }: Input): ValidationProblem[] {
  if (actionSource !== 'WEB' || pageUrl(conversion) !== undefined) return [];
  const message = 'events of the web need it';
  return [{ field: 'event_source_url', code: 'field_missing', message, source: USING_THE_API }];
}

function capiEvent({ deliveryId, event, conversion }: OutwardDelivery, given: SnapSettings): JsonValue {
  const isLimited = given.limitedDataUse === 'on' || deniesAnyUse(conversion);
  return {
    event_name: event,
    event_time: Math.floor(conversion.occurredAt / 1_000),
    event_id: deliveryId,
    action_source: given.actionSource,
    event_source_url: pageUrl(conversion),
    data_processing_options: isLimited ? [given.limitedDataUseOption] : undefined,
    user_data: userData(conversion),
    custom_data: customData(conversion),
  };
}

function userData(conversion: OutwardConversion) {
  return {
    em: subjectHashList(conversion, 'emailPlain'),
    ph: subjectHashList(conversion, 'phoneDigits'),
    external_id: subjectHashList(conversion, 'customerExternal'),
    // Lower case and without punctuation.
    fn: subjectHashList(conversion, 'firstNameLetters'),
    ln: subjectHashList(conversion, 'lastNameLetters'),
    ct: subjectHashList(conversion, 'city'),
    st: subjectHashList(conversion, 'state'),
    zp: subjectHashList(conversion, 'postalCode'),
    country: subjectHashList(conversion, 'country'),
    client_ip_address: ipAddress(conversion),
    client_user_agent: userAgent(conversion),
    sc_click_id: platformClickId(conversion, ['ScCid'])?.value,
    sc_cookie1: browserId(conversion, 'scid'),
  };
}

function customData(conversion: OutwardConversion) {
  const { revenue, transactionId, productId, quantity } = conversion;
  const worth = predictedLtv(conversion);
  return {
    value: revenue === null ? undefined : exactUnits(revenue),
    currency: revenue?.currency,
    order_id: transactionId ?? undefined,
    predicted_ltv: worth === undefined ? undefined : exactUnits(worth),
    num_items: quantity ?? undefined,
    ...(productId !== null && {
      content_ids: [productId],
      // The SDK has the quantity as text.
      contents: [{ id: productId, quantity: quantity === null ? undefined : `${quantity}` }],
    }),
  };
}

const errors = z.looseObject({ codes: z.array(z.string()), error_msgs: z.array(z.string()) }).partial();

const answer = z.looseObject({
  status: z.enum(['VALID', 'INVALID']),
  reason: z.string().nullish(),
  errors: errors.nullish(),
  /** Of the address that validates: one entry for each event. */
  event_logs: z
    .array(z.looseObject({ event: z.int(), status: z.string(), errors: errors.nullish() }))
    .nullish(),
});

type SnapAnswer = z.output<typeof answer>;

function judgeRequest(input: JudgeInput<SnapSettings>): readonly AttemptOutcome[] {
  const { response, deliveryCount, settings: given, now } = input;
  const { status, headers } = response;
  const afterMs = parseRetryAfter(headers['retry-after'], now);
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  const read = answer.safeParse(parseJson(response.body));
  const detail = read.success ? wordsOf(read.data) : undefined;
  const all = (outcome: AttemptOutcome) => forAll(deliveryCount, outcome);
  if (status === 401) {
    return all(
      grantOf(given) === null ? refused('token_invalid', 'destination', detail) : tokenExpired(detail),
    );
  }
  if (status === 403) return all(refused('permission_denied', 'destination', detail));
  if (byStatus.outcome === 'retry' || (status >= 300 && status < 400)) return all(byStatus);
  if (read.success) return judgeAnswer(read.data, { status, deliveryCount });
  if (byStatus.outcome === 'delivered') return all(retry('response_unreadable', { afterMs }));
  return all(refusedTogether(byStatus.reason, undefined, deliveryCount));
}

function judgeAnswer(
  given: SnapAnswer,
  { status, deliveryCount }: { readonly status: number; readonly deliveryCount: number },
): readonly AttemptOutcome[] {
  const isValid = given.status === 'VALID' && status < 300;
  const logs = given.event_logs ?? [];
  return Array.from({ length: deliveryCount }, (_, index) => {
    const log = logs.find(({ event }) => event === index);
    if (log?.status === 'INVALID') return refused('event_invalid', 'event', wordsOf(log));
    if (isValid || (log?.status === 'VALID' && status < 300)) return delivered();
    return refusedTogether('event_invalid', wordsOf(given), deliveryCount);
  });
}

function wordsOf({ reason, errors: given }: Pick<SnapAnswer, 'reason' | 'errors'>): string | undefined {
  const words = [...(given?.codes ?? []), reason ?? '', ...(given?.error_msgs ?? [])].filter(
    (part) => part !== '',
  );
  return words.length === 0 ? undefined : words.join(': ');
}
