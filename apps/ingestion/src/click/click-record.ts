/** The click.recorded event of one request: what is kept of it, and what only encrypted. */
import type { Campaign, Offer } from '@tributary/configuration';
import type { ClickRecorded } from '@tributary/contracts';
import {
  AD_PLATFORM_PARAMETERS,
  type AdPlatformId,
  hashSubject,
  isPersonalName,
  isPersonalParameter,
  keptIdentifier,
  personalKindIn,
} from '@tributary/domain';
import type { Encryption } from '@tributary/runtime';

/** What the edge knows of a click beside its parameters. */
export interface ClickContext {
  readonly campaign: Campaign;
  readonly offer: Offer;
  readonly configurationVersion: number;
  readonly receivedAt: number;
  readonly encryption: Encryption;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly referrer: string | null;
}

export interface ClickFacts {
  readonly clickId: string;
  readonly kind: ClickRecorded['kind'];
  readonly clickedAt: number;
  readonly landingUrl: string | null;
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_TEXT = 1_024;

export function clickRecordOf(context: ClickContext, facts: ClickFacts): ClickRecorded {
  const { campaign, offer, encryption, ipAddress } = context;
  const { parameters } = facts;
  return {
    clickId: facts.clickId,
    kind: facts.kind,
    advertiserId: offer.advertiserId,
    offerId: offer.id,
    campaignId: campaign.id,
    partnerId: campaign.partnerId ?? null,
    partnerClickId: idOf(parameters.get('partner_click_id')),
    clickedAt: facts.clickedAt,
    receivedAt: context.receivedAt,
    subIds: valuesOf(parameters, /^sub(?:[1-9]|1\d|20)$/),
    utm: valuesOf(parameters, /^utm_\w{1,32}$/),
    adPlatformIds: adPlatformIdsOf(parameters, facts.clickedAt),
    landingUrl: capped(withoutPerson(facts.landingUrl)),
    referrer: capped(withoutPerson(context.referrer)),
    userAgent: capped(context.userAgent),
    country: null,
    ipHash: ipAddress === null ? null : encryption.hashAddress(ipAddress),
    ipCiphertext: ipAddress === null ? null : encryption.encryptPersonal(ipAddress, context.receivedAt),
    subjectHashes: hashSubject({
      email: parameters.get('email'),
      phone: parameters.get('phone'),
      customerId: parameters.get('customer_id'),
    }),
    customerId: idOf(parameters.get('customer_id')),
    consentAdUserData: 'unknown',
    consentAdPersonalization: 'unknown',
    costMicros: null,
    costCurrency: null,
    automation: null,
    extras: {},
    configurationVersion: context.configurationVersion,
    isTest: ['1', 'true'].includes(parameters.get('test') ?? ''),
  };
}

/** The platforms' own ids, first seen with this click; opaque, so neither trimmed nor capped short of the record's bound. */
function adPlatformIdsOf(parameters: ReadonlyMap<string, string>, firstSeenAt: number): AdPlatformId[] {
  return AD_PLATFORM_PARAMETERS.flatMap((name) => {
    const value = parameters.get(name);
    return value === undefined || value === '' || value.length > MAX_TEXT
      ? []
      : [{ name, value, firstSeenAt }];
  });
}

function valuesOf(parameters: ReadonlyMap<string, string>, names: RegExp): Record<string, string> {
  const entries = [...parameters].filter(([name, value]) => names.test(name) && value !== '');
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      personalKindIn(value) === null ? value.slice(0, MAX_TEXT) : '[removed]',
    ]),
  );
}

/** The address of a page without the values that name or look like a person: shops put e-mail addresses into links. */
function withoutPerson(url: string | null): string | null {
  if (url === null) return null;
  const pieces = url.split(/([/?&#;=])/);
  const kept = pieces.map((piece, index) => {
    const name = pieces[index - 1] === '=' ? (pieces[index - 2] ?? '') : '';
    const isOfPerson = isPersonalParameter(name, { aliases: {} }) || isPersonalName(name);
    return isOfPerson || personalKindIn(piece) !== null ? 'removed' : piece;
  });
  return kept.join('');
}

/** An id that is an e-mail address or an account number is kept as its hash, as with postbacks. */
function idOf(text: string | undefined): string | null {
  return capped(text === undefined ? text : keptIdentifier(text.trim()));
}

function capped(text: string | null | undefined): string | null {
  return text === undefined || text === null || text === '' ? null : text.slice(0, MAX_TEXT);
}
