/** Lifecycle signals: what a CRM should act on for a customer, as a pure function of the customer's conversions and the time. */
export * from './customer.ts';
export { delaysOf, instantsOf, type OccasionDelay } from './occasions.ts';
export * from './rules.ts';
export * from './signal.ts';
export * from './signals.ts';
