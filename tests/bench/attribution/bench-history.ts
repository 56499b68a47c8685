/** What the attribution benchmark finds stored, and what it sends, by number: click, past conversion and customer n are the same in SQL and here. */
import { createHash } from 'node:crypto';
import type { ClickRecorded, PostbackReceived } from '@tributary/contracts';
import { deterministicUuid } from '@tributary/domain';

export const ADVERTISERS = 20;
export const DAY_MS = 86_400_000;
/** Clicks lie evenly over so long before the benchmark. */
export const HISTORY_DAYS = 29;
export const REVENUE_MICROS = 49_900_000n;

/** Stored clicks and past conversions: how many of each, and when the first click was. */
export interface History {
  readonly stored: number;
  readonly firstClickAt: number;
}

export function historyOf(stored: number, now: number): History {
  return { stored, firstClickAt: now - HISTORY_DAYS * DAY_MS };
}

export function advertiserOf(n: number): string {
  return String(n % ADVERTISERS).padStart(2, '0');
}

/** Time-ordered as a UUIDv7, with the rest from MD5 so that SQL can make it too. */
export function clickIdOf(n: number, { firstClickAt, stored }: History): string {
  const time = clickedAtOf(n, { firstClickAt, stored }).toString(16).padStart(12, '0');
  return clickIdFrom(time, `click-${n}`);
}

export function clickedAtOf(n: number, { firstClickAt, stored }: History): number {
  return firstClickAt + Math.floor((n * HISTORY_DAYS * DAY_MS) / stored);
}

/** A click that nothing has stored yet. */
export function freshClickIdOf(name: string, at: number): string {
  return clickIdFrom(at.toString(16).padStart(12, '0'), name);
}

function clickIdFrom(time: string, name: string): string {
  const random = createHash('md5').update(name).digest('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
}

export function pastTransactionOf(n: number): string {
  return `p-${String(n).padStart(9, '0')}`;
}

export function customerOf(n: number): string {
  return `c-${String(n).padStart(9, '0')}`;
}

export function pastConversionOf(n: number): string {
  const lane = `bench-${advertiserOf(n)}`;
  return deterministicUuid('conversion', lane, lane, 'purchase', 'transaction', pastTransactionOf(n));
}

/** @param changes what differs from a plain sale of the advertiser with that number. */
export function postbackOf(
  advertiser: string,
  receiptId: string,
  at: number,
  changes: Partial<PostbackReceived>,
): PostbackReceived {
  return {
    receiptId,
    sourceId: `source-${advertiser}`,
    lane: `bench-${advertiser}`,
    advertiserId: `bench-${advertiser}`,
    receivedAt: at,
    occurredAt: at,
    occurredAtIsAssumed: false,
    eventType: 'sale',
    eventTypeSent: 'sale',
    status: 'approved',
    statusSent: 'approved',
    clickId: null,
    transactionId: null,
    originalTransactionId: null,
    reversalId: null,
    customerId: null,
    revenueMicros: REVENUE_MICROS,
    currency: 'EUR',
    taxMicros: null,
    shippingMicros: null,
    predictedLtvMicros: null,
    productId: 'plan-annual',
    planId: null,
    couponCode: null,
    quantity: 1,
    subIds: { sub1: 'newsletter', sub2: 'placement-7' },
    extras: {},
    subjectHashes: {},
    ipCiphertext: null,
    userAgent: null,
    country: 'DE',
    consentAdUserData: 'granted',
    consentAdPersonalization: 'granted',
    authenticatedBy: ['token'],
    nonceHash: null,
    idempotencyKeyHash: null,
    contentDigest: createHash('md5').update(receiptId).digest('hex'),
    rawCall: `GET /postback/source-${advertiser}?goal=sale&sale_amount=49.90&cur=EUR&sub1=newsletter`,
    warnings: [],
    configurationVersion: 0,
    isTest: false,
    ...changes,
  };
}

export function clickOf(
  clickId: string,
  advertiser: string,
  at: number,
  customerId: string | null = null,
): ClickRecorded {
  return {
    clickId,
    kind: 'redirect',
    advertiserId: `bench-${advertiser}`,
    offerId: `offer-${advertiser}`,
    campaignId: `campaign-${advertiser}`,
    partnerId: 'partner-1',
    partnerClickId: `network-${clickId.slice(-12)}`,
    clickedAt: at,
    receivedAt: at,
    subIds: { sub1: 'newsletter', sub2: 'placement-7' },
    utm: { source: 'bench', medium: 'cpc' },
    adPlatformIds: [{ name: 'fbclid', value: `IwAR-${clickId.slice(-12)}`, firstSeenAt: at }],
    landingUrl: `https://shop.example/landing?cid=${clickId}&s=newsletter`,
    referrer: 'https://news.example/today',
    userAgent:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0 Safari/537.36',
    country: 'DE',
    ipHash: null,
    ipCiphertext: Buffer.from(clickId.slice(-12), 'hex'),
    subjectHashes: {},
    customerId,
    consentAdUserData: 'granted',
    consentAdPersonalization: 'granted',
    costMicros: null,
    costCurrency: null,
    automation: null,
    extras: {},
    configurationVersion: 0,
    isTest: false,
  };
}
