/** A small data set with known answers, published on the topics as the pipeline would: what the analyst's queries are checked with. */
import { randomUUID } from 'node:crypto';
import { type EventProducer, type OutgoingRecord, outgoing } from '@tributary/bus';
import type { ConversionDecided, DeliveryAttempted, PostbackJudged } from '@tributary/contracts';
import { aClick, aDecision, aPostback, aRefusal } from '@tributary/testing';
import { publish } from './publish.ts';

/** The advertiser of the queries in the documentation; no other test of the suite writes rows of it. */
export const ADVERTISER = 'demo-shop';
/** Two of these do not fit into 64 bits. */
export const HUGE_MICROS = 9_000_000_000_000_000_001n;

const NOW = Date.now() - 3_600_000;
const MINUTE = 60_000;

interface Sale {
  readonly partnerId: string;
  readonly transactionId: string;
  readonly revenueMicros: bigint;
  readonly payoutMicros: bigint;
  readonly eventType?: string;
  readonly currency?: string;
  readonly state?: ConversionDecided['state'];
  readonly secondsAfterClick: number;
  readonly decidedAfterMs: number;
  readonly isTest?: boolean;
}

/**
 * | partner | clicks | at a cost of | earned                                    |
 * |---------|--------|--------------|-------------------------------------------|
 * | p-one   | 10     | 0.10 EUR     | 100 + 50 - 30 refunded; payout 30 + 15 - 9 |
 * | p-two   | 4      | nothing      | one rejected, so nothing                   |
 * | p-huge  | 2      | nothing      | twice a value near the bound, in IDR       |
 */
const SALES: readonly Sale[] = [
  { ...sale('p-one', 'order-1001', 100_000_000n, 30_000_000n), secondsAfterClick: 60, decidedAfterMs: 10 },
  { ...sale('p-one', 'order-1002', 50_000_000n, 15_000_000n), secondsAfterClick: 120, decidedAfterMs: 20 },
  {
    ...sale('p-one', 'refund-1', -30_000_000n, -9_000_000n),
    eventType: 'refund',
    secondsAfterClick: 600,
    decidedAfterMs: 30,
  },
  {
    ...sale('p-one', 'test-1', 777_000_000n, 77_000_000n),
    isTest: true,
    secondsAfterClick: 1,
    decidedAfterMs: 900,
  },
  {
    ...sale('p-two', 'order-2001', 70_000_000n, 21_000_000n),
    state: 'rejected',
    secondsAfterClick: 180,
    decidedAfterMs: 40,
  },
  {
    ...sale('p-huge', 'order-3001', HUGE_MICROS, 1_000_000n),
    currency: 'IDR',
    secondsAfterClick: 240,
    decidedAfterMs: 50,
  },
  {
    ...sale('p-huge', 'order-3002', HUGE_MICROS, 1_000_000n),
    currency: 'IDR',
    secondsAfterClick: 300,
    decidedAfterMs: 60,
  },
];
const CLICKS: Readonly<Record<string, { count: number; costMicros: bigint | null }>> = {
  'p-one': { count: 10, costMicros: 100_000n },
  'p-two': { count: 4, costMicros: null },
  'p-huge': { count: 2, costMicros: null },
};

function sale(partnerId: string, transactionId: string, revenueMicros: bigint, payoutMicros: bigint) {
  return { partnerId, transactionId, revenueMicros, payoutMicros };
}

/** Publishes the whole set; the promise resolves when Kafka has it. */
export async function publishAnalystData(producer: EventProducer): Promise<void> {
  const clickIds = new Map(Object.keys(CLICKS).map((partnerId) => [partnerId, randomUUID()]));
  await publish(producer, clickRecords(clickIds));
  for (const each of SALES) await publish(producer, saleRecords(each, clickIds.get(each.partnerId) ?? ''));
  await publish(producer, [unattributedRecord(), parkedRecord(), ...refusalRecords()]);
}

function clickRecords(clickIds: ReadonlyMap<string, string>): OutgoingRecord[] {
  return Object.entries(CLICKS).flatMap(([partnerId, { count, costMicros }]) =>
    Array.from({ length: count }, (_, index) => {
      const clickId = (index === 0 && clickIds.get(partnerId)) || randomUUID();
      const click = aClick({
        clickId,
        partnerId,
        advertiserId: ADVERTISER,
        campaignId: 'summer',
        clickedAt: NOW,
        receivedAt: NOW,
        costMicros,
        costCurrency: costMicros === null ? null : 'EUR',
      });
      return outgoing('click.recorded.v1', clickId, click);
    }),
  );
}

/** Postback, decision and verdict, a duplicate of the first order, and a delivery that needs two attempts for it. */
function saleRecords(each: Sale, clickId: string): OutgoingRecord[] {
  const { secondsAfterClick, decidedAfterMs, eventType = 'sale', currency = 'EUR', ...facts } = each;
  const occurredAt = NOW + secondsAfterClick * 1_000;
  const receiptId = randomUUID();
  const identity = { advertiserId: ADVERTISER, lane: ADVERTISER, receiptId, eventType, occurredAt };
  const decision = aDecision({
    ...facts,
    ...identity,
    conversionId: randomUUID(),
    receivedAt: occurredAt,
    decidedAt: occurredAt + decidedAfterMs,
    currency,
    payoutCurrency: currency,
    clickId,
    clickedAt: NOW,
    campaignId: 'summer',
    candidates: [{ clickId, campaignId: 'summer', clickedAt: NOW, outcome: 'won', reasonCode: null }],
    reasonCodes: each.state === 'rejected' ? ['blocked_sub_id'] : [],
  });
  const postback = aPostback({ ...identity, receivedAt: occurredAt, transactionId: each.transactionId });
  const isFirst = each.transactionId === 'order-1001';
  return [
    outgoing('postback.received.v1', postback.lane, postback),
    outgoing('conversion.decided.v1', decision.conversionId, decision),
    outgoing('postback.judged.v1', receiptId, verdictOn(decision, 'counted', null)),
    ...(isFirst ? [...duplicateRecords(decision), ...deliveryRecords(decision)] : []),
  ];
}

