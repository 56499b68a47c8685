/** Configuration as a log: entities, their fold into what is in force, and its follower. */
export * from './a-change.ts';
export * from './conformance.ts';
export * from './entities.ts';
export { microsOf } from './fields.ts';
export * from './fold.ts';
export * from './follower.ts';
export * from './in-memory-configuration-log.ts';
export * from './references.ts';
export * from './reseal.ts';
export * from './terms.ts';
