/** The explanation over HTTP: whole, in words and exact money, by the rules of then, and to each role what it may see. */
import { aChange, Configuration, termsOf } from '@tributary/configuration';
import { attribution } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleInMemory } from '../console-in-memory.fixture.ts';
import { REFUND_EVIDENCE, REFUND_ID, SALE_EVIDENCE, SALE_ID, SOLD_AT } from './evidence.fixture.ts';

const PAYOUT = { eventType: 'sale', kind: 'percent', percent: '30', netOf: ['tax'] };
const euros = (decimal: string, micros: string) => ({ micros, decimal, currency: 'EUR' });

let running: ConsoleInMemory;

beforeEach(async () => {
  running = await new ConsoleInMemory().start();
  await running.putAcme();
  await putOffer(PAYOUT);
  running.evidence.conversions.set(SALE_ID, SALE_EVIDENCE).set(REFUND_ID, REFUND_EVIDENCE);
});

afterEach(() => running.stop());

function putOffer(payout: object) {
  return running.putWell('offers/acme-offer', {
    document: { advertiserId: 'acme', name: 'Shoes', payouts: [payout] },
  });
}

async function explained(conversionId: string, key?: string) {
  const { status, body } = await running.get(`conversions/${conversionId}/explain`, key);
  expect(status).toBe(200);
  return body as {
    [part in 'standing' | 'rules' | 'original' | 'click']: object;
  } & { [part in 'revisions' | 'postbacks' | 'candidates' | 'reversals']: object[] } & {
    money: { steps: object[]; agreement: string };
    deliveries: { attempts: object[] }[];
  };
}

describe('a sale that waited for its click, came twice and was refunded in part', () => {
  it('stands with its latest revision, after all before it', async () => {
    const { standing, revisions } = await explained(SALE_ID);
    expect(standing).toMatchObject({
      revision: 3,
      match: 'attributed',
      state: 'payable',
      transactionId: 'order-1',
      occurredAt: '2030-01-02T04:00:00.000Z',
      revenue: euros('119', '119000000'),
      payout: euros('30', '30000000'),
      reversedPayout: euros('3', '3000000'),
    });
    expect(revisions).toMatchObject([
      {
        revision: 1,
        match: 'parked',
        trigger: { kind: 'postback', partition: 0, offset: 1 },
        configurationVersion: 1,
        reasons: [{ code: 'click_not_found', meaning: expect.stringMatching(/^No click .*\.$/) }],
      },
      { revision: 2, match: 'attributed', trigger: { kind: 'late_click' }, reasons: [], ordered: null },
      { revision: 3, reversedRevenue: euros('11.9', '11900000') },
    ]);
  });

  it('tells each receipt with its verdict and the call as it came', async () => {
    const { postbacks } = await explained(SALE_ID);
    expect(postbacks).toMatchObject([
      {
        verdict: 'parked',
        isCounted: true,
        sourceId: 'acme-backend',
        receivedAt: '2030-01-02T04:00:00.500Z',
        report: { revenue: euros('119', '119000000'), tax: euros('19', '19000000'), shipping: null },
        rawCall: expect.stringContaining('revenue=119.00'),
      },
      { verdict: 'duplicate_of', isCounted: false, revision: 2 },
    ]);
  });

  it('tells which click won and why each other lost', async () => {
    const { click, candidates } = await explained(SALE_ID);
    expect(click).toMatchObject({ partnerId: 'partner-1', clickedAt: '2030-01-02T03:00:00.000Z' });
    expect(candidates).toMatchObject([
      { outcome: 'won', reason: null, credit: { numerator: 1, denominator: 1 } },
      {
        outcome: 'lost',
        reason: { code: 'not_credited', meaning: 'The attribution model gives this click no share.' },
        credit: null,
        click: { partnerId: 'partner-2' },
      },
    ]);
  });

  it('leads the money from the revenue to what is left of the payout', async () => {
    const { money } = await explained(SALE_ID);
    expect(money).toEqual({
      agreement: 'same',
      steps: [
        { step: 'revenue', money: euros('119', '119000000') },
        {
          step: 'net',
          deductions: [{ deduction: 'tax', money: euros('19', '19000000') }],
          money: euros('100', '100000000'),
        },
        {
          step: 'rule',
          rule: 'sale:percent',
          pays: { kind: 'percent', percent: '30', netOf: ['tax'] },
          tier: null,
          tierFrom: null,
          tierPosition: null,
          money: euros('30', '30000000'),
        },
        {
          step: 'split',
          parts: [
            {
              clickId: '019b7c0a-1c88-7000-8000-0000000000a1',
              partnerId: 'partner-1',
              share: { numerator: 1, denominator: 1 },
              money: euros('30', '30000000'),
            },
          ],
        },
        {
          step: 'reversed',
          revenue: euros('11.9', '11900000'),
          payout: euros('3', '3000000'),
          revenueLeft: euros('107.1', '107100000'),
          payoutLeft: euros('27', '27000000'),
        },
      ],
    });
  });

  it('groups the attempts of a delivery, and shows of a shared request its own part', async () => {
    const { deliveries } = await explained(SALE_ID);
    expect(deliveries).toMatchObject([
      {
        destinationId: 'partner-1-postback',
        outcome: 'delivered',
        // Never configured here.
        settings: null,
        attempts: [
          { attempt: 1, outcome: 'retry', reasonCode: 'http_503', carriedConversions: 2, durationMs: 120 },
          { attempt: 2, outcome: 'delivered', response: { body: 'delivered' } },
        ],
      },
    ]);
  });

  it('names its refunds, and a refund its original', async () => {
    const sale = await explained(SALE_ID);
    expect(sale.reversals).toMatchObject([{ conversionId: REFUND_ID, payout: euros('-3', '-3000000') }]);
    const refund = await explained(REFUND_ID);
    expect(refund.original).toMatchObject({ conversionId: SALE_ID, payout: euros('30', '30000000') });
    expect(refund.money.steps).toMatchObject([
      { step: 'asked', money: euros('11.9', '11900000') },
      {
        step: 'taken',
        ofRevenue: euros('119', '119000000'),
        ofPayout: euros('30', '30000000'),
        revenue: euros('-11.9', '-11900000'),
        payout: euros('-3', '-3000000'),
      },
      { step: 'split' },
    ]);
  });
});

