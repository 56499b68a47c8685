/** Looks receipts up for everybody who asks, in one query at a time, and waits for verdicts that are not there yet. */
import type { StoredReceipt } from '@tributary/store';

/** Satisfied by the store. */
export interface Receipts {
  /** @throws DependencyFailure */
  receiptsById(receiptIds: readonly string[]): Promise<readonly StoredReceipt[]>;
}

type Found = ReadonlyMap<string, StoredReceipt>;

/** Whoever asks within this time shares a query, so that a thousand waiting senders cost ClickHouse no more than one. */
const GATHER_MS = 50;
/** Beyond so many nobody waits: each is told what is known now. */
const MAX_WAITING = 2_000;

export class VerdictWatch {
  readonly #receipts: Receipts;
  readonly #asked = new Set<string>();
  #lookup: Promise<Found> | undefined;
  #waiting = 0;

  constructor(receipts: Receipts) {
    this.#receipts = receipts;
  }

  /**
   * The receipt as soon as it is judged, or as it is known after `waitMs`; null when ClickHouse does not show it.
   * @throws DependencyFailure
   */
  async receipt(receiptId: string, waitMs: number): Promise<StoredReceipt | null> {
    const deadline = performance.now() + (this.#waiting < MAX_WAITING ? waitMs : 0);
    this.#waiting += 1;
    try {
      for (;;) {
        const receipt = (await this.#look(receiptId)).get(receiptId) ?? null;
        if (isSettled(receipt) || performance.now() >= deadline) return receipt;
      }
    } finally {
      this.#waiting -= 1;
    }
  }

  #look(receiptId: string): Promise<Found> {
    this.#asked.add(receiptId);
    this.#lookup ??= this.#lookUpSoon();
    return this.#lookup;
  }

  async #lookUpSoon(): Promise<Found> {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    const receiptIds = [...this.#asked];
    this.#asked.clear();
    this.#lookup = undefined;
    const receipts = await this.#receipts.receiptsById(receiptIds);
    return new Map(receipts.map((receipt) => [receipt.receiptId, receipt]));
  }
}

/** Judged, and if that led to a conversion, with the decision that says where it stands. */
function isSettled(receipt: StoredReceipt | null): boolean {
  if (receipt === null || receipt.verdict === null) return false;
  return receipt.conversion !== null || !receipt.hasConversion;
}
