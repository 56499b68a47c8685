/** The configuration as the decision core asks for it: what is in force at an instant, and which lookups nobody needs. */
import {
  type Advertiser,
  type Configuration,
  exchangeRatesAt,
  type Offer,
  offerTermsAt,
} from '@tributary/configuration';
import {
  type attribution,
  type ExchangeRates,
  type OfferTerms,
  STANDARD_IDENTITY_RULES,
  STANDARD_MODEL,
} from '@tributary/domain';

/** An advertiser that has left the configuration, or never was in it, still gets its postbacks decided. */
const PARKED_FOR_MS = 86_400_000;

/** Lookups that the offers of an advertiser ask for, in any version there ever was: old facts are judged by old terms. */
type Needs = Pick<attribution.AdvertiserRules, 'linksPersons' | 'relatesByClick'>;

const NO_NEEDS: Needs = { linksPersons: false, relatesByClick: false };

export class RulesInForce implements attribution.ConfiguredRules {
  readonly #configuration: Configuration;
  #needs: ReadonlyMap<string, Needs> = new Map();
  #lanes: ReadonlyMap<string, readonly string[]> = new Map();
  /** The same few advertisers are asked for thousands of times a second. */
  #rules = new WeakMap<Advertiser, attribution.AdvertiserRules>();
  #version = Number.NaN;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  /** Of the configuration that it answers by now. */
  get version(): number {
    return this.#configuration.version;
  }

  advertiser(advertiserId: string, at: number): attribution.AdvertiserRules {
    this.#followChanges();
    const advertiser =
      this.#configuration.advertiser(advertiserId, at) ?? this.#configuration.advertiser(advertiserId);
    const needs = this.#needs.get(advertiserId) ?? NO_NEEDS;
    if (advertiser === undefined)
      return { identity: STANDARD_IDENTITY_RULES, repeatModes: {}, parkedForMs: PARKED_FOR_MS, ...needs };
    const known = this.#rules.get(advertiser);
    if (known !== undefined) return known;
    const { onRepeat: repeatModes = {}, parkedForMs } = advertiser;
    const rules = { identity: advertiser, repeatModes, parkedForMs, ...needs };
    this.#rules.set(advertiser, rules);
    return rules;
  }

  /** Lanes of advertisers whose conversions look at the clicks of a person, by advertiser. */
  lanesLinkingPersons(): ReadonlyMap<string, readonly string[]> {
    this.#followChanges();
    return this.#lanes;
  }

  terms(offerId: string, eventType: string, at: number): OfferTerms | null {
    return offerTermsAt(this.#configuration, offerId, eventType, at);
  }

  rates(at: number): ExchangeRates {
    return exchangeRatesAt(this.#configuration, at);
  }

  #followChanges(): void {
    const { version } = this.#configuration;
    if (version === this.#version) return;
    this.#version = version;
    this.#rules = new WeakMap();
    this.#needs = needsOf(this.#configuration);
    this.#lanes = lanesOf(this.#configuration, (id) => this.#needs.get(id)?.linksPersons === true);
  }
}

function needsOf(configuration: Configuration): ReadonlyMap<string, Needs> {
  const needs = new Map<string, Needs>();
  for (const id of configuration.ids('offer'))
    for (const { entity } of configuration.history('offer', id)) {
      if (entity === null) continue;
      const { linksPersons, relatesByClick } = needs.get(entity.advertiserId) ?? NO_NEEDS;
      needs.set(entity.advertiserId, {
        linksPersons: linksPersons || linksPersonsIn(entity),
        relatesByClick: relatesByClick || relatesByClickIn(entity),
      });
    }
  return needs;
}

/** Of sources that are gone too: what they reported stands. */
function lanesOf(
  configuration: Configuration,
  isAskedFor: (advertiserId: string) => boolean,
): ReadonlyMap<string, readonly string[]> {
  const lanes = new Map<string, Set<string>>();
  for (const id of configuration.ids('source'))
    for (const { entity } of configuration.history('source', id)) {
      if (entity === null || !isAskedFor(entity.advertiserId)) continue;
      const known = lanes.get(entity.advertiserId) ?? new Set([entity.advertiserId]);
      lanes.set(entity.advertiserId, known.add(entity.lane));
    }
  return new Map([...lanes].map(([advertiserId, names]) => [advertiserId, [...names]]));
}

function linksPersonsIn({ matchesHashedIdentity = false, model = STANDARD_MODEL, windows }: Offer): boolean {
  return matchesHashedIdentity || model !== STANDARD_MODEL || windows.viewThrough !== undefined;
}

function relatesByClickIn({ conditions = [], abuse }: Offer): boolean {
  return conditions.length > 0 || abuse?.velocity !== undefined;
}
