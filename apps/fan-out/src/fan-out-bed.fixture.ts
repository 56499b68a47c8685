/** The whole engine in memory: its log is what the store shows, its clock stands still between steps, its receiver answers as a test says. */
import {
  assertWritable,
  type EventProducer,
  type IncomingEvent,
  type Outgoing,
  type PartitionBatch,
  partitionOf,
  type SchemaSource,
} from '@tributary/bus';
import { aChange, ConfigurationFollower, InMemoryConfigurationLog } from '@tributary/configuration';
import {
  type ConversionDecided,
  type DeliveryAttempted,
  type DeliveryCommanded,
  type DeliveryDue,
  type DestinationState,
  decodeEvent,
  type EventOf,
  encodeEvent,
  type TopicName,
} from '@tributary/contracts';
import type { OutwardRequest } from '@tributary/destinations';
import type { State } from '@tributary/domain';
import { moneyOf } from '@tributary/domain';
import { createLogger, Encryption } from '@tributary/runtime';
import { type DeliveryStore, type StoredHolding, StoredOffsets } from '@tributary/store';
import { AccessTokens } from './access-tokens.ts';
import { Attempter } from './attempter.ts';
import { DestinationLanes } from './destination-lanes.ts';
import { DestinationStates } from './destination-states.ts';
import { Dispatch } from './dispatch.ts';
import { DroppedDeliveries } from './dropped-deliveries.ts';
import { FanOut } from './fan-out.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { OutlierGuards } from './outlier-guards.ts';
import { Questions } from './questions.ts';
import { type Receiver, Receivers } from './receivers.ts';
import { ReplayOrders } from './replay-orders.ts';
import { SendLedger } from './send-ledger.ts';
import type { Exchange } from './sender.ts';
import { Steps } from './steps.ts';
import { DUE_TOPICS, type DueTopic } from './timer.ts';

export const NOW = Date.UTC(2026, 0, 2, 4, 0, 0);

export const PARTNER = { id: 'partner', name: 'Partner', definition: 'partner-postback', status: 'active' };
export const PARTNER_SETTINGS = {
  urlTemplate: 'https://partner.example/?c={click_id}&p={payout}&s={status}',
};

export const TAKEN: Exchange = { ok: true, response: { status: 200, headers: {}, body: 'OK' } };

export function answered(status: number, headers: Record<string, string> = {}, body = ''): Exchange {
  return { ok: true, response: { status, headers, body } };
}

interface Waiting {
  readonly topic: DueTopic;
  readonly key: string;
  readonly event: DeliveryDue;
}

export class FanOutBed {
  readonly encryption = new Encryption(Buffer.alloc(32, 7).toString('base64'));
  readonly log = new InMemoryConfigurationLog();
  readonly follower = new ConfigurationFollower(this.log);
  /** Everything written, in order. */
  readonly written: Outgoing[] = [];
  readonly requests: OutwardRequest[] = [];
  /** Decisions as ClickHouse shows them. */
  readonly decided: ConversionDecided[] = [];
  readonly #waiting: Waiting[] = [];
  #states!: DestinationStates;
  now = NOW;
  /** The time that lanes see: it stands still too, so a request that others may share is never full unless a test moves it. */
  laneNow = () => this.now;
  isOwner = true;
  random = 0.5;
  /** How a request is answered. */
  exchange: (request: OutwardRequest, nth: number) => Exchange | Promise<Exchange> = () => TAKEN;
  /** Throws where what was just written is not to be acknowledged. */
  acknowledge: (topic: string) => void = () => undefined;
  learn: SchemaSource['learn'] = async () => 'unknown';
  /** Whether ClickHouse shows the decisions of a revision yet. */
  isShown: (revision: number) => boolean = () => true;
  /** Throws while the store is away. */
  readStore: () => void = () => undefined;
  fanOut!: FanOut;
  lanes!: DestinationLanes;
  ledger!: SendLedger;
  attempter!: Attempter;

  static async start(...changes: readonly Parameters<typeof aChange>[]): Promise<FanOutBed> {
    const bed = new FanOutBed();
    for (const change of changes) await bed.log.append(aChange(...change));
    await bed.follower.start();
    bed.restart();
    return bed;
  }

