/** Decides a batch of one partition: loads what the rules ask for, from ClickHouse and from what was written here, until nothing is missing. */
import { attribution } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import type { FactsStore, StoredJudgement } from '@tributary/store';
import { conversionOf } from './conversion-record.ts';
import type { OwnWrites } from './own-writes.ts';

type Keys = attribution.Keys;
type LoadedFacts = attribution.LoadedFacts;

export interface DecisionBatchesOptions {
  readonly store: Pick<FactsStore, 'load'>;
  readonly ownWrites: OwnWrites;
  readonly rules: attribution.ConfiguredRules & { readonly version: number };
  readonly clock: Clock;
}

/** A batch decided; nothing of it is written yet. */
export interface DecidedBatch {
  readonly inputs: readonly attribution.Input[];
  /** Everything that was asked for. */
  readonly keys: Keys;
  /** In the order of the inputs. */
  readonly results: readonly attribution.Result[];
  readonly taken: attribution.PlacesTaken;
  /** As they stood before the batch: every conversion that was looked at, and maybe more. */
  readonly known: readonly attribution.Conversion[];
  /** Verdicts that were on record already, by receipt; of this very record too, which is decided again all the same. */
  readonly judgedBefore: ReadonlyMap<string, attribution.Judgement>;
}

/** The rules go one step from conversion to conversion, so three or four are the rule; this many mean that they do not. */
const MAX_TRIALS = 20;

export class DecisionBatches {
  readonly #options: DecisionBatchesOptions;

  constructor(options: DecisionBatchesOptions) {
    this.#options = options;
  }

  /**
   * A verdict of the very record that is to be decided ends nothing: of the send that it came with, its decisions may not
   * have arrived. What of them did is met, and changes nothing again.
   *
   * @param askedReceipts receipts that the store is asked about. Of the others it is known that a verdict there would change
   * nothing: the rules come to the same one.
   * @throws DependencyFailure
   */
  async decide(
    partition: number,
    given: readonly attribution.Input[],
    askedReceipts: ReadonlySet<string>,
  ): Promise<DecidedBatch> {
    const { rules } = this.#options;
    const { keys: named, foundByTransaction } = attribution.keysOfInputs(given, rules);
    const asking = { askedReceipts, foundByTransaction, places: placesOf(given) };
    let keys = named;
    let loaded: LoadedFacts | null = null;
    const judgedBefore = new Map<string, attribution.Judgement>();
    for (let trial = 1; trial <= MAX_TRIALS; trial += 1) {
      const { judged, ...found } = await this.#load(partition, keys, asking);
      for (const judgement of judged) judgedBefore.set(judgement.receiptId, judgement);
      loaded = loaded === null ? found : joinedFacts(loaded, found);
      // The configuration may have moved on while facts were loaded; on record is what this trial goes by.
      const inputs = decidedBy(rules.version, given);
      const decision = attribution.decideBatch(inputs, loaded, rules);
      if (decision.kind === 'decided') {
        const { results } = decision;
        return {
          inputs,
          keys: loaded.keys,
          results,
          taken: attribution.placesTakenBy(results, loaded.conversions),
          known: loaded.conversions,
          judgedBefore,
        };
      }
      keys = decision.keys;
    }
    throw new Error(`the rules ask for more after ${MAX_TRIALS} looks`);
  }

  /** The latest revision of those conversions that exist. @throws DependencyFailure */
  conversions(conversionIds: ReadonlySet<string>): Promise<readonly attribution.Conversion[]> {
    return this.under({ ...attribution.NO_KEYS, conversion: conversionIds });
  }

  /** The latest revision of every conversion under the keys. @throws DependencyFailure */
  async under(keys: Keys): Promise<readonly attribution.Conversion[]> {
    const { store, ownWrites } = this.#options;
    if (attribution.isEmpty(keys)) return [];
    const own = ownWrites.conversions.under(keys);
    const stored = (await store.load(keys)).conversions;
    return newestOf(stored.map(conversionOf), own);
  }

