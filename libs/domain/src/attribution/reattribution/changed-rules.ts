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

/** The rules in force by the configuration as it stood at a version. */
export type RulesByVersion = (configurationVersion: number) => ConfiguredRules;

/** The rules a lane is replayed by. */
export interface ReplayRules {
  /** Not those that the lane was decided by. */
  readonly areOther: boolean;
  /** For what was decided by that version of the configuration: later versions say nothing about it. */
  readonly byVersion: RulesByVersion;
  /** Terms that a person has ordered for a conversion, as this run has them. */
  ordered(terms: OfferTerms, eventType: string, at: number): OfferTerms;
  /** A model that a person has ordered, for the offer that led to the conversion. */
  orderedModel(
    model: AttributionModel,
    terms: OfferTerms | null,
    eventType: string,
    at: number,
  ): AttributionModel;
}

/** The rules in force, as they were: the same log by the same rules. */
export function sameRules(byVersion: RulesByVersion): ReplayRules {
  return { areOther: false, byVersion, ordered: (terms) => terms, orderedModel: (model) => model };
}

/**
 * The rules in force, changed for facts of the period: those whose terms are looked up at an instant within it, which is
 * their occurredAt. Terms that were ordered for one conversion are changed alike, for the later order stands.
 */
export function changedRules(byVersion: RulesByVersion, options: ChangedRulesOptions): ReplayRules {
  const { change, period } = options;
  const isWithin = (at: number) => at >= period.from && at < period.to;
  const ordered: TermsChange = (terms, eventType, at) =>
    isWithin(at) ? change(terms, eventType, at) : terms;
  const known = new WeakMap<ConfiguredRules, ConfiguredRules>();
  return {
    areOther: true,
    byVersion(configurationVersion) {
      const inForce = byVersion(configurationVersion);
      const changed = known.get(inForce) ?? changedIn(inForce, ordered, options);
      known.set(inForce, changed);
      return changed;
    },
    ordered,
    orderedModel: (model, terms, eventType, at) =>
      terms === null ? model : ordered({ ...terms, model }, eventType, at).model,
  };
}

function changedIn(
  inForce: ConfiguredRules,
  changed: TermsChange,
  { linksPersons }: ChangedRulesOptions,
): ConfiguredRules {
  const linked = new WeakMap<AdvertiserRules, AdvertiserRules>();
  return {
    advertiser(advertiserId, at) {
      const rules = inForce.advertiser(advertiserId, at);
      if (!linksPersons || rules.linksPersons) return rules;
      const linking = linked.get(rules) ?? { ...rules, linksPersons };
      linked.set(rules, linking);
      return linking;
    },
    terms(offerId, eventType, at) {
      const terms = inForce.terms(offerId, eventType, at);
      return terms === null ? null : changed(terms, eventType, at);
    },
    rates: (at) => inForce.rates(at),
  };
}