  /** A new process over the same log; what the last one had under way is lost. */
  restart(): void {
    const producer: EventProducer = {
      produce: async (records) => {
        assertWritable(records);
        this.#keep(records);
        for (const { topic } of records) this.acknowledge(topic);
        return records.map(({ topic, key }, index) => ({
          topic,
          partition: partitionOf(topic, key),
          offset: this.written.length + index,
        }));
      },
    };
    const none = async () => new Map<number, number>();
    const offsets = new StoredOffsets({ endOffsets: none, committedOffsets: none }, 'tributary');
    this.ledger = new SendLedger(this.store, offsets);
    const shared = {
      producer,
      ledger: this.ledger,
      encryption: this.encryption,
      clock: { now: () => this.now },
      random: () => this.random,
      instanceId: 'fan-out-test',
      isOwner: () => this.isOwner,
      guardMs: 40_000,
      configurationVersion: () => this.follower.current.version,
      logger: createLogger('fan-out-test', 'silent'),
      sender: {
        send: async (request: OutwardRequest, _receiver: Receiver) => {
          this.requests.push(request);
          return this.exchange(request, this.requests.length);
        },
      },
    };
    this.#states = new DestinationStates(shared);
    const states = this.#states;
    for (const state of this.states()) states.learn(state.destinationId, state);
    const tokens = new AccessTokens(shared);
    this.attempter = new Attempter({ ...shared, tokens });
    this.lanes = new DestinationLanes({
      ...shared,
      states,
      clock: { now: () => this.laneNow() },
      ownLagMs: () => 0,
      send: (attempts, flight) => this.attempter.send(attempts, flight),
    });
    const receivers = new Receivers(this.encryption);
    const configuration = () => this.follower.current;
    const guards = new OutlierGuards({ ...shared, configuration, share: () => this.lanes.share });
    const { attempter, lanes } = this;
    const oneAtATime = new OneAtATime(shared);
    const dispatch = new Dispatch({ ...shared, guards, attempter, lanes, receivers, configuration });
    const steps = new Steps({ ...shared, dispatch, oneAtATime });
    const replays = new ReplayOrders({
      ...shared,
      decisions: {
        revisionsOf: async (ids) =>
          Map.groupBy(
            this.decided
              .filter(({ conversionId }) => ids.includes(conversionId))
              .toSorted((a, b) => a.revision - b.revision),
            ({ conversionId }) => conversionId,
          ),
      },
      receivers,
      steps,
      configuration,
    });
    const questions = new Questions({ ...shared, tokens, oneAtATime, lanes, receivers, configuration });
    const dropped = new DroppedDeliveries({ ...shared, attempter, oneAtATime, receivers, configuration });
    this.fanOut = new FanOut({
      ...shared,
      follower: this.follower,
      receivers,
      lanes,
      oneAtATime,
      steps,
      replays,
      questions,
      dropped,
      schemas: { learn: (id) => this.learn(id) },
    });
  }

  /** What ClickHouse shows: the latest record of each holding, and every decision that came. */
  get store(): Pick<DeliveryStore, 'holdingsOf' | 'newestRevisions' | 'decidedRevision'> {
    return {
      holdingsOf: async (ids) => {
        this.readStore();
        return this.holdings().filter(({ conversionId }) => ids.includes(conversionId));
      },
      newestRevisions: async (ids) =>
        new Map(
          ids.map((id) => [
            id,
            Math.max(
              0,
              ...this.decided.filter((each) => each.conversionId === id).map(({ revision }) => revision),
            ),
          ]),
        ),
      decidedRevision: async (id, revision) =>
        this.isShown(revision)
          ? this.decided.find((each) => each.conversionId === id && each.revision === revision)
          : undefined,
    };
  }

  async decide(...events: readonly ConversionDecided[]): Promise<number> {
    return this.fanOut.decisions(this.batchOf(...events));
  }

  batchOf(...events: readonly ConversionDecided[]): PartitionBatch<'conversion.decided.v1'> {
    const topic = 'conversion.decided.v1';
    const readable = events.map((event) => ({ ...event, clickIpCiphertext: null }));
    this.decided.push(...readable);
    return {
      topic,
      partition: 0,
      signal: new AbortController().signal,
      events: readable.map((event, offset) => ({
        topic,
        partition: 0,
        offset,
        key: event.conversionId,
        writtenAt: this.now,
        headers: {},
        event,
        value: encodeEvent(topic, event),
      })),
    };
  }

  /** Orders to send again, in one batch. */
  async command(...orders: readonly DeliveryCommanded[]): Promise<number> {
    const topic = 'delivery.commanded.v1';
    return this.fanOut.commands({
      topic,
      partition: 0,
      signal: new AbortController().signal,
      events: orders.map((event, offset) => ({
        topic,
        partition: 0,
        offset,
        key: event.conversionId,
        writtenAt: this.now,
        headers: {},
        event,
        value: encodeEvent(topic, event),
      })),
    });
  }

