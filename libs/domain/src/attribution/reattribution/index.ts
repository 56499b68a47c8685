/** The time machine: what a lane has on record, decided again by the same rules or by others, and what that changes. */
export * from './changed-rules.ts';
export * from './difference.ts';
export * from './ordering-terms.ts';
export * from './replay.ts';
export * from './schedule.ts';
export * from './trial-orders.ts';
