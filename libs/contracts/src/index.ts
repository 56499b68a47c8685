/** The contracts between the services: topics, event types and their wire form. */
export * from './avro-schema.ts';
export * from './codec.ts';
export * from './compatibility.ts';
export * from './generated/events.ts';
export * from './record-id.ts';
export * from './subjects.ts';
export * from './topics.ts';
