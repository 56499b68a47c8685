/** Partner postbacks: one GET or POST per conversion to a URL template of the partner's; all we know of them. */
import {
  type AttemptOutcome,
  bodyHolding,
  bodyPattern,
  type CompiledTemplate,
  compileTemplate,
  type ExpectedReply,
  judgeStatus,
  lintTemplate,
  MAX_PATTERN_LENGTH,
  type MacroValue,
  type Money,
  PARTNER_POSTBACK_CATALOGUE,
  type PartnerPostbackMacro,
  parseRetryAfter,
  presetOf,
  replyProblem,
  STATES,
  SUB_ID_MACROS,
} from '@tributary/domain';
import { z } from 'zod';
import {
  AMOUNT_NAMES,
  type AmountName,
  type Amounts,
  type Corrections,
  noCorrections,
} from './correction.ts';
import {
  type DestinationPage,
  defineDestination,
  forAll,
  type OutwardDelivery,
  refused,
  retry,
  type SettingsFinding,
  type ValidationProblem,
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
  .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII')
  .refine(
    (value) => !/\{\s*secret\b/.test(value.replace(SECRET_MACRO, '')),
    'a secret in a header is written {secret:name}, without blanks or modifiers',
  );

const template = z.string().transform((text, context): Template => {
  const compilation = compileTemplate(text, PARTNER_POSTBACK_CATALOGUE);
  if (compilation.ok) return compilation.template;
  for (const { message, ...params } of compilation.problems) {
    context.addIssue({ code: 'custom', message, params });
  }
  return z.NEVER;
});

const pattern = z.string().min(1).max(MAX_PATTERN_LENGTH).transform(bodyPattern);

const expectedReply = z
  .strictObject({
    /** The 2xx that mean yes; all of them when left out. */
    statuses: z.array(z.int().min(200).max(299)).min(1).max(20).optional(),
    /** What the whole body looks like, `*` for any run of characters. */
    body: pattern.optional(),
    /** A body by which the partner refuses a conversion for good. */
    refusal: pattern.optional(),
  })
  .transform(
    ({ statuses = [], body = null, refusal = null }): ExpectedReply => ({ statuses, body, refusal }),
  );

const NO_EXPECTATION: ExpectedReply = { statuses: [], body: null, refusal: null };

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
      .record(z.string().regex(/^[\w-]{1,64}$/), secret())
      .default({})
      .describe(
        "the partner's tokens by name, for `{secret:name}` in the URLs and the headers; never typed into those directly",
      ),
    expectedBody: z
      .string()
      .min(1)
      .max(200)
      .transform(bodyHolding)
      .optional()
      .describe(
        'a text that the response must hold, for networks that answer 200 whatever became of the conversion',
      ),
    expectedReply: expectedReply
      .optional()
      .describe(
        'the same in full: [statuses, body and refusal](../templates.md#what-a-partner-is-expected-to-answer)',
      ),
    statuses: z
      .partialRecord(z.enum(STATES), z.string().min(1).max(100))
      .default({})
      .describe("the partner's words for our states, for `{status}`; ours where none is given"),
    events: eventOverrides(),
  })
  .superRefine((given, context) => {
    const { urlTemplate, statusUrlTemplate, headers, secrets, expectedBody, expectedReply: reply } = given;
    if (expectedBody !== undefined && reply !== undefined) {
      const message = 'is expectedBody and more: give one of them';
      context.addIssue({ code: 'custom', path: ['expectedReply'], message });
    }
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
    [
      'the URL',
      'the template with its macros filled in: [macros, modifiers, and what is found in a template](../templates.md)',
    ],
  ],
  checks: [
    [
      '`test_not_possible`, `status`',
      'a postback URL has no test switch, so the partner would count a test conversion',
    ],
    [
      '`value_invalid`, `currency`',
      '`urlTemplate` has `{payout}`, `{revenue}` and one `{currency}`, and the two are not of the same; where `statusUrlTemplate` has, a correction is refused as `currency_changed`',
    ],
  ],
  answers: [
    ['2xx, as `expectedBody` or `expectedReply` says', 'delivered'],
    ['2xx with a body that fits `refusal`', 'refused `reply_refuses`'],
    ['2xx that is not among `statuses`', 'retry `expected_status_missing`'],
    ['2xx without `expectedBody`, or whose body does not fit `body`', 'retry `expected_body_missing`'],
    ['408, 425, 429, 5xx', 'retry `http_<status>`, Retry-After honoured'],
    ['3xx', 'refused `redirect_not_followed`'],
    ['any other 4xx', 'refused `http_<status>`'],
    ['anything else', 'retry `http_<status>`'],
  ],
  notes: [
    'Headers that belong to the sender or the connection (`host`, `content-length`, `idempotency-key` and the like) cannot be set. A `{secret:name}` that is used and not given is a fault of the settings.',
    'The settings that an override of the destination may replace for an offer or an event type are `urlTemplate` with `statusUrlTemplate` (an override of one takes the place of both), `method`, `headers`, and `expectedBody` or `expectedReply`: [which template is used](../templates.md#which-template-is-used).',
    'A partner that does not read the header `idempotency-key` can tell repeats apart by `{conversion_id}`.',
    "When a conversion that the partner knows is refunded, rejected, credited to somebody else or restated, `statusUrlTemplate` is called with what it is now: `{status}`, `{revision}` and the amounts, zero where it was taken back. The other macros are those it was delivered with, the `idempotency-key` is the correction's own. A template that leaves out an amount of `urlTemplate` can take a conversion back, but not restate it.",
  ],
  sources: [],
};

