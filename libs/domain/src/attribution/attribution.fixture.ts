/** Reports, clicks and terms for tests of the decision core: one of each, to be changed by what a test is about. */
import { deterministicUuid } from '../deterministic-id.ts';
import { STANDARD_IDENTITY_RULES } from '../identity.ts';
import type { CandidateClick, Conversion } from './conversion.ts';
import { NO_EXCHANGE_RATES } from './exchange.ts';
import { InMemoryLedger } from './in-memory-ledger.ts';
import type { AdvertiserRules, ConfiguredRules, Judgement } from './known-facts.ts';
import type { Moment } from './moment.ts';
import { type Command, type Input, identityOf, type Result, reduce } from './reducer.ts';
import type { Report } from './report.ts';
import type { OfferTerms } from './terms.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** 2026-01-05, a Monday: no period begins near it by chance. */
export const NOON = Date.UTC(2026, 0, 5, 12);
export const PARKED_FOR_MS = DAY_MS;

export const CLICK: CandidateClick = {
  clickId: clickIdOf(1),
  kind: 'redirect',
  advertiserId: 'acme',
  offerId: 'shoes',
  campaignId: 'spring',
  partnerId: 'p-1',
  partnerClickId: null,
  clickedAt: NOON - HOUR_MS,
  receivedAt: NOON - HOUR_MS,
  customerId: null,
  subjectHashes: {},
  subIds: {},
  adPlatformIds: [],
  landingUrl: null,
  userAgent: null,
  country: null,
  ipCiphertext: null,
  automation: null,
  isTest: false,
};

const REPORT: Report = {
  receiptId: 'r-1',
  sourceId: 'backend',
  lane: 'acme',
  advertiserId: 'acme',
  position: { partition: 0, offset: 0 },
  receivedAt: NOON + 500,
  occurredAt: NOON,
  occurredAtIsAssumed: false,
  eventType: 'sale',
  status: 'approved',
  clickId: null,
  transactionId: 'order-1',
  originalTransactionId: null,
  reversalId: null,
  customerId: null,
  revenueMicros: 100_000_000n,
  currency: 'EUR',
  taxMicros: null,
  shippingMicros: null,
  predictedLtvMicros: null,
  productId: null,
  planId: null,
  couponCode: null,
  quantity: null,
  ipCiphertext: null,
  userAgent: null,
  country: null,
  subIds: {},
  extras: {},
  subjectHashes: {},
  consentAdUserData: 'unknown',
  consentAdPersonalization: 'unknown',
  isTest: false,
};

export const TERMS: OfferTerms = {
  offerId: 'shoes',
  window: { minMs: 0, maxMs: 30 * DAY_MS },
  viewThroughWindow: null,
  model: 'last_click',
  halfLifeMs: 7 * DAY_MS,
  matchesHashedIdentity: false,
  condition: null,
  abuse: { impossibleBelowMs: null, bots: null, velocity: null, countryMismatch: null, blockedSubIds: null },
  payouts: [{ eventType: 'sale', partnerId: null, kind: 'percent', percentMicros: 10_000_000n }],
  caps: [],
};

export function clickIdOf(number: number): string {
  return `019b7c0a-1c88-7000-8000-${String(number).padStart(12, '0')}`;
}

export function aClick(changes: Partial<CandidateClick> = {}): CandidateClick {
  return { ...CLICK, ...changes };
}

export function aReport(changes: Partial<Report> = {}): Report {
  return { ...REPORT, ...changes };
}

/** A refund of `order-1` by the id of the order, with an id of its own. */
export function aRefund(number: number, micros: bigint | null, changes: Partial<Report> = {}): Report {
  return aReport({
    receiptId: `refund-${number}`,
    eventType: 'refund',
    reversalId: `refund-${number}`,
    revenueMicros: micros,
    currency: micros === null ? null : 'EUR',
    occurredAt: NOON + number * HOUR_MS,
    receivedAt: NOON + number * HOUR_MS,
    ...changes,
  });
}

/** Rules that never change: the terms of each offer, for every event type or for one. */
export function rulesOf(
  terms: (offerId: string, eventType: string) => OfferTerms | null,
  advertiser: Partial<AdvertiserRules> = {},
): ConfiguredRules {
  return {
    advertiser: () => ({
      identity: STANDARD_IDENTITY_RULES,
      repeatModes: {},
      parkedForMs: PARKED_FOR_MS,
      linksPersons: true,
      relatesByClick: true,
      ...advertiser,
    }),
    terms,
    rates: () => NO_EXCHANGE_RATES,
  };
}

/** A lane that is fed one input after the other, at places in the log that follow each other. */
export class Lane {
  readonly ledger: InMemoryLedger;
  readonly judgements: Judgement[] = [];
  readonly revisions: Conversion[] = [];
  now = NOON + MINUTE_MS;
  watermarkReached = true;
  #offset = 0;

  constructor(
    terms: Partial<OfferTerms> | ((offerId: string, eventType: string) => OfferTerms | null) = {},
    advertiser: Partial<AdvertiserRules> = {},
  ) {
    const termsOf =
      typeof terms === 'function' ? terms : (offerId: string) => ({ ...TERMS, ...terms, offerId });
    this.ledger = new InMemoryLedger(rulesOf(termsOf, advertiser));
  }

  moment(): Moment {
    return {
      now: this.now,
      watermarkReached: this.watermarkReached,
      laneReadUntil: this.now,
      position: { partition: 0, offset: this.#offset },
      configurationVersion: 1,
    };
  }

  give(input: Input): Result {
    const result = reduce(this.ledger, input);
    this.ledger.apply(result);
    if (result.judgement !== null) this.judgements.push(result.judgement);
    this.revisions.push(...result.revisions);
    return result;
  }

  report(report: Report): Judgement {
    this.#offset += 1;
    const placed = { ...report, position: { partition: 0, offset: this.#offset } };
    const { judgement } = this.give({ kind: 'postback', report: placed, at: this.moment() });
    if (judgement === null) throw new Error('a postback without a verdict');
    return judgement;
  }

  /** A click that becomes visible, and is looked at. */
  click(click: CandidateClick): Result {
    this.ledger.showClick(click);
    return this.give({ kind: 'click', clickId: click.clickId, lane: 'acme', at: this.moment() });
  }

  command(command: Partial<Command> & Pick<Command, 'command' | 'conversionId'>): Result {
    return this.give({
      kind: 'command',
      command: {
        advertiserId: 'acme',
        expectedRevision: null,
        clickId: null,
        model: null,
        terms: null,
        reasonCode: 'by_hand',
        isTest: false,
        ...command,
      },
      at: this.moment(),
    });
  }

  /** The clock passes to an instant, and every deadline that has passed is looked at. */
  passTo(now: number): void {
    this.now = now;
    for (const { conversionId } of this.ledger.due(now))
      this.give({ kind: 'instant', conversionId, at: this.moment() });
  }

  /** The conversion a report speaks of, as it stands. */
  of(report: Report): Conversion {
    const conversion = this.ledger.conversion(identityOf(this.ledger, report).conversionId);
    if (conversion === undefined) throw new Error('no such conversion');
    return conversion;
  }
}

export function hashOf(text: string): string {
  return deterministicUuid('hash', text);
}
