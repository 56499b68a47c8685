/** Preloading: which facts a batch needs, found by asking the reducer itself, so that no second rule can disagree with it. */
import { isUuid } from '../click.ts';
import { isReversal, reversedTransactionOf } from '../identity.ts';
import type { CapUse } from './caps.ts';
import type { CandidateClick, Conversion } from './conversion.ts';
import { type CounterName, counterKey } from './counter-keys.ts';
import type { ExchangeRates } from './exchange.ts';
import { InMemoryLedger } from './in-memory-ledger.ts';
import { clickSubjectKeys, customerKey, subjectKeys, transactionKey } from './keys.ts';
import type { AdvertiserRules, ConfiguredRules, Judgement, KnownFacts } from './known-facts.ts';
import { type Input, identityOf, type Result, reduce } from './reducer.ts';
import type { OfferTerms } from './terms.ts';
import type { TierUse } from './tier-use.ts';

/** What can be asked for; keys as keys.ts makes them, counters as counter-keys.ts. */
export const KEY_KINDS = [
  'receipt',
  'conversion',
  'transaction',
  'customer',
  'clickNamed',
  'subject',
  'click',
  'clicksOfCustomer',
  'clicksOfSubject',
  'capUse',
  'tierUse',
] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** Keys by kind. `clickNamed` asks for the conversions that name a click, `click` for the click. */
export type Keys = Readonly<Record<KeyKind, ReadonlySet<string>>>;

type GrowingKeys = Record<KeyKind, Set<string>>;

function noKeys(): GrowingKeys {
  return Object.fromEntries(KEY_KINDS.map((kind) => [kind, new Set<string>()])) as GrowingKeys;
}

export const NO_KEYS: Keys = noKeys();

export function isEmpty(keys: Keys): boolean {
  return KEY_KINDS.every((kind) => keys[kind].size === 0);
}

/** Both together. */
export function joined(a: Keys, b: Keys): Keys {
  const all = noKeys();
  for (const kind of KEY_KINDS) all[kind] = new Set([...a[kind], ...b[kind]]);
  return all;
}

/** What a batch names by itself. */
export interface InputKeys {
  readonly keys: Keys;
  /**
   * Of the conversions those that the transactions find too, so that nobody has to look for them by their ids: what a
   * transaction id identifies carries that id, in the scope of the key, for ever.
   */
  readonly foundByTransaction: ReadonlySet<string>;
}

/**
 * The first stage: what the inputs name by themselves. For a new sale with a known click it is all there is to load, unless
 * its offer has caps or tiers.
 */
export function keysOfInputs(inputs: readonly Input[], rules: ConfiguredRules): InputKeys {
  const keys = noKeys();
  const foundByTransaction = new Set<string>();
  for (const input of inputs) addKeysOf(input, rules, keys, foundByTransaction);
  return { keys, foundByTransaction };
}

function addKeysOf(
  input: Input,
  rules: ConfiguredRules,
  keys: GrowingKeys,
  foundByTransaction: Set<string>,
): void {
  if (input.kind === 'click') keys.click.add(input.clickId);
  if (input.kind === 'click') keys.clickNamed.add(input.clickId);
  if (input.kind === 'instant') keys.conversion.add(input.conversionId);
  if (input.kind === 'command') keys.conversion.add(input.command.conversionId);
  if (input.kind !== 'postback') return;
  const { report } = input;
  keys.receipt.add(report.receiptId);
  const { conversionId } = identityOf(rules, report);
  keys.conversion.add(conversionId);
  const transactionId = reversedTransactionOf(report) ?? report.transactionId;
  if (transactionId !== null) keys.transaction.add(transactionKey(report, transactionId));
  // A reversal of before there was a ledger stands under its own transaction, and not under that of its original.
  if (transactionId !== null && !isReversal(report.eventType)) foundByTransaction.add(conversionId);
  if (report.customerId !== null) keys.customer.add(customerKey(report, report.customerId));
  const { linksPersons, relatesByClick } = rules.advertiser(report.advertiserId, report.receivedAt);
  if (report.clickId !== null && isUuid(report.clickId)) {
    keys.click.add(report.clickId.toLowerCase());
    if (relatesByClick) keys.clickNamed.add(report.clickId.toLowerCase());
  }
  if (!linksPersons) return;
  for (const key of subjectKeys(report, report.subjectHashes)) keys.subject.add(key);
  for (const key of clickSubjectKeys(report, report.subjectHashes)) keys.clicksOfSubject.add(key);
}

/** A counter as it stands. */
export interface Counter<Use> extends CounterName {
  readonly use: Use;
}

