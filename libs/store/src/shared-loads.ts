/** Joins questions for facts that wait at the same time into one. */
import type { ConversionDecided } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import type { FactsStore, StoredFacts } from './facts-store.ts';
import { JoinedQuestions } from './joined-questions.ts';

export class SharedLoads {
  readonly #questions: JoinedQuestions<attribution.Keys, StoredFacts>;

  constructor(store: Pick<FactsStore, 'load'>) {
    this.#questions = new JoinedQuestions(async (together) => {
      const facts = await store.load(together.reduce(attribution.joined));
      return together.length === 1 ? [facts] : together.map((keys) => partOf(facts, keys));
    });
  }

  /**
   * As {@link FactsStore.load}. The answer is never older than the question.
   * @throws DependencyFailure, for all whose questions were joined.
   */
  load(keys: attribution.Keys): Promise<StoredFacts> {
    return this.#questions.ask(keys);
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
