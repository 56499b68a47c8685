/** What becomes of decisions and of due records: nothing delivered is sent twice, nothing waiting is forgotten, every number is put right. */
import { aChange } from '@tributary/configuration';
import {
  type ConversionDecided,
  type DeliveryDue,
  decodeEvent,
  LOCKED_SCHEMAS,
  learnSchema,
} from '@tributary/contracts';
import { correctionKey, deterministicUuid, outwardKey } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { aDecision, aDeliveryOrder } from '@tributary/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { answered, FanOutBed, NOW, PARTNER, PARTNER_SETTINGS, TAKEN } from './fan-out-bed.fixture.ts';
import type { Exchange } from './sender.ts';

const decided = aDecision();
const { conversionId } = decided;
const DELIVERY_ID = outwardKey(conversionId, 'partner', 'sale');
/** Of this file alone: what a test has learnt the codec of its process knows for good. */
const [LATER_ID, POISON_ID] = [6_000_001, 6_000_002];
const STATUS_URL = 'https://partner.example/status?c={click_id}&p={payout}&s={status}';

const CORRECTABLE = { ...PARTNER, settings: { ...PARTNER_SETTINGS, statusUrlTemplate: STATUS_URL } };
const FINAL = { ...PARTNER, settings: PARTNER_SETTINGS };
const ALL: Parameters<typeof aChange> = ['subscription', { id: 'all', destinationId: 'partner' }];

let bed: FanOutBed;

beforeEach(async () => {
  bed = await FanOutBed.start(['destination', CORRECTABLE], ALL);
});

/** The decision's next revisions. */
function revised(revision: number, changes: Partial<ConversionDecided> = {}): ConversionDecided {
  return { ...decided, revision, decidedAt: decided.decidedAt + revision, ...changes };
}

const worth = (units: number) => ({ payoutMicros: BigInt(units) * 1_000_000n });
const urls = () => bed.requests.map(({ url }) => url.replace(/c=[^&]*&/, ''));
const outcomes = () =>
  bed
    .attempted()
    .filter(({ phase }) => phase === 'ended')
    .flatMap(({ deliveries }) => deliveries.map(({ outcome, reasonCode }) => reasonCode ?? outcome));

