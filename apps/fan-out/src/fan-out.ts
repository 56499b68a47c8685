/** Fan-out as a whole: plans the deliveries of each decision, makes the attempts that are due, never repeats what was delivered. */
import {
  type AssignmentListener,
  type BatchAnswer,
  type EventProducer,
  type IncomingEvent,
  outgoing,
  type PartitionBatch,
  type RecordPosition,
  type SchemaSource,
} from '@tributary/bus';
import type { ConfigurationFollower } from '@tributary/configuration';
import { type ConversionDecided, type DeliveryDue, decodeEvent, schemaIdOf } from '@tributary/contracts';
import { levelFor } from '@tributary/domain';
import { type Clock, DependencyFailure, type Logger, Turns, withTraceHeaders } from '@tributary/runtime';
import type { Attempter } from './attempter.ts';
import { type DueDelivery, dueRecord } from './delivery-records.ts';
import { withheld as withheldTotal } from './fan-out-metrics.ts';
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
  readonly schemas: SchemaSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CATCH_UP_MS = 30_000;
const EVICT_EVERY_MS = 1_000;
/**
 * Attempts of a batch begin within this time. A lane to a destination that never answers has room for 96 a minute, and the
 * batches of every partition may stand in it: waited for without bound, it would outlast the limit of a handler.
 */
const BEGIN_WITHIN_MS = 30_000;

export class FanOut implements AssignmentListener {
  readonly #options: FanOutOptions;
  /** By delivery: a decision met again and a retry that comes due never both send it. */
  readonly #turns = new Turns<string>();
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
    const { ledger } = this.#options;
    await this.#catchUp(Math.max(...batch.events.map(({ event }) => event.configurationVersion)));
    const planned = batch.events.flatMap((event) => this.#plan(event));
    // Several revisions of one conversion in a batch: the newest is sent, the older ones were never open.
    const newest = new Map(planned.map((delivery) => [delivery.deliveryId, delivery]));
    const standings = await ledger.standings([...newest.keys()]);
    await allBegunInTime(batch.signal, (signal) =>
      [...newest.values()].map((delivery) =>
        this.#open({ ...delivery, signal }, standings.get(delivery.deliveryId)),
      ),
    );
    return batch.events.length;
  }

  /** @returns how many events at the head have come to their time and are done, and when the next one does. @throws DependencyFailure */
  async due(batch: PartitionBatch<DueTopic>): Promise<BatchAnswer> {
    const { ledger, producer, clock } = this.#options;
    const { due, moved, resumeAt } = popDue(batch, clock.now());
    await producer.produce(
      moved.map(({ event: { event, key, headers }, level }) =>
        withTraceHeaders(headers, () =>
          outgoing(dueTopic(level), key, { ...event, enqueuedAt: clock.now() }),
        ),
      ),
    );
    const standings = await ledger.standings(due.map(({ event }) => event.deliveryId));
    await allBegunInTime(batch.signal, (signal) =>
      due.map((event) => this.#resume(event, standings.get(event.event.deliveryId), signal)),
    );
    const done = due.length + moved.length;
    return resumeAt === undefined ? done : { done, resumeAt };
  }

  #plan(incoming: IncomingEvent<'conversion.decided.v1'>): DueDelivery[] {
    const { follower, receivers, clock, logger } = this.#options;
    const { event: decided, value: wire, headers } = incoming;
    const { deliveries, withheld } = planDeliveries(decided, follower.current, receivers, clock.now());
    for (const { destinationId, reason } of withheld) {
      withheldTotal.inc({ reason });
      logger.warn({ conversionId: decided.conversionId, destinationId, reason }, 'delivery.withheld');
    }
    const askedBy = positionOf(incoming);
    return deliveries.map((plan) => ({ ...plan, decided, wire, attempt: 1, askedBy, headers }));
  }

