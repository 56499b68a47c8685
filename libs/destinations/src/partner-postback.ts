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
import {
  type DestinationPage,
  defineDestination,
  forAll,
  type OutwardDelivery,
  retry,
} from './definition.ts';
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
    urlTemplate: template.describe('an absolute http or https URL with macros'),
    statusUrlTemplate: template
      .optional()
      .describe(
        'where the partner is told that a conversion it knows has another status or amount; without it, it never is',
      ),
    method: z.enum(['GET', 'POST']).default('GET').describe('neither sends a body'),
    headers: z
      .record(headerName, headerValue)
      .default({})
      .describe('further headers, names in lower case; a value may hold `{secret:name}`'),
    secrets: z
      .record(z.string().regex(/^[\w.-]{1,64}$/), secret())
      .default({})
      .describe(
        "the partner's tokens by name, for `{secret:name}` in the URLs and the headers; never typed into those directly",
      ),
    expectedBody: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe(
        'a text that the response must hold, for networks that answer 200 whatever became of the conversion',
      ),
    statuses: z
      .partialRecord(z.enum(STATES), z.string().min(1).max(100))
      .default({})
      .describe("the partner's words for our states, for `{status}`; ours where none is given"),
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

const DOCS = 'docs/destinations/partner-postback.md';

const page: DestinationPage = {
  summary:
    "Tells a partner of a conversion by one GET or POST to a URL template of the partner's. Nothing but the template differs from partner to partner, so this page is the only documentation of it.",
  fields: [
    ['`idempotency-key`, a header', 'the delivery id, the same on every attempt'],
    ['`{click_id}`, `{partner_click_id}`', 'our click id, and the id the partner put on the click'],
    ['`{conversion_id}`, `{transaction_id}`', "the conversion's id, and the advertiser's own id of the fact"],
    [
      '`{payout}`, `{revenue}`',
      'amounts in units: `{payout|decimals:2}` rounds half-even, `{payout|cents}` is in the minor unit',
    ],
    ['`{currency}`', "the payout's, or the revenue's where there is no payout"],
    ['`{event}`, `{status}`', "our words, or the partner's from `events` and `statuses`"],
    ['`{occurred_at}`', 'ISO 8601; `{occurred_at|unix}` in seconds'],
    ['`{campaign_id}`, `{offer_id}`, `{partner_id}`, `{customer_id}`', 'as configured, and as reported'],
    ['`{sub1}` … `{sub20}`', "the click's sub-ids"],
    ['`{extra:name}`', 'an extra of the postback'],
    ['`{secret:name}`', 'a token from `secrets`'],
  ],
  checks: [
    [
      '`test_not_possible`, `status`',
      'a postback URL has no test switch, so the partner would count a test conversion',
    ],
  ],
  answers: [
    ['2xx, and `expectedBody` is unset or in the body', 'delivered'],
    ['2xx without `expectedBody` in the body', 'retry `expected_body_missing`'],
    ['408, 425, 429, 5xx', 'retry `http_<status>`, Retry-After honoured'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['any other 4xx', 'refused `http_<status>`'],
    ['anything else', 'retry `http_<status>`'],
  ],
  notes: [
    'Headers that belong to the sender or the connection (`host`, `content-length`, `idempotency-key` and the like) cannot be set. A `{secret:name}` that is used and not given is a fault of the settings.',
    'A missing value is empty, or what `|default:…` says. Values are percent-encoded; `|raw` keeps what is legal at its place. No macro may stand in the scheme, host or port, so nothing that comes in on a click chooses who is called. Templates are at most 8,192 characters.',
    'A partner that does not read the header `idempotency-key` can tell repeats apart by `{conversion_id}`.',
    "When a conversion that the partner knows is refunded, rejected, credited to somebody else or restated, `statusUrlTemplate` is called with what it is now: `{status}` and the amounts, zero where it was taken back. The other macros are those it was delivered with, the `idempotency-key` is the correction's own. A template that leaves out an amount of `urlTemplate` can take a conversion back, but not restate it.",
  ],
  sources: [],
};

type PartnerPostbackSettings = z.output<typeof settings>;

export const partnerPostback = defineDestination<PartnerPostbackSettings>({
  key: 'partner-postback',
  title: 'Partner postback',
  api: { version: 'v1', docs: DOCS },
  page,
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
  tellsState: ({ urlTemplate }) => urlTemplate.uses.some(({ name }) => name === 'status'),
  corrections: ({ urlTemplate, statusUrlTemplate }) => correctionsBy(urlTemplate, statusUrlTemplate),

  validate: ({ conversion }) => {
    if (!conversion.isTest) return [];
    const message = 'a postback URL has no test switch, so the partner would count the conversion';
    return [{ field: 'status', code: 'test_not_possible', message, source: DOCS }];
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
    return noCorrections('the partner has given no URL for changes: `statusUrlTemplate`', DOCS);
  }
  const amounts = amountsIn(statusUrlTemplate);
  const common = { direction: 'any', maxAgeMs: null, source: DOCS } as const;
  const retract = {
    ...common,
    form: 'adjustment',
    tells: amounts.length > 0 ? 'new_total' : 'nothing',
  } as const;
  if (amountsIn(urlTemplate).every((name) => amounts.includes(name))) {
    return { restate: { ...common, form: 'adjustment', tells: 'new_total' }, retract };
  }
  const reason = '`statusUrlTemplate` leaves out an amount that `urlTemplate` tells';
  return { restate: { form: 'impossible', reason, source: DOCS }, retract };
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
