/** Signed webhooks: each conversion and each correction of it as JSON to one URL, signed as Standard Webhooks has it. */
import { createHmac } from 'node:crypto';
import { judgeStatus, type Money, parseRetryAfter } from '@tributary/domain';
import { z } from 'zod';
import { unitsText } from './amounts.ts';
import { AMOUNT_NAMES, type CorrectionKind } from './correction.ts';
import {
  type DestinationPage,
  defineDestination,
  forAll,
  type OutwardDelivery,
  RECEIVER_GONE,
  refused,
} from './definition.ts';
import { eventTime } from './event-time.ts';
import { type JsonValue, jsonText } from './json-text.ts';
import { eventOverrides, secret } from './settings.ts';

const SPECIFICATION =
  'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md';
const PAGE = 'docs/destinations/webhook.md';

const PREFIX = 'whsec_';
/** The specification asks for 24 to 64 bytes. */
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;
const MAX_SECRETS = 5;

/** The key of a secret: the bytes that its base64 stands for, or those of its own text where it is no `whsec_`. */
function keyOf(text: string): Buffer {
  return text.startsWith(PREFIX) ? Buffer.from(text.slice(PREFIX.length), 'base64') : Buffer.from(text);
}

function isSigningSecret(text: string): boolean {
  if (text.startsWith(PREFIX) && !/^[A-Za-z0-9+/]+={0,2}$/.test(text.slice(PREFIX.length))) return false;
  const { length } = keyOf(text);
  return length >= MIN_KEY_BYTES && length <= MAX_KEY_BYTES;
}

function isPlainUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false;
  const { username, password, hash } = new URL(text);
  return username + password + hash === '';
}

const settings = z.strictObject({
  url: z
    .string()
    .max(2_000)
    .refine(isPlainUrl, 'must be an http or https URL without credentials and fragment')
    .describe(
      'where to send; https, and http only to reach a sandbox. It holds no secret: the signature is enough',
    ),
  signingSecrets: z
    .record(
      z.string().regex(/^[\w.-]{1,64}$/),
      secret().refine(
        isSigningSecret,
        `must be whsec_ and base64, or text, of ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes`,
      ),
    )
    .refine((secrets) => {
      const count = Object.keys(secrets).length;
      return count >= 1 && count <= MAX_SECRETS;
    }, `must be 1 to ${MAX_SECRETS}`)
    .describe(
      'the active secrets by names of your own. All sign: to rotate, add the next, teach the receiver, remove the old',
    ),
  amounts: z
    .array(z.enum(AMOUNT_NAMES))
    .default([...AMOUNT_NAMES])
    .describe('which amounts the receiver is told: `revenue`, `payout`'),
  events: eventOverrides().describe('what an event type is called there, in place of our own name'),
});

type WebhookSettings = z.output<typeof settings>;

/** The `type` of a message: what it says of the conversion. */
const CORRECTED_TYPES: Readonly<Record<CorrectionKind, string>> = {
  restate: 'conversion.restated',
  retract: 'conversion.retracted',
};
const CREATED_TYPE = 'conversion.created';

const page: DestinationPage = {
  summary:
    'Posts each conversion, and each correction of one, as JSON to a URL of yours. Any library of Standard Webhooks verifies the signature.',
  fields: [
    ['header `webhook-id`', 'the delivery id: the same on every attempt, so take each only once'],
    ['header `webhook-timestamp`', 'when the attempt was made, in seconds'],
    [
      'header `webhook-signature`',
      '`v1,` and base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, one for each active secret, parted by spaces',
    ],
    [
      '`type`',
      '`conversion.created`; `conversion.restated` when amounts have changed; `conversion.retracted` when it is undone',
    ],
    ['`timestamp`', 'when the conversion occurred, of a correction when it was decided; ISO 8601 in UTC'],
    ['`data.deliveryId`', 'the delivery id once more, under the signature'],
    ['`data.correctsDeliveryId`', 'of a correction the `webhook-id` of the message it corrects, else null'],
    ['`data.revision`', 'the revision of the conversion that is told; it only grows'],
    ['`data.event`', 'our event type, or what the setting `events` calls it'],
    [
      '`data.revenue`, `data.payout`',
      'amount as text with all its digits, and currency; of a correction what they are now. Null where there is none, left out where `amounts` does',
    ],
    ['`data.state`', 'the state of the conversion, of a correction the one it has now'],
    ['the rest of `data`', 'the conversion as it was decided: ids, product, sub-ids, click, consent, extras'],
  ],
  checks: [],
  answers: [
    ['2xx', 'delivered'],
    ['408, 425, 429, 5xx', 'retry `http_<status>`, Retry-After honoured'],
    [
      '410',
      'refused `receiver_gone`: the receiver wants no more of them, and the destination is switched off',
    ],
    ['other 4xx', 'refused `http_<status>`'],
    ['3xx', 'refused `redirect_not_followed`'],
  ],
  notes: [
    'A receiver verifies the body as it came in, byte by byte, and refuses a `webhook-timestamp` more than five minutes from its own clock.',
    'Messages can arrive in another order than they were made: of two about one conversion the one with the higher `data.revision` is right.',
    'Address, user agent, landing page and the hashes of the person are left out. The consent is told and withholds nothing.',
    'Tests are sent with `data.isTest` true.',
    'Tax, shipping and predicted value are left out, because no correction would tell what has become of them.',
  ],
  sources: [SPECIFICATION],
};

