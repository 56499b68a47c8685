/** The click.recorded event of one request: what is kept of it, and what only encrypted. */
import type { Campaign, Offer } from '@tributary/configuration';
import type { ClickRecorded } from '@tributary/contracts';
import {
  type Automation,
  type ClickParameters,
  type ClickWarning,
  isPersonalName,
  isPersonalParameter,
  isUuid,
  MAX_CLICK_TEXT,
  personalKindIn,
  readClickParameters,
} from '@tributary/domain';
import type { Encryption } from '@tributary/runtime';

/** Why a click did not go to a landing page; closed list, kept as the extra `fallback`. */
export const FALLBACK_REASONS = ['campaign_unknown', 'campaign_paused'] as const;
export type FallbackReason = (typeof FALLBACK_REASONS)[number];

/** What the edge knows of a request beside its parameters. */
export interface RequestContext {
  readonly configurationVersion: number;
  readonly receivedAt: number;
  readonly encryption: Encryption;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly referrer: string | null;
  /** ISO 3166-1 alpha-2. */
  readonly country: string | null;
  readonly automation: Automation | null;
}

export interface ClickContext extends RequestContext {
  readonly campaign: Campaign;
  readonly offer: Offer;
}

export interface ClickFacts {
  readonly clickId: string;
  readonly kind: ClickRecorded['kind'];
  readonly clickedAt: number;
  readonly landingUrl: string | null;
  readonly parameters: ReadonlyMap<string, string>;
  /** Set when the click did not go to the landing page. */
  readonly fallback?: FallbackReason | undefined;
}

export interface StrayClickFacts {
  readonly clickId: string;
  /** As the URL named it. */
  readonly campaignId: string;
  readonly landingUrl: string;
}

export interface ReadClick {
  readonly record: ClickRecorded;
  readonly warnings: readonly ClickWarning[];
}

/** One object for all, since what follows from a profile is kept by it. */
const NO_PROFILE = { aliases: {} };
/** How much of a page's address is looked at. */
const MAX_ADDRESS = 8 * MAX_CLICK_TEXT;

/** A click on a configured campaign. */
export function readClick(context: ClickContext, facts: ClickFacts): ReadClick {
  const { campaign, offer, encryption, ipAddress } = context;
  const said = readClickParameters(facts.parameters, {
    clickedAt: facts.clickedAt,
    costCurrency: campaign.costCurrency ?? null,
  });
  const record: ClickRecorded = {
    clickId: facts.clickId,
    kind: facts.kind,
    advertiserId: offer.advertiserId,
    offerId: offer.id,
    campaignId: campaign.id,
    partnerId: campaign.partnerId ?? null,
    partnerClickId: said.partnerClickId,
    clickedAt: facts.clickedAt,
    subIds: said.subIds,
    utm: said.utm,
    adPlatformIds: said.adPlatformIds,
    ...ofRequest(context),
    landingUrl: keptAddress(facts.landingUrl),
    country: context.country,
    ipHash: ipAddress === null ? null : encryption.hashAddress(ipAddress),
    ipCiphertext: ipAddress === null ? null : encryption.encryptPersonal(ipAddress, context.receivedAt),
    subjectHashes: said.subjectHashes,
    customerId: said.customerId,
    consentAdUserData: said.consent.adUserData,
    consentAdPersonalization: said.consent.adPersonalization,
    costMicros: said.cost?.micros ?? null,
    costCurrency: said.cost?.currency ?? null,
    extras: extrasOf(said, facts.fallback),
    isTest: said.isTest,
  };
  return { record, warnings: said.warnings };
}

/**
 * A click on a campaign that nobody has configured: it belongs to no advertiser, offer or campaign, so those are empty,
 * and nothing of the person is kept, since nobody has a use for it. What is kept tells whose link is broken.
 */
export function strayClickRecordOf(context: RequestContext, facts: StrayClickFacts): ClickRecorded {
  const isKeepable = /^[\w-]{1,64}$/.test(facts.campaignId) && personalKindIn(facts.campaignId) === null;
  return {
    clickId: facts.clickId,
    kind: 'redirect',
    advertiserId: '',
    offerId: '',
    campaignId: '',
    partnerId: null,
    partnerClickId: null,
    clickedAt: context.receivedAt,
    subIds: {},
    utm: {},
    adPlatformIds: [],
    ...ofRequest(context),
    landingUrl: keptAddress(facts.landingUrl),
    country: null,
    ipHash: null,
    ipCiphertext: null,
    subjectHashes: {},
    customerId: null,
    consentAdUserData: 'unknown',
    consentAdPersonalization: 'unknown',
    costMicros: null,
    costCurrency: null,
    extras: { fallback: 'campaign_unknown', ...(isKeepable && { campaign: facts.campaignId }) },
    isTest: false,
  };
}

function ofRequest(context: RequestContext) {
  return {
    receivedAt: context.receivedAt,
    referrer: keptAddress(context.referrer),
    userAgent: context.userAgent?.slice(0, MAX_CLICK_TEXT) ?? null,
    automation: context.automation,
    configurationVersion: context.configurationVersion,
  };
}

function extrasOf(
  { warnings }: ClickParameters,
  fallback: FallbackReason | undefined,
): Record<string, string> {
  return {
    ...(fallback !== undefined && { fallback }),
    ...(warnings.length > 0 && { warnings: warnings.map(warningText).join(' ') }),
  };
}

/** A warning as it is told and kept: `amount_malformed:cost`. */
export function warningText({ code, parameter }: ClickWarning): string {
  return `${code}:${parameter}`;
}

/** The address of a page without the values that name or look like a person: shops put e-mail addresses into links. */
function keptAddress(url: string | null): string | null {
  if (url === null || url === '') return null;
  const pieces = url.slice(0, MAX_ADDRESS).split(/([/?&#;=])/);
  const kept = pieces.map((piece, index) => {
    // A separator, nothing, or the click's own id.
    if (index % 2 === 1 || piece === '' || isUuid(piece)) return piece;
    const name = pieces[index - 1] === '=' ? (pieces[index - 2] ?? '') : '';
    const isOfPerson = name !== '' && (isPersonalParameter(name, NO_PROFILE) || isPersonalName(name));
    return isOfPerson || personalKindIn(piece) !== null ? 'removed' : piece;
  });
  return kept.join('').slice(0, MAX_CLICK_TEXT);
}
