/** Attribution over the bus and the store in memory: postbacks are given to it by hand, and time passes by fake timers. */
import type { BatchAnswer, PartitionBatch } from '@tributary/bus';
import { aChange, ConfigurationFollower, InMemoryConfigurationLog } from '@tributary/configuration';
import type { AttributionCommanded, ConversionDecided, PostbackReceived } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { vi } from 'vitest';
import { Attribution } from './attribution.ts';
import { InMemoryLog } from './in-memory-log.fixture.ts';

export const NOW = Date.UTC(2026, 0, 2, 3, 4, 6);
export const PARTITION = 3;

export class AttributionBed {
  log = new InMemoryLog();
  isOwner = true;
  /** Postbacks below it are said to be decided. */
  committed = 0;
  readonly changes = new InMemoryConfigurationLog();
  readonly #follower = new ConfigurationFollower(this.changes);
  readonly #running: Attribution[] = [];
  #attribution: Attribution | undefined;

  /** With the advertiser `acme`, which waits a minute for clicks, and the offer `acme-offer`. */
  async start(): Promise<void> {
    vi.useFakeTimers({ now: NOW });
    const { changes } = this;
    await changes.append(
      aChange('advertiser', { id: 'acme', name: 'Acme', currency: 'EUR', parkedForMs: 60_000 }),
    );
    await changes.append(aChange('offer', { id: 'acme-offer', advertiserId: 'acme', name: 'Offer' }));
    await this.#follower.start();
  }

  async stop(): Promise<void> {
    const stopped = Promise.all(this.#running.splice(0).map((attribution) => attribution.stop()));
    await this.pass(2_000);
    await stopped;
    vi.useRealTimers();
  }

  /** The instance in use; another one takes its place by {@link restart}. */
  get attribution(): Attribution {
    this.#attribution ??= this.anInstance();
    return this.#attribution;
  }

  /** A new process: nothing in memory, and no clock until it is started. */
  restart(): Attribution {
    this.#attribution = this.anInstance();
    return this.#attribution;
  }

  anInstance(): Attribution {
    const { log } = this;
    const attribution = new Attribution({
      follower: this.#follower,
      store: {
        clicksById: (ids) => log.store.clicksById(ids),
        contentDigests: (ids) => log.store.contentDigests(ids),
        load: (keys) => log.store.load(keys),
        personClicks: (...of) => log.store.personClicks(...of),
        waiting: (partitions) => log.store.waiting(partitions),
      },
      signals: {
        sent: (ids) => log.signals.sent(ids),
        possibleOccasions: (question) => log.signals.possibleOccasions(question),
        lastDecidedAt: (partitions) => log.signals.lastDecidedAt(partitions),
      },
      offsets: log.offsets,
      committed: async () => new Map([[PARTITION, this.committed]]),
      producer: log,
      isOwner: () => this.isOwner,
      clock: { now: () => Date.now() },
      logger: createLogger('attribution-test', 'silent'),
    });
    this.#running.push(attribution);
    return attribution;
  }

  /** The postbacks as one batch, from offset 0 on. */
  decide(...postbacks: readonly PostbackReceived[]): Promise<number> {
    return this.decideBy(this.attribution, postbacks);
  }

  decideBy(
    attribution: Attribution,
    postbacks: readonly PostbackReceived[],
    {
      signal = new AbortController().signal,
      partition = PARTITION,
      offset: first = 0,
    }: Partial<PartitionBatch> & { readonly offset?: number } = {},
  ): Promise<number> {
    const topic = 'postback.received.v1' as const;
    const events = postbacks.map((event, index) => ({
      topic,
      partition,
      offset: first + index,
      key: event.lane,
      writtenAt: event.receivedAt,
      headers: {},
      event,
      value: Buffer.alloc(0),
    }));
    return attribution.decide({ topic, partition, events, signal });
  }

  /** The orders as one batch. */
  execute(orders: readonly AttributionCommanded[]): Promise<BatchAnswer> {
    const topic = 'attribution.commanded.v1' as const;
    const events = orders.map((event, offset) => ({
      topic,
      partition: PARTITION,
      offset,
      key: event.lane,
      writtenAt: event.issuedAt,
      headers: {},
      event,
      value: Buffer.alloc(0),
    }));
    const { signal } = new AbortController();
    return this.attribution.execute({ topic, partition: PARTITION, events, signal });
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  get verdicts(): readonly string[] {
    return this.log.judged.map(({ verdict }) => verdict);
  }

  get matches(): readonly (readonly [number, string])[] {
    return this.log.decided.map(({ revision, match }: ConversionDecided) => [revision, match] as const);
  }
}
