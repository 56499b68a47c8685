/** How every destination stands as destination.state has it, and how that comes to be written: a record is tried until it is there. */
import { type EventProducer, type OutgoingRecord, outgoing } from '@tributary/bus';
import type { DestinationState } from '@tributary/contracts';
import { DependencyFailure, type Logger } from '@tributary/runtime';

export interface DestinationStatesOptions {
  readonly producer: EventProducer;
  readonly logger: Logger;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export class DestinationStates {
  readonly #options: DestinationStatesOptions;
  readonly #known = new Map<string, DestinationState>();
  /** The newest of each destination; a writer is at work for each of these. */
  readonly #unwritten = new Map<string, OutgoingRecord>();
  #isStopped = false;

  constructor(options: DestinationStatesOptions) {
    this.#options = options;
  }

  /** What was told of it last, by whichever instance. */
  of(destinationId: string): DestinationState | undefined {
    return this.#known.get(destinationId);
  }

  /** A record of the topic, in the order of its partition; null: its key is forgotten. */
  learn(destinationId: string, state: DestinationState | null): void {
    // What this process has to say is newer.
    if (this.#unwritten.has(destinationId)) return;
    if (state === null) this.#known.delete(destinationId);
    else this.#known.set(destinationId, state);
  }

  /** Nobody waits for it: it is written as soon as Kafka takes it, unless a newer one takes its place. */
  tell(state: DestinationState): void {
    const { destinationId } = state;
    const isWriting = this.#unwritten.has(destinationId);
    this.#known.set(destinationId, state);
    this.#unwritten.set(destinationId, outgoing('destination.state.v1', destinationId, state));
    if (!isWriting) void this.#write(destinationId);
  }

  /** What is not written by now stays so. */
  stop(): void {
    this.#isStopped = true;
  }

  /** One at a time for each destination, or an older one could come to stand behind a newer. */
  async #write(destinationId: string): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const unwritten = this.#unwritten.get(destinationId);
      if (unwritten === undefined || this.#isStopped) return;
      const isDone = await this.#written(destinationId, unwritten);
      if (isDone && this.#unwritten.get(destinationId) === unwritten) this.#unwritten.delete(destinationId);
      if (isDone) continue;
      await pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** @returns whether to go on: it is there, or never will be. */
  async #written(destinationId: string, record: OutgoingRecord): Promise<boolean> {
    const { producer, logger } = this.#options;
    try {
      await producer.produce([record]);
      return true;
    } catch (error) {
      logger.warn({ err: error, destinationId }, 'destination.state_unrecorded');
      return !(error instanceof DependencyFailure);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
