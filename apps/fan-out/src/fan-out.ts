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
import { type Clock, DependencyFailure, type Logger, withTraceHeaders } from '@tributary/runtime';
import { type Asking, replayRecord, stepRecord } from './delivery-records.ts';
import type { DestinationLanes } from './destination-lanes.ts';
import type { DroppedDeliveries } from './dropped-deliveries.ts';
import { cameBack, withheld as withheldTotal } from './fan-out-metrics.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import { planHoldings, unsendable, type WishedHolding } from './plan.ts';
import type { Questions } from './questions.ts';
import { isFault, isFaultOrOff, partOfRequest, type Receivers } from './receivers.ts';
import { hasLapsed } from './replay-appraisal.ts';
import { orderIn, type ReplayOrder, type ReplayOrders } from './replay-orders.ts';
import { Room } from './room.ts';
import type { SendLedger, Standing } from './send-ledger.ts';
import type { Steps } from './steps.ts';
import { type DueEvent, type DueTopic, dueRecord, dueTopic, popDue } from './timer.ts';
import { type Startable, Undertaking } from './undertaking.ts';
import type { Underway } from './underway.ts';

export interface FanOutOptions {
  readonly follower: ConfigurationFollower;
  readonly receivers: Receivers;
  readonly ledger: SendLedger;
  readonly lanes: DestinationLanes;
  readonly oneAtATime: Pick<OneAtATime, 'idle'>;
  readonly steps: Steps;
  readonly replays: ReplayOrders;
  readonly questions: Questions;
  readonly dropped: DroppedDeliveries;
  readonly producer: EventProducer;
  readonly schemas: SchemaSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CATCH_UP_MS = 30_000;
const EVICT_EVERY_MS = 1_000;
const DECISIONS = 'conversion.decided.v1';
/** Kinds of due records that carry no decision. */
const OWN_WAY = ['replay', 'question', 'dropped'] as const;
/**
 * Requests under way and waited for: enough for both cores, few enough for each to be sent and on record in a fraction of a
 * second. A delivery that may share its request counts as its part of it.
 */
const REQUESTS_AT_ONCE = 256;

/** What a record asks for, and that record in the form in which it comes again. */
interface Work extends Startable {
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
  readonly #room = new Room(REQUESTS_AT_ONCE);
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

  /** Resolves when every attempt that has begun is on record, those included that no batch waits for any more. */
  drained(): Promise<void> {
    return this.#options.oneAtATime.idle();
  }

  async assigned(partitions: readonly TopicPartition[]): Promise<void> {
    this.#options.lanes.own(partitions.filter(({ topic }) => topic === DECISIONS).length);
    await this.#options.ledger.begin();
  }

  /** @returns how many events are done: all. @throws DependencyFailure */
  async decisions(batch: PartitionBatch<'conversion.decided.v1'>): Promise<number> {
    const { ledger } = this.#options;
    await ledger.room(batch.signal);
    await this.#catchUp(Math.max(...batch.events.map(({ event }) => event.configurationVersion)));
    for (const incoming of batch.events) ledger.noteDecided(incoming.event, incoming);
    // Several revisions of one conversion in a batch: only the newest says what is to be held.
    const newest = new Map<string, Decided>();
    for (const incoming of batch.events) {
      const { conversionId, revision } = incoming.event;
      if (revision >= (newest.get(conversionId)?.event.revision ?? 0)) newest.set(conversionId, incoming);
    }
    const undertaking = this.#undertaking(batch.signal);
    await ledger.withHoldings([...newest.keys()], 'new', (standings) =>
      undertaking.begin(
        [...newest.values()].flatMap((incoming) =>
          this.#steps(askingOf(incoming), standings.get(incoming.event.conversionId) ?? []),
        ),
      ),
    );
    await this.#settle(undertaking);
    return batch.events.length;
  }

  /** Orders to attempt again what had ended. @returns how many events are done: all. @throws DependencyFailure */
  async commands(batch: PartitionBatch<'delivery.commanded.v1'>): Promise<number> {
    await this.#options.ledger.room(batch.signal);
    await this.#catchUp(Math.max(...batch.events.map(({ event }) => event.configurationVersion)));
    const orders = batch.events
      .filter(({ event }) => event.command === 'replay')
      .map((incoming) => orderIn(incoming.event, positionOf(incoming), incoming.headers));
    const undertaking = this.#undertaking(batch.signal);
    await this.#replay(orders, undertaking);
    await this.#settle(undertaking);
    return batch.events.length;
  }

