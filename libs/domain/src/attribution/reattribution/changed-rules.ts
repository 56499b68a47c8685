/** Other rules for a time: what a run of the time machine puts in place of the terms in force, and of terms that were ordered. */
import type { AdvertiserRules, ConfiguredRules } from '../known-facts.ts';
import type { AttributionModel, OfferTerms } from '../terms.ts';

/** Epoch milliseconds, UTC: `from` included, `to` not. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** What becomes of an offer's terms for one event type at an instant. */
export type TermsChange = (terms: OfferTerms, eventType: string, at: number) => OfferTerms;

export interface ChangedRulesOptions {
  readonly change: TermsChange;
  readonly period: Period;
  /** The change lets hashed identities or impressions match, which may be the first time for an advertiser. */
  readonly linksPersons: boolean;
}

/** The rules a lane is replayed by. */
export interface ReplayRules extends ConfiguredRules {
  /** Terms that a person has ordered for a conversion, as this run has them. */
  ordered(terms: OfferTerms, eventType: string, at: number): OfferTerms;
  /** A model that a person has ordered, for the offer that led to the conversion. */
  orderedModel(model: AttributionModel, offerId: string, eventType: string, at: number): AttributionModel;
}

/** The rules in force, as they are: the same log by the same rules. */
export function sameRules(inForce: ConfiguredRules): ReplayRules {
  return {
    advertiser: (advertiserId, at) => inForce.advertiser(advertiserId, at),
    terms: (offerId, eventType, at) => inForce.terms(offerId, eventType, at),
    rates: (at) => inForce.rates(at),
    ordered: (terms) => terms,
    orderedModel: (model) => model,
  };
}

/**
 * The rules in force, changed for facts of the period: those whose terms are looked up at an instant within it, which is
 * their occurredAt. Terms that were ordered for one conversion are changed alike, for the later order stands.
 */
export function changedRules(inForce: ConfiguredRules, options: ChangedRulesOptions): ReplayRules {
  const { change, period, linksPersons } = options;
  const isWithin = (at: number) => at >= period.from && at < period.to;
  const ordered: TermsChange = (terms, eventType, at) =>
    isWithin(at) ? change(terms, eventType, at) : terms;
  const known = new WeakMap<AdvertiserRules, AdvertiserRules>();
  return {
    ...sameRules(inForce),
    ordered,
    advertiser(advertiserId, at) {
      const rules = inForce.advertiser(advertiserId, at);
      if (!linksPersons || rules.linksPersons) return rules;
      const linking = known.get(rules) ?? { ...rules, linksPersons };
      known.set(rules, linking);
      return linking;
    },
    terms(offerId, eventType, at) {
      const terms = inForce.terms(offerId, eventType, at);
      return terms === null ? null : ordered(terms, eventType, at);
    },
    orderedModel(model, offerId, eventType, at) {
      const terms = inForce.terms(offerId, eventType, at);
      return terms === null ? model : ordered({ ...terms, model }, eventType, at).model;
    },
  };
}
