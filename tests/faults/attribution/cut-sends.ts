/** Owners of one partition that follow each other in memory: each dies in a send of which only some partitions arrive. */
import { setTimeout as delay } from 'node:timers/promises';
import { type EventProducer, type IncomingEvent, type Outgoing, partitionOf } from '@tributary/bus';
import { aChange, ConfigurationFollower, InMemoryConfigurationLog } from '@tributary/configuration';
import { type ClickRecorded, type ConversionDecided, decodeEvent } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { Attribution } from '../../../apps/attribution/src/attribution.ts';
import { InMemoryLog } from '../../../apps/attribution/src/in-memory-log.fixture.ts';
import { randomFrom } from '../random.ts';
import { type ComparedLedger, compared, type Shown } from './attribution-ledger.ts';
import { documents, IMPATIENT_MS } from './configuration.ts';
import { configuredRules, expectedOf, recordStanding, verdictText } from './expected-ledger.ts';
import { StoryLoad } from './story-load.ts';
import { ToldFacts } from './told-facts.ts';

export interface CutSendsOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly storiesPerSecond: number;
}

type Postback = IncomingEvent<'postback.received.v1'>;

const TOPIC = 'postback.received.v1';
/** The one partition of the log in memory. */
const PARTITION = 3;
const SHOWN_EVERY_MS = 250;
const CLICK_SHOWN_AFTER_MS = 300;
const LARGEST_BATCH = 30;
/** What a dead owner has sent arrives before its successor is dealt anything: sessions last longer than that. */
const SUCCEEDED_AFTER_MS = 30;
const LONGEST_LIFE_MS = 100;
/** Looks for late clicks come up to 30 s after the postback. */
const SETTLE_BOUND_MS = 45_000;

export async function cutSends({
  seed,
  durationMs,
  storiesPerSecond,
}: CutSendsOptions): Promise<{ readonly cuts: number; readonly ledger: ComparedLedger }> {
  const lane = await CutLane.start(seed);
  const load = new StoryLoad({ facts: lane.facts, seed, partners: 10, configurationVersion: 0 });
  await load.prepare();
  await delay(CLICK_SHOWN_AFTER_MS + SHOWN_EVERY_MS);
  const ending = new AbortController();
  const telling = load.steadily(storiesPerSecond, ending.signal);
  await lane.ownersDie(durationMs);
  ending.abort();
  await telling;
  const ledger = await lane.settled();
  return { cuts: lane.cuts, ledger };
}

class CutLane {
  readonly facts: ToldFacts;
  cuts = 0;
  readonly #log = new InMemoryLog();
  readonly #incoming: Postback[] = [];
  readonly #follower: ConfigurationFollower;
  readonly #random: () => number;
  readonly #showing: NodeJS.Timeout;
  #committed = 0;

