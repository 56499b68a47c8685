/** Orders to attempt again what had ended: each is put beside what its destination holds, and what that is to hold by the newest revision. */
import type { RecordPosition } from '@tributary/bus';
import type { Configuration } from '@tributary/configuration';
import { type ConversionDecided, type DeliveryCommanded, encodeEvent } from '@tributary/contracts';
import { mayBeRenamed } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import type { DeliveryStore } from '@tributary/store';
import { replayed } from './fan-out-metrics.ts';
import { planHoldings, unsendable, type WishedHolding } from './plan.ts';
import { isFaultOrOff, partOfRequest, type Receivers } from './receivers.ts';
import { isCutOff, type SendLedger, type Standing } from './send-ledger.ts';
import type { Steps } from './steps.ts';
import type { Startable } from './undertaking.ts';
import { done } from './underway.ts';

export interface ReplayOrder
  extends Pick<
    DeliveryCommanded,
    'conversionId' | 'deliveryId' | 'destinationId' | 'expectedAttempt' | 'accepts' | 'issuedAt'
  > {
  /** The record that brought it. */
  readonly askedBy: RecordPosition;
  /** Trace headers of that record. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Replay extends Startable {
  readonly order: ReplayOrder;
  /** Name of what is sent; empty where nothing is on record. */
  readonly outwardEvent: string;
}

export interface ReplayOrdersOptions {
  readonly ledger: Pick<SendLedger, 'withHoldings' | 'newestRevisions'>;
  readonly decisions: Pick<DeliveryStore, 'revisionsOf'>;
  readonly receivers: Receivers;
  readonly steps: Pick<Steps, 'replay'>;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
}

/** How long an order waits for ClickHouse to show the newest revision. */
const BEHIND_MS = 1_000;

export class ReplayOrders {
  readonly #options: ReplayOrdersOptions;

  constructor(options: ReplayOrdersOptions) {
    this.#options = options;
  }

  /** What the orders come to, for `use` to begin. @throws DependencyFailure */
  async prepare(
    orders: readonly ReplayOrder[],
    use: (replays: readonly Replay[]) => Promise<void>,
  ): Promise<void> {
    const { ledger, decisions } = this.#options;
    const ids = [...new Set(orders.map(({ conversionId }) => conversionId))];
    const [revisions, newest] = await Promise.all([decisions.revisionsOf(ids), ledger.newestRevisions(ids)]);
    await ledger.withHoldings(ids, 'waited', (standings) =>
      use(
        orders.map((order) => {
          const { conversionId } = order;
          const known = standings.get(conversionId) ?? [];
          const decided = revisions.get(conversionId) ?? [];
          return this.#replay(order, known, decided, newest.get(conversionId) ?? 0);
        }),
      ),
    );
  }

  #replay(
    order: ReplayOrder,
    standings: readonly Standing[],
    revisions: readonly ConversionDecided[],
    newest: number,
  ): Replay {
    const { receivers, steps, configuration, clock } = this.#options;
    const standing = standings.find((each) => each.deliveryId === order.deliveryId);
    const decided = revisions.at(-1);
    if (standing === undefined || decided === undefined) return passedOver(order);
    const { holdingId, event: outwardEvent } = standing;
    if (decided.revision < newest)
      return { order, outwardEvent, size: 0, begin: () => done(clock.now() + BEHIND_MS) };
    const now = clock.now();
    const { wished } = planHoldings(decided, standings, configuration(), receivers, now, isFaultOrOff);
    const own =
      wished.find(({ deliveryId }) => deliveryId === holdingId) ??
      unsendable(decided, { ...order, deliveryId: holdingId, outwardEvent }, standing);
    const wire = encodeEvent('conversion.decided.v1', decided);
    const renamed = renamedOf(own, wished);
    const task = { ...order, decided, wire, wished: own, renamed, hasWaited: true, revisions };
    return { order, outwardEvent, size: partOfRequest(own.active), begin: () => steps.replay(task) };
  }
}

/** The event under the name that it has now, where nobody was told under the one it had. */
function renamedOf(
  { destinationId, holding, wish }: WishedHolding,
  wished: readonly WishedHolding[],
): WishedHolding | null {
  if (holding === null || !mayBeRenamed(holding) || isAskedFor(wish)) return null;
  // Cut off is what this order has begun when its process died.
  const isToBegin = (each: WishedHolding) =>
    each.destinationId === destinationId &&
    isAskedFor(each.wish) &&
    (each.holding === null || isCutOff(each.holding));
  return wished.find(isToBegin) ?? null;
}

function isAskedFor(wish: WishedHolding['wish']): boolean {
  return wish.kind === 'tell' && wish.isAskedFor;
}

export function orderIn(
  { conversionId, deliveryId, destinationId, expectedAttempt, accepts, issuedAt }: DeliveryCommanded,
  askedBy: RecordPosition,
  headers: Readonly<Record<string, string>>,
): ReplayOrder {
  return { conversionId, deliveryId, destinationId, expectedAttempt, accepts, issuedAt, askedBy, headers };
}

function passedOver(order: ReplayOrder): Replay {
  replayed.inc({ result: 'superseded' });
  return { order, outwardEvent: '', size: 0, begin: () => done(null) };
}
