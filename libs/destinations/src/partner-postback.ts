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
import { AMOUNT_NAMES, type AmountName, type Corrections, noCorrections } from './correction.ts';
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

const template = z.string().transform((text, context): CompiledTemplate<PartnerPostbackMacro> => {
  const compilation = compileTemplate(text, PARTNER_POSTBACK_CATALOGUE);
  if (compilation.ok) return compilation.template;
  for (const { code, position, message } of compilation.problems) {
    context.addIssue({ code: 'custom', message: `${code} at ${position}: ${message}` });
  }
  return z.NEVER;
});

const settings = z
  .strictObject({
    urlTemplate: template,
    /** Where the partner is told that a conversion it knows has another status or amount; without it, it never is. */
    statusUrlTemplate: template.optional(),
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
  .superRefine(({ urlTemplate, statusUrlTemplate, headers, secrets }, context) => {
    const uses = [...urlTemplate.uses, ...(statusUrlTemplate?.uses ?? [])];
    const inUrl = uses.flatMap(({ name, key }) => (name === 'secret' && key !== null ? [key] : []));
    const inHeaders = Object.values(headers).flatMap((value) =>
      [...value.matchAll(SECRET_MACRO)].map(([, name = '']) => name),
    );
    for (const name of new Set([...inUrl, ...inHeaders])) {
      if (Object.hasOwn(secrets, name)) continue;
      context.addIssue({ code: 'custom', path: ['secrets', name], message: 'is used but not given' });
    }
  });

const PAGE = 'docs/destinations/partner-postback.md';

type PartnerPostbackSettings = z.output<typeof settings>;

export const partnerPostback = defineDestination<PartnerPostbackSettings>({
  key: 'partner-postback',
  title: 'Partner postback',
  api: { version: 'v1', docs: PAGE },
  settings,
  exampleSettings: {
    urlTemplate:
      'https://partner.example/postback?cid={partner_click_id}&sum={payout|decimals:2}&cur={currency}&status={status}&tx={conversion_id}&token={secret:token}',
    statusUrlTemplate:
      'https://partner.example/status?cid={partner_click_id}&sum={payout|decimals:2}&cur={currency}&status={status}&tx={conversion_id}&token={secret:token}',
    secrets: { token: 'partner-token' },
    statuses: { payable: 'approved', reversed: 'rejected' },
  },
  events: {},
  unmappedEvents: 'same_name',
  confirmedBy: 'status',
  maxBatch: 1,
  // Everything is in the URL.
  maxBodyBytes: 0,
  maxAgeMs: null,
  dedupWindowMs: null,
  credential: null,

  batchKey: () => '',
  amounts: ({ urlTemplate }) => amountsIn(urlTemplate),
  corrections: ({ urlTemplate, statusUrlTemplate }) => correctionsBy(urlTemplate, statusUrlTemplate),

  validate: ({ conversion }) => {
    if (!conversion.isTest) return [];
    const message = 'a postback URL has no test switch, so the partner would count the conversion';
    return [{ field: 'status', code: 'test_not_possible', message, source: PAGE }];
  },

  buildRequest: ({ deliveries, settings: given }) => {
    const [delivery] = deliveries;
    if (delivery === undefined) throw new Error('a partner postback needs a delivery');
    const { method, headers, secrets, statuses } = given;
    const values = macroValues(delivery, statuses);
    const chosen = delivery.correction === null ? given.urlTemplate : given.statusUrlTemplate;
    if (chosen === undefined) throw new Error('a correction needs a template of its own');
    return {
      method,
      url: chosen.render(values, { extra: delivery.conversion.extras, secret: secrets }),
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

function amountsIn({ uses }: CompiledTemplate<PartnerPostbackMacro>): AmountName[] {
  return AMOUNT_NAMES.filter((amount) => uses.some(({ name }) => name === amount));
}

/** A template that leaves out an amount the partner was told can only take the conversion back, not restate it. */
function correctionsBy(
  urlTemplate: CompiledTemplate<PartnerPostbackMacro>,
  statusUrlTemplate: CompiledTemplate<PartnerPostbackMacro> | undefined,
): Corrections {
  if (statusUrlTemplate === undefined) {
    return noCorrections('the partner has given no URL for changes: `statusUrlTemplate`', PAGE);
  }
  const amounts = amountsIn(statusUrlTemplate);
  const common = { direction: 'any', maxAgeMs: null, source: PAGE } as const;
  const retract = {
    ...common,
    form: 'adjustment',
    tells: amounts.length > 0 ? 'new_total' : 'nothing',
  } as const;
  if (amountsIn(urlTemplate).every((name) => amounts.includes(name))) {
    return { restate: { ...common, form: 'adjustment', tells: 'new_total' }, retract };
  }
  const reason = '`statusUrlTemplate` leaves out an amount that `urlTemplate` tells';
  return { restate: { form: 'impossible', reason, source: PAGE }, retract };
}

/** `{currency}` is the payout's, or the revenue's where there is no payout: a partner is told what it is owed. */
function macroValues(
  { event, conversion, correction }: OutwardDelivery,
  statuses: PartnerPostbackSettings['statuses'],
): MacroValues<PartnerPostbackMacro> {
  const { click } = conversion;
  const { payout, revenue } = correction?.now ?? conversion;
  const state = correction?.state ?? conversion.state;
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
    status: statuses[state] ?? state,
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
