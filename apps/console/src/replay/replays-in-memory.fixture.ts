/** Dead letters and runs as a store would have them, at once and without one; and what was ordered. */
import type { OutgoingRecord } from '@tributary/bus';
import {
  type ConversionDecided,
  type DeliveryAttempted,
  type DeliveryCommanded,
  decodeEvent,
  type ReplayRecorded,
} from '@tributary/contracts';
import { begun, endedAs, outwardKey, outwardValueOf } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { type DeadDelivery, type ReplayOutcome, runsIn, type StoredHolding } from '@tributary/store';
import { aDecision } from '@tributary/testing';
import type { ReplayResources } from '../console.module.ts';

export class ReplaysInMemory implements ReplayResources {
  readonly dead: DeadDelivery[] = [];
  readonly held = new Map<string, StoredHolding>();
  readonly decided: ConversionDecided[] = [];
  attempts: readonly DeliveryAttempted[] = [];
  outcomes: readonly ReplayOutcome[] = [];
  readonly orders: DeliveryCommanded[] = [];
  readonly steps: ReplayRecorded[] = [];
  failure: Error | null = null;
  /** Whether the store has every order that was given. */
  isShown = true;

  readonly letters: ReplayResources['letters'] = {
    deadDeliveries: async (filter, afterId, limit) => {
      if (this.failure !== null) throw this.failure;
      const { deadLetterId, destinationId, reasonCode, from, until } = filter;
      return this.dead
        .filter(
          (each) =>
            each.deadLetterId > (afterId ?? '') &&
            (deadLetterId === null || each.deadLetterId === deadLetterId) &&
            (destinationId === null || each.destinationId === destinationId) &&
            (reasonCode === null || each.reasonCode === reasonCode) &&
            each.deadLetteredAt >= (from ?? 0) &&
            each.deadLetteredAt < until,
        )
        .toSorted((a, b) => (a.deadLetterId < b.deadLetterId ? -1 : 1))
        .slice(0, limit);
    },
    attemptsOf: async () => this.attempts,
  };
  readonly deliveries: ReplayResources['deliveries'] = {
    holdingsOf: async (ids) =>
      [...this.held.values()].filter(({ conversionId }) => ids.includes(conversionId)),
    revisionsOf: async (ids) =>
      Map.groupBy(
        this.decided.filter(({ conversionId }) => ids.includes(conversionId)),
        ({ conversionId }) => conversionId,
      ),
  };
  readonly runs: ReplayResources['runs'] = {
    runs: async () => this.#runs(),
    run: async (runId) => this.#runs().find((run) => run.runId === runId),
    unfinished: async () => this.#runs().filter(({ step }) => step === 'ordered' || step === 'progressed'),
    outcomesOf: async () => this.outcomes,
  };
  readonly producer: ReplayResources['producer'] = {
    produce: async (records: readonly OutgoingRecord[]) => {
      if (this.failure !== null) throw this.failure;
      for (const { topic, value } of records) {
        const order = topic === 'delivery.commanded.v1' ? decodeEvent(topic, value) : null;
        if (order?.ok) this.orders.push(order.value);
        const step = topic === 'replay.recorded.v1' ? decodeEvent(topic, value) : null;
        if (step?.ok) this.steps.push(step.value);
      }
      return records.map(({ topic }, offset) => ({ topic, partition: 0, offset }));
    },
  };

  readonly offsets: ReplayResources['offsets'] = {
    endOf: async () => new Map([[0, this.orders.length]]),
    waitFor: async () => {
      if (!this.isShown) throw new DependencyFailure('clickhouse_behind', 'the orders are not stored');
    },
  };

  async close(): Promise<void> {}

  /** A sale that went to the destination `partner` and was given up. @param nth tells it from others */
  die(
    nth: number,
    at: number,
    { mayHaveArrived = false, ...changes }: Partial<ConversionDecided> & { mayHaveArrived?: boolean } = {},
  ): DeadDelivery {
    const conversionId = `c0ffee00-0000-8000-8000-${String(nth).padStart(12, '0')}`;
    const decided = aDecision({ conversionId, occurredAt: at, decidedAt: at, ...changes });
    const deliveryId = outwardKey(conversionId, 'partner', 'sale');
    const intended = begun(null, { kind: 'event', revision: 1, told: outwardValueOf(decided) });
    const names = {
      holdingId: deliveryId,
      conversionId,
      destinationId: 'partner',
      event: 'sale',
      deliveryId,
    };
    const holding = {
      ...endedAs(intended, 'dead', mayHaveArrived),
      ...names,
      nextAttemptAt: null,
      requestId: null,
      startedAt: null,
      heldBy: null,
    };
    const letter: DeadDelivery = {
      deadLetterId: `dead0000-0000-8000-8000-${String(nth).padStart(12, '0')}`,
      reasonCode: mayHaveArrived ? 'timeout' : 'http_503',
      conversionId,
      deliveryId,
      destinationId: 'partner',
      attempt: holding.attempt,
      deadLetteredAt: at,
    };
    this.decided.push(decided);
    this.held.set(deliveryId, holding);
    this.dead.push(letter);
    return letter;
  }

  /** What fan-out does with an order. */
  deliver(deliveryId: string): void {
    const holding = this.held.get(deliveryId);
    if (holding === undefined) throw new Error('nothing is held');
    this.held.set(deliveryId, { ...holding, attempt: holding.attempt + 1, outcome: 'delivered' });
  }

  /** The same conversion was delivered under another name. */
  hold(deliveryId: string, event: string): void {
    const holding = this.held.get(deliveryId);
    if (holding === undefined) throw new Error('nothing is held');
    const { conversionId, destinationId } = holding;
    const holdingId = outwardKey(conversionId, destinationId, event);
    this.held.set(holdingId, { ...holding, event, holdingId, deliveryId: holdingId, outcome: 'delivered' });
  }

  #runs() {
    return runsIn(this.steps);
  }
}