  async #load(
    partition: number,
    keys: Keys,
    { askedReceipts, foundByTransaction, places }: Asking,
  ): Promise<LoadedFacts & { readonly judged: readonly attribution.Judgement[] }> {
    const { store, ownWrites, clock } = this.#options;
    // Before the store is asked: what is forgotten here while it answers was shown there before.
    const own = ownWrites.conversions.under(keys);
    const ownJudgements = [...keys.receipt].flatMap((id) => ownWrites.judged(id)?.judgement ?? []);
    const now = clock.now();
    const unknown: Keys = {
      ...keys,
      receipt: without(keys.receipt, (receiptId) => !askedReceipts.has(receiptId)),
      conversion: without(keys.conversion, (conversionId) => foundByTransaction.has(conversionId)),
      capUse: without(keys.capUse, (key) => ownWrites.counters.capUse(partition, key, now) !== undefined),
      tierUse: without(keys.tierUse, (key) => ownWrites.counters.tierUse(partition, key, now) !== undefined),
    };
    const stored = await store.load(unknown);
    ownWrites.counters.learn(partition, unknown, stored, now);
    return {
      keys,
      judged: [...stored.judgements, ...ownJudgements],
      judgements: [...stored.judgements.filter((each) => !isOfThisRecord(each, places)), ...ownJudgements],
      conversions: newestOf(stored.conversions.map(conversionOf), own),
      clicks: stored.clicks,
      capUses: [...keys.capUse].map((key) => counterOf(key, ownWrites.counters.capUse(partition, key, now))),
      tierUses: [...keys.tierUse].map((key) =>
        counterOf(key, ownWrites.counters.tierUse(partition, key, now)),
      ),
    };
  }
}

/** What is asked of the store for a batch, besides its keys. */
interface Asking {
  readonly askedReceipts: ReadonlySet<string>;
  /** Conversions that need no look by their ids. */
  readonly foundByTransaction: ReadonlySet<string>;
  readonly places: Places;
}

/** Where the postbacks stand, by receipt. */
type Places = ReadonlyMap<string, attribution.Position>;

function placesOf(inputs: readonly attribution.Input[]): Places {
  return new Map(
    inputs.flatMap((input) =>
      input.kind === 'postback' ? [[input.report.receiptId, input.report.position]] : [],
    ),
  );
}

function isOfThisRecord({ receiptId, place }: StoredJudgement, places: Places): boolean {
  const { partition, offset } = places.get(receiptId) ?? {};
  return partition === place.partition && offset === place.offset;
}

function decidedBy(
  configurationVersion: number,
  inputs: readonly attribution.Input[],
): readonly attribution.Input[] {
  const isStated = inputs.every(({ at }) => at.configurationVersion === configurationVersion);
  return isStated ? inputs : inputs.map((input) => ({ ...input, at: { ...input.at, configurationVersion } }));
}

function without(keys: ReadonlySet<string>, isKnown: (key: string) => boolean): ReadonlySet<string> {
  if (keys.size === 0) return keys;
  return new Set([...keys].filter((key) => !isKnown(key)));
}

function counterOf<Use>(key: string, use: Use | undefined): attribution.Counter<Use> {
  if (use === undefined) throw new Error('a counter that was asked for is not known');
  return { ...attribution.counterNameIn(key), use };
}

function joinedFacts(a: LoadedFacts, b: LoadedFacts): LoadedFacts {
  return {
    keys: attribution.joined(a.keys, b.keys),
    judgements: [...a.judgements, ...b.judgements],
    conversions: newestOf(a.conversions, b.conversions),
    clicks: [...a.clicks, ...b.clicks],
    capUses: [...a.capUses, ...b.capUses],
    tierUses: [...a.tierUses, ...b.tierUses],
  };
}

/** Each conversion once; of one revision the first list has its way, as what is in the store is what every reader sees. */
export function newestOf(
  stored: readonly attribution.Conversion[],
  own: readonly attribution.Conversion[],
): readonly attribution.Conversion[] {
  if (own.length === 0) return stored;
  const newest = new Map(stored.map((conversion) => [conversion.conversionId, conversion]));
  for (const conversion of own) {
    const known = newest.get(conversion.conversionId);
    if (known === undefined || known.revision < conversion.revision)
      newest.set(conversion.conversionId, conversion);
  }
  return [...newest.values()];
}
