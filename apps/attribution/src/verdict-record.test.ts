/** Verdicts as events: what the rules judged, of which receipt, where and by which configuration. */
import { decodeEvent, encodeEvent } from '@tributary/contracts';
import type { attribution } from '@tributary/domain';
import { aPostback } from '@tributary/testing';
import { expect, it } from 'vitest';
import { type JudgedAt, verdictRecordOf } from './verdict-record.ts';

const POSTBACK = aPostback({ isTest: true });
const AT: JudgedAt = { partition: 3, offset: 42, now: 1_000, configurationVersion: 7 };
const CONVERSION_ID = 'c0ffee00-0000-8000-8000-000000000001';

type Said = Omit<attribution.Judgement, 'receiptId'>;
const verdicts: readonly Said[] = [
  { verdict: 'counted', reasonCode: null, conversionId: CONVERSION_ID, revision: 1 },
  { verdict: 'duplicate_of', reasonCode: null, conversionId: CONVERSION_ID, revision: 3 },
  { verdict: 'conflict', reasonCode: 'values_differ', conversionId: CONVERSION_ID, revision: 2 },
  { verdict: 'parked', reasonCode: 'click_not_found', conversionId: CONVERSION_ID, revision: 1 },
  { verdict: 'rejected', reasonCode: 'click_of_other_advertiser', conversionId: null, revision: null },
];

it.each(verdicts)('$verdict is on record with its receipt and its place', (said) => {
  const record = verdictRecordOf({ receiptId: POSTBACK.receiptId, ...said }, POSTBACK, AT);
  const wire = encodeEvent('postback.judged.v1', record);
  expect(decodeEvent('postback.judged.v1', wire)).toEqual({
    ok: true,
    value: {
      ...said,
      receiptId: POSTBACK.receiptId,
      sourceId: 'acme-backend',
      lane: 'acme',
      advertiserId: 'acme',
      receivedAt: POSTBACK.receivedAt,
      judgedAt: 1_000,
      triggerPartition: 3,
      triggerOffset: 42,
      configurationVersion: 7,
      isTest: true,
    },
  });
});
