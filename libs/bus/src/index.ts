/** The bus: produce, consume, commit and dead-letter over Kafka, its twin in memory, and Nest's transport on top of it. */
export * from './conformance.ts';
export * from './consume/partition-workers.ts';
export * from './dead-letters.ts';
export * from './kafka/configuration-log.ts';
export * from './kafka/connection.ts';
export * from './kafka/consumer-group.ts';
export * from './kafka/kafka-producer.ts';
export * from './kafka/partitioner.ts';
export * from './kafka/range-assigner.ts';
export * from './kafka/topics-admin.ts';
export * from './memory/in-memory-broker.ts';
export * from './memory/in-memory-group.ts';
export * from './nest/batch-strategy.ts';
export * from './owner-producer.ts';
export * from './records.ts';
export { settleSchemaIds } from './schema-registry/adopt-ids.ts';
export * from './schema-registry/registration.ts';
export * from './schema-registry/registry-client.ts';
