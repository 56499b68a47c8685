/** Fan-out as a whole: what each decision and each due record asks for is begun, and nobody waits for a destination. */
import {
  type AssignmentListener,
  type BatchAnswer,
  type EventProducer,
  type IncomingEvent,
  type OutgoingRecord,
  outgoing,
  type PartitionBatch,
  type RecordPosition,
  type SchemaSource,
  type TopicPartition,
} from '@tributary/bus';
import type { ConfigurationFollower } from '@tributary/configuration';
import { type ConversionDecided, type DeliveryDue, decodeEvent, schemaIdOf } from '@tributary/contracts';
import { levelFor } from '@tributary/domain';
import { type Clock, DependencyFailure, type Logger, withTraceHeaders } from '@tributary/runtime';
import { type Asking, replayRecord, stepRecord } from './delivery-records.ts';
import { PATIENCE_MS } from './destination-lane.ts';
import type { DestinationLanes } from './destination-lanes.ts';
import { cameBack, withheld as withheldTotal } from './fan-out-metrics.ts';
import { planHoldings } from './plan.ts';
import type { Receivers } from './receivers.ts';
import { orderIn, type ReplayOrder, type ReplayOrders } from './replay-orders.ts';
import type { SendLedger, Standing } from './send-ledger.ts';
import type { Steps, Underway } from './steps.ts';
import { type DueEvent, type DueTopic, dueTopic, popDue } from './timer.ts';

export interface FanOutOptions {
  readonly follower: ConfigurationFollower;
  readonly receivers: Receivers;
  readonly ledger: SendLedger;
  readonly lanes: DestinationLanes;
  readonly steps: Steps;
  readonly replays: ReplayOrders;
  readonly producer: EventProducer;
  readonly schemas: SchemaSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CATCH_UP_MS = 30_000;
const EVICT_EVERY_MS = 1_000;
const DECISIONS = 'conversion.decided.v1';

/** Something begun for a record, and that record in the form in which it comes again. */
interface Begun {
  readonly underway: Underway;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  again(dueAt: number): DeliveryDue;
}

/** A record of the timer wheel with the decisions it carries. */
interface Again {
  readonly incoming: DueEvent;
  readonly asking: Asking;
  readonly delivered: ConversionDecided | null;
}

type Decided = IncomingEvent<'conversion.decided.v1'>;

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

