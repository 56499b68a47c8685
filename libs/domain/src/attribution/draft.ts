/** A draft over what is known: the conversions changed by the input in hand are read as they will stand. */
import type { CapUse } from './caps.ts';
import type { FirstCome, Undecided } from './conversion.ts';
import type { CounterName } from './counter-keys.ts';
import { type ConversionKeys, keysOf } from './keys.ts';
import type { KnownFacts } from './known-facts.ts';
import { type TierUse, withPosition } from './tier-use.ts';

interface Drafted {
  readonly conversion: Undecided;
  readonly keys: ConversionKeys;
}

export class Draft implements KnownFacts {
  readonly #known: KnownFacts;
  readonly #drafted = new Map<string, Drafted>();

  constructor(known: KnownFacts) {
    this.#known = known;
  }

  put(conversion: Undecided): void {
    this.#drafted.set(conversion.conversionId, { conversion, keys: keysOf(conversion) });
  }

  conversion(conversionId: string): Undecided | undefined {
    return this.#drafted.get(conversionId)?.conversion ?? this.#known.conversion(conversionId);
  }

  conversionsOfTransaction(key: string): readonly Undecided[] {
    return this.#with(this.#known.conversionsOfTransaction(key), ({ transaction }) => transaction === key);
  }

  conversionsOfCustomer(key: string): readonly Undecided[] {
    return this.#with(this.#known.conversionsOfCustomer(key), ({ customer }) => customer === key);
  }

  conversionsOfClick(clickId: string): readonly Undecided[] {
    return this.#with(this.#known.conversionsOfClick(clickId), ({ click }) => click === clickId);
  }

  conversionsOfSubject(key: string): readonly Undecided[] {
    return this.#with(this.#known.conversionsOfSubject(key), ({ subjects }) => subjects.includes(key));
  }

  /** A conversion gains keys and never loses one, so whoever was found before is found still. */
  #with(stored: readonly Undecided[], hasKey: (keys: ConversionKeys) => boolean): readonly Undecided[] {
    const fresh: Undecided[] = [];
    for (const { conversion, keys } of this.#drafted.values()) if (hasKey(keys)) fresh.push(conversion);
    if (stored.length === 0 || fresh.length === 0) return fresh.length === 0 ? stored : fresh;
    return [...stored.filter(({ conversionId }) => !this.#drafted.has(conversionId)), ...fresh];
  }

  capUse(key: string, periodStart: number): CapUse {
    let { count, payoutMicros } = this.#known.capUse(key, periodStart);
    for (const { conversion } of this.#drafted.values()) {
      const before = this.#known.conversion(conversion.conversionId)?.firstCome;
      for (const use of capUseOf(conversion.firstCome, before)) {
        if (use.key !== key || use.periodStart !== periodStart) continue;
        count += use.count;
        payoutMicros += use.payoutMicros;
      }
    }
    return { count, payoutMicros };
  }

  tierUse(key: string, periodStart: number): TierUse {
    let use = this.#known.tierUse(key, periodStart);
    for (const { conversion } of this.#drafted.values()) {
      const before = this.#known.conversion(conversion.conversionId)?.firstCome;
      for (const place of newTiers(conversion.firstCome, before))
        if (place.key === key && place.periodStart === periodStart) use = withPosition(use, place.position);
    }
    return use;
  }

  judgement: KnownFacts['judgement'] = (receiptId) => this.#known.judgement(receiptId);
  click: KnownFacts['click'] = (clickId) => this.#known.click(clickId);
  clicksOfCustomer: KnownFacts['clicksOfCustomer'] = (key) => this.#known.clicksOfCustomer(key);
  clicksOfSubject: KnownFacts['clicksOfSubject'] = (key) => this.#known.clicksOfSubject(key);
  advertiser: KnownFacts['advertiser'] = (advertiserId, at) => this.#known.advertiser(advertiserId, at);
  terms: KnownFacts['terms'] = (offerId, eventType, at) => this.#known.terms(offerId, eventType, at);
  rates: KnownFacts['rates'] = (at) => this.#known.rates(at);
}

/** One cap's counter and what goes onto it. */
export interface CapUsed extends CapUse, CounterName {}

/** What the places of a revision add to the counters of caps, against the revision before. */
export function capUseOf(after: FirstCome, before: FirstCome | undefined): readonly CapUsed[] {
  if (after.caps.length === 0 || after.caps === before?.caps) return [];
  return after.caps.flatMap((place) => {
    const old = before?.caps.find((each) => isSameCounter(each, place));
    const count = place.isGranted && old === undefined ? 1 : 0;
    const payoutMicros = place.payoutMicros - (old?.payoutMicros ?? 0n);
    if (count === 0 && payoutMicros === 0n) return [];
    return [{ key: place.key, periodStart: place.periodStart, count, payoutMicros }];
  });
}

/** The tier places a revision has beyond those of the revision before. */
export function newTiers(after: FirstCome, before: FirstCome | undefined): FirstCome['tiers'] {
  if (after.tiers.length === 0 || after.tiers === before?.tiers) return [];
  return after.tiers.filter((place) => !before?.tiers.some((each) => isSameCounter(each, place)));
}

function isSameCounter(a: CounterName, b: CounterName): boolean {
  return a.key === b.key && a.periodStart === b.periodStart;
}