function verdictOn(
  decision: ConversionDecided,
  verdict: PostbackJudged['verdict'],
  reasonCode: string | null,
): PostbackJudged {
  const { receiptId, sourceId, lane, advertiserId, conversionId, receivedAt, isTest } = decision;
  return {
    receiptId,
    sourceId,
    lane,
    advertiserId,
    verdict,
    reasonCode,
    conversionId,
    revision: 1,
    receivedAt,
    judgedAt: decision.decidedAt,
    triggerPartition: 0,
    triggerOffset: 0,
    configurationVersion: 0,
    isTest,
  } as PostbackJudged;
}

function duplicateRecords(decision: ConversionDecided): OutgoingRecord[] {
  const receiptId = randomUUID();
  const again = { ...decision, receiptId, decidedAt: decision.decidedAt + MINUTE };
  const postback = aPostback({
    receiptId,
    advertiserId: ADVERTISER,
    lane: ADVERTISER,
    transactionId: decision.transactionId,
    receivedAt: again.decidedAt - 5,
    occurredAt: decision.occurredAt,
  });
  return [
    outgoing('postback.received.v1', postback.lane, postback),
    outgoing('postback.judged.v1', receiptId, verdictOn(again, 'duplicate_of', 'same_transaction')),
  ];
}

function deliveryRecords({ conversionId, decidedAt }: ConversionDecided): OutgoingRecord[] {
  const deliveryId = randomUUID();
  const attempt = (number: number, outcome: 'retry' | 'delivered'): OutgoingRecord[] => {
    const requestId = randomUUID();
    const startedAt = decidedAt + number * 1_000;
    return (['intended', 'ended'] as const).map((phase) => {
      const isEnd = phase === 'ended';
      const delivery = {
        deliveryId,
        conversionId,
        revision: 1,
        outwardEvent: 'sale',
        attempt: number,
        contentDigest: '00',
        outcome: isEnd ? outcome : null,
        reasonCode: isEnd && outcome === 'retry' ? 'http_503' : null,
        nextAttemptAt: null,
      };
      const event: DeliveryAttempted = {
        requestId,
        phase,
        destinationId: 'partner',
        definition: 'partner-postback',
        definitionVersion: 'v1',
        advertiserId: ADVERTISER,
        deliveries: [delivery],
        holdings: [],
        method: 'GET',
        url: 'https://partner.example/',
        requestHeaders: {},
        requestBody: null,
        responseHeaders: {},
        responseBody: null,
        errorCode: null,
        responseStatus: isEnd ? (outcome === 'delivered' ? 200 : 503) : null,
        startedAt,
        endedAt: isEnd ? startedAt + 50 : null,
        durationMs: isEnd ? 50 : null,
        configurationVersion: 0,
        isTest: false,
      } as DeliveryAttempted;
      return outgoing('delivery.attempted.v1', conversionId, event);
    });
  };
  return [...attempt(1, 'retry'), ...attempt(2, 'delivered')];
}

const NO_CLICK = {
  clickId: null,
  clickedAt: null,
  campaignId: null,
  partnerId: null,
  credits: [],
  candidates: [],
  payoutMicros: null,
  payoutCurrency: null,
  payoutRule: null,
};

function unattributedRecord(): OutgoingRecord {
  const decision = aDecision({
    ...NO_CLICK,
    conversionId: randomUUID(),
    advertiserId: ADVERTISER,
    match: 'unattributed',
    state: 'payable',
    occurredAt: NOW,
    receivedAt: NOW,
    decidedAt: NOW + 70,
    transactionId: 'order-4001',
  });
  return outgoing('conversion.decided.v1', decision.conversionId, decision);
}

function parkedRecord(): OutgoingRecord {
  const decision = aDecision({
    ...NO_CLICK,
    conversionId: randomUUID(),
    advertiserId: ADVERTISER,
    match: 'parked',
    eventType: 'lead',
    state: 'pending',
    occurredAt: NOW,
    receivedAt: NOW,
    decidedAt: NOW + 80,
    transactionId: 'waits',
    revenueMicros: null,
    currency: null,
    parkedUntil: NOW + 86_400_000,
    triggerPartition: 3,
  });
  return outgoing('conversion.decided.v1', decision.conversionId, decision);
}

function refusalRecords(): OutgoingRecord[] {
  return ['amount_malformed', 'token_invalid', 'token_invalid'].map((reasonCode) => {
    const refusal = aRefusal({
      refusalId: randomUUID(),
      advertiserId: ADVERTISER,
      receivedAt: NOW,
      reasonCode,
      field: reasonCode === 'token_invalid' ? 'token' : 'revenue',
    });
    return outgoing('postback.refused.v1', refusal.sourceId, refusal);
  });
}
