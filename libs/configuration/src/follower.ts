/** Keeps a configuration up to date with its log, and waits until it is as new as a given version. */
import type { ConfigurationChanged } from '@tributary/contracts';
import { Configuration, type FoldResult } from './fold.ts';

/** A log that is being followed. */
export interface FollowedLog {
  stop(): Promise<void>;
  /** Epoch ms of the last moment at which everything in the log is known to have been handed over. */
  readonly lastHeardAt: number;
}

/** The log of configuration changes as its readers and its one writer need it. */
export interface ConfigurationLog {
  /**
   * Hands over every change from the first one on, in offset order; null is a record that cannot be decoded. Resolves
   * once everything that was in the log at the call has been handed over, and goes on until `stop`.
   */
  follow(onChange: (offset: number, change: ConfigurationChanged | null) => void): Promise<FollowedLog>;
  /** Resolves with the offset of the change once it can no longer be lost. */
  append(change: ConfigurationChanged): Promise<number>;
}

/** Told of every folded record, e.g. to log the void ones. */
export type FoldObserver = (offset: number, result: FoldResult, change: ConfigurationChanged | null) => void;

/** The wait for a version ended without it. */
export class ConfigurationBehind extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigurationBehind';
  }
}

interface Waiter {
  readonly version: number;
  resolve(): void;
  reject(error: Error): void;
}

export class ConfigurationFollower {
  /** What is folded so far; the same object for the life of the follower. */
  readonly current = new Configuration();
  readonly #log: Pick<ConfigurationLog, 'follow'>;
  readonly #observe: FoldObserver | undefined;
  readonly #waiters = new Set<Waiter>();
  #following: Promise<FollowedLog> | undefined;
  #followed: FollowedLog | undefined;

  constructor(log: Pick<ConfigurationLog, 'follow'>, observe?: FoldObserver) {
    this.#log = log;
    this.#observe = observe;
  }

  /** What is folded holds everything the log held at this instant, in epoch milliseconds; null before it has been read. */
  get lastHeardAt(): number | null {
    return this.#followed?.lastHeardAt ?? null;
  }

  /** Resolves once everything that was in the log at the call is folded. Rejects as the log does, and may be called again then. */
  async start(): Promise<void> {
    this.#following ??= this.#log.follow((offset, change) => this.#fold(offset, change));
    try {
      this.#followed = await this.#following;
    } catch (error) {
      this.#following = undefined;
      throw error;
    }
  }

  /** Stops following; whoever still waits for a version is refused. */
  async stop(): Promise<void> {
    const following = this.#following;
    this.#following = undefined;
    for (const waiter of this.#waiters) waiter.reject(new ConfigurationBehind('the follower was stopped'));
    await (await following?.catch(() => undefined))?.stop();
  }

  /**
   * Resolves when the record at offset `version` is folded, at once when it is already.
   * Rejects with {@link ConfigurationBehind} after `timeoutMs`, or when the follower stops.
   */
  caughtUpTo(version: number, timeoutMs: number): Promise<void> {
    if (this.current.version >= version) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const at = this.current.version;
        waiter.reject(
          new ConfigurationBehind(`configuration is at ${at}, not at ${version}, after ${timeoutMs} ms`),
        );
      }, timeoutMs);
      const settle = (then: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        then();
      };
      const waiter: Waiter = {
        version,
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      this.#waiters.add(waiter);
    });
  }

  #fold(offset: number, change: ConfigurationChanged | null): void {
    const result = this.current.apply(offset, change);
    this.#observe?.(offset, result, change);
    for (const waiter of this.#waiters) if (waiter.version <= this.current.version) waiter.resolve();
  }
}
