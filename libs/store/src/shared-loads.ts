/** Joins questions for facts that wait at the same time into one: a lookup of many keys costs ClickHouse little more than one of few. */
import type { ConversionDecided } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import type { FactsStore, StoredFacts } from './facts-store.ts';

/** Questions under way at once: while ClickHouse answers one, what was found by another is decided. */
const AT_ONCE = 2;

interface Asked {
  readonly keys: attribution.Keys;
  readonly resolve: (facts: StoredFacts) => void;
  readonly reject: (error: unknown) => void;
}

export class SharedLoads {
  readonly #store: Pick<FactsStore, 'load'>;
  #waiting: Asked[] = [];
  #underWay = 0;

  constructor(store: Pick<FactsStore, 'load'>) {
    this.#store = store;
  }

  /**
   * As {@link FactsStore.load}. The answer is never older than the question: what has been asked of ClickHouse already is
   * joined by nobody.
   * @throws DependencyFailure, for all whose questions were joined.
   */
  load(keys: attribution.Keys): Promise<StoredFacts> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject });
      this.#ask();
    });
  }

  #ask(): void {
    if (this.#underWay >= AT_ONCE || this.#waiting.length === 0) return;
    this.#underWay += 1;
    const together = this.#waiting;
    this.#waiting = [];
    void this.#answer(together).finally(() => {
      this.#underWay -= 1;
      this.#ask();
    });
  }

  async #answer(together: readonly Asked[]): Promise<void> {
    try {
      const all = together.map(({ keys }) => keys).reduce(attribution.joined);
      const facts = await this.#store.load(all);
      for (const { keys, resolve } of together) resolve(together.length === 1 ? facts : partOf(facts, keys));
    } catch (error) {
      for (const { reject } of together) reject(error);
    }
  }
}

function partOf(facts: StoredFacts, keys: attribution.Keys): StoredFacts {
  return {
    judgements: facts.judgements.filter(({ receiptId }) => keys.receipt.has(receiptId)),
    conversions: facts.conversions.filter((decided) => isConversionAskedFor(decided, keys)),
    clicks: facts.clicks.filter((click) => isClickAskedFor(click, keys)),
    capUses: facts.capUses.filter((counter) =>
      keys.capUse.has(attribution.counterKey(counter.key, counter.periodStart)),
    ),
    tierUses: facts.tierUses.filter((counter) =>
      keys.tierUse.has(attribution.counterKey(counter.key, counter.periodStart)),
    ),
  };
}

/** By the keys that conversion_keys is fed with, and those of hashes that were its click's: now and then one more. */
function isConversionAskedFor(decided: ConversionDecided, keys: attribution.Keys): boolean {
  const { conversionId, customerId, reportedClickId, subjectHashes, ledger } = decided;
  // Such a record is of before there was a ledger, and does not tell by itself which click it names.
  if (ledger.firstOffset === null) return true;
  const transactionId = decided.reversedTransactionId ?? decided.transactionId;
  return (
    keys.conversion.has(conversionId) ||
    (transactionId !== null && keys.transaction.has(attribution.transactionKey(decided, transactionId))) ||
    (customerId !== null && keys.customer.has(attribution.customerKey(decided, customerId))) ||
    (reportedClickId !== null && keys.clickNamed.has(reportedClickId)) ||
    attribution.subjectKeys(decided, subjectHashes).some((key) => keys.subject.has(key))
  );
}

function isClickAskedFor(click: attribution.CandidateClick, keys: attribution.Keys): boolean {
  const { clickId, customerId, subjectHashes } = click;
  return (
    keys.click.has(clickId) ||
    (customerId !== null && keys.clicksOfCustomer.has(attribution.clickCustomerKey(click, customerId))) ||
    attribution.clickSubjectKeys(click, subjectHashes).some((key) => keys.clicksOfSubject.has(key))
  );
}
