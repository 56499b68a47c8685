/** What this instance has decided, judged, counted and signalled, until ClickHouse shows it. */
import type { RecordPosition } from '@tributary/bus';
import type { attribution, lifecycle } from '@tributary/domain';
import { Overlay, type StoredOffsets } from '@tributary/store';
import { Counters } from './counters.ts';
import { OwnConversions } from './own-conversions.ts';

const DECISIONS = 'conversion.decided.v1';
const VERDICTS = 'postback.judged.v1';
const SIGNALS = 'lifecycle.signalled.v1';
/** A store further behind than this is an outage; the assignment is then tried again. */
const CATCH_UP_MS = 30_000;

/** A verdict of this instance, with what tells a repeat from another content under the same receipt. */
export interface OwnJudgement {
  readonly judgement: attribution.Judgement;
  readonly contentDigest: string;
}

export class OwnWrites {
  readonly conversions = new OwnConversions();
  readonly counters = new Counters();
  /** By signal id, as they were sent last. */
  readonly signals = new Overlay<lifecycle.SentSignal>();
  readonly #offsets: StoredOffsets;
  readonly #judged = new Overlay<OwnJudgement>();
  /** Own decisions that another owner may have written before, by conversion. */
  readonly #doubted = new Map<string, RecordPosition>();

  constructor(offsets: StoredOffsets) {
    this.#offsets = offsets;
  }

  /**
   * Starts empty once ClickHouse shows everything that stands in the output topics now, whoever wrote it:
   * a successor sees what the owner before it decided.
   * @throws DependencyFailure
   */
  async begin(): Promise<void> {
    this.conversions.clear();
    this.counters.clear();
    this.signals.clear();
    this.#judged.clear();
    this.#doubted.clear();
    await this.catchUp();
  }

  /** Waits until ClickHouse shows everything that stands in the output topics now. @throws DependencyFailure */
  async catchUp(): Promise<void> {
    for (const topic of [DECISIONS, VERDICTS, SIGNALS]) {
      await this.#offsets.waitFor(topic, await this.#offsets.endOf(topic), CATCH_UP_MS);
    }
  }

  /** Which of two owners wrote first, only the log tells: the decision is to be compared when the store shows it. */
  doubt(conversionId: string, position: RecordPosition): void {
    this.#doubted.set(conversionId, position);
  }

  /** Doubted decisions that the store shows by now. @throws DependencyFailure */
  async doubtsShown(): Promise<readonly string[]> {
    if (this.#doubted.size === 0) return [];
    const stored = await this.#offsets.storedOf(DECISIONS);
    return [...this.#doubted]
      .filter(([, { partition, offset }]) => offset < (stored.get(partition) ?? -1))
      .map(([conversionId]) => conversionId);
  }

  settled(conversionIds: readonly string[]): void {
    for (const conversionId of conversionIds) this.#doubted.delete(conversionId);
  }

  noteJudged(own: OwnJudgement, position: RecordPosition): void {
    this.#judged.set(own.judgement.receiptId, own, position);
  }

  /** What was judged under the receipt; undefined when nothing was here. */
  judged(receiptId: string): OwnJudgement | undefined {
    return this.#judged.get(receiptId);
  }

  /** Forgets what ClickHouse shows by now. @throws DependencyFailure */
  async evict(now: number): Promise<void> {
    const decided = await this.#offsets.storedOf(DECISIONS);
    this.conversions.evict(decided);
    this.counters.evict(decided, now);
    if (this.signals.size > 0) this.signals.evict(await this.#offsets.storedOf(SIGNALS));
    if (this.#judged.size > 0) this.#judged.evict(await this.#offsets.storedOf(VERDICTS));
  }
}