  /** A decision met its delivery: first seen, cut off by a crash, waiting for a retry, or at its end. */
  #open(delivery: DueDelivery, read: Standing | undefined): Promise<void> {
    const { attempter, ledger, producer, clock } = this.#options;
    return this.#turns.run(delivery.deliveryId, async () => {
      const standing = ledger.latest(delivery.deliveryId, read);
      if (standing === undefined) return attempter.attempt(delivery);
      const { attempt, phase, outcome, nextAttemptAt } = standing;
      // Intended without ended: whether it arrived nobody knows, so the same attempt is repeated under the same key.
      if (phase === 'intended') return attempter.attempt({ ...delivery, attempt });
      if (outcome !== 'retry') return;
      // The record in the timer wheel may have been cut off with the commit of this decision; of two, the second popped is dropped.
      const now = clock.now();
      const dueAt = nextAttemptAt ?? now;
      const again = dueRecord({ ...delivery, attempt: attempt + 1 }, dueAt, now, null);
      const topic = dueTopic(levelFor(dueAt - now));
      await producer.produce([
        withTraceHeaders(delivery.headers ?? {}, () => outgoing(topic, delivery.decided.conversionId, again)),
      ]);
    });
  }

  /** A retry has come to its time; it counts only when this attempt is the one that follows. */
  #resume(incoming: DueEvent, read: Standing | undefined, signal: AbortSignal): Promise<void> {
    const { follower, receivers, attempter, ledger, clock } = this.#options;
    const { event, headers } = incoming;
    return this.#turns.run(event.deliveryId, async () => {
      if (!isAwaited(event, ledger.latest(event.deliveryId, read))) return;
      const decided = await this.#decisionIn(event.decision);
      await this.#catchUp(decided.configurationVersion);
      const lookup = receivers.find(follower.current, event.destinationId, decided, clock.now());
      const due = { ...event, decided, wire: event.decision, askedBy: positionOf(incoming), headers };
      if (lookup.ok) await attempter.attempt({ ...due, receiver: lookup.receiver, signal });
      else await attempter.abandon(due, lookup.reason);
    });
  }

  /** The decision that a retry carries. The bus has learnt the schema of the retry only; this one may be another, of a later release. */
  async #decisionIn(wire: Buffer): Promise<ConversionDecided> {
    let decoded = decodeEvent('conversion.decided.v1', wire);
    const id = schemaIdOf(wire);
    if (!decoded.ok && decoded.problem === 'unknown_schema_id' && id !== null) {
      await this.#options.schemas.learn(id);
      decoded = decodeEvent('conversion.decided.v1', wire);
    }
    if (!decoded.ok) throw new Error(`a delivery that is due carries a decision that is ${decoded.problem}`);
    return decoded.value;
  }

  async #catchUp(version: number): Promise<void> {
    await this.#options.follower.caughtUpTo(version, CATCH_UP_MS).catch((cause: unknown) => {
      throw new DependencyFailure('configuration_behind', 'the configuration is older than the decisions', {
        cause,
      });
    });
  }
}

/**
 * The retry the ledger waits for, or one whose attempt was cut off. A retry is on record before the end of the attempt that
 * it follows, so it is itself the proof of that end: dropped because the end is not known yet, it would be the last.
 */
function isAwaited({ attempt }: DeliveryDue, standing: Standing | undefined): boolean {
  if (standing === undefined) return false;
  if (standing.attempt === attempt) return standing.phase === 'intended';
  return standing.attempt === attempt - 1 && (standing.phase === 'intended' || standing.outcome === 'retry');
}

/** Does the attempts of a batch; the signal they get lets go of those that wait for room when they are late or no longer ours. */
async function allBegunInTime(
  signal: AbortSignal,
  begin: (signal: AbortSignal) => readonly Promise<void>[],
): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    // What has ended until now is on record, so every time the batch comes again it has less to do.
    late.abort(new DependencyFailure('destination_busy', 'a destination has had no room for a whole batch'));
  }, BEGIN_WITHIN_MS);
  try {
    await allDone(begin(AbortSignal.any([signal, late.signal])));
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for all before it throws: a batch is tried again only when nothing of it is still under way. */
async function allDone(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

function positionOf({ topic, partition, offset }: RecordPosition): RecordPosition {
  return { topic, partition, offset };
}
