/** A made-up conversion with everything a destination may ask for: the example of a page, and the ground of the tests. */
import { hashSubject, type OutwardConversion, outwardKey } from '@tributary/domain';
import type { OutwardDelivery } from './definition.ts';

/** The moment of every example: 2026-01-02T03:04:05.678Z. */
export const SAMPLE_NOW = 1_767_323_045_678;

const HOUR_MS = 3_600_000;

/** A complete, attributed sale of one hour ago; `changes` replace its fields. */
export function sampleConversion(changes: Partial<OutwardConversion> = {}): OutwardConversion {
  return {
    conversionId: '0b7c9a51-2f4e-8d63-9c1a-7e5d3b2f1a90',
    revision: 1,
    advertiserId: 'adv-1',
    offerId: 'offer-1',
    campaignId: 'camp-1',
    partnerId: 'partner-1',
    sourceId: 'source-1',
    eventType: 'sale',
    match: 'attributed',
    state: 'payable',
    transactionId: 'order-42',
    customerId: 'customer-7',
    occurredAt: SAMPLE_NOW - HOUR_MS,
    receivedAt: SAMPLE_NOW - HOUR_MS + 250,
    revenue: { micros: 12_340_000n, currency: 'USD' },
    payout: { micros: 2_500_000n, currency: 'USD' },
    click: {
      clickId: '019b7c9a-512f-7e4d-a63c-1a7e5d3b2f1a',
      clickedAt: SAMPLE_NOW - 2 * HOUR_MS,
      campaignId: 'camp-1',
      partnerId: 'partner-1',
      partnerClickId: 'p-click-9',
      subIds: { sub1: 'newsletter', sub2: 'banner-3' },
      adPlatformIds: [{ name: 'fbclid', value: 'IwAR0AbC-dEf_123', firstSeenAt: SAMPLE_NOW - 2 * HOUR_MS }],
      landingUrl: 'https://shop.example/landing',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
      country: 'US',
    },
    subjectHashes: hashSubject({
      email: 'Jane.Doe+news@gmail.com',
      phone: '+1 650 555 0100',
      customerId: 'customer-7',
      firstName: 'Jane',
      lastName: "O'Doe",
      city: 'New York',
      state: 'NY',
      postalCode: '10001-1234',
      country: 'US',
    }),
    ipAddress: '203.0.113.77',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Example/1.0',
    country: 'US',
    consent: { adUserData: 'granted', adPersonalization: 'granted' },
    extras: { plan: 'gold', fbp: 'fb.1.1767315845678.987654321' },
    isTest: false,
    ...changes,
  };
}

/** The sample conversion as a delivery of one outward event. */
export function sampleDelivery(event: string, changes: Partial<OutwardConversion> = {}): OutwardDelivery {
  const conversion = sampleConversion(changes);
  return { deliveryId: outwardKey(conversion.conversionId, 'destination-1', event), event, conversion };
}