  /** @returns how many events at the head have come to their time and are done, and when the next one does. @throws DependencyFailure */
  async due(batch: PartitionBatch<DueTopic>): Promise<BatchAnswer> {
    const { clock, ledger } = this.#options;
    await ledger.room(batch.signal);
    const { due, moved, resumeAt } = popDue(batch, clock.now());
    const shut: { readonly event: DueEvent; readonly until: number }[] = [];
    const open: DueEvent[] = [];
    for (const event of due) {
      const until = this.#shutUntil(event.event);
      if (until === null) open.push(event);
      else shut.push({ event, until });
    }
    const {
      replay: replays = [],
      question: questions = [],
      dropped = [],
      other: others = [],
    } = Object.groupBy(open, ({ event }) => OWN_WAY.find((kind) => kind === event.kind) ?? 'other');
    const asked: Again[] = [];
    for (const event of others) asked.push(await this.#askedAgain(event));
    const undertaking = this.#undertaking(batch.signal);
    await this.#replay(replays.map(orderWaiting), undertaking);
    await this.#ask(questions, undertaking);
    await ledger.withHoldings(
      [...others, ...dropped].map(({ key }) => key),
      'waited',
      (standings) =>
        undertaking.begin([
          ...asked.flatMap((each) => this.#resume(each, standings.get(each.incoming.key) ?? [])),
          ...dropped.map((each) =>
            again(each, 1, () => this.#options.dropped.end(each, standings.get(each.key) ?? [])),
          ),
        ]),
    );
    await this.#settle(undertaking);
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

  #undertaking(signal: AbortSignal): Undertaking<Work> {
    return new Undertaking(this.#room, signal);
  }

  async #replay(orders: readonly ReplayOrder[], undertaking: Undertaking<Work>): Promise<void> {
    if (orders.length === 0) return;
    await this.#options.replays.prepare(orders, (replays) =>
      undertaking.begin(
        replays.map(({ order, outwardEvent, size, begin }) => ({
          size,
          begin,
          key: order.conversionId,
          headers: order.headers,
          again: (dueAt) => replayRecord(order, outwardEvent, dueAt, this.#options.clock.now()),
        })),
      ),
    );
  }

  async #ask(questions: readonly DueEvent[], undertaking: Undertaking<Work>): Promise<void> {
    if (questions.length === 0) return;
    await this.#catchUp(Math.max(...questions.map(({ event }) => event.question?.configurationVersion ?? 0)));
    await undertaking.begin(questions.map((each) => again(each, 1, () => this.#options.questions.ask(each))));
  }

  /** Spares what finds its destination away the look at the ledger: there may be hundreds of thousands. */
  #shutUntil({ destinationId, kind, issuedAt }: DeliveryDue): number | null {
    const { receivers, follower, lanes, clock } = this.#options;
    // Nothing is sent of it.
    if (kind === 'dropped') return null;
    const lookup = receivers.findDestination(follower.current, destinationId, clock.now());
    if (!lookup.ok) return null;
    const lane = lanes.laneOf(lookup.active);
    lane.welcomeBack();
    if (kind === 'replay' && hasLapsed({ issuedAt: issuedAt ?? 0 }, clock.now())) return null;
    const refusal = lane.refusal();
    return refusal?.kind === 'no_room' ? refusal.until : null;
  }

  /** All that a decision concerns. */
  #steps(asking: Asking, standings: readonly Standing[]): readonly Work[] {
    const { logger } = this.#options;
    const { wished, withheld } = this.#planOf(asking, standings, isFault);
    for (const { destinationId, reason } of withheld) {
      withheldTotal.inc({ reason });
      logger.warn({ conversionId: asking.decided.conversionId, destinationId, reason }, 'delivery.withheld');
    }
    return wished.map((each) => this.#stepOf(asking, each, false));
  }

  #planOf(
    { decided }: Asking,
    standings: readonly Standing[],
    endsDead: typeof isFault,
  ): ReturnType<typeof planHoldings> {
    const { follower, receivers, clock } = this.#options;
    return planHoldings(decided, standings, follower.current, receivers, clock.now(), endsDead);
  }

  #stepOf(asking: Asking, wished: WishedHolding, hasWaited: boolean): Work {
    const { clock, steps } = this.#options;
    const { decided, wire, headers } = asking;
    return {
      size: partOfRequest(wished.active),
      begin: () => steps.step({ ...asking, wished, hasWaited }),
      key: decided.conversionId,
      headers,
      again: (dueAt) => {
        const { deliveryId: holdingId, destinationId, outwardEvent: event } = wished;
        return stepRecord({ holdingId, destinationId, event }, wire, dueAt, clock.now());
      },
    };
  }

  async #askedAgain(incoming: DueEvent): Promise<Again> {
    const { event, headers } = incoming;
    const decided = await this.#decisionIn(event.decision);
    const delivered = event.delivered === null ? null : await this.#decisionIn(event.delivered);
    await this.#catchUp(decided.configurationVersion);
    const { decision: wire, accepts } = event;
    const asking = { decided, wire, askedBy: positionOf(incoming), headers, accepts };
    return { incoming, asking, delivered };
  }

  /** A record of the timer wheel has come to its time: a retry, or a decision that found no room or had to wait. */
  #resume({ incoming, asking, delivered }: Again, standings: readonly Standing[]): readonly Work[] {
    const { event } = incoming;
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
    return [again(incoming, this.#sizeOf(destinationId), () => this.#options.steps.retry(task))];
  }

  #sizeOf(destinationId: string): number {
    const { receivers, follower, clock } = this.#options;
    const lookup = receivers.findDestination(follower.current, destinationId, clock.now());
    return lookup.ok ? partOfRequest(lookup.active) : 1;
  }

  /** A decision that found no room, or had to wait, about one holding. The destination may be another by now than it was then. */
  #stepAgain({ event }: DueEvent, asking: Asking, standings: readonly Standing[]): readonly Work[] {
    const { logger } = this.#options;
    const { deliveryId: holdingId, destinationId } = event;
    const standing = standings.find((each) => each.holdingId === holdingId) ?? null;
    const { wished, withheld } = this.#planOf(asking, standings, isFaultOrOff);
    const again = (holdings: readonly WishedHolding[]) =>
      holdings.map((each) => this.#stepOf(asking, each, true));
    const own = wished.filter(({ deliveryId }) => deliveryId === holdingId);
    if (own.length > 0) return again(own);
    // Nothing was told under the name that the event had: it goes by the one that it has now.
    const renamed = wished.filter((each) => each.destinationId === destinationId && each.holding === null);
    if (standing === null && renamed.length > 0) return again(renamed);
    if (this.#isUnsendable(destinationId, withheld))
      return again([unsendable(asking.decided, event, standing)]);
    logger.info({ conversionId: asking.decided.conversionId, destinationId }, 'delivery.not_asked_for');
    return [];
  }

  #isUnsendable(destinationId: string, withheld: ReturnType<typeof planHoldings>['withheld']): boolean {
    const { receivers, follower, clock } = this.#options;
    if (!receivers.findDestination(follower.current, destinationId, clock.now()).ok) return true;
    return withheld.some(
      (each) => each.destinationId === destinationId && each.reason !== 'subscription_too_new',
    );
  }

  /** Waits for what was begun; what keeps the partition waiting comes again by the timer wheel. */
  async #settle(undertaking: Undertaking<Work>): Promise<void> {
    const late = await undertaking.settled();
    await this.#produce(
      [...late].map(([{ key, headers, again }, dueAt]) => this.#dueAgain(key, headers, again(dueAt))),
    );
  }

