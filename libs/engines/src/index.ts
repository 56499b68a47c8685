/** Embedded Kafka and ClickHouse for a developer's machine and for tests; services know them only by their addresses. */
export { ANALYST_TABLES, CLICKHOUSE_ANALYST_USER, CLICKHOUSE_SERVICE_USER } from './clickhouse-settings.ts';
export { type EmbeddedClickhouseOptions, startEmbeddedClickhouse } from './embedded-clickhouse.ts';
export {
  type EmbeddedClickhouse,
  type EmbeddedEngine,
  type EmbeddedKafka,
  ENGINE_NAMES,
  ENGINE_START_FAILURES,
  type EngineExit,
  type EngineName,
  EngineStartError,
  type EngineStartFailure,
  type OnProgress,
} from './embedded-engine.ts';
export { type EmbeddedKafkaOptions, startEmbeddedKafka } from './embedded-kafka.ts';
export { findFreePorts } from './free-port.ts';
export { areKafkaJarsComplete, kafkaJarsDirectory, provideKafkaJars } from './kafka-jars.ts';
export {
  checkJava,
  checkMaven,
  checkPlatform,
  checkPortFree,
  checkWritable,
  javaMajor,
  type Machine,
  PREFLIGHT_PROBLEMS,
  type PreflightProblem,
  type PreflightProblemCode,
} from './preflight.ts';
export { identifyProcess, isAlive, type ProcessIdentity } from './process-identity.ts';