describe('a decision', () => {
  it('never seen is sent', async () => {
    expect(await bed.decide(decided)).toBe(1);
    expect(bed.requests).toHaveLength(1);
    expect(bed.topics()).toEqual(['delivery.attempted.v1', 'delivery.attempted.v1']);
  });

  it('delivered before is not sent again, by this process or the next', async () => {
    await bed.decide(decided);
    await bed.decide(decided);
    bed.restart();
    await bed.decide(decided);
    expect(bed.requests).toHaveLength(1);
  });

  it('refused before is not sent again', async () => {
    bed.exchange = () => answered(404);
    await bed.decide(decided);
    bed.restart();
    await bed.decide(decided);
    expect(bed.requests).toHaveLength(1);
  });

  it('cut off after its intent is repeated as the same attempt', async () => {
    bed.exchange = () => {
      throw new DependencyFailure('kafka_unavailable', 'the process dies here');
    };
    await expect(bed.decide(decided)).rejects.toBeInstanceOf(DependencyFailure);
    bed.exchange = () => TAKEN;
    bed.restart();
    await bed.decide(decided);
    expect(bed.attempted().map(({ deliveries: [one] }) => one?.attempt)).toEqual([1, 1, 1]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', attempt: 1 }]);
  });

  it('met again while it waits for a retry comes again when that has had its time, and sends nothing by itself', async () => {
    bed.exchange = (_request, nth) => (nth === 1 ? answered(503) : TAKEN);
    await bed.decide(decided);
    bed.restart();
    await bed.decide(decided);
    expect(bed.waiting.map(({ kind, dueAt }) => [kind, dueAt - NOW])).toEqual([
      ['retry', 1_000],
      ['step', 2_000],
    ]);
    await bed.elapse(60_000);
    expect(bed.requests).toHaveLength(2);
    expect(bed.waiting).toEqual([]);
  });

  it('with several revisions in one batch is sent once, in the newest', async () => {
    await bed.decide(decided, revised(2, worth(7)));
    expect(urls()).toEqual(['https://partner.example/?p=7&s=payable']);
  });

  it('that the destination cannot take is refused without a byte being sent', async () => {
    await bed.decide({ ...decided, isTest: true });
    expect(bed.requests).toEqual([]);
    expect(bed.topics()).toEqual(['dead-letter.v1', 'delivery.attempted.v1']);
    expect(outcomes()).toEqual(['invalid_test_not_possible:status']);
  });

  it.each<[string, Partial<ConversionDecided>]>([
    ['held', { state: 'held' }],
    ['parked', { match: 'parked' }],
    ['rejected before it was delivered', { state: 'rejected' }],
    ['reversed before it was delivered', { state: 'reversed' }],
    ['a refund, which is told by its original', { eventType: 'refund', reversedTransactionId: 'order-1' }],
  ])('%s is not sent', async (_name, changes) => {
    await bed.decide({ ...decided, ...changes });
    expect(bed.written).toEqual([]);
  });
});

describe('a newer revision', () => {
  it('of what is delivered restates it under a key of its own', async () => {
    await bed.decide(decided);
    await bed.decide(revised(2, worth(7)));
    expect(urls()).toEqual([
      'https://partner.example/?p=14.97&s=payable',
      'https://partner.example/status?p=7&s=payable',
    ]);
    expect(bed.requests[1]?.headers['idempotency-key']).toBe(
      correctionKey(conversionId, 'partner', 'sale', 2),
    );
    expect(bed.holdings()).toMatchObject([{ kind: 'restate', eventRevision: 1, outcome: 'delivered' }]);
  });

  it('of a partial refund tells what is left, and of the whole nothing', async () => {
    await bed.decide(decided);
    await bed.decide(revised(2, { reversedPayoutMicros: 4_970_000n }));
    await bed.decide(revised(3, { reversedPayoutMicros: 14_970_000n, state: 'reversed' }));
    expect(urls().slice(1)).toEqual([
      'https://partner.example/status?p=10&s=payable',
      'https://partner.example/status?p=0&s=reversed',
    ]);
  });

  it('says which it is where the receiver is told', async () => {
    const statusUrlTemplate = `${STATUS_URL}&n={revision}`;
    const settings = { ...PARTNER_SETTINGS, statusUrlTemplate };
    await bed.log.append(aChange('destination', { ...PARTNER, settings }, { expectedVersion: 0 }));
    await bed.decide(decided);
    await bed.decide(revised(2, worth(7)));
    expect(urls().at(-1)).toBe('https://partner.example/status?p=7&s=payable&n=2');
  });

  it('credited to another partner takes it back', async () => {
    await bed.log.append(
      aChange('destination', { ...CORRECTABLE, partnerId: 'partner-1' }, { expectedVersion: 0 }),
    );
    await bed.decide(decided);
    await bed.decide(revised(2, { partnerId: 'partner-2' }));
    expect(urls().at(-1)).toBe('https://partner.example/status?p=0&s=rejected');
  });

  it('with the same numbers sends nothing', async () => {
    await bed.decide(decided);
    await bed.decide(revised(2));
    expect(bed.requests).toHaveLength(1);
  });

  it('that is held for a while says nothing', async () => {
    await bed.decide(decided);
    await bed.decide(revised(2, { state: 'held', ...worth(1) }));
    expect(bed.requests).toHaveLength(1);
  });

  it('goes on under the name that was told when its event type changes: never a second sale', async () => {
    await bed.decide(decided);
    await bed.decide(revised(2, { eventType: 'first_purchase', ...worth(7) }));
    expect(urls()).toHaveLength(2);
    expect(urls()[1]).toContain('/status?p=7');
    expect(bed.holdings()).toHaveLength(1);
  });

  it('supersedes an open delivery that surely has not arrived', async () => {
    bed.exchange = (_request, nth) => (nth === 1 ? answered(503) : TAKEN);
    await bed.decide(decided);
    await bed.decide(revised(2, worth(7)));
    await bed.elapse(60_000);
    expect(urls()).toEqual([
      'https://partner.example/?p=14.97&s=payable',
      'https://partner.example/?p=7&s=payable',
    ]);
    expect(outcomes()).toEqual(['http_503', 'newer_revision', 'delivered']);
    expect(bed.requests[1]?.headers['idempotency-key']).toBe(DELIVERY_ID);
  });

  it('waits for one that may have arrived, which is told to its end as it was', async () => {
    bed.exchange = (_request, nth) => (nth === 1 ? { ok: false, error: 'timeout' } : TAKEN);
    await bed.decide(decided);
    await bed.decide(revised(2, worth(7)));
    expect(bed.requests).toHaveLength(1);
    await bed.elapse(60_000);
    expect(urls()).toEqual([
      'https://partner.example/?p=14.97&s=payable',
      'https://partner.example/?p=14.97&s=payable',
      'https://partner.example/status?p=7&s=payable',
    ]);
    expect(bed.waiting).toEqual([]);
  });

  it('that corrects what ClickHouse does not show yet waits by itself, and keeps no other waiting', async () => {
    const other = 'c0ffee00-0000-8000-8000-000000000302';
    await bed.decide(decided);
    bed.isShown = (revision) => revision !== 1;
    expect(await bed.decide(revised(2, worth(7)), { ...decided, conversionId: other })).toBe(2);
    expect(bed.requests).toHaveLength(2);
    await bed.elapse(10_000);
    expect(bed.requests).toHaveLength(2);
    bed.isShown = () => true;
    await bed.elapse(10_000);
    expect(urls().at(-1)).toBe('https://partner.example/status?p=7&s=payable');
    expect(bed.waiting).toEqual([]);
  });

  it('that waited says nothing once there is a newer one', async () => {
    bed.exchange = (_request, nth) => (nth === 1 ? { ok: false, error: 'timeout' } : TAKEN);
    await bed.decide(decided);
    await bed.decide(revised(2, worth(7)));
    await bed.decide(revised(3));
    await bed.elapse(60_000);
    expect(urls()).toEqual(Array(2).fill('https://partner.example/?p=14.97&s=payable'));
  });

  it('is recorded where the receiver cannot be told, with the reason, and without a dead letter', async () => {
    await bed.log.append(aChange('destination', FINAL, { expectedVersion: 0 }));
    await bed.decide(decided);
    await bed.decide(revised(2, worth(7)));
    expect(bed.requests).toHaveLength(1);
    expect(outcomes()).toEqual(['delivered', 'correction_not_taken']);
    expect(bed.topics()).not.toContain('dead-letter.v1');
    expect(bed.holdings()).toMatchObject([
      {
        kind: 'restate',
        outcome: 'refused',
        held: { amounts: { payout: { micros: 14_970_000n } } },
        told: { amounts: { payout: { micros: 7_000_000n } } },
      },
    ]);
  });

  it('older than one that was told changes nothing when the consumer is wound back', async () => {
    await bed.decide(decided);
    await bed.decide(revised(2, worth(7)));
    bed.restart();
    await bed.decide(decided);
    await bed.decide(revised(2, worth(7)));
    expect(bed.requests).toHaveLength(2);
  });
});

describe('a destination with overrides', () => {
  const OFFER_URL = 'https://offer.example/?c={click_id}&r={revenue}';
  const overrides = [
    {
      offerId: 'acme-offer',
      settings: { urlTemplate: OFFER_URL, statusUrlTemplate: `${OFFER_URL}&s={status}` },
    },
    { offerId: 'broken', settings: { urlTemplate: 'nowhere' } },
  ];
  const moved = { offerId: 'other-offer' };

  beforeEach(async () => {
    bed = await FanOutBed.start(['destination', { ...CORRECTABLE, overrides }], ALL);
  });

  it('is told of an event by the one that fits its conversion, also when it is tried again', async () => {
    bed.exchange = (_request, nth) => (nth === 1 ? answered(503) : TAKEN);
    await bed.decide(decided);
    await bed.elapse(10_000);
    await bed.decide({ ...decided, ...moved, conversionId: 'c0ffee00-0000-8000-8000-000000000301' });
    expect(urls()).toEqual([
      'https://offer.example/?r=49.9',
      'https://offer.example/?r=49.9',
      'https://partner.example/?p=14.97&s=payable',
    ]);
  });

  it('is corrected by the one that the event went by, whatever offer its conversion is of by then', async () => {
    await bed.decide(decided);
    await bed.decide(revised(2, { ...moved, revenueMicros: 7_000_000n }));
    bed.restart();
    await bed.decide(revised(3, { ...moved, state: 'rejected' }));
    expect(urls().slice(1)).toEqual([
      'https://offer.example/?r=7&s=payable',
      'https://offer.example/?r=0&s=rejected',
    ]);
  });

  it('is told of no amount that the event did not say', async () => {
    await bed.decide(decided);
    await bed.decide(revised(2, { ...moved, ...worth(7) }));
    expect(bed.requests).toHaveLength(1);
  });

  it('has a correction among the dead letters that none can tell any more', async () => {
    await bed.decide(revised(1, moved));
    await bed.log.append(
      aChange(
        'destination',
        { ...CORRECTABLE, overrides: [{ offerId: 'other-offer', settings: { urlTemplate: 'nowhere' } }] },
        { expectedVersion: 0 },
      ),
    );
    await bed.decide(revised(3, { state: 'rejected' }));
    expect(bed.requests).toHaveLength(1);
    expect(outcomes()).toEqual(['delivered', 'settings_invalid']);
    expect(bed.topics()).toContain('dead-letter.v1');
  });
});

describe('a destination with a fault that somebody mends', () => {
  const UNREADABLE = { secrets: { 'secrets.token': Buffer.from('under a key that this process lacks') } };
  const faults: readonly [string, object, object][] = [
    ['secrets_unreadable', {}, UNREADABLE],
    ['settings_invalid', { settings: {} }, {}],
    ['definition_unknown', { definition: 'from-the-future' }, {}],
  ];
  const letters = () => bed.topics().filter((topic) => topic === 'dead-letter.v1').length;
  const write = (expectedVersion: number, document: object = {}, more: object = {}) =>
    bed.log.append(aChange('destination', { ...CORRECTABLE, ...document }, { expectedVersion, ...more }));

  it.each(faults)('%s: what is decided meanwhile is a dead letter, once', async (reason, document, more) => {
    await write(0, document, more);
    await bed.decide(decided);
    bed.restart();
    await bed.decide(decided);
    expect(bed.requests).toEqual([]);
    expect(outcomes()).toEqual([reason]);
    expect(letters()).toBe(1);
    expect(bed.holdings()).toMatchObject([
      { holdingId: DELIVERY_ID, outcome: 'dead', mayHaveArrived: false },
    ]);
  });

  it.each(faults)(
    '%s: and so is each newer value, the last of which is replayed',
    async (_, document, more) => {
      await write(0, document, more);
      await bed.decide(decided);
      await bed.decide(revised(2, worth(7)));
      expect(letters()).toBe(2);
      await write(bed.follower.current.version);
      const order = {
        conversionId,
        deliveryId: DELIVERY_ID,
        destinationId: 'partner',
        configurationVersion: 0,
      };
      await bed.command(aDeliveryOrder({ ...order, issuedAt: bed.now, expectedAttempt: 1 }));
      expect(bed.requests).toEqual([]);
      await bed.command(aDeliveryOrder({ ...order, issuedAt: bed.now, expectedAttempt: 2 }));
      expect(urls()).toEqual(['https://partner.example/?p=7&s=payable']);
    },
  );

  it.each(faults)(
    '%s: a correction of what it holds is a dead letter too',
    async (reason, document, more) => {
      await bed.decide(decided);
      await write(0, document, more);
      await bed.decide(revised(2, { state: 'rejected' }));
      expect(bed.requests).toHaveLength(1);
      expect(outcomes()).toEqual(['delivered', reason]);
      expect(letters()).toBe(1);
    },
  );

  it('by hand switched off has no dead letters: somebody has meant it', async () => {
    await write(0, { status: 'disabled' });
    await bed.decide(decided);
    expect(bed.written).toEqual([]);
  });
});

describe('a retry that comes due', () => {
  const due = (attempt: number): DeliveryDue => ({
    deliveryId: DELIVERY_ID,
    destinationId: 'partner',
    outwardEvent: 'sale',
    attempt,
    dueAt: bed.now - 1,
    enqueuedAt: bed.now - 1_001,
    decision: bed.batchOf(decided).events[0]?.value ?? Buffer.alloc(0),
    lastReasonCode: null,
    kind: 'retry',
    delivered: null,
    accepts: [],
    question: null,
    dropped: null,
    issuedAt: null,
  });

  beforeEach(async () => {
    bed.exchange = (_request, nth) => (nth === 1 ? answered(503) : TAKEN);
    await bed.decide(decided);
    bed.now += 5_000;
  });

  it('is made when the holding waits for it', async () => {
    expect(await bed.pop(due(2), conversionId)).toBe(1);
    expect(bed.requests).toHaveLength(2);
  });

  it('is made once when it stands in the wheel twice', async () => {
    await bed.pop(due(2), conversionId);
    await bed.pop(due(2), conversionId);
    expect(bed.requests).toHaveLength(2);
  });

  it('leaves no copies of those beside it while the store is away', async () => {
    bed.readStore = () => {
      throw new DependencyFailure('clickhouse_unavailable', 'away');
    };
    const before = bed.written.length;
    const batch = [due(2), { ...due(2), dueAt: bed.now + 600_000 }];
    await expect(bed.popAll(batch, conversionId)).rejects.toBeInstanceOf(DependencyFailure);
    expect(bed.written).toHaveLength(before);
    bed.readStore = () => undefined;
    expect(await bed.popAll(batch, conversionId)).toBe(2);
    expect(bed.topics().slice(before)).toEqual([
      'delivery.attempted.v1',
      'delivery.attempted.v1',
      'delivery.due.5m.v1',
    ]);
  });

  it.each([1, 3])('as attempt %d is dropped', async (attempt) => {
    await bed.pop(due(attempt), conversionId);
    expect(bed.requests).toHaveLength(1);
  });

  it('proves that the attempt before it was judged, also where its end is not known to be on record', async () => {
    bed.restart();
    bed.exchange = () => ({ ok: false, error: 'timeout' });
    // The end of the second attempt is not acknowledged, but its retry is.
    const count = bed.written.length;
    bed.acknowledge = (topic) => {
      if (topic === 'delivery.attempted.v1' && bed.written.length === count + 3)
        throw new DependencyFailure('kafka_unavailable', 'away');
    };
    await expect(bed.pop(due(2), conversionId)).rejects.toBeInstanceOf(DependencyFailure);
    await bed.pop(due(3), conversionId);
    expect(bed.requests).toHaveLength(3);
    await bed.pop(due(2), conversionId);
    expect(bed.requests).toHaveLength(3);
  });

  it('to a destination that was disabled meanwhile ends dead, as a dead letter', async () => {
    await bed.log.append(
      aChange('destination', { ...CORRECTABLE, status: 'disabled' }, { expectedVersion: 0 }),
    );
    await bed.pop(due(2), conversionId);
    expect(bed.requests).toHaveLength(1);
    expect(bed.topics().slice(-2)).toEqual(['dead-letter.v1', 'delivery.attempted.v1']);
    expect(outcomes().at(-1)).toBe('destination_disabled');
  });

  it('of a decision in a schema that a later release writes waits until that is learnt', async () => {
    const schema = LOCKED_SCHEMAS['conversion.decided.v1']?.at(-1)?.schema as { fields: readonly object[] };
    const later = { ...schema, fields: [...schema.fields, { name: 'later', type: 'int', default: 0 }] };
    // One optional field more, under an id that this build has never met.
    const first = due(2);
    const wire = Buffer.concat([first.decision, Buffer.of(0)]);
    wire.writeInt32BE(LATER_ID, 1);
    const retry = { ...first, decision: wire };
    bed.learn = async () => {
      throw new DependencyFailure('schema_registry_unavailable', 'away');
    };
    await expect(bed.pop(retry, conversionId)).rejects.toBeInstanceOf(DependencyFailure);
    expect(bed.requests).toHaveLength(1);
    bed.learn = async (id) => (learnSchema(id, JSON.stringify(later)) === 'learnt' ? 'learnt' : 'unknown');
    await bed.pop(retry, conversionId);
    expect(bed.requests).toHaveLength(2);
  });

  it('of a decision in a schema that nobody knows is a defect of its record', async () => {
    const retry = due(2);
    retry.decision.writeInt32BE(POISON_ID, 1);
    await expect(bed.pop(retry, conversionId)).rejects.toThrow('unknown_schema_id');
  });
});

describe('a correction that is tried again', () => {
  it('carries the decision of the delivery, and says the same under the same key', async () => {
    bed.exchange = (_request, nth) => (nth === 2 ? answered(503) : TAKEN);
    await bed.decide(decided);
    await bed.decide(revised(2, { ...worth(7), clickId: null }));
    await bed.elapse(10_000);
    const [, first, second] = bed.requests;
    expect(second).toEqual(first);
    expect(second?.url).toContain(decided.clickId ?? 'no click');
  });
});

describe('a newer revision', () => {
  it('that meets a retry past its time waits, and is not asked again at once', async () => {
    bed.exchange = () => ({ ok: false, error: 'timeout' });
    await bed.decide(decided);
    bed.now += 60_000;
    await bed.decide(revised(2, worth(7)));
    const waiting = bed.waiting.filter(({ kind }) => kind === 'step');
    expect(waiting.map(({ dueAt }) => dueAt - bed.now)).toEqual([1_000]);
  });

  it('that meets what a guard holds for a day asks after it once a minute', async () => {
    bed.exchange = () => answered(500);
    await bed.decide(decided);
    bed.now += 86_400_000;
    await bed.decide(revised(2, worth(7)));
    const waiting = bed.waiting.filter(({ kind }) => kind === 'step');
    expect(waiting.map(({ dueAt }) => dueAt - bed.now)).toEqual([60_000]);
  });
});

describe('a batch', () => {
  it('larger than what one record can tell of goes in several requests', async () => {
    const settings = { events: { sale: '123' }, accessToken: 'token', apiVersion: '202511' };
    const linkedin = { ...PARTNER, id: 'linkedin', definition: 'linkedin', settings };
    bed = await FanOutBed.start(
      ['destination', linkedin],
      ['subscription', { id: 'all', destinationId: 'linkedin' }],
    );
    bed.exchange = ({ body }) =>
      answered(
        201,
        {},
        JSON.stringify({ elements: JSON.parse(body ?? '').elements.map(() => ({ status: 201 })) }),
      );
    const many = Array.from({ length: 4_500 }, (_, n) => ({
      ...decided,
      conversionId: deterministicUuid('many', String(n)),
      subjectHashes: { emailPlain: 'e'.repeat(64) },
    }));
    await bed.decide(...many);
    expect(bed.requests).toHaveLength(3);
    expect(bed.holdings().filter(({ outcome }) => outcome === 'delivered')).toHaveLength(4_500);
  });
});

describe('a destination that never answers', () => {
  const many = Array.from({ length: 60 }, (_, n) => ({
    ...decided,
    conversionId: `c0ffee00-0000-8000-8000-0000000001${String(n).padStart(2, '0')}`,
  }));

  it('holds no batch up: what has begun is guarded, what has not comes again', async () => {
    const never = Promise.withResolvers<Exchange>();
    bed.exchange = () => never.promise;
    const startedAt = performance.now();
    expect(await bed.decide(...many)).toBe(60);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(bed.requests).toHaveLength(16);
    const waits = bed.waiting.map(({ dueAt, kind }) => [kind, dueAt - NOW >= 40_000]);
    expect(waits.filter(([, isGuard]) => isGuard)).toHaveLength(16);
    expect(waits).toHaveLength(60);
    never.resolve(TAKEN);
    await bed.elapse(0);
    await bed.fanOut.drained();
    await bed.elapse(120_000);
    expect(bed.requests).toHaveLength(60);
    expect(bed.holdings().every(({ outcome }) => outcome === 'delivered')).toBe(true);
  });

  it('known to be slow is not waited for at all', async () => {
    bed.exchange = () => {
      bed.now += 10_000;
      return { ok: false, error: 'timeout' };
    };
    await bed.decide(decided);
    bed.exchange = () => new Promise(() => undefined);
    const startedAt = performance.now();
    for (const one of many.slice(0, 16)) await bed.decide(one);
    // A quarter of a second each, were it waited for.
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(bed.waiting.filter(({ kind }) => kind === 'step')).toHaveLength(16);
    expect(bed.requests).toHaveLength(17);
  });

  it('known to be slow has what finds no place come back in turn, and not when the guards do', async () => {
    bed.exchange = () => {
      bed.now += 10_000;
      return { ok: false, error: 'timeout' };
    };
    await bed.decide(decided);
    bed.exchange = () => new Promise(() => undefined);
    await bed.decide(...many.slice(0, 16));
    await bed.decide(...many.slice(16, 20));
    const waits = bed.waiting.filter(({ kind }) => kind === 'step').map(({ dueAt }) => dueAt - bed.now);
    expect(waits.filter((ms) => ms >= 40_000)).toHaveLength(16);
    expect(waits.filter((ms) => ms < 10_000)).toHaveLength(4);
  });

  it('says nothing of its state once its configuration has changed', async () => {
    const answers: ((exchange: Exchange) => void)[] = [];
    bed.exchange = () => new Promise((resolve) => answers.push(resolve));
    await bed.decide(...many.slice(0, 16));
    await bed.log.append(aChange('destination', { ...CORRECTABLE, name: 'Mended' }, { expectedVersion: 0 }));
    bed.exchange = () => TAKEN;
    await bed.decide(decided);
    for (const answer of answers) answer({ ok: false, error: 'connection_refused' });
    await bed.fanOut.drained();
    expect(bed.topics()).not.toContain('destination.state.v1');
  });

  it('whose process dies is told again by the guards', async () => {
    bed.exchange = () => new Promise(() => undefined);
    await bed.decide(...many.slice(0, 3));
    bed.restart();
    bed.exchange = () => TAKEN;
    await bed.elapse(120_000);
    expect(bed.requests).toHaveLength(6);
    expect(bed.holdings().map(({ outcome, attempt }) => [outcome, attempt])).toEqual(
      Array(3).fill(['delivered', 1]),
    );
  });

  it('and is disabled by hand while its process dies leaves a dead letter that says what may have arrived', async () => {
    bed.exchange = () => new Promise(() => undefined);
    await bed.decide(...many.slice(0, 3));
    bed.restart();
    await bed.log.append(
      aChange('destination', { ...CORRECTABLE, status: 'disabled' }, { expectedVersion: 0 }),
    );
    await bed.elapse(120_000);
    expect(bed.holdings().map(({ outcome, mayHaveArrived }) => [outcome, mayHaveArrived])).toEqual(
      Array(3).fill(['dead', true]),
    );
  });

  it('keeps nobody from draining', async () => {
    bed.exchange = () => new Promise(() => undefined);
    void bed.decide(...many.slice(0, 16));
    await vi.waitFor(() => expect(bed.requests).toHaveLength(16));
    const drain = new AbortController();
    const waiting = bed.fanOut.decisions({ ...bed.batchOf(...many.slice(16, 20)), signal: drain.signal });
    setTimeout(() => drain.abort(), 5);
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('a destination that is down', () => {
  const many = Array.from({ length: 40 }, (_, n) => ({
    ...decided,
    conversionId: `c0ffee00-0000-8000-8000-0000000002${String(n).padStart(2, '0')}`,
  }));

  it('has its deliveries parked without an attempt, and all delivered when it is back', async () => {
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of many) await bed.decide(one);
    const tried = bed.requests.length;
    expect(tried).toBe(10);
    bed.exchange = () => TAKEN;
    await bed.elapse(600_000);
    expect(bed.holdings().filter(({ outcome }) => outcome === 'delivered')).toHaveLength(40);
    expect(bed.waiting).toEqual([]);
    const states = bed.written.flatMap(({ topic, value }) => {
      if (topic !== 'destination.state.v1') return [];
      const decoded = decodeEvent(topic, value);
      return decoded.ok ? [decoded.value.breaker] : [];
    });
    expect(states).toEqual(['open', 'closed']);
  });

  it('and is disabled by hand then leaves a dead letter of everything that waited', async () => {
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of many) await bed.decide(one);
    await bed.log.append(
      aChange('destination', { ...CORRECTABLE, status: 'disabled' }, { expectedVersion: 0 }),
    );
    await bed.elapse(600_000);
    expect(bed.holdings().map(({ outcome }) => outcome)).toEqual(Array(40).fill('dead'));
    expect(bed.topics().filter((topic) => topic === 'dead-letter.v1')).toHaveLength(40);
    expect(bed.waiting).toEqual([]);
  });

  it.each([
    [
      'disabled by hand',
      aChange('destination', { ...CORRECTABLE, status: 'disabled' }, { expectedVersion: 0 }),
    ],
    ['removed', aChange('destination', { id: 'partner' }, { operation: 'remove', expectedVersion: 0 })],
  ])(
    'and is %s then leaves a dead letter of the newest revision, also where an older one was begun',
    async (_name, change) => {
      bed.exchange = () => ({ ok: false, error: 'connection_refused' });
      await bed.decide(...many.slice(0, 12));
      const newer = many.slice(0, 20).map((one) => ({ ...one, revision: 2, ...worth(7) }));
      for (const one of many.slice(12, 20)) await bed.decide(one);
      for (const one of newer) await bed.decide(one);
      await bed.log.append(change);
      await bed.elapse(600_000);
      expect(bed.holdings().map(({ outcome, revision }) => `${outcome} ${revision}`)).toEqual(
        Array(20).fill('dead 2'),
      );
      expect(bed.waiting).toEqual([]);
    },
  );

  it('and is disabled by hand then leaves a dead letter of a correction that waited', async () => {
    await bed.decide(decided);
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of many) await bed.decide(one);
    await bed.decide(revised(2, worth(7)));
    await bed.log.append(
      aChange('destination', { ...CORRECTABLE, status: 'disabled' }, { expectedVersion: 0 }),
    );
    await bed.elapse(600_000);
    expect(bed.holdings().find((one) => one.conversionId === conversionId)).toMatchObject({
      kind: 'restate',
      revision: 2,
      outcome: 'dead',
      mayHaveArrived: false,
    });
  });

  it('and goes by another name for the event by then is told what waited under that name', async () => {
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of many) await bed.decide(one);
    const settings = { ...CORRECTABLE.settings, events: { sale: 'bought' } };
    await bed.log.append(aChange('destination', { ...CORRECTABLE, settings }, { expectedVersion: 0 }));
    bed.exchange = () => TAKEN;
    await bed.elapse(600_000);
    const ended = bed.holdings().map(({ event, outcome }) => `${event} ${outcome}`);
    expect(ended.filter((each) => each === 'sale delivered')).toHaveLength(10);
    expect(ended.filter((each) => each === 'bought delivered')).toHaveLength(30);
    expect(bed.waiting).toEqual([]);
  });

  it('and has settings by then that cannot be sent with leaves a dead letter of everything that waited', async () => {
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of many) await bed.decide(one);
    await bed.log.append(aChange('destination', { ...CORRECTABLE, settings: {} }, { expectedVersion: 0 }));
    await bed.elapse(600_000);
    expect(bed.holdings().map(({ outcome }) => outcome)).toEqual(Array(40).fill('dead'));
    expect(outcomes().filter((each) => each === 'settings_invalid')).toHaveLength(40);
    expect(bed.waiting).toEqual([]);
  });

  it('and is subscribed to no more has what waited forgotten', async () => {
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of many) await bed.decide(one);
    await bed.log.append(aChange('subscription', { id: 'all' }, { operation: 'remove', expectedVersion: 1 }));
    bed.exchange = () => TAKEN;
    await bed.elapse(600_000);
    expect(bed.holdings()).toHaveLength(10);
    expect(bed.waiting).toEqual([]);
  });

  it('hurts no other', async () => {
    const other = {
      ...CORRECTABLE,
      id: 'other',
      settings: { urlTemplate: 'https://other.example/?c={click_id}' },
    };
    await bed.log.append(aChange('destination', other));
    await bed.log.append(aChange('subscription', { id: 'others', destinationId: 'other' }));
    bed.exchange = ({ url }) => (url.includes('partner.example') ? answered(500) : TAKEN);
    for (const one of many) await bed.decide(one);
    const delivered = bed.holdings().filter(({ outcome }) => outcome === 'delivered');
    expect(new Set(delivered.map(({ destinationId }) => destinationId))).toEqual(new Set(['other']));
    expect(delivered).toHaveLength(40);
  });

  it('for long enough is switched off, and a success switches it on', async () => {
    const day = 86_400_000;
    await bed.log.append(
      aChange('destination', { ...CORRECTABLE, disableAfterMs: 60_000 }, { expectedVersion: 0 }),
    );
    bed.exchange = () => ({ ok: false, error: 'connection_refused' });
    for (const one of many.slice(0, 12)) await bed.decide(one);
    await bed.elapse(day);
    expect(outcomes()).toContain('destination_switched_off');
    expect(bed.waiting).toEqual([]);
    bed.exchange = () => TAKEN;
    await bed.decide(many[20] ?? decided);
    await bed.decide(many[21] ?? decided);
    expect(outcomes().slice(-2)).toEqual(['delivered', 'delivered']);
  });
});

