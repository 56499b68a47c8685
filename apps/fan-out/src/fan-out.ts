/** Fan-out as a whole: plans the deliveries of each decision, makes the attempts that are due, never repeats what was delivered. */
import { type AssignmentListener, type EventProducer, outgoing, type PartitionBatch } from '@tributary/bus';
import type { ConfigurationFollower } from '@tributary/configuration';
import { type ConversionDecided, decodeEvent } from '@tributary/contracts';
import { levelFor } from '@tributary/domain';
import { type Clock, DependencyFailure, type Logger } from '@tributary/runtime';
import type { Attempter } from './attempter.ts';
import { type DueDelivery, dueRecord } from './delivery-records.ts';
import { planDeliveries } from './plan.ts';
import type { Receivers } from './receivers.ts';
import type { SendLedger, Standing } from './send-ledger.ts';
import { type DueEvent, type DueTopic, dueTopic, popDue } from './timer.ts';

export interface FanOutOptions {
  readonly follower: ConfigurationFollower;
  readonly receivers: Receivers;
  readonly ledger: SendLedger;
  readonly attempter: Attempter;
  readonly producer: EventProducer;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CATCH_UP_MS = 30_000;
const EVICT_EVERY_MS = 1_000;

export class FanOut implements AssignmentListener {
  readonly #options: FanOutOptions;
  #evictions: NodeJS.Timeout | undefined;

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  start(): void {
    const { ledger, logger } = this.#options;
    this.#evictions = setInterval(() => {
      ledger.evict().catch((error: unknown) => logger.warn({ err: error }, 'eviction.paused'));
    }, EVICT_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#evictions);
  }

  async assigned(): Promise<void> {
    await this.#options.ledger.begin();
  }

  /** @returns how many events are done: all. @throws DependencyFailure */
  async decisions(batch: PartitionBatch<'conversion.decided.v1'>): Promise<number> {
    const { follower, receivers, ledger } = this.#options;
    await this.#catchUp(Math.max(...batch.events.map(({ event }) => event.configurationVersion)));
    const planned = batch.events.flatMap(({ event: decided, value: wire }) =>
      planDeliveries(decided, follower.current, receivers).map(
        (plan): DueDelivery => ({ ...plan, decided, wire, attempt: 1 }),
      ),
    );
    const standings = await ledger.standings([...new Set(planned.map(({ deliveryId }) => deliveryId))]);
    // Several revisions of one conversion in a batch: the newest is sent, the older ones were never open.
    const newest = new Map(planned.map((delivery) => [delivery.deliveryId, delivery]));
    await Promise.all(
      [...newest.values()].map((delivery) => this.#open(delivery, standings.get(delivery.deliveryId))),
    );
    return batch.events.length;
  }

  /** @returns how many events at the head have come to their time and are done. @throws DependencyFailure */
  async due(batch: PartitionBatch<DueTopic>): Promise<number> {
    const { ledger, producer, clock } = this.#options;
    const { due, moved } = await popDue(batch, () => clock.now());
    await producer.produce(
      moved.map(({ event: { event, key }, level }) =>
        outgoing(dueTopic(level), key, { ...event, enqueuedAt: clock.now() }),
      ),
    );
    const standings = await ledger.standings(due.map(({ event }) => event.deliveryId));
    await Promise.all(due.map((event) => this.#resume(event, standings.get(event.event.deliveryId))));
    return due.length + moved.length;
  }

  /** A decision met its delivery in this standing: first seen, cut off by a crash, waiting for a retry, or at its end. */
  async #open(delivery: DueDelivery, standing: Standing | undefined): Promise<void> {
    const { attempter, producer, clock } = this.#options;
    if (standing === undefined) return attempter.attempt(delivery);
    const { attempt } = standing;
    // Intended without ended: whether it arrived nobody knows, so the same attempt is repeated under the same key.
    if (standing.phase === 'intended') return attempter.attempt({ ...delivery, attempt });
    if (standing.outcome !== 'retry') return;
    // The record in the timer wheel may have been cut off with the commit of this decision; a second one is dropped when popped.
    const now = clock.now();
    const again = dueRecord({ ...delivery, attempt: attempt + 1 }, now, now, null);
    await producer.produce([outgoing(dueTopic(levelFor(0)), delivery.decided.conversionId, again)]);
  }

  /** A retry has come to its time; it counts only when the ledger waits for exactly this attempt. */
  async #resume({ event }: DueEvent, standing: Standing | undefined): Promise<void> {
    const isAwaited =
      standing?.phase === 'ended' && standing.outcome === 'retry' && standing.attempt === event.attempt - 1;
    const wasCutOff = standing?.phase === 'intended' && standing.attempt === event.attempt;
    if (!isAwaited && !wasCutOff) return;
    const { follower, receivers, attempter, logger } = this.#options;
    const decided = decodedDecision(event.decision);
    await this.#catchUp(decided.configurationVersion);
    const lookup = receivers.find(follower.current, event.destinationId);
    if (!lookup.ok) {
      // Disabled since: the delivery stays at "retry" in the ledger and is found there when the destination is back.
      logger.warn(
        { deliveryId: event.deliveryId, destinationId: event.destinationId, reason: lookup.reason },
        'delivery.shelved',
      );
      return;
    }
    const { deliveryId, outwardEvent, attempt } = event;
    await attempter.attempt({
      deliveryId,
      outwardEvent,
      receiver: lookup.receiver,
      decided,
      wire: event.decision,
      attempt,
    });
  }

  async #catchUp(version: number): Promise<void> {
    await this.#options.follower.caughtUpTo(version, CATCH_UP_MS).catch((cause: unknown) => {
      throw new DependencyFailure('configuration_behind', 'the configuration is older than the decisions', {
        cause,
      });
    });
  }
}

function decodedDecision(wire: Buffer): ConversionDecided {
  const decoded = decodeEvent('conversion.decided.v1', wire);
  if (!decoded.ok) throw new Error(`a delivery that is due carries a decision that is ${decoded.problem}`);
  return decoded.value;
}
