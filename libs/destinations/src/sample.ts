/** A made-up conversion with everything a destination may ask for: the example of a page, and the ground of the tests. */
import { correctionKey, hashSubject, type OutwardConversion, outwardKey } from '@tributary/domain';
import type { CorrectionKind } from './correction.ts';
import type { OutwardDelivery } from './definition.ts';

/** The moment of every example: 2026-01-02T03:04:05.678Z. */
export const SAMPLE_NOW = 1_767_323_045_678;

const HOUR_MS = 3_600_000;
const DESTINATION = 'destination-1';
const CLICKED_AT = SAMPLE_NOW - 2 * HOUR_MS;

/** A click has one platform's id as a rule; with all of them each definition must pick its own. */
const CLICK_IDS = {
  fbclid: 'IwAR0AbC-dEf_123',
  gclid: 'Cj0KCQiA-example_BwE',
  ttclid: 'E.C.P.example-ttclid',
  ScCid: 'example-ScCid-0001',
  epik: 'dj0yJnU9example',
  li_fat_id: '3f1c9f0e-1111-4222-8333-944455566677',
  rdt_cid: '5012345678901234567',
  msclkid: '0123456789abcdef0123456789abcdef',
  twclid: '2-example_twclid',
} as const;

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
    originalConversionId: null,
    originalTransactionId: null,
    customerId: 'customer-7',
    isFirstOfCustomer: true,
    occurredAt: SAMPLE_NOW - HOUR_MS,
    receivedAt: SAMPLE_NOW - HOUR_MS + 250,
    decidedAt: SAMPLE_NOW - HOUR_MS + 750,
    revenue: { micros: 12_340_000n, currency: 'USD' },
    payout: { micros: 2_500_000n, currency: 'USD' },
    tax: { micros: 1_970_000n, currency: 'USD' },
    shipping: { micros: 990_000n, currency: 'USD' },
    predictedLtv: { micros: 99_500_000n, currency: 'USD' },
    productId: 'sku-9',
    planId: 'plan-gold',
    couponCode: 'SPRING',
    quantity: 2,
    subIds: { sub1: 'from-postback' },
    click: {
      clickId: '019b7c9a-512f-7e4d-a63c-1a7e5d3b2f1a',
      clickedAt: CLICKED_AT,
      campaignId: 'camp-1',
      partnerId: 'partner-1',
      partnerClickId: 'p-click-9',
      subIds: { sub1: 'newsletter', sub2: 'banner-3' },
      adPlatformIds: Object.entries(CLICK_IDS).map(([name, value]) => ({
        name,
        value,
        firstSeenAt: CLICKED_AT,
      })),
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
    extras: {
      plan: 'gold',
      fbp: 'fb.1.1767315845678.987654321',
      ttp: '2NdaExample.tt.1',
      ga_client_id: 'GA1.1.123456789.1767315845',
      scid: '7c1b0f2e-2222-4333-8444-a55566677788',
      rdt_uuid: '1767315845678.3d9c1f2e-4444-4555-8666-a77788899900',
    },
    isTest: false,
    ...changes,
  };
}

/** The sample conversion as a delivery of one outward event. */
export function sampleDelivery(event: string, changes: Partial<OutwardConversion> = {}): OutwardDelivery {
  const conversion = sampleConversion(changes);
  const deliveryId = outwardKey(conversion.conversionId, DESTINATION, event);
  return { deliveryId, event, conversion, correction: null };
}

/** What the sample conversion is worth after its restatement, where it was worth 12.34 and 2.50. */
const RESTATED = {
  revenue: { micros: 4_970_000n, currency: 'USD' },
  payout: { micros: 1_030_000n, currency: 'USD' },
} as const;
const NOTHING = {
  revenue: { micros: 0n, currency: 'USD' },
  payout: { micros: 0n, currency: 'USD' },
} as const;

/**
 * A correction of the sample conversion, decided ten minutes ago by its next revision.
 * `deliveredEvent`: what the receiver knows it as; `sentAs`: the outward event of the correction where it has one of its own.
 */
export function sampleCorrection(
  kind: CorrectionKind,
  deliveredEvent: string,
  sentAs: string | null = null,
  changes: Partial<OutwardConversion> = {},
): OutwardDelivery {
  const original = sampleDelivery(deliveredEvent, changes);
  const { conversion } = original;
  const revision = conversion.revision + 1;
  return {
    deliveryId: correctionKey(conversion.conversionId, DESTINATION, deliveredEvent, revision),
    event: sentAs ?? deliveredEvent,
    conversion,
    correction: {
      kind,
      deliveredAs: { deliveryId: original.deliveryId, event: deliveredEvent },
      held: { revenue: conversion.revenue, payout: conversion.payout },
      now: kind === 'retract' ? NOTHING : RESTATED,
      state: kind === 'retract' ? 'reversed' : conversion.state,
      correctedAt: SAMPLE_NOW - 10 * 60_000,
      revision,
    },
  };
}
