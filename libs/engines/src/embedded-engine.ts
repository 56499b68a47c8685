/** What every embedded engine looks like to the launcher and to tests: an address, a process, two ways to end it. */

export const ENGINE_NAMES = ['kafka', 'clickhouse'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** How an engine's name is written in messages to people. */
export const ENGINE_TITLES: Record<EngineName, string> = { kafka: 'Kafka', clickhouse: 'ClickHouse' };

/** How an engine's process ended; exactly one of the two is set. */
export interface EngineExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Receives one line for a person about a step that takes noticeable time; must not throw. */
export type OnProgress = (message: string) => void;

/** A running engine. Its data outlives it: starting again on the same home finds everything acknowledged. */
export interface EmbeddedEngine {
  readonly name: EngineName;
  /** The engine's own process, never a wrapper's. */
  readonly pid: number;
  /** Settles once, when the process has ended for whatever reason; never rejects. */
  readonly exited: Promise<EngineExit>;
  /** Ends the engine cleanly and resolves when it is gone; after a bound it is killed. May be called repeatedly. */
  stop(): Promise<void>;
  /** Sends SIGKILL at once, as a crash would; await `exited` to know that the process is gone. */
  kill(): void;
}

export interface EmbeddedKafka extends EmbeddedEngine {
  readonly name: 'kafka';
  /** `host:port`, as Kafka clients want them. */
  readonly brokers: readonly string[];
}

export interface EmbeddedClickhouse extends EmbeddedEngine {
  readonly name: 'clickhouse';
  /** HTTP address without credentials, so that it may be logged. */
  readonly url: string;
  /** Port of the native protocol on 127.0.0.1. */
  readonly tcpPort: number;
}

/**
 * Why an engine could not be started:
 * - `home_in_use`: another live process runs the engine of this home
 * - `port_taken`: something listens on a port the engine was told to use
 * - `jars_unavailable`: Maven could not provide Kafka's jars
 * - `cannot_spawn`: the program could not be run at all
 * - `exited_early`: the process ended before it was ready
 * - `not_ready_in_time`: the process runs but did not answer within the bound; it was killed
 */
export const ENGINE_START_FAILURES = [
  'home_in_use',
  'port_taken',
  'jars_unavailable',
  'cannot_spawn',
  'exited_early',
  'not_ready_in_time',
] as const;
export type EngineStartFailure = (typeof ENGINE_START_FAILURES)[number];

/** Thrown when an engine cannot be started; no process is left behind. The message is for a person. */
export class EngineStartError extends Error {
  override readonly name = 'EngineStartError';
  readonly engine: EngineName;
  readonly failure: EngineStartFailure;

  constructor(engine: EngineName, failure: EngineStartFailure, message: string) {
    super(message);
    this.engine = engine;
    this.failure = failure;
  }
}
