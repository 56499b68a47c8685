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
  PARTNER_POSTBACK_CATALOGUE,
  type PartnerPostbackMacro,
  parseRetryAfter,
  presetOf,
  replyProblem,
  STATES,
  SUB_ID_MACROS,
} from '@tributary/domain';
import { z } from 'zod';
import { defineDestination, forAll, type OutwardDelivery, refused, retry } from './definition.ts';
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
    urlTemplate,
    method: z.enum(['GET', 'POST']).default('GET'),
    /** Further headers; a value may hold `{secret:name}`. */
    headers: z.record(headerName, headerValue).default({}),
    /** The partner's tokens by name, for `{secret:name}` in the URL and the headers; never typed into those directly. */
    secrets: z.record(z.string().regex(/^[\w.-]{1,64}$/), secret()).default({}),
    /** A text that the response body must hold: some networks answer 200 whatever became of the conversion. */
    expectedBody: z.string().min(1).max(200).transform(bodyHolding).optional(),
    /** The same in full: statuses, what the body looks like, and what a refusal looks like. */
    expectedReply: expectedReply.optional(),
    /** The partner's words for our states, for `{status}`; ours where none is given. */
    statuses: z.partialRecord(z.enum(STATES), z.string().min(1).max(100)).default({}),
    events: eventOverrides(),
  })
  .superRefine(({ urlTemplate: { uses }, headers, secrets, expectedBody, expectedReply: reply }, context) => {
    if (expectedBody !== undefined && reply !== undefined) {
      const message = 'is expectedBody and more: give one of them';
      context.addIssue({ code: 'custom', path: ['expectedReply'], message });
    }
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
  overridable: [['urlTemplate'], ['method'], ['headers'], ['expectedBody', 'expectedReply']],

  validate: ({ conversion }) => {
    if (!conversion.isTest) return [];
    const message = 'a postback URL has no test switch, so the partner would count the conversion';
    const source = 'docs/destinations/partner-postback.md';
    return [{ field: 'status', code: 'test_not_possible', message, source }];
  },

  buildRequest: ({ deliveries, settings: { urlTemplate: template, method, headers, secrets, statuses } }) => {
    const [delivery] = deliveries;
    if (delivery === undefined) throw new Error('a partner postback needs a delivery');
    const values: { [M in PartnerPostbackMacro]?: MacroValue } = {};
    for (const macro of template.macros) values[macro] = READERS[macro](delivery, statuses);
    return {
      method,
      url: template.render(values, { extra: delivery.conversion.extras, secret: secrets }),
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

  review: ({ urlTemplate: { text } }) =>
    lintTemplate(text, 'partner_postback', presetOf(text)).map((finding) => ({
      path: 'urlTemplate',
      ...finding,
    })),
});

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
type Reader = (delivery: OutwardDelivery, statuses: Statuses) => MacroValue;

/** A sub-id comes from the click URL, where anybody may have named it: nothing but a sub-id macro is taken from there. */
function subIdReader(name: (typeof SUB_ID_MACROS)[number]): Reader {
  return ({ conversion: { click } }) => click?.subIds[name];
}

/** `{currency}` is the payout's, or the revenue's where there is no payout: a partner is told what it is owed. */
const READERS: Readonly<Record<PartnerPostbackMacro, Reader>> = {
  ...(Object.fromEntries(SUB_ID_MACROS.map((name) => [name, subIdReader(name)])) as Record<
    (typeof SUB_ID_MACROS)[number],
    Reader
  >),
  click_id: ({ conversion }) => conversion.click?.clickId,
  partner_click_id: ({ conversion }) => conversion.click?.partnerClickId,
  transaction_id: ({ conversion }) => conversion.transactionId,
  conversion_id: ({ conversion }) => conversion.conversionId,
  payout: ({ conversion }) => conversion.payout,
  revenue: ({ conversion }) => conversion.revenue,
  currency: ({ conversion: { payout, revenue } }) => payout?.currency ?? revenue?.currency,
  event: ({ event }) => event,
  status: ({ conversion: { state } }, statuses) => statuses[state] ?? state,
  occurred_at: ({ conversion }) => conversion.occurredAt,
  received_at: ({ conversion }) => conversion.receivedAt,
  clicked_at: ({ conversion }) => conversion.click?.clickedAt,
  revision: ({ conversion }) => String(conversion.revision),
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