/** The receiver is to be sent nothing any more. Source: the specification of Standard Webhooks. */
const GONE = 410;

export const webhook = defineDestination<WebhookSettings>({
  key: 'webhook',
  title: 'Signed webhook',
  api: { version: 'v1', docs: SPECIFICATION },
  page,
  settings,
  exampleSettings: {
    url: 'https://receiver.example/conversions',
    signingSecrets: {
      current: 'whsec_ZXhhbXBsZS1zaWduaW5nLXNlY3JldC1vbmU=',
      next: 'whsec_ZXhhbXBsZS1zaWduaW5nLXNlY3JldC10d28=',
    },
  },
  events: {},
  unmappedEvents: 'same_name',
  confirmedBy: 'status',
  maxBatch: 1,
  maxBodyBytes: 1_000_000,
  maxAgeMs: () => null,
  dedupWindowMs: null,
  credential: null,

  batchKey: () => '',
  amounts: ({ amounts }) => amounts,
  corrections: () => {
    const form = {
      form: 'adjustment',
      tells: 'new_total',
      direction: 'any',
      maxAgeMs: null,
      source: PAGE,
    } as const;
    return { restate: form, retract: form };
  },

  validate: () => [],

  buildRequest: ({ deliveries, settings: given, now }) => {
    const [delivery] = deliveries;
    if (delivery === undefined) throw new Error('a webhook needs a delivery');
    const { deliveryId } = delivery;
    const body = jsonText(messageOf(delivery, given));
    const timestamp = String(Math.floor(now / 1_000));
    const signatures = Object.values(given.signingSecrets).map((text) => {
      const hmac = createHmac('sha256', keyOf(text)).update(`${deliveryId}.${timestamp}.${body}`);
      return `v1,${hmac.digest('base64')}`;
    });
    return {
      method: 'POST',
      url: given.url,
      headers: {
        'content-type': 'application/json',
        'webhook-id': deliveryId,
        'webhook-timestamp': timestamp,
        'webhook-signature': signatures.join(' '),
      },
      body,
    };
  },

  judge: ({ response: { status, headers }, deliveryCount, now }) => {
    if (status === GONE) return forAll(deliveryCount, refused(RECEIVER_GONE, 'destination'));
    const retryAfterMs = parseRetryAfter(headers['retry-after'], now);
    return forAll(deliveryCount, judgeStatus({ status, retryAfterMs }));
  },
});

function messageOf(delivery: OutwardDelivery, given: WebhookSettings): JsonValue {
  const { correction } = delivery;
  return {
    type: correction === null ? CREATED_TYPE : CORRECTED_TYPES[correction.kind],
    timestamp: new Date(eventTime(delivery)).toISOString(),
    data: dataOf(delivery, given),
  };
}

function dataOf(
  { deliveryId, event, conversion, correction }: OutwardDelivery,
  { amounts }: WebhookSettings,
): JsonValue {
  const current = correction?.now ?? conversion;
  return {
    deliveryId,
    correctsDeliveryId: correction?.deliveredAs.deliveryId ?? null,
    event,
    eventType: conversion.eventType,
    conversionId: conversion.conversionId,
    match: conversion.match,
    state: correction?.state ?? conversion.state,
    revision: correction?.revision ?? conversion.revision,
    occurredAt: new Date(conversion.occurredAt).toISOString(),
    ...Object.fromEntries(amounts.map((name) => [name, amountOf(current[name])])),
    transactionId: conversion.transactionId,
    originalConversionId: conversion.originalConversionId,
    originalTransactionId: conversion.originalTransactionId,
    customerId: conversion.customerId,
    isFirstOfCustomer: conversion.isFirstOfCustomer,
    advertiserId: conversion.advertiserId,
    offerId: conversion.offerId,
    campaignId: conversion.campaignId,
    partnerId: conversion.partnerId,
    sourceId: conversion.sourceId,
    productId: conversion.productId,
    planId: conversion.planId,
    couponCode: conversion.couponCode,
    quantity: conversion.quantity,
    country: conversion.country,
    subIds: conversion.subIds,
    click: clickOf(conversion),
    consent: { ...conversion.consent },
    extras: conversion.extras,
    isTest: conversion.isTest,
  };
}

function amountOf(money: Money | null): JsonValue {
  return money === null ? null : { amount: unitsText(money), currency: money.currency };
}

function clickOf({ click }: OutwardDelivery['conversion']): JsonValue {
  if (click === null) return null;
  const { clickId, clickedAt, partnerClickId, subIds, adPlatformIds } = click;
  return {
    clickId,
    clickedAt: new Date(clickedAt).toISOString(),
    partnerClickId,
    subIds,
    adPlatformIds: adPlatformIds.map(({ name, value }) => ({ name, value })),
  };
}
