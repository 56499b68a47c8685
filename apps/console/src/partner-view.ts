/** What the key of a partner shows: the partner itself, its campaigns and the offers they promote, as in force now. */
import type { Configuration, ConfiguredEntityType, Offer, Revision } from '@tributary/configuration';
import type { EntityView } from './entity-view.ts';

/**
 * Undefined for what belongs to somebody else, exactly as for what does not exist.
 *
 * | of | is shown |
 * |---|---|
 * | partners | the partner of the key |
 * | campaigns | those of the partner |
 * | offers | those that a campaign of the partner promotes, with the payout rules and caps for all and for the partner, without the rules against abuse |
 */
export function partnerView(
  configuration: Configuration,
  entityType: ConfiguredEntityType,
  id: string,
  partnerId: string,
  now: number,
): EntityView | undefined {
  const revision = configuration.revision(entityType, id, now);
  if (revision === undefined) return undefined;
  const document = documentFor(configuration, entityType, revision, partnerId, now);
  if (document === undefined) return undefined;
  const effectiveFrom = new Date(revision.effectiveFrom).toISOString();
  return { entityType, id, version: revision.version, effectiveFrom, document, isScheduled: false };
}

function documentFor(
  configuration: Configuration,
  entityType: ConfiguredEntityType,
  { entity }: Revision<ConfiguredEntityType>,
  partnerId: string,
  now: number,
): object | undefined {
  if (entity === null) return undefined;
  if (entityType === 'partner') return entity.id === partnerId ? entity : undefined;
  if (entityType === 'campaign' && 'landingUrl' in entity)
    return entity.partnerId === partnerId ? entity : undefined;
  if (entityType === 'offer' && 'payouts' in entity) {
    const isPromoted = configuration
      .list('campaign', now)
      .some((campaign) => campaign.offerId === entity.id && campaign.partnerId === partnerId);
    return isPromoted ? offerFor(entity, partnerId) : undefined;
  }
  return undefined;
}

/** What other partners are paid is between them and the advertiser; who knows a rule against abuse stays just below it. */
function offerFor({ abuse: _unseen, caps, ...offer }: Offer, partnerId: string): object {
  const isShown = (rule: { readonly partnerId?: string | undefined }) =>
    (rule.partnerId ?? partnerId) === partnerId;
  return {
    ...offer,
    payouts: offer.payouts.filter(isShown),
    ...(caps !== undefined && { caps: caps.filter(isShown) }),
  };
}