  /** Resolves when every attempt that has begun is on record. */
  async stop(): Promise<void> {
    await this.#options.steps.idle();
    clearInterval(this.#evictions);
  }

  async assigned(partitions: readonly TopicPartition[]): Promise<void> {
    this.#options.lanes.own(partitions.filter(({ topic }) => topic === DECISIONS).length);
    await this.#options.ledger.begin();
  }

  /** @returns how many events are done: all. @throws DependencyFailure */
  async decisions(batch: PartitionBatch<'conversion.decided.v1'>): Promise<number> {
    const { ledger } = this.#options;
    await this.#catchUp(Math.max(...batch.events.map(({ event }) => event.configurationVersion)));
    for (const incoming of batch.events) ledger.noteDecided(incoming.event, incoming);
    // Several revisions of one conversion in a batch: only the newest says what is to be held.
    const newest = new Map<string, Decided>();
    for (const incoming of batch.events) {
      const { conversionId, revision } = incoming.event;
      if (revision >= (newest.get(conversionId)?.event.revision ?? 0)) newest.set(conversionId, incoming);
    }
    const standings = await ledger.holdingsOf([...newest.keys()]);
    const begun = [...newest.values()].flatMap((incoming) =>
      this.#steps(askingOf(incoming), standings.get(incoming.event.conversionId) ?? [], null),
    );
    await this.#settle(begun, batch.signal);
    return batch.events.length;
  }

  /** Orders to attempt again what had ended. @returns how many events are done: all. @throws DependencyFailure */
  async commands(batch: PartitionBatch<'delivery.commanded.v1'>): Promise<number> {
    await this.#catchUp(Math.max(...batch.events.map(({ event }) => event.configurationVersion)));
    const orders = batch.events
      .filter(({ event }) => event.command === 'replay')
      .map((incoming) => orderIn(incoming.event, positionOf(incoming), incoming.headers));
    await this.#settle(await this.#replays(orders), batch.signal);
    return batch.events.length;
  }

  /** @returns how many events at the head have come to their time and are done, and when the next one does. @throws DependencyFailure */
  async due(batch: PartitionBatch<DueTopic>): Promise<BatchAnswer> {
    const { clock } = this.#options;
    const { due, moved, resumeAt } = popDue(batch, clock.now());
    const shut: { readonly event: DueEvent; readonly until: number }[] = [];
    const open: DueEvent[] = [];
    for (const event of due) {
      const until = this.#shutUntil(event.event);
      if (until === null) open.push(event);
      else shut.push({ event, until });
    }
    const { replays = [], others = [] } = Object.groupBy(open, ({ event }) =>
      event.kind === 'replay' ? 'replays' : 'others',
    );
    const asked: Again[] = [];
    for (const event of others) asked.push(await this.#askedAgain(event));
    const replayed = await this.#replays(replays.map(orderWaiting));
    // Just before the steps begin: what is written between is known here only until ClickHouse shows it.
    const standings = await this.#options.ledger.holdingsOf(others.map(({ key }) => key));
    const begun = [
      ...replayed,
      ...asked.flatMap((each) => this.#resume(each, standings.get(each.incoming.key) ?? [])),
    ];
    await this.#settle(begun, batch.signal);
    // Last: what fails before has the batch come again, each time with copies of all that was put back by then.
    await this.#produce([
      ...moved.map(({ event: { event, key, headers }, level }) =>
        withTraceHeaders(headers, () =>
          outgoing(dueTopic(level), key, { ...event, enqueuedAt: clock.now() }),
        ),
      ),
      ...shut.map(({ event: { event, key, headers }, until }) =>
        this.#dueAgain(key, headers, { ...event, dueAt: until }),
      ),
    ]);
    const done = due.length + moved.length;
    return resumeAt === undefined ? done : { done, resumeAt };
  }

  async #replays(orders: readonly ReplayOrder[]): Promise<readonly Begun[]> {
    if (orders.length === 0) return [];
    const begun = await this.#options.replays.begin(orders);
    return begun.map(({ order, underway, outwardEvent }) => ({
      underway,
      key: order.conversionId,
      headers: order.headers,
      again: (dueAt) => replayRecord(order, outwardEvent, dueAt, this.#options.clock.now()),
    }));
  }

  /** Spares what finds its destination away the look at the ledger: there may be hundreds of thousands. */
  #shutUntil({ destinationId }: DeliveryDue): number | null {
    const { receivers, follower, lanes, clock } = this.#options;
    const lookup = receivers.findDestination(follower.current, destinationId, clock.now());
    if (!lookup.ok) return null;
    const lane = lanes.laneOf(lookup.active);
    lane.welcomeBack();
    const refusal = lane.refusal();
    return refusal?.kind === 'no_room' ? refusal.until : null;
  }