/** What was read for some keys: the latest revision of each conversion, each once, in any order. */
export interface LoadedFacts {
  readonly keys: Keys;
  readonly judgements: readonly Judgement[];
  readonly conversions: readonly Conversion[];
  readonly clicks: readonly CandidateClick[];
  readonly capUses: readonly Counter<CapUse>[];
  readonly tierUses: readonly Counter<TierUse>[];
}

/** The batch decided, or what is to be loaded before it can be. */
export type BatchDecision =
  | { readonly kind: 'decided'; readonly results: readonly Result[] }
  | { readonly kind: 'needs'; readonly keys: Keys };

/**
 * Decides a batch over what was loaded, or says which further keys follow from it.
 *
 * It is a trial run: the reducer decides the batch, and every question that cannot be answered is noted and taken for "there
 * is nothing". When none was noted the results stand. Else the caller loads the keys and tries again; each trial goes one
 * step further from the batch, and as the rules go one step from conversion to conversion, there are few.
 */
export function decideBatch(
  inputs: readonly Input[],
  loaded: LoadedFacts,
  rules: ConfiguredRules,
): BatchDecision {
  const facts = new PartialFacts(loaded, rules);
  const results = inputs.map((input) => {
    const result = reduce(facts, input);
    facts.apply(result);
    return result;
  });
  return isEmpty(facts.missing) ? { kind: 'decided', results } : { kind: 'needs', keys: facts.missing };
}

/** Some of the facts, and a note of every question beyond them. */
class PartialFacts implements KnownFacts {
  readonly missing: GrowingKeys = noKeys();
  readonly #loaded: Keys;
  readonly #ledger: InMemoryLedger;
  readonly #rules: ConfiguredRules;

  constructor(loaded: LoadedFacts, rules: ConfiguredRules) {
    this.#loaded = loaded.keys;
    this.#rules = rules;
    this.#ledger = new InMemoryLedger(rules);
    for (const judgement of loaded.judgements) this.#ledger.restoreJudgement(judgement);
    for (const conversion of loaded.conversions) this.#ledger.restore(conversion);
    for (const click of loaded.clicks) this.#ledger.showClick(click);
    for (const { key, periodStart, use } of loaded.capUses) this.#ledger.restoreCapUse(key, periodStart, use);
    for (const { key, periodStart, use } of loaded.tierUses)
      this.#ledger.restoreTierUse(key, periodStart, use);
  }

  apply(result: Result): void {
    this.#ledger.apply(result);
  }

  /** What is there answers for itself; what is not there is nothing only if it was asked for. */
  #found<V>(kind: KeyKind, key: string, value: V | undefined): V | undefined {
    if (value === undefined && !this.#loaded[kind].has(key)) this.missing[kind].add(key);
    return value;
  }

  /** A list is whole only if it was asked for by its key. */
  #listed<V>(kind: KeyKind, key: string, list: V): V {
    if (!this.#loaded[kind].has(key)) this.missing[kind].add(key);
    return list;
  }

  judgement(receiptId: string) {
    return this.#found('receipt', receiptId, this.#ledger.judgement(receiptId));
  }

  conversion(conversionId: string) {
    return this.#found('conversion', conversionId, this.#ledger.conversion(conversionId));
  }

  conversionsOfTransaction(key: string) {
    return this.#listed('transaction', key, this.#ledger.conversionsOfTransaction(key));
  }

  conversionsOfCustomer(key: string) {
    return this.#listed('customer', key, this.#ledger.conversionsOfCustomer(key));
  }

  conversionsOfClick(clickId: string) {
    return this.#listed('clickNamed', clickId, this.#ledger.conversionsOfClick(clickId));
  }

  conversionsOfSubject(key: string) {
    return this.#listed('subject', key, this.#ledger.conversionsOfSubject(key));
  }

  click(clickId: string) {
    return this.#found('click', clickId, this.#ledger.click(clickId));
  }

  clicksOfCustomer(key: string) {
    return this.#listed('clicksOfCustomer', key, this.#ledger.clicksOfCustomer(key));
  }

  clicksOfSubject(key: string) {
    return this.#listed('clicksOfSubject', key, this.#ledger.clicksOfSubject(key));
  }

  capUse(key: string, periodStart: number): CapUse {
    return this.#listed('capUse', counterKey(key, periodStart), this.#ledger.capUse(key, periodStart));
  }

  tierUse(key: string, periodStart: number): TierUse {
    return this.#listed('tierUse', counterKey(key, periodStart), this.#ledger.tierUse(key, periodStart));
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
}
