/** What is told of a conversion to whom, what that receiver then holds, and what follows from the next revision. */
export * from './holding.ts';
export * from './holding-changes.ts';
export * from './names.ts';
export * from './outward-step.ts';
export * from './outward-value.ts';
export * from './recognition.ts';
export * from './replay.ts';
