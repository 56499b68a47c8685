/** A recorded click as the rules read it, and as a decision remembers it. */
import type { ClickRecorded } from '@tributary/contracts';
import type { attribution } from '@tributary/domain';

export function candidateClickOf(click: ClickRecorded): attribution.CandidateClick {
  return {
    clickId: click.clickId,
    kind: click.kind,
    advertiserId: click.advertiserId,
    offerId: click.offerId,
    campaignId: click.campaignId,
    partnerId: click.partnerId,
    partnerClickId: click.partnerClickId,
    clickedAt: click.clickedAt,
    receivedAt: click.receivedAt,
    customerId: click.customerId,
    subjectHashes: click.subjectHashes,
    subIds: click.subIds,
    adPlatformIds: click.adPlatformIds,
    landingUrl: click.landingUrl,
    userAgent: click.userAgent,
    country: click.country,
    ipCiphertext: click.ipCiphertext,
    automation: click.automation,
    isTest: click.isTest,
  };
}