  #dueAgain(key: string, headers: Readonly<Record<string, string>>, due: DeliveryDue): OutgoingRecord {
    const now = this.#options.clock.now();
    cameBack.inc({ kind: due.kind });
    return withTraceHeaders(headers, () => dueRecord(key, { ...due, enqueuedAt: now }, now));
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

function askingOf(incoming: Decided): Asking {
  const { event: decided, value: wire, headers } = incoming;
  return { decided, wire, headers, askedBy: positionOf(incoming), accepts: [] };
}

/** What a record of the timer wheel asks for; as it is, it comes again. */
function again({ event, key, headers }: DueEvent, size: number, begin: () => Underway): Work {
  return { size, begin, key, headers, again: (dueAt) => ({ ...event, dueAt }) };
}

/** An order that has waited in the timer wheel. */
function orderWaiting(incoming: DueEvent): ReplayOrder {
  const { deliveryId, destinationId, attempt: expectedAttempt, accepts } = incoming.event;
  // One without is of an earlier release; nobody knows how old it is.
  const issuedAt = incoming.event.issuedAt ?? 0;
  const { key: conversionId, headers } = incoming;
  const askedBy = positionOf(incoming);
  return { conversionId, deliveryId, destinationId, expectedAttempt, accepts, issuedAt, askedBy, headers };
}

function positionOf({ topic, partition, offset }: RecordPosition): RecordPosition {
  return { topic, partition, offset };
}