  private constructor(follower: ConfigurationFollower, seed: number) {
    this.#follower = follower;
    this.#random = randomFrom(seed);
    this.facts = new ToldFacts({ produce: async (records) => records.map((record) => this.#take(record)) });
    this.#showing = setInterval(() => this.#log.show(), SHOWN_EVERY_MS);
  }

  static async start(seed: number): Promise<CutLane> {
    const changes = new InMemoryConfigurationLog();
    for (const [entityType, document] of documents()) await changes.append(aChange(entityType, document));
    const follower = new ConfigurationFollower(changes);
    await follower.start();
    return new CutLane(follower, seed);
  }

  /** One owner after the other, each until one of its sends is cut. */
  async ownersDie(durationMs: number): Promise<void> {
    const until = performance.now() + durationMs;
    while (performance.now() < until) {
      const owner = this.#owner();
      await delay(this.#random() * LONGEST_LIFE_MS);
      owner.dieInNextSend();
      await owner.dead;
      this.cuts += 1;
      await delay(SUCCEEDED_AFTER_MS);
    }
    this.#owner();
  }

  async settled(): Promise<ComparedLedger> {
    while (this.#committed < this.#incoming.length) await delay(SHOWN_EVERY_MS);
    await delay(IMPATIENT_MS + 2 * SHOWN_EVERY_MS);
    const expected = expectedOf(this.facts, await configuredRules(), Date.now());
    const deadline = performance.now() + SETTLE_BOUND_MS;
    for (;;) {
      const ledger = compared(expected, this.#shown());
      if (ledger.difference === 0 || performance.now() > deadline) {
        clearInterval(this.#showing);
        return ledger;
      }
      await delay(SHOWN_EVERY_MS);
    }
  }

  /** Of one receipt, and of one revision, the first record stands. */
  #shown(): Shown {
    const verdicts = new Map(
      this.#log.judged.toReversed().map(({ receiptId, verdict }) => [receiptId, verdictText(verdict)]),
    );
    const revisions = Map.groupBy(this.#log.decided, ({ conversionId }) => conversionId);
    const standing = [...revisions].flatMap(([conversionId, records]) => {
      const firsts = new Map(records.toReversed().map((record) => [record.revision, record]));
      const latest = firsts.get(Math.max(...firsts.keys()));
      return latest === undefined ? [] : [{ conversionId, latest, revisions: firsts.size }];
    });
    return {
      verdicts,
      conversions: new Map(
        standing.map(({ conversionId, latest }) => [conversionId, recordStanding(latest)]),
      ),
      withGaps: standing.flatMap((each) =>
        each.revisions === each.latest.revision ? [] : [each.conversionId],
      ),
      exceededCaps: [],
    };
  }

  #owner(): Owner {
    const cut = (records: readonly Outgoing[]) => this.#cut(records);
    const owner = new Owner(this.#log, cut);
    const attribution = new Attribution({
      follower: this.#follower,
      store: this.#log.store,
      signals: this.#log.signals,
      offsets: this.#log.offsets,
      committed: async () => new Map([[PARTITION, this.#committed]]),
      producer: owner,
      isOwner: () => owner.isAlive,
      clock: { now: () => Date.now() },
      logger: createLogger('cut-sends', 'silent'),
    });
    attribution.start();
    void owner.dead.then(() => attribution.stop());
    void this.#work(owner, attribution);
    return owner;
  }

  async #work(owner: Owner, attribution: Attribution): Promise<void> {
    await attribution.assigned([{ topic: TOPIC, partition: PARTITION }]);
    const { signal } = new AbortController();
    while (owner.isAlive) {
      const from = this.#committed;
      const events = this.#incoming.slice(from, from + 1 + Math.floor(this.#random() * LARGEST_BATCH));
      if (events.length > 0) await attribution.decide({ topic: TOPIC, partition: PARTITION, events, signal });
      await delay(this.#random() * 5);
      if (owner.isAlive) this.#committed = from + events.length;
    }
  }

  /** Of each topic some of the partitions, as many of all as chance has it. */
  #cut(records: readonly Outgoing[]): readonly Outgoing[] {
    const part = this.#random();
    const shares = Map.groupBy(records, ({ topic, key }) => `${topic} ${partitionOf(topic, key)}`);
    const arriving = new Set([...shares.values()].filter(() => this.#random() < part).flat());
    return records.filter((record) => arriving.has(record));
  }

  #take(record: Outgoing): { topic: Outgoing['topic']; partition: number; offset: number } {
    const { topic, key, value } = record;
    if (topic === 'click.recorded.v1') {
      this.#takeClick(eventIn<ClickRecorded>(record));
      return { topic, partition: 0, offset: this.#log.clicksEnd - 1 };
    }
    const offset = this.#incoming.length;
    const event = eventIn<Postback['event']>(record);
    const place = { topic: TOPIC, partition: PARTITION, offset } as const;
    this.#incoming.push({
      ...place,
      key,
      value: value ?? Buffer.alloc(0),
      writtenAt: event.receivedAt,
      headers: {},
      event,
    });
    this.#log.received = offset + 1;
    return place;
  }

  #takeClick(click: ClickRecorded): void {
    this.#log.clicksEnd += 1;
    const end = this.#log.clicksEnd;
    setTimeout(() => {
      this.#log.clicks.set(click.clickId, click);
      this.#log.clicksStored = Math.max(this.#log.clicksStored, end);
    }, CLICK_SHOWN_AFTER_MS);
  }
}

/** The producer of one owner; once it is dead nothing of its is answered any more. */
class Owner implements EventProducer {
  readonly dead: Promise<void>;
  isAlive = true;
  readonly #log: InMemoryLog;
  readonly #cut: (records: readonly Outgoing[]) => readonly Outgoing[];
  #isDying = false;
  #die: () => void = () => undefined;

  constructor(log: InMemoryLog, cut: (records: readonly Outgoing[]) => readonly Outgoing[]) {
    this.#log = log;
    this.#cut = cut;
    this.dead = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  dieInNextSend(): void {
    this.#isDying = true;
  }

  async produce(records: readonly Outgoing[]): ReturnType<EventProducer['produce']> {
    if (!this.isAlive) return new Promise(() => undefined);
    if (!this.#isDying) return this.#log.produce(records);
    this.isAlive = false;
    await this.#log.produce(this.#cut(records));
    this.#die();
    return new Promise(() => undefined);
  }
}

function eventIn<Event extends ClickRecorded | Postback['event'] | ConversionDecided>({
  topic,
  value,
}: Outgoing): Event {
  const decoded = decodeEvent(topic, value);
  if (!decoded.ok) throw new Error(decoded.problem);
  return decoded.value as Event;
}
