/** The contracts between the services: topics, event types and their wire form. */
export * from './codec.ts';
export * from './generated/events.ts';
export * from './record-id.ts';
export * from './subjects.ts';
export * from './topics.ts';
