/** What this instance has decided and judged, until ClickHouse shows it: the overlay over both output topics. */
import type { RecordPosition } from '@tributary/bus';
import type { ConversionDecided } from '@tributary/contracts';
import { Overlay, type StoredOffsets } from '@tributary/store';

const DECISIONS = 'conversion.decided.v1';
const VERDICTS = 'postback.judged.v1';
/** A store further behind than this is an outage; the assignment is then tried again. */
const CATCH_UP_MS = 30_000;

export class OwnWrites {
  readonly #offsets: StoredOffsets;
  readonly #decisions = new Overlay<ConversionDecided>();
  /** Content digest of what was judged, by receipt. */
  readonly #judged = new Overlay<string>();
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
    this.#decisions.clear();
    this.#judged.clear();
    this.#doubted.clear();
    await this.catchUp();
  }

  /** Waits until ClickHouse shows everything that stands in the output topics now. @throws DependencyFailure */
  async catchUp(): Promise<void> {
    for (const topic of [DECISIONS, VERDICTS]) {
      await this.#offsets.waitFor(topic, await this.#offsets.endOf(topic), CATCH_UP_MS);
    }
  }

  note(decision: ConversionDecided, position: RecordPosition): void {
    this.#decisions.set(decision.conversionId, decision, position);
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

  noteJudged(receiptId: string, contentDigest: string, position: RecordPosition): void {
    this.#judged.set(receiptId, contentDigest, position);
  }

  /** Digest of the content that was judged under the receipt; undefined when none was here. */
  judgedContent(receiptId: string): string | undefined {
    return this.#judged.get(receiptId);
  }

  /** The newer of the own and the stored decision; of the same revision the stored one, the log's first. */
  latest(conversionId: string, stored: ConversionDecided | undefined): ConversionDecided | undefined {
    const own = this.#decisions.get(conversionId);
    if (own === undefined || (stored !== undefined && stored.revision >= own.revision)) return stored;
    return own;
  }

  /** Forgets what ClickHouse shows by now. @throws DependencyFailure */
  async evict(): Promise<void> {
    if (this.#decisions.size > 0) this.#decisions.evict(await this.#offsets.storedOf(DECISIONS));
    if (this.#judged.size > 0) this.#judged.evict(await this.#offsets.storedOf(VERDICTS));
  }
}