describe('a webhook that wants nothing any more', () => {
  it('is switched off at once, and what comes after it leaves a dead letter', async () => {
    const settings = {
      url: 'https://receiver.example/',
      signingSecrets: { current: 'whsec_ZXhhbXBsZS1zaWduaW5nLXNlY3JldC1vbmU=' },
    };
    bed = await FanOutBed.start(
      ['destination', { ...PARTNER, id: 'webhook', definition: 'webhook', settings }],
      ['subscription', { id: 'all', destinationId: 'webhook' }],
    );
    bed.exchange = () => answered(410);
    await bed.decide(decided);
    await bed.decide({ ...decided, conversionId: 'c0ffee00-0000-8000-8000-000000000301' });
    expect(outcomes()).toEqual(['receiver_gone', 'destination_switched_off']);
    expect(bed.requests).toHaveLength(1);
    expect(bed.topics().filter((topic) => topic === 'dead-letter.v1')).toHaveLength(2);
  });
});

describe('over any history of revisions, answers and crashes', () => {
  const answers: Exchange[] = [
    TAKEN,
    TAKEN,
    answered(503),
    answered(404),
    { ok: false, error: 'timeout' },
    { ok: false, error: 'connection_refused' },
  ];
  const turn = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('worth' as const), units: fc.integer({ min: 1, max: 3 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom('rejected' as const, 'held' as const, 'other_partner' as const),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('elapse' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'rewind' as const) }) },
  );

  it('the receiver holds what the log says, and what it should unless it is listed as wrong', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(turn, { maxLength: 14 }),
        fc.array(fc.nat(5), { maxLength: 20 }),
        async (turns, drawn) => {
          const partner = { ...CORRECTABLE, partnerId: 'partner-1' };
          bed = await FanOutBed.start(['destination', partner], ALL);
          const seen = new Map<string, string>();
          let told: string | null = null;
          bed.exchange = ({ url, headers }, nth) => {
            const answer = answers[drawn[nth] ?? 0] ?? TAKEN;
            const arrives = answer === TAKEN || (!answer.ok && answer.error === 'timeout' && nth % 2 === 0);
            const key = headers['idempotency-key'] ?? '';
            if (arrives && !seen.has(key)) {
              seen.set(key, url);
              told = `${new URL(url).searchParams.get('p')} ${new URL(url).searchParams.get('s')}`;
            }
            return answer;
          };
          const revisions: ConversionDecided[] = [];
          for (const each of turns) {
            if (each.kind === 'elapse') await bed.elapse(each.ms);
            else if (each.kind === 'restart') bed.restart();
            else if (each.kind === 'rewind') for (const one of revisions.slice(-3)) await bed.decide(one);
            else {
              const changes =
                each.kind === 'worth'
                  ? worth(each.units)
                  : each.kind === 'other_partner'
                    ? { partnerId: 'partner-2' }
                    : { state: each.kind };
              const next = revised(revisions.length + 1, changes);
              revisions.push(next);
              await bed.decide(next);
            }
          }
          await bed.elapse(3_600_000);
          expect(bed.waiting).toEqual([]);
          expect([...seen.values()].filter((url) => !url.includes('/status'))).toHaveLength(
            seen.size > 0 ? 1 : 0,
          );
          const [holding, ...others] = bed.holdings();
          expect(others).toEqual([]);
          const isListed = holding?.outcome === 'refused' || holding?.outcome === 'dead';
          const last = revisions.at(-1);
          if (last === undefined || isListed || last.state === 'held') return;
          const isGone = last.state === 'rejected' || last.partnerId === 'partner-2';
          if (isGone) expect(told === null || told === '0 rejected').toBe(true);
          else expect(told).toBe(`${Number(last.payoutMicros) / 1_000_000} payable`);
        },
      ),
      { numRuns: 150 },
    );
  });
});
