/** Everything known, in maps: what the time machine replays over, and what tests hold the reducer to. */
import type { CapUse } from './caps.ts';
import type { CandidateClick, Conversion } from './conversion.ts';
import { counterKey } from './counter-keys.ts';
import { capUseOf, newTiers } from './draft.ts';
import type { ExchangeRates } from './exchange.ts';
import { clickCustomerKey, clickSubjectKeys, keysOf } from './keys.ts';
import type { AdvertiserRules, ConfiguredRules, Judgement, KnownFacts } from './known-facts.ts';
import type { Result } from './reducer.ts';
import type { OfferTerms } from './terms.ts';
import { NO_TIER_USE, type TierUse, withPosition } from './tier-use.ts';

/** Conversions or clicks by a key, each once; lists are read far more often than they grow. */
class Index<V> {
  readonly #lists = new Map<string, V[]>();
  readonly #idOf: (value: V) => string;

  constructor(idOf: (value: V) => string) {
    this.#idOf = idOf;
  }

  get(key: string): readonly V[] {
    return this.#lists.get(key) ?? [];
  }

  put(key: string, value: V): void {
    const list = this.#lists.get(key);
    if (list === undefined) {
      this.#lists.set(key, [value]);
      return;
    }
    const place = list.findIndex((each) => this.#idOf(each) === this.#idOf(value));
    if (place === -1) list.push(value);
    else list[place] = value;
  }
}

const NO_USE: CapUse = { count: 0, payoutMicros: 0n };

/**
 * A complete KnownFacts. It takes results of the reducer one after the other and answers the next input by them.
 *
 * What was decided elsewhere comes in by `restore` and `restoreUse`: conversions as they stand, and the counters of caps and
 * tiers, since only a ledger that has applied every revision itself could count them from its conversions.
 */
export class InMemoryLedger implements KnownFacts {
  readonly #rules: ConfiguredRules;
  readonly #judgements = new Map<string, Judgement>();
  readonly #conversions = new Map<string, Conversion>();
  readonly #clicks = new Map<string, CandidateClick>();
  readonly #byTransaction = new Index<Conversion>(idOfConversion);
  readonly #byCustomer = new Index<Conversion>(idOfConversion);
  readonly #byClick = new Index<Conversion>(idOfConversion);
  readonly #bySubject = new Index<Conversion>(idOfConversion);
  readonly #clicksByCustomer = new Index<CandidateClick>(idOfClick);
  readonly #clicksBySubject = new Index<CandidateClick>(idOfClick);
  readonly #capUse = new Map<string, CapUse>();
  readonly #tierUse = new Map<string, TierUse>();

  constructor(rules: ConfiguredRules) {
    this.#rules = rules;
  }

