/** The pure core: words, money, identity, decisions, templates and delivery rules; no I/O, clock, environment or framework. */
export * from './click.ts';
export * from './click-parameters.ts';
export * from './conversion.ts';
export * from './decide.ts';
export * from './delivery.ts';
export * from './deterministic-id.ts';
export * from './identity.ts';
export * from './money.ts';
export * from './payout.ts';
export * from './personal-data.ts';
export * from './postback.ts';
export * from './receipt.ts';
export * from './subject.ts';
export * from './template.ts';
export * from './timer-wheel.ts';
export * from './unreplaced-macro.ts';
