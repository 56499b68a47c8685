/** Orders to attempt again what had ended: each is put beside what its destination holds, and what that is to hold by the newest revision. */
import type { RecordPosition } from '@tributary/bus';
import type { Configuration } from '@tributary/configuration';
import { type ConversionDecided, type DeliveryCommanded, encodeEvent } from '@tributary/contracts';
import type { Clock } from '@tributary/runtime';
import type { DeliveryStore } from '@tributary/store';
import { replayed } from './fan-out-metrics.ts';
import { planHoldings } from './plan.ts';
import type { Receivers } from './receivers.ts';
import type { SendLedger, Standing } from './send-ledger.ts';
import { done, type Steps, type Underway } from './steps.ts';

export interface ReplayOrder
  extends Pick<
    DeliveryCommanded,
    'conversionId' | 'deliveryId' | 'destinationId' | 'expectedAttempt' | 'accepts'
  > {
  /** The record that brought it. */
  readonly askedBy: RecordPosition;
  /** Trace headers of that record. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface BegunReplay {
  readonly order: ReplayOrder;
  readonly underway: Underway;
  /** Name of what is sent; empty where nothing is on record. */
  readonly outwardEvent: string;
}

export interface ReplayOrdersOptions {
  readonly ledger: Pick<SendLedger, 'holdingsOf' | 'newestRevisions'>;
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

  /** @throws DependencyFailure */
  async begin(orders: readonly ReplayOrder[]): Promise<readonly BegunReplay[]> {
    const { ledger, decisions } = this.#options;
    const ids = [...new Set(orders.map(({ conversionId }) => conversionId))];
    const [revisions, newest] = await Promise.all([decisions.revisionsOf(ids), ledger.newestRevisions(ids)]);
    // Last: what is written between this and the steps is known here only until ClickHouse shows it.
    const standings = await ledger.holdingsOf(ids);
    return orders.map((order) => {
      const { conversionId } = order;
      const known = standings.get(conversionId) ?? [];
      const decided = revisions.get(conversionId) ?? [];
      return this.#begin(order, known, decided, newest.get(conversionId) ?? 0);
    });
  }

  #begin(
    order: ReplayOrder,
    standings: readonly Standing[],
    revisions: readonly ConversionDecided[],
    newest: number,
  ): BegunReplay {
    const { receivers, steps, configuration, clock } = this.#options;
    const standing = standings.find((each) => each.deliveryId === order.deliveryId);
    const decided = revisions.at(-1);
    if (standing === undefined || decided === undefined) return passedOver(order, 'superseded');
    const { holdingId, event: outwardEvent } = standing;
    if (decided.revision < newest) return { order, outwardEvent, underway: done(clock.now() + BEHIND_MS) };
    const { wished } = planHoldings(decided, standings, configuration(), receivers, clock.now());
    const own = wished.find(({ deliveryId }) => deliveryId === holdingId);
    if (own === undefined) return passedOver(order, 'destination_gone');
    const wire = encodeEvent('conversion.decided.v1', decided);
    const underway = steps.replay({ ...order, decided, wire, wished: own, hasWaited: true, revisions });
    return { order, underway, outwardEvent };
  }
}

export function orderIn(
  { conversionId, deliveryId, destinationId, expectedAttempt, accepts }: DeliveryCommanded,
  askedBy: RecordPosition,
  headers: Readonly<Record<string, string>>,
): ReplayOrder {
  return { conversionId, deliveryId, destinationId, expectedAttempt, accepts, askedBy, headers };
}

function passedOver(order: ReplayOrder, result: string): BegunReplay {
  replayed.inc({ result });
  return { order, outwardEvent: '', underway: done(null) };
}
