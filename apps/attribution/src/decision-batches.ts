/** Decides a batch of one partition: loads what the rules ask for, from ClickHouse and from what was written here, until nothing is missing. */
import { attribution } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import type { FactsStore } from '@tributary/store';
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
  /** Verdicts that were on record already, by receipt. */
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
    let keys = attribution.keysOfInputs(given, rules);
    let loaded: LoadedFacts | null = null;
    for (let trial = 1; trial <= MAX_TRIALS; trial += 1) {
      const found: LoadedFacts = await this.#load(partition, keys, askedReceipts);
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
          judgedBefore: new Map(loaded.judgements.map((judgement) => [judgement.receiptId, judgement])),
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

  async #load(partition: number, keys: Keys, askedReceipts: ReadonlySet<string>): Promise<LoadedFacts> {
    const { store, ownWrites, clock } = this.#options;
    // Before the store is asked: what is forgotten here while it answers was shown there before.
    const own = ownWrites.conversions.under(keys);
    const ownJudgements = [...keys.receipt].flatMap((id) => ownWrites.judged(id)?.judgement ?? []);
    const now = clock.now();
    const unknown: Keys = {
      ...keys,
      receipt: without(keys.receipt, (receiptId) => !askedReceipts.has(receiptId)),
      capUse: without(keys.capUse, (key) => ownWrites.counters.capUse(partition, key, now) !== undefined),
      tierUse: without(keys.tierUse, (key) => ownWrites.counters.tierUse(partition, key, now) !== undefined),
    };
    const stored = await store.load(unknown);
    ownWrites.counters.learn(partition, unknown, stored, now);
    return {
      keys,
      judgements: [...stored.judgements, ...ownJudgements],
      conversions: newestOf(stored.conversions.map(conversionOf), own),
      clicks: stored.clicks,
      capUses: [...keys.capUse].map((key) => counterOf(key, ownWrites.counters.capUse(partition, key, now))),
      tierUses: [...keys.tierUse].map((key) =>
        counterOf(key, ownWrites.counters.tierUse(partition, key, now)),
      ),
    };
  }
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
  const colon = key.indexOf(':');
  return { key: key.slice(colon + 1), periodStart: Number(key.slice(0, colon)), use };
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