type Template = CompiledTemplate<PartnerPostbackMacro>;
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
  maxAgeMs: () => null,
  dedupWindowMs: null,
  credential: null,
  overridable: [
    // The partner that was told of a conversion is the one to be told what becomes of it.
    ['urlTemplate', 'statusUrlTemplate'],
    ['method'],
    ['headers'],
    ['expectedBody', 'expectedReply'],
  ],

  batchKey: () => '',
  // One that is told only of changes is held from the first of them on.
  amounts: ({ urlTemplate, statusUrlTemplate }) =>
    AMOUNT_NAMES.filter(
      (name) => uses(urlTemplate, name) || (statusUrlTemplate !== undefined && uses(statusUrlTemplate, name)),
    ),
  tellsState: ({ urlTemplate, statusUrlTemplate }) =>
    uses(urlTemplate, 'status') || (statusUrlTemplate !== undefined && uses(statusUrlTemplate, 'status')),
  corrections: ({ urlTemplate, statusUrlTemplate }) => correctionsBy(urlTemplate, statusUrlTemplate),

  validate: ({ conversion, settings: { urlTemplate } }) => [
    ...(conversion.isTest ? [TEST_NOT_POSSIBLE] : []),
    ...(isUnderOneCurrency(urlTemplate) && hasTwoCurrencies(conversion) ? [TWO_CURRENCIES] : []),
  ],

  buildRequest: ({ deliveries, settings: given }) => {
    const [delivery] = deliveries;
    if (delivery === undefined) throw new Error('a partner postback needs a delivery');
    const { method, headers, secrets, statuses } = given;
    const chosen = delivery.correction === null ? given.urlTemplate : given.statusUrlTemplate;
    if (chosen === undefined) throw new Error('a correction needs a template of its own');
    const values: { [M in PartnerPostbackMacro]?: MacroValue } = {};
    for (const macro of chosen.macros) values[macro] = READERS[macro](delivery, statuses, chosen);
    return {
      method,
      url: chosen.render(values, { extra: delivery.conversion.extras, secret: secrets }),
      headers: { ...withSecrets(headers, secrets), 'idempotency-key': delivery.deliveryId },
      body: null,
    };
  },

  judge: ({ response, settings, deliveryCount, now }) => {
    const { status, headers } = response;
    const byStatus = judgeStatus({ status, retryAfterMs: parseRetryAfter(headers['retry-after'], now) });
    const isTaken = byStatus.outcome === 'delivered';
    return forAll(deliveryCount, isTaken ? judgeReply(expectedBy(settings), response) : byStatus);
  },

  review: ({ urlTemplate, statusUrlTemplate }) => [
    ...findingsIn('urlTemplate', urlTemplate, 'partner_postback'),
    ...(statusUrlTemplate === undefined
      ? []
      : findingsIn('statusUrlTemplate', statusUrlTemplate, 'status_postback')),
  ],
});

const TEST_NOT_POSSIBLE: ValidationProblem = {
  field: 'status',
  code: 'test_not_possible',
  message: 'a postback URL has no test switch, so the partner would count the conversion',
  source: DOCS,
};

const TWO_CURRENCIES: ValidationProblem = {
  field: 'currency',
  code: 'value_invalid',
  message:
    'payout and revenue are in two currencies, and the template has one `{currency}` for both: write {payout_currency} and {revenue_currency}',
  source: DOCS,
};

function findingsIn(
  path: string,
  { text }: Template,
  purpose: 'partner_postback' | 'status_postback',
): readonly SettingsFinding[] {
  return lintTemplate(text, purpose, presetOf(text)).map((finding) => ({ path, ...finding }));
}

function uses({ macros }: Template, macro: PartnerPostbackMacro): boolean {
  return macros.includes(macro);
}

function amountsIn(given: Template): AmountName[] {
  return AMOUNT_NAMES.filter((amount) => uses(given, amount));
}

function isUnderOneCurrency(given: Template): boolean {
  return uses(given, 'currency') && amountsIn(given).length > 1;
}

function hasTwoCurrencies({ revenue, payout }: Amounts): boolean {
  return revenue !== null && payout !== null && revenue.currency !== payout.currency;
}