  /** @param only the holding a waiting record is about; null: all that the decision concerns. */
  #steps(asking: Asking, standings: readonly Standing[], only: string | null): Begun[] {
    const { follower, receivers, clock, logger, steps } = this.#options;
    const { decided, wire, headers } = asking;
    const { wished, withheld } = planHoldings(decided, standings, follower.current, receivers, clock.now());
    if (only === null) {
      for (const { destinationId, reason } of withheld) {
        withheldTotal.inc({ reason });
        logger.warn({ conversionId: decided.conversionId, destinationId, reason }, 'delivery.withheld');
      }
    }
    return wished
      .filter(({ deliveryId }) => only === null || deliveryId === only)
      .map((each) => ({
        underway: steps.step({ ...asking, wished: each, hasWaited: only !== null }),
        key: decided.conversionId,
        headers,
        again: (dueAt) => {
          const { deliveryId: holdingId, destinationId, outwardEvent: event } = each;
          return stepRecord({ holdingId, destinationId, event }, wire, dueAt, clock.now());
        },
      }));
  }

  async #askedAgain(incoming: DueEvent): Promise<Again> {
    const { event, headers } = incoming;
    const decided = await this.#decisionIn(event.decision);
    const delivered = event.delivered === null ? null : await this.#decisionIn(event.delivered);
    await this.#catchUp(decided.configurationVersion);
    const asking = { decided, wire: event.decision, askedBy: positionOf(incoming), headers };
    return { incoming, asking, delivered };
  }

  /** A record of the timer wheel has come to its time: a retry, or a decision that found no room or had to wait. */
  #resume({ incoming, asking, delivered }: Again, standings: readonly Standing[]): readonly Begun[] {
    const { event, headers, key } = incoming;
    const { deliveryId, destinationId, outwardEvent, attempt } = event;
    if (event.kind === 'step') return this.#stepAgain(incoming, asking, standings);
    const standing = standings.find((each) => each.deliveryId === deliveryId);
    if (standing === undefined) return [];
    const { lastReasonCode } = event;
    const task = {
      ...asking,
      deliveryId,
      destinationId,
      outwardEvent,
      attempt,
      delivered,
      standing,
      lastReasonCode,
    };
    return [
      { underway: this.#options.steps.retry(task), key, headers, again: (dueAt) => ({ ...event, dueAt }) },
    ];
  }

  #stepAgain(
    { event, headers, key }: DueEvent,
    asking: Asking,
    standings: readonly Standing[],
  ): readonly Begun[] {
    const { receivers, follower, clock, steps } = this.#options;
    const { deliveryId: holdingId, destinationId, outwardEvent } = event;
    const lookup = receivers.findDestination(follower.current, destinationId, clock.now());
    if (lookup.ok) return this.#steps(asking, standings, holdingId);
    const standing = standings.find((each) => each.holdingId === holdingId) ?? null;
    const task = {
      ...asking,
      holdingId,
      destinationId,
      event: outwardEvent,
      standing,
      reasonCode: lookup.reason,
    };
    return [{ underway: steps.abandon(task), key, headers, again: (dueAt) => ({ ...event, dueAt }) }];
  }

  /**
   * Waits for what was begun, for a short time. What a slow destination has not taken by then comes again by the timer wheel,
   * and so does what it has not answered, in case that this process dies: the partition goes on.
   */
  async #settle(begun: readonly Begun[], signal: AbortSignal): Promise<void> {
    const late = new Map<Begun, number>();
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(() => patience.resolve(), PATIENCE_MS);
    const givenUp = () => patience.resolve();
    signal.addEventListener('abort', givenUp);
    if (signal.aborted) givenUp();
    try {
      const answers = begun.map(async (each) => {
        const answer = await Promise.race([
          each.underway.answer,
          patience.promise.then(() => 'late' as const),
        ]);
        if (answer === null) return;
        if (answer !== 'late') return void late.set(each, answer);
        const { hasBegun, comeBackAt } = each.underway.detach();
        // Given up or drained: what has begun is waited for, the rest is the next owner's.
        if (signal.aborted && hasBegun) return void (await each.underway.answer);
        if (signal.aborted) throw signal.reason;
        late.set(each, comeBackAt);
      });
      await allDone(answers);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', givenUp);
    }
    await this.#produce(
      [...late].map(([{ key, headers, again }, dueAt]) => this.#dueAgain(key, headers, again(dueAt))),
    );
  }

  #dueAgain(key: string, headers: Readonly<Record<string, string>>, due: DeliveryDue): OutgoingRecord {
    const now = this.#options.clock.now();
    cameBack.inc({ kind: due.kind });
    return withTraceHeaders(headers, () =>
      outgoing(dueTopic(levelFor(due.dueAt - now)), key, { ...due, enqueuedAt: now }),
    );
  }

  async #produce(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length > 0) await this.#options.producer.produce(records);
  }

  /** The decision that a record carries. The bus has learnt the schema of the record only; this one may be another, of a later release. */
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

/** Waits for all before it throws: a batch is tried again only when nothing of it is still under way. */
async function allDone(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

function askingOf(incoming: Decided): Asking {
  const { event: decided, value: wire, headers } = incoming;
  return { decided, wire, headers, askedBy: positionOf(incoming) };
}

/** An order that has waited in the timer wheel. */
function orderWaiting(incoming: DueEvent): ReplayOrder {
  const { deliveryId, destinationId, attempt: expectedAttempt, accepts } = incoming.event;
  const { key: conversionId, headers } = incoming;
  const askedBy = positionOf(incoming);
  return { conversionId, deliveryId, destinationId, expectedAttempt, accepts, askedBy, headers };
}

function positionOf({ topic, partition, offset }: RecordPosition): RecordPosition {
  return { topic, partition, offset };
}
