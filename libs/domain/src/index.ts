/** The pure core: words, money, identity, decisions, templates and delivery rules; no I/O, clock, environment or framework. */
export * from './attribution/caps.ts';
export * from './attribution/exchange.ts';
export * as attribution from './attribution/index.ts';
export * from './attribution/models.ts';
export * from './attribution/splits.ts';
export * from './attribution/terms.ts';
export * from './breaker.ts';
export * from './catalogue/index.ts';
export * from './catalogue/preset.ts';
export * from './click.ts';
export * from './click-parameters.ts';
export * from './conversion.ts';
export * from './delivery.ts';
export * from './deterministic-id.ts';
export * from './expected-reply.ts';
export * from './identity.ts';
export * as lifecycle from './lifecycle/index.ts';
export * from './money.ts';
export * from './outlier-guard.ts';
export * from './outward/index.ts';
export * from './payout.ts';
export * from './personal-data.ts';
export {
  type CompiledProfile,
  compileProfile,
  isPersonalParameter,
  namesOf,
} from './postback/compile-profile.ts';
export * from './postback/exact-json.ts';
export * from './postback/parameters.ts';
export * from './postback/postback-fields.ts';
export { type ParsedPostback, type PostbackParsing, parsePostback } from './postback/read-postback.ts';
export { parseInstant } from './postback/read-time.ts';
export { isIgnored, REFUSAL_REASONS, type Refusal, type RefusalReason } from './postback/refusals.ts';
export * from './postback/source-profile.ts';
export * from './receipt.ts';
export * from './send-rate.ts';
export * from './subject.ts';
export * from './template.ts';
export * from './template-choice.ts';
export * from './template-lint.ts';
export * from './timer-wheel.ts';
export * from './unreplaced-macro.ts';
