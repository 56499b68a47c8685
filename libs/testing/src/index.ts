/** For tests only: real engines, builders of valid events, waiting. */
export * from './builders.ts';
export * from './eventually.ts';
export * from './real-registry.ts';
export * from './schema-examples.ts';
export * from './test-engines.ts';