describe('the rules', () => {
  it('are those the decision had seen, with the changes behind them', async () => {
    running.now = SOLD_AT - 1;
    await putOffer({ ...PAYOUT, percent: '50' });
    running.evidence.changes = [
      {
        changeId: 'c4a09e00-0000-7000-8000-000000000001',
        entityType: 'offer',
        entityId: 'acme-offer',
        version: 1,
        effectiveFrom: 0,
        recordedAt: 0,
        actor: 'bootstrap',
      },
    ];
    const { rules, money } = await explained(SALE_ID);
    expect(money.agreement).toBe('same');
    expect(rules).toMatchObject({
      model: 'last_click',
      isOrdered: false,
      behind: [
        { entityType: 'advertiser', entityId: 'acme', version: 0, changeId: null, actor: null },
        {
          entityType: 'offer',
          version: 1,
          changeId: 'c4a09e00-0000-7000-8000-000000000001',
          actor: 'bootstrap',
        },
      ],
    });
  });

  it('that a person ordered stand in place of those in force', async () => {
    const [first, ...later] = SALE_EVIDENCE.revisions;
    const ordered = { ...termsOfOffer(), window: { minMs: 0, maxMs: 1_000 } };
    const orders = { ...first.orders, terms: attribution.termsText(ordered) };
    running.evidence.conversions.set(SALE_ID, {
      ...SALE_EVIDENCE,
      revisions: [first, ...later.map((each) => ({ ...each, orders }))],
    });
    const { rules, money, revisions } = await explained(SALE_ID);
    expect(rules).toMatchObject({ isOrdered: true, terms: { window: ordered.window } });
    expect(money.agreement).toBe('same');
    expect(revisions).toMatchObject([{ ordered: null }, { ordered: { hasOwnTerms: true } }, {}]);
  });
});

/** Of the offer as it is configured at first. */
function termsOfOffer() {
  const configuration = new Configuration();
  configuration.apply(
    0,
    aChange('offer', { id: 'acme-offer', advertiserId: 'acme', name: 'Shoes', payouts: [PAYOUT] }),
  );
  const offer = configuration.history('offer', 'acme-offer')[0]?.entity;
  if (!offer) throw new Error('the offer is none');
  return termsOf(offer, 'sale');
}

describe('who asks', () => {
  it('an analyst sees all but raw calls and the contents of deliveries', async () => {
    const key = await running.makeKey('reader', { role: 'analyst' });
    const [forAdmin, forAnalyst] = [await explained(SALE_ID), await explained(SALE_ID, key)];
    expect(JSON.stringify(forAdmin)).toContain('GET /postback/acme-backend?');
    for (const hidden of ['GET /postback/', 'application/json', 'order\\":', '"server"'])
      expect(JSON.stringify(forAnalyst)).not.toContain(hidden);
    expect(forAnalyst.postbacks).toHaveLength(2);
    expect(forAnalyst.deliveries[0]?.attempts).toMatchObject([{ responseStatus: 503 }, {}]);
    expect(forAnalyst.money).toEqual(forAdmin.money);
  });

  it('nobody sees addresses or hashes of persons', async () => {
    const text = JSON.stringify(await explained(SALE_ID));
    expect(text).not.toMatch(/ciphertext|subjectHashes|emailPlain/i);
  });

  it('a partner is refused, and learns nothing of what exists', async () => {
    await running.putWell('partners/partner-1', { document: { name: 'Network' } });
    const key = await running.makeKey('network', { role: 'partner', partnerId: 'partner-1' });
    for (const id of [SALE_ID, 'ghost'])
      expect(await running.get(`conversions/${id}/explain`, key)).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
  });
});

describe('what cannot be explained', () => {
  it.each(['ghost', 'c0ffee00-0000-8000-8000-00000000dead', 'c0ffee00-0000-8000-8000-0000000000a1%27'])(
    '%s: 404',
    async (id) => {
      expect(await running.get(`conversions/${id}/explain`)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
    },
  );

  it('while ClickHouse is away: 503, and a defect is none', async () => {
    running.evidence.failure = new DependencyFailure('clickhouse_unavailable', 'away');
    expect(await running.get(`conversions/${SALE_ID}/explain`)).toMatchObject({
      status: 503,
      body: { code: 'clickhouse_unavailable' },
    });
    running.evidence.failure = new TypeError('a defect');
    expect(await running.get(`conversions/${SALE_ID}/explain`)).toMatchObject({
      status: 500,
      body: { code: 'internal' },
    });
  });

  it('is found in upper case too', async () => {
    expect(await explained(SALE_ID.toUpperCase())).toMatchObject({ conversionId: SALE_ID });
  });
});