  /** Lets so much time pass: whatever comes due in it is popped at its time. */
  async elapse(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      this.#waiting.sort((a, b) => a.event.dueAt - b.event.dueAt);
      const [next] = this.#waiting;
      if (next === undefined || next.event.dueAt > end) break;
      this.now = Math.max(this.now, next.event.dueAt);
      this.#waiting.shift();
      await this.pop(next.event, next.key);
    }
    this.now = end;
  }

  /** Pops one record of the timer wheel. */
  async pop(event: DeliveryDue, key: string): Promise<unknown> {
    return this.popAll([event], key);
  }

  /** Pops records as one batch. */
  async popAll(events: readonly DeliveryDue[], key: string): Promise<unknown> {
    const topic: DueTopic = 'delivery.due.1s.v1';
    const incoming = events.map(
      (event, offset): IncomingEvent<DueTopic> => ({
        topic,
        partition: 0,
        offset,
        key,
        writtenAt: this.now,
        headers: {},
        event: { ...event, enqueuedAt: Math.min(event.enqueuedAt, this.now - 1_000) },
        value: Buffer.alloc(0),
      }),
    );
    return this.fanOut.due({ topic, partition: 0, signal: new AbortController().signal, events: incoming });
  }

  get waiting(): readonly DeliveryDue[] {
    return this.#waiting.map(({ event }) => event);
  }

  topics(): string[] {
    return this.written.map(({ topic }) => topic);
  }

  attempted(): DeliveryAttempted[] {
    return this.#eventsOf('delivery.attempted.v1');
  }

  /** What another instance has written of its destinations. */
  hear(...records: readonly Outgoing[]): void {
    this.written.push(...records);
    for (const state of this.states()) this.#states.learn(state.destinationId, state);
  }

  /** Every record of destination.state. */
  states(): DestinationState[] {
    return this.#eventsOf('destination.state.v1');
  }

  #eventsOf<T extends TopicName>(name: T): EventOf<T>[] {
    return this.written.flatMap(({ topic, value }) => {
      if (topic !== name) return [];
      const decoded = decodeEvent(name, value);
      if (!decoded.ok) throw new Error(decoded.problem);
      return [decoded.value];
    });
  }

  /** The latest of each, as the table `holdings` has it. */
  holdings(): StoredHolding[] {
    const latest = new Map<string, { rank: number; row: StoredHolding }>();
    for (const { phase, destinationId, requestId, startedAt, holdings } of this.attempted()) {
      for (const holding of holdings) {
        const rank = holding.attempt * 2 + (phase === 'ended' ? 1 : 0);
        if (rank <= (latest.get(holding.holdingId)?.rank ?? 0)) continue;
        latest.set(holding.holdingId, {
          rank,
          row: { ...rowOf(holding, phase, destinationId), requestId, startedAt },
        });
      }
    }
    return [...latest.values()].map(({ row }) => row);
  }

  #keep(records: readonly Outgoing[]): void {
    this.written.push(...records);
    for (const { topic, key, value } of records) {
      const due = DUE_TOPICS.find((each) => each === topic);
      if (due === undefined) continue;
      const decoded = decodeEvent(due, value);
      if (!decoded.ok) throw new Error(decoded.problem);
      this.#waiting.push({ topic: due, key, event: decoded.value });
    }
  }
}

function rowOf(
  holding: DeliveryAttempted['holdings'][number],
  phase: 'intended' | 'ended',
  destinationId: string,
): Omit<StoredHolding, 'requestId' | 'startedAt'> {
  const value = (
    state: string | null,
    revenue: readonly [bigint | null, string | null],
    payout: readonly [bigint | null, string | null],
  ) =>
    state === null
      ? null
      : { amounts: { revenue: moneyOf(...revenue), payout: moneyOf(...payout) }, state: state as State };
  return {
    ...holding,
    phase,
    destinationId,
    kind: holding.kind as StoredHolding['kind'],
    outcome: holding.outcome as StoredHolding['outcome'],
    told: value(
      holding.toldState,
      [holding.toldRevenueMicros, holding.toldRevenueCurrency],
      [holding.toldPayoutMicros, holding.toldPayoutCurrency],
    ),
    held: value(
      holding.heldState,
      [holding.heldRevenueMicros, holding.heldRevenueCurrency],
      [holding.heldPayoutMicros, holding.heldPayoutCurrency],
    ),
  };
}
