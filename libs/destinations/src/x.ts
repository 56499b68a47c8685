/** X Conversion API: all we know of it. Requests are signed by OAuth 1.0a or carry a pixel token; a batch is taken or refused as a whole. */
import { createHash, createHmac } from 'node:crypto';
import { type AttemptOutcome, judgeStatus, type OutwardConversion, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { unitsText, valueProblems } from './amounts.ts';
import { ipAddress, userAgent } from './browser.ts';
import { platformClickId } from './click-id.ts';
import { consentProblems } from './consent.ts';
import { noCorrections } from './correction.ts';
import {
  type BuildInput,
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
import { DAY_MS } from './event-time.ts';
import { foreignPageAnswer, isForeignPage } from './foreign-page.ts';
import { type JsonValue, jsonText, parseJson } from './json-text.ts';
import { baseUrl, eventOverrides, secret } from './settings.ts';
import { subjectHash } from './subject-hash.ts';

const DOCS = 'https://docs.x.com/x-ads-api/measurement/web-conversions';
const ERRORS = 'https://docs.x.com/x-ads-api/fundamentals/error-codes-and-responses';
const RATE_LIMITS = 'https://docs.x.com/x-ads-api/fundamentals/rate-limiting';
const PIXEL_TOKENS = 'https://docs.x.com/x-ads-api/measurement/gtm-server-side';
const OAUTH = 'https://www.rfc-editor.org/rfc/rfc5849';
const PAGE = 'docs/destinations/x.md';

const OAUTH_SETTINGS = ['consumerKey', 'consumerSecret', 'accessToken', 'accessTokenSecret'] as const;

/** Keys and tokens stand in a header, so nothing but printable ASCII can be one. */
const identifier = z.string().regex(/^[\x21-\x7e]{1,200}$/);

const settings = z
  .strictObject({
    pixelId: z
      .string()
      .regex(/^[a-z0-9]{1,20}$/, 'must be a pixel id in base 36')
      .describe('the id of the event source in Events Manager, in base 36'),
    consumerKey: identifier.optional().describe('the API key of the developer app'),
    consumerSecret: secret().optional().describe('the API secret of the same app'),
    accessToken: secret()
      .optional()
      .describe('the access token of a user with `AD_MANAGER` or `ACCOUNT_ADMIN` in the ad account'),
    accessTokenSecret: secret().optional().describe('the secret of that access token'),
    pixelToken: secret()
      .optional()
      .describe(
        'in place of the four above: the access token that Events Manager makes for the Conversion API',
      ),
    apiVersion: z
      .string()
      .regex(/^\d{1,3}$/, 'must be a number')
      .default('12')
      .describe('version of the Ads API'),
    baseUrl: baseUrl('https://ads-api.x.com'),
    events: eventOverrides()
      .refine(
        (events) => Object.values(events).every((id) => /^(?:tw-[a-z0-9]+-)?[a-z0-9]{1,20}$/.test(id)),
        'must be event ids of Events Manager',
      )
      .describe(
        'the event id of Events Manager (`ol288` or `tw-oka17-ol288`) by our event type: only what is named here is sent',
      ),
  })
  .superRefine((given, context) => {
    const missing = OAUTH_SETTINGS.filter((name) => given[name] === undefined);
    if (given.pixelToken === undefined) {
      for (const name of missing) {
        context.addIssue({ code: 'custom', path: [name], message: 'is needed without a pixelToken' });
      }
    } else if (missing.length < OAUTH_SETTINGS.length) {
      context.addIssue({
        code: 'custom',
        path: ['pixelToken'],
        message: 'stands in place of the OAuth keys',
      });
    }
  });

type XSettings = z.output<typeof settings>;

const page: DestinationPage = {
  summary: 'Sends a conversion to one event of an X pixel.',
  fields: [
    ['`conversion_time`', 'when the conversion occurred: ISO 8601 in UTC, with milliseconds'],
    ['`event_id`', 'the event id that the setting `events` names for the event type'],
    ['`identifiers` `twclid`', 'the latest `twclid` of the click, as it came'],
    ['`identifiers` `hashed_email`', 'SHA-256 of the e-mail, trimmed and lower-case, made at the edge'],
    ['`identifiers` `hashed_phone_number`', 'SHA-256 of `+`, country code and digits, made at the edge'],
    [
      '`identifiers` `ip_address`, `user_agent`',
      "the postback's, else the click's; the address only where it is IPv4",
    ],
    ['`value`, `price_currency`', 'the revenue as text, with all its digits'],
    ['`number_items`, `contents`', 'the quantity, and the product where one is named'],
    ['`conversion_id`', 'the delivery id, the same on every attempt'],
    [
      'header `Authorization`',
      'OAuth 1.0a, HMAC-SHA1, made for each request; the body is not part of the signature',
    ],
    ['header `X-Pixel-Token`', 'the pixel token, where it is set'],
  ],
  checks: [
    [
      '`identifier_missing`, `identifiers`',
      'a `twclid`, e-mail or phone; address and user agent only beside one of them',
    ],
    ['`value_invalid`, `price_currency`', 'an ISO 4217 code'],
    ['`consent_denied`, `identifiers`', 'always: the API has no flag under which it could be sent'],
    ['`test_not_possible`, `conversion_id`', 'the API has no test switch'],
  ],
  answers: [
    ['200 with `conversions_processed` equal to what was sent', 'delivered'],
    ['200 with fewer', 'retry `events_not_received`, the batch split'],
    [
      '400 or 413',
      'nothing was processed: retry `batch_refused` with the batch split; refused `event_invalid` when it was alone',
    ],
    foreignPageAnswer('X'),
    ['401', 'refused `token_invalid`'],
    ['403', 'refused `permission_denied`: no access to the Ads API'],
    ['404 for `event_id`', 'refused `event_unknown`: the event id belongs to another account'],
    ['404', 'refused `pixel_unknown`: a wrong pixel id, or not of this user'],
    ['408, 423, 425, 429, 5xx', 'retry `http_<status>`; Retry-After or `x-rate-limit-reset` honoured'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['anything else', 'retry `response_unreadable`'],
  ],
  notes: [
    'A repeat is told by `conversion_id` within one event, so the pixel must use the same event and the same id.',
    'A request carries events of one event id only, so that an id that is wrong refuses no other.',
    'How old a conversion may be is not documented. The windows of attribution go up to 90 days.',
    'The page for Google Tag Manager also names `event_source_url`; the reference of the API does not, so it is left out.',
    'Denied ad personalisation alone does not withhold a conversion; the API has no field that would say so.',
    'The rate limit is 60,000 events in 15 minutes for each account.',
  ],
  sources: [ERRORS, RATE_LIMITS, PIXEL_TOKENS, `the signature: <${OAUTH}>`],
};

export const x = defineDestination<XSettings>({
  key: 'x',
  title: 'X Conversion API',
  api: { version: '12', docs: DOCS },
  page,
  settings,
  exampleSettings: {
    pixelId: 'oka17',
    consumerKey: 'example-consumer-key',
    consumerSecret: 'example-consumer-secret',
    accessToken: 'example-access-token',
    accessTokenSecret: 'example-access-token-secret',
    events: { lead: 'tw-oka17-ol287', sale: 'tw-oka17-ol288' },
  },
  events: {},
  unmappedEvents: 'withhold',
  confirmedBy: 'body',
  maxBatch: 500,
  // X publishes no figure; this one is ours.
  maxBodyBytes: 1_000_000,
  maxAgeMs: () => null,
  dedupWindowMs: 2 * DAY_MS,

  credential: null,

  // The event id stands in each conversion; but one that is wrong refuses the whole request with a 404.
  batchKey: ({ event }) => event,
  amounts: () => ['revenue'],
  corrections: () =>
    noCorrections('conversions can only be posted; one sent again under its id is dropped as a repeat', DOCS),

  validate: (input) => [
    ...consentProblems(
      { conversion: input.conversion, settings: { whenConsentDenied: 'withhold' } },
      { field: 'identifiers', source: DOCS },
    ),
    ...testProblems(input),
    ...identifierProblems(input),
    ...valueProblems(input, {
      valueField: 'value',
      currencyField: 'price_currency',
      requiredFor: [],
      source: DOCS,
    }),
  ],

  buildRequest: (input) => {
    const { deliveries, settings: given } = input;
    const url = `${given.baseUrl}/${given.apiVersion}/measurement/conversions/${given.pixelId}`;
    const { headers, derivedSecrets } = authorization(url, input);
    return {
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': 'application/json' },
      body: jsonText({ conversions: deliveries.map(conversionOf) }),
      derivedSecrets,
    };
  },

  judge: judgeRequest,
});

interface Authorization {
  readonly headers: Readonly<Record<string, string>>;
  readonly derivedSecrets: readonly string[];
}

/** Source: RFC 5849, HMAC-SHA1; of the request only its method and URL are signed, since the body is no form. */
function authorization(
  url: string,
  { deliveries, settings: given, now }: BuildInput<XSettings>,
): Authorization {
  const {
    pixelToken,
    consumerKey = '',
    consumerSecret = '',
    accessToken = '',
    accessTokenSecret = '',
  } = given;
  if (pixelToken !== undefined) return { headers: { 'x-pixel-token': pixelToken }, derivedSecrets: [] };
  const ids = deliveries.map(({ deliveryId }) => deliveryId).join();
  const parameters: readonly (readonly [string, string])[] = [
    ['oauth_consumer_key', consumerKey],
    // One for each attempt, as RFC 5849 asks: no two attempts carry the same deliveries at the same time.
    ['oauth_nonce', createHash('sha256').update(`${now}.${ids}`).digest('hex').slice(0, 32)],
    ['oauth_signature_method', 'HMAC-SHA1'],
    ['oauth_timestamp', String(Math.floor(now / 1_000))],
    ['oauth_token', accessToken],
    ['oauth_version', '1.0'],
  ];
  const { origin, pathname } = new URL(url);
  const normalised = parameters.map((pair) => pair.map(encoded).join('=')).join('&');
  const base = ['POST', `${origin}${pathname}`, normalised].map(encoded).join('&');
  const key = [consumerSecret, accessTokenSecret].map(encoded).join('&');
  const signature = createHmac('sha1', key).update(base).digest('base64');
  const signed = [...parameters, ['oauth_signature', signature] as const];
  const header = signed.map(([name, value]) => `${name}="${encoded(value)}"`).join(', ');
  return { headers: { authorization: `OAuth ${header}` }, derivedSecrets: [signature] };
}

/** RFC 3986, as RFC 5849 §3.6 asks: encodeURIComponent leaves five characters more. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

type Input = ValidateInput<XSettings>;

function testProblems({ conversion: { isTest } }: Input): ValidationProblem[] {
  if (!isTest) return [];
  const message = 'the API has no test switch, so the conversion would count';
  return [{ field: 'conversion_id', code: 'test_not_possible', message, source: PAGE }];
}

function identifierProblems({ conversion }: Input): ValidationProblem[] {
  if (ownIdentifiers(conversion).length > 0) return [];
  const message = 'needs a twclid, e-mail or phone';
  return [{ field: 'identifiers', code: 'identifier_missing', message, source: DOCS }];
}

function conversionOf({ deliveryId, event, conversion }: OutwardDelivery): JsonValue {
  const { revenue, quantity, productId, occurredAt } = conversion;
  // The API takes positive numbers only.
  const items = quantity !== null && quantity > 0 ? quantity : undefined;
  return {
    conversion_time: new Date(occurredAt).toISOString(),
    event_id: event,
    identifiers: [...ownIdentifiers(conversion), ...browserIdentifiers(conversion)],
    value: revenue === null ? undefined : unitsText(revenue),
    price_currency: revenue?.currency,
    number_items: items,
    conversion_id: deliveryId,
    contents: productId === null ? undefined : [{ content_id: productId, num_items: items }],
  };
}

/** Identifiers that suffice alone, one object each. */
function ownIdentifiers(conversion: OutwardConversion) {
  const found = {
    twclid: platformClickId(conversion, ['twclid'])?.value,
    hashed_email: subjectHash(conversion, 'emailPlain'),
    hashed_phone_number: subjectHash(conversion, 'phoneE164'),
  };
  return Object.entries(found).flatMap(([name, value]) => (value === undefined ? [] : [{ [name]: value }]));
}

/** The API wants addresses in dotted decimals. */
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

function browserIdentifiers(conversion: OutwardConversion) {
  const address = ipAddress(conversion) ?? '';
  const browser = {
    ip_address: IPV4.test(address) ? address : undefined,
    user_agent: userAgent(conversion),
  };
  return Object.values(browser).some((value) => value !== undefined) ? [browser] : [];
}

const success = z.looseObject({ data: z.looseObject({ conversions_processed: z.int() }) });

const failure = z.looseObject({
  errors: z.array(
    z.looseObject({
      code: z.string().optional(),
      message: z.string().optional(),
      parameter: z.string().optional(),
    }),
  ),
});

const LOCKED = 423;

function judgeRequest(input: JudgeInput<XSettings>): AttemptOutcome[] {
  return forAll(input.deliveryCount, judgeAlike(input));
}

/** A request is taken or refused as a whole, and its faults are not told by event: all share one outcome. */
function judgeAlike({ response, deliveryCount, now }: JudgeInput<XSettings>): AttemptOutcome {
  const { status, headers } = response;
  const afterMs =
    parseRetryAfter(headers['retry-after'], now) ?? (status === 429 ? untilReset(headers, now) : null);
  const byStatus = judgeStatus({ status, retryAfterMs: afterMs });
  const body = parseJson(response.body);
  if (byStatus.outcome === 'delivered') return judgeProcessed(body, deliveryCount);
  if (isForeignPage(response)) return retry('response_unreadable');
  const errors = failure.safeParse(body).data?.errors ?? [];
  const detail =
    errors.map(({ code, message }) => [code, message].filter(Boolean).join(': ')).join('; ') || undefined;
  if (status === 400 || status === 413) {
    if (deliveryCount > 1) return retry('batch_refused', { detail, splitBatch: true });
    return refused('event_invalid', 'event', detail);
  }
  if (status === 401) return refused('token_invalid', 'destination', detail);
  if (status === 403) return refused('permission_denied', 'destination', detail);
  if (status === 404) {
    const isEventUnknown = errors.some(({ parameter }) => parameter === 'event_id');
    return isEventUnknown
      ? refused('event_unknown', 'event', detail)
      : refused('pixel_unknown', 'destination', detail);
  }
  if (status === LOCKED) return retry(`http_${LOCKED}`, { detail, afterMs });
  return detail === undefined ? byStatus : { ...byStatus, detail };
}

function judgeProcessed(body: unknown, deliveryCount: number): AttemptOutcome {
  const count = success.safeParse(body).data?.data.conversions_processed;
  if (count === undefined) return retry('response_unreadable');
  if (count === deliveryCount) return delivered();
  const detail = `conversions_processed ${count} of ${deliveryCount}`;
  return retry('events_not_received', { detail, splitBatch: deliveryCount > 1 });
}

/** When the window of a rate limit ends, in milliseconds from now: X tells it in seconds since 1970. */
function untilReset(headers: Readonly<Record<string, string>>, now: number): number | null {
  const reset = headers['x-account-rate-limit-reset'] ?? headers['x-rate-limit-reset'] ?? '';
  return /^\d{1,12}$/.test(reset) ? Math.max(0, Number(reset) * 1_000 - now) : null;
}
