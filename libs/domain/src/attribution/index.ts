/** The decision core: what attribution makes of postbacks, clicks, passed time and orders, as a pure function of the facts. */
export * from './conversion.ts';
export * from './counter-keys.ts';
export { type Contribution, detailsOf, SINGLE_DETAILS } from './details.ts';
export { eventTypeOf, occurredAtOf, statusOf, takesBack, valuesOf } from './facts.ts';
export * from './in-memory-ledger.ts';
export * from './keys.ts';
export * from './known-facts.ts';
export * from './moment.ts';
export * from './money-steps.ts';
export { type PlacesTaken, placesTakenBy } from './places-taken.ts';
export * from './preloading.ts';
export * from './reasons.ts';
export * from './reasons-in-words.ts';
export * from './reattribution/index.ts';
export { type Command, type Input, identityOf, type Result, reduce } from './reducer.ts';
export * from './report.ts';
export { termsIn, termsText } from './terms-text.ts';
export * from './tier-use.ts';
