/** Where deliveries stand, own attempts included before ClickHouse shows them: what was delivered is never sent again. */
import type { RecordPosition } from '@tributary/bus';
import { type DeliveryStore, Overlay, type StoredDelivery, type StoredOffsets } from '@tributary/store';

const ATTEMPTS = 'delivery.attempted.v1';
/** A store further behind than this is an outage; the assignment is then tried again. */
const CATCH_UP_MS = 30_000;

export type Standing = Pick<StoredDelivery, 'attempt' | 'phase' | 'outcome' | 'revision' | 'nextAttemptAt'>;

export class SendLedger {
  readonly #store: Pick<DeliveryStore, 'deliveriesById'>;
  readonly #offsets: StoredOffsets;
  readonly #overlay = new Overlay<Standing>();

  constructor(store: Pick<DeliveryStore, 'deliveriesById'>, offsets: StoredOffsets) {
    this.#store = store;
    this.#offsets = offsets;
  }

  /** Starts empty once ClickHouse shows every attempt that stands in the topic now, whoever made it. @throws DependencyFailure */
  async begin(): Promise<void> {
    this.#overlay.clear();
    await this.#offsets.waitFor(ATTEMPTS, await this.#offsets.endOf(ATTEMPTS), CATCH_UP_MS);
  }

  /** Standing of each delivery that was ever attempted. @throws DependencyFailure */
  async standings(deliveryIds: readonly string[]): Promise<ReadonlyMap<string, Standing>> {
    const standings = new Map<string, Standing>();
    for (const stored of await this.#store.deliveriesById(deliveryIds))
      standings.set(stored.deliveryId, stored);
    for (const deliveryId of deliveryIds) {
      const latest = this.latest(deliveryId, standings.get(deliveryId));
      if (latest !== undefined) standings.set(deliveryId, latest);
    }
    return standings;
  }

  /** The later of what was read before and what this process has noted since. */
  latest(deliveryId: string, read: Standing | undefined): Standing | undefined {
    const own = this.#overlay.get(deliveryId);
    return own !== undefined && (read === undefined || isLater(own, read)) ? own : read;
  }

  note(deliveryId: string, standing: Standing, position: RecordPosition): void {
    this.#overlay.set(deliveryId, standing, position);
  }

  /** Forgets what ClickHouse shows by now. @throws DependencyFailure */
  async evict(): Promise<void> {
    if (this.#overlay.size > 0) this.#overlay.evict(await this.#offsets.storedOf(ATTEMPTS));
  }
}

/** Attempt by attempt, and within one intended before ended. */
function isLater(left: Standing, right: Standing): boolean {
  if (left.attempt !== right.attempt) return left.attempt > right.attempt;
  return left.phase === 'ended' && right.phase === 'intended';
}