  /** Takes what the reducer made of one input. */
  apply({ judgement, revisions }: Result): void {
    if (judgement !== null && !this.#judgements.has(judgement.receiptId)) this.restoreJudgement(judgement);
    for (const revision of revisions) {
      this.#count(revision);
      this.restore(revision);
    }
  }

  /** A click that can be seen from now on; the first under an id stands, as in the table of clicks. */
  showClick(click: CandidateClick): void {
    if (this.#clicks.has(click.clickId)) return;
    this.#clicks.set(click.clickId, click);
    if (click.customerId !== null)
      this.#clicksByCustomer.put(clickCustomerKey(click, click.customerId), click);
    for (const key of clickSubjectKeys(click, click.subjectHashes)) this.#clicksBySubject.put(key, click);
  }

  /** A conversion as it was decided, without counting its places again. */
  restore(conversion: Conversion): void {
    const { transaction, customer, click, subjects } = keysOf(conversion);
    this.#conversions.set(conversion.conversionId, conversion);
    if (transaction !== null) this.#byTransaction.put(transaction, conversion);
    if (customer !== null) this.#byCustomer.put(customer, conversion);
    if (click !== null) this.#byClick.put(click, conversion);
    for (const subject of subjects) this.#bySubject.put(subject, conversion);
  }

  restoreJudgement(judgement: Judgement): void {
    this.#judgements.set(judgement.receiptId, judgement);
  }

  /** The counters of a cap and of tiers as they stand. */
  restoreCapUse(key: string, periodStart: number, use: CapUse): void {
    this.#capUse.set(counterKey(key, periodStart), use);
  }

  restoreTierUse(key: string, periodStart: number, use: TierUse): void {
    this.#tierUse.set(counterKey(key, periodStart), use);
  }

  get conversions(): readonly Conversion[] {
    return [...this.#conversions.values()];
  }

  /** Conversions with a deadline that has passed, for which an instant is to be decided; the earliest first. */
  due(now: number): readonly Conversion[] {
    return this.conversions
      .filter((conversion) => (deadlineIn(conversion) ?? Number.POSITIVE_INFINITY) <= now)
      .toSorted((a, b) => (deadlineIn(a) ?? 0) - (deadlineIn(b) ?? 0));
  }

  judgement(receiptId: string): Judgement | undefined {
    return this.#judgements.get(receiptId);
  }

  conversion(conversionId: string): Conversion | undefined {
    return this.#conversions.get(conversionId);
  }

  conversionsOfTransaction(key: string): readonly Conversion[] {
    return this.#byTransaction.get(key);
  }

  conversionsOfCustomer(key: string): readonly Conversion[] {
    return this.#byCustomer.get(key);
  }

  conversionsOfClick(clickId: string): readonly Conversion[] {
    return this.#byClick.get(clickId);
  }

  conversionsOfSubject(key: string): readonly Conversion[] {
    return this.#bySubject.get(key);
  }

  click(clickId: string): CandidateClick | undefined {
    return this.#clicks.get(clickId);
  }

  clicksOfCustomer(key: string): readonly CandidateClick[] {
    return this.#clicksByCustomer.get(key);
  }

  clicksOfSubject(key: string): readonly CandidateClick[] {
    return this.#clicksBySubject.get(key);
  }

  capUse(key: string, periodStart: number): CapUse {
    return this.#capUse.get(counterKey(key, periodStart)) ?? NO_USE;
  }

  tierUse(key: string, periodStart: number): TierUse {
    return this.#tierUse.get(counterKey(key, periodStart)) ?? NO_TIER_USE;
  }

  advertiser(advertiserId: string, at: number): AdvertiserRules {
    return this.#rules.advertiser(advertiserId, at);
  }

  terms(offerId: string, eventType: string, at: number): OfferTerms | null {
    return this.#rules.terms(offerId, eventType, at);
  }

  rates(at: number): ExchangeRates {
    return this.#rules.rates(at);
  }

  #count({ conversionId, firstCome }: Conversion): void {
    const before = this.#conversions.get(conversionId)?.firstCome;
    for (const used of capUseOf(firstCome, before)) {
      const { count, payoutMicros } = this.capUse(used.key, used.periodStart);
      this.restoreCapUse(used.key, used.periodStart, {
        count: count + used.count,
        payoutMicros: payoutMicros + used.payoutMicros,
      });
    }
    for (const { key, periodStart, position } of newTiers(firstCome, before))
      this.restoreTierUse(key, periodStart, withPosition(this.tierUse(key, periodStart), position));
  }
}

function idOfConversion({ conversionId }: Conversion): string {
  return conversionId;
}

function idOfClick({ clickId }: CandidateClick): string {
  return clickId;
}

/** The next instant at which time alone may change the conversion; null: none. */
export function deadlineIn({ outcome }: Conversion): number | null {
  const { match, state, parkedUntil, heldUntil } = outcome;
  const deadlines = [match === 'parked' ? parkedUntil : null, state === 'held' ? heldUntil : null];
  return deadlines.reduce<number | null>(
    (least, at) => (at === null ? least : Math.min(least ?? at, at)),
    null,
  );
}