/** A template that leaves out an amount the partner was told can only take the conversion back, not restate it. */
function correctionsBy(urlTemplate: Template, statusUrlTemplate: Template | undefined): Corrections {
  if (statusUrlTemplate === undefined) {
    return noCorrections('the partner has given no URL for changes: `statusUrlTemplate`', DOCS);
  }
  const amounts = amountsIn(statusUrlTemplate);
  const common = { direction: 'any', maxAgeMs: null, source: DOCS } as const;
  const isOneCurrency = isUnderOneCurrency(statusUrlTemplate);
  const retract = {
    ...common,
    form: 'adjustment',
    tells: amounts.length > 0 ? 'new_total' : 'nothing',
    isOneCurrency,
  } as const;
  if (amountsIn(urlTemplate).every((name) => amounts.includes(name))) {
    return { restate: { ...common, form: 'adjustment', tells: 'new_total', isOneCurrency }, retract };
  }
  const reason = '`statusUrlTemplate` leaves out an amount that `urlTemplate` tells';
  return { restate: { form: 'impossible', reason, source: DOCS }, retract };
}

/** `expectedBody` is the short form. */
function expectedBy({
  expectedBody,
  expectedReply: reply = NO_EXPECTATION,
}: PartnerPostbackSettings): ExpectedReply {
  return expectedBody === undefined ? reply : { ...reply, body: expectedBody };
}

/** A reply that is none of a partner's usual ones, a page of its maintenance perhaps, may be another next time; its refusal is final. */
function judgeReply(
  expected: ExpectedReply,
  reply: { readonly status: number; readonly body: string },
): AttemptOutcome {
  const problem = replyProblem(expected, reply);
  if (problem === null) return { outcome: 'delivered' };
  return problem === 'reply_refuses' ? refused(problem, 'event') : retry(problem);
}

type Statuses = Readonly<Partial<Record<(typeof STATES)[number], string>>>;
type Reader = (delivery: OutwardDelivery, statuses: Statuses, template: Template) => MacroValue;

/** Of a correction what the conversion has become: where nothing is left, zero of what the partner holds. */
function amountsOf({ conversion, correction }: OutwardDelivery): Amounts {
  if (correction === null) return conversion;
  const { now, held } = correction;
  return { revenue: now.revenue ?? zeroOf(held.revenue), payout: now.payout ?? zeroOf(held.payout) };
}

function zeroOf(held: Money | null): Money | null {
  return held === null ? null : { ...held, micros: 0n };
}

/** A sub-id comes from the click URL, where anybody may have named it: nothing but a sub-id macro is taken from there. */
function subIdReader(name: (typeof SUB_ID_MACROS)[number]): Reader {
  return ({ conversion: { click } }) => click?.subIds[name];
}

/** Of the amount that the template tells; of both, or of none, the payout's, which is what a partner is owed. */
function currencyOf(delivery: OutwardDelivery, told: Template): string | undefined {
  const { payout, revenue } = amountsOf(delivery);
  const isOfRevenue = uses(told, 'revenue') && !uses(told, 'payout');
  return (isOfRevenue ? (revenue ?? payout) : (payout ?? revenue))?.currency;
}

const READERS: Readonly<Record<PartnerPostbackMacro, Reader>> = {
  ...(Object.fromEntries(SUB_ID_MACROS.map((name) => [name, subIdReader(name)])) as Record<
    (typeof SUB_ID_MACROS)[number],
    Reader
  >),
  click_id: ({ conversion }) => conversion.click?.clickId,
  partner_click_id: ({ conversion }) => conversion.click?.partnerClickId,
  transaction_id: ({ conversion }) => conversion.transactionId,
  conversion_id: ({ conversion }) => conversion.conversionId,
  payout: (delivery) => amountsOf(delivery).payout,
  revenue: (delivery) => amountsOf(delivery).revenue,
  currency: (delivery, _statuses, told) => currencyOf(delivery, told),
  payout_currency: (delivery) => amountsOf(delivery).payout?.currency,
  revenue_currency: (delivery) => amountsOf(delivery).revenue?.currency,
  event: ({ event }) => event,
  status: ({ conversion, correction }, statuses) => {
    const state = correction?.state ?? conversion.state;
    return statuses[state] ?? state;
  },
  occurred_at: ({ conversion }) => conversion.occurredAt,
  received_at: ({ conversion }) => conversion.receivedAt,
  clicked_at: ({ conversion }) => conversion.click?.clickedAt,
  revision: ({ conversion, correction }) => String(correction?.revision ?? conversion.revision),
  campaign_id: ({ conversion }) => conversion.campaignId,
  offer_id: ({ conversion }) => conversion.offerId,
  partner_id: ({ conversion }) => conversion.partnerId,
  customer_id: ({ conversion }) => conversion.customerId,
};

function withSecrets(
  headers: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
): Record<string, string> {
  const filled = Object.entries(headers).map(([name, value]) => {
    return [name, value.replace(SECRET_MACRO, (_macro, secretName: string) => secrets[secretName] ?? '')];
  });
  return Object.fromEntries(filled);
}
