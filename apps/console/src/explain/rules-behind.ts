/** The rules a revision was decided by: those that were ordered, else those in force when it occurred, of the configuration that the decision had seen. */
import {
  type Configuration,
  type ConfiguredEntityType,
  type Revision,
  termsOf,
} from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { attribution, type ExchangeRate, type OfferTerms, parseExchangeRate } from '@tributary/domain';

/** One change of the configuration that the decision stands on. */
export interface RuleBehind {
  readonly entityType: ConfiguredEntityType;
  readonly entityId: string;
  /** Offset of configuration.changed. */
  readonly version: number;
  /** Epoch ms. */
  readonly effectiveFrom: number;
}

export interface RulesBehind {
  /** Null without a winning click, and while console has not read as far as the decision. */
  readonly terms: OfferTerms | null;
  /** The rate that the revision names. */
  readonly rate: ExchangeRate | null;
  readonly behind: readonly RuleBehind[];
}

export function rulesBehind(configuration: Configuration, decided: ConversionDecided): RulesBehind {
  const { offerId, eventType, occurredAt, receivedAt, advertiserId, configurationVersion } = decided;
  if (configuration.version < configurationVersion) return { terms: null, rate: null, behind: [] };
  const isSeen = ({ version }: { readonly version: number }) => version <= configurationVersion;
  const advertiser = inForce(configuration, 'advertiser', advertiserId, receivedAt, isSeen);
  // As the rules judge it: a sender's clock that runs ahead does not reach terms that are not in force yet.
  const judgedAt = Math.min(occurredAt, receivedAt);
  const offer = offerId === null ? undefined : offerInForce(configuration, offerId, judgedAt, isSeen);
  const rate = rateOf(configuration, decided.exchangeRateId);
  return {
    terms: withOrders(offer?.entity ? termsOf(offer.entity, eventType) : null, decided),
    rate: rate?.rate ?? null,
    behind: [
      ...behind('advertiser', advertiserId, advertiser),
      ...behind('offer', offerId ?? '', offer),
      ...behind('exchange_rate', rate?.entityId ?? '', rate?.revision),
    ],
  };
}

function withOrders(inForce: OfferTerms | null, { offerId, orders }: ConversionDecided): OfferTerms | null {
  if (offerId === null) return null;
  const terms = orders.terms === null ? null : attribution.termsIn(orders.terms);
  // Attribution writes no other.
  const model = orders.model as OfferTerms['model'] | null;
  return attribution.termsWithOrders({ terms, model }, offerId, () => inForce);
}

/** A fact of before the offer was configured is judged by its first terms. */
function offerInForce(
  configuration: Configuration,
  offerId: string,
  at: number,
  isSeen: (revision: { readonly version: number }) => boolean,
): Revision<'offer'> | undefined {
  return (
    inForce(configuration, 'offer', offerId, at, isSeen) ??
    configuration.history('offer', offerId).find((revision) => revision.entity !== null && isSeen(revision))
  );
}

function inForce<T extends ConfiguredEntityType>(
  configuration: Configuration,
  entityType: T,
  id: string,
  at: number,
  isSeen: (revision: { readonly version: number }) => boolean,
): Revision<T> | undefined {
  return configuration
    .history(entityType, id)
    .findLast((revision) => revision.unreadable !== true && isSeen(revision) && revision.effectiveFrom <= at);
}

/** The id of a rate names its entity and its version, e.g. `usd-eur@17`. */
function rateOf(configuration: Configuration, rateId: string | null) {
  if (rateId === null) return null;
  const [entityId = '', version] = rateId.split('@');
  const revision = configuration
    .history('exchange_rate', entityId)
    .find((each) => String(each.version) === version);
  if (!revision?.entity) return null;
  const fraction = parseExchangeRate(revision.entity.rate);
  if (fraction === null) throw new TypeError('a folded exchange rate is none');
  const { from, to } = revision.entity;
  return { entityId, revision, rate: { id: rateId, from, to, ...fraction } };
}

function behind<T extends ConfiguredEntityType>(
  entityType: T,
  entityId: string,
  revision: Revision<T> | undefined,
): readonly RuleBehind[] {
  if (revision === undefined) return [];
  const { version, effectiveFrom } = revision;
  return [{ entityType, entityId, version, effectiveFrom }];
}
