/** Partner postbacks: one GET or POST per conversion to a URL template of the partner's; all we know of them. */
import {
  type CompiledTemplate,
  compileTemplate,
  judgeStatus,
  type MacroValues,
  type OutwardConversion,
  PARTNER_POSTBACK_CATALOGUE,
  type PartnerPostbackMacro,
  parseRetryAfter,
  STATES,
  SUB_ID_MACROS,
} from '@tributary/domain';
import { z } from 'zod';
import { defineDestination, forAll, type OutwardDelivery, retry } from './definition.ts';
import { eventOverrides, secret } from './settings.ts';

/** `{secret:token}` in a header value. */
const SECRET_MACRO = /\{\{?secret:([\w.-]+)\}?\}/g;

/** Headers that belong to the sender or to the connection. */
const RESERVED_HEADERS: readonly string[] = [
  'connection',
  'content-length',
  'host',
  'idempotency-key',
  'keep-alive',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const headerName = z
  .string()
  .regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/, 'must be a header name in lower case')
  .refine((name) => !RESERVED_HEADERS.includes(name), 'is set by the sender');

const headerValue = z
  .string()
  .max(1_000)
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII');

const urlTemplate = z.string().transform((text, context): CompiledTemplate<PartnerPostbackMacro> => {
  const compilation = compileTemplate(text, PARTNER_POSTBACK_CATALOGUE);
  if (compilation.ok) return compilation.template;
  for (const { code, position, message } of compilation.problems) {
    context.addIssue({ code: 'custom', message: `${code} at ${position}: ${message}` });
  }
  return z.NEVER;
});

const settings = z
  .strictObject({
    urlTemplate,
    method: z.enum(['GET', 'POST']).default('GET'),
    /** Further headers; a value may hold `{secret:name}`. */
    headers: z.record(headerName, headerValue).default({}),
    /** The partner's tokens by name, for `{secret:name}` in the URL and the headers; never typed into those directly. */
    secrets: z.record(z.string().regex(/^[\w.-]{1,64}$/), secret()).default({}),
    /** A text that the response body must hold: some networks answer 200 whatever became of the conversion. */
    expectedBody: z.string().min(1).max(200).optional(),
    /** The partner's words for our states, for `{status}`; ours where none is given. */
    statuses: z.partialRecord(z.enum(STATES), z.string().min(1).max(100)).default({}),
    events: eventOverrides(),
  })
  .superRefine(({ urlTemplate: { uses }, headers, secrets }, context) => {
    const inUrl = uses.flatMap(({ name, key }) => (name === 'secret' && key !== null ? [key] : []));
    const inHeaders = Object.values(headers).flatMap((value) =>
      [...value.matchAll(SECRET_MACRO)].map(([, name = '']) => name),
    );
    for (const name of new Set([...inUrl, ...inHeaders])) {
      if (Object.hasOwn(secrets, name)) continue;
      context.addIssue({ code: 'custom', path: ['secrets', name], message: 'is used but not given' });
    }
  });

type PartnerPostbackSettings = z.output<typeof settings>;

export const partnerPostback = defineDestination<PartnerPostbackSettings>({
  key: 'partner-postback',
  title: 'Partner postback',
  api: { version: 'v1', docs: 'docs/destinations/partner-postback.md' },
  settings,
  exampleSettings: {
    urlTemplate:
      'https://partner.example/postback?cid={partner_click_id}&sum={payout|decimals:2}&cur={currency}&status={status}&tx={conversion_id}&token={secret:token}',
    secrets: { token: 'partner-token' },
    statuses: { payable: 'approved' },
  },
  events: {},
  unmappedEvents: 'same_name',
  confirmedBy: 'status',
  maxBatch: 1,
  maxAgeMs: null,
  dedupWindowMs: null,

  validate: ({ conversion }) => {
    if (!conversion.isTest) return [];
    const message = 'a postback URL has no test switch, so the partner would count the conversion';
    const source = 'docs/destinations/partner-postback.md';
    return [{ field: 'status', code: 'test_not_possible', message, source }];
  },

  buildRequest: ({ deliveries, settings: { urlTemplate: template, method, headers, secrets, statuses } }) => {
    const [delivery] = deliveries;
    if (delivery === undefined) throw new Error('a partner postback needs a delivery');
    const values = macroValues(delivery, statuses);
    return {
      method,
      url: template.render(values, { extra: delivery.conversion.extras, secret: secrets }),
      headers: { ...withSecrets(headers, secrets), 'idempotency-key': delivery.deliveryId },
      body: null,
    };
  },

  judge: ({ response: { status, headers, body }, settings: { expectedBody }, deliveryCount, now }) => {
    const outcome = judgeStatus({ status, retryAfterMs: parseRetryAfter(headers['retry-after'], now) });
    const isUnconfirmed =
      outcome.outcome === 'delivered' && expectedBody !== undefined && !body.includes(expectedBody);
    return forAll(deliveryCount, isUnconfirmed ? retry('expected_body_missing') : outcome);
  },
});

/** `{currency}` is the payout's, or the revenue's where there is no payout: a partner is told what it is owed. */
function macroValues(
  { event, conversion }: OutwardDelivery,
  statuses: PartnerPostbackSettings['statuses'],
): MacroValues<PartnerPostbackMacro> {
  const { click, payout, revenue } = conversion;
  return {
    ...subIdsOf(conversion),
    click_id: click?.clickId,
    partner_click_id: click?.partnerClickId,
    transaction_id: conversion.transactionId,
    conversion_id: conversion.conversionId,
    payout,
    revenue,
    currency: payout?.currency ?? revenue?.currency,
    event,
    status: statuses[conversion.state] ?? conversion.state,
    occurred_at: conversion.occurredAt,
    campaign_id: conversion.campaignId,
    offer_id: conversion.offerId,
    partner_id: conversion.partnerId,
    customer_id: conversion.customerId,
  };
}

/** Sub-ids come from the click URL, so anybody may have named them: nothing but a sub-id macro is taken from there. */
function subIdsOf({ click }: OutwardConversion): MacroValues<PartnerPostbackMacro> {
  const subIds = click?.subIds ?? {};
  return Object.fromEntries(SUB_ID_MACROS.map((name) => [name, subIds[name]]));
}

function withSecrets(
  headers: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
): Record<string, string> {
  const filled = Object.entries(headers).map(([name, value]) => {
    return [name, value.replace(SECRET_MACRO, (_macro, secretName: string) => secrets[secretName] ?? '')];
  });
  return Object.fromEntries(filled);
}
