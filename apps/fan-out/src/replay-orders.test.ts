/** Orders to send again what had ended: nothing arrives twice, whoever dies when, and nothing goes that nobody took the risk of. */
import { aChange } from '@tributary/configuration';
import type { DeliveryCommanded } from '@tributary/contracts';
import { outwardKey } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { aDecision, aDeliveryOrder } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { answered, FanOutBed, NOW, PARTNER, PARTNER_SETTINGS, TAKEN } from './fan-out-bed.fixture.ts';
import { Receivers } from './receivers.ts';

const STATUS_URL = 'https://partner.example/status?c={click_id}&p={payout}&s={status}';
const CORRECTABLE = { ...PARTNER, settings: { ...PARTNER_SETTINGS, statusUrlTemplate: STATUS_URL } };
const ALL = ['subscription', { id: 'all', destinationId: 'partner' }] as const;
const decided = aDecision({ decidedAt: NOW - 60_000, occurredAt: NOW - 120_000, receivedAt: NOW - 90_000 });
const { conversionId } = decided;
const DELIVERY_ID = outwardKey(conversionId, 'partner', 'sale');
/** Long enough for the whole ladder. */
const LADDER_MS = 120_000;

let bed: FanOutBed;

beforeEach(async () => {
  bed = await FanOutBed.start(['destination', CORRECTABLE], [...ALL]);
});

function order(changes: Partial<DeliveryCommanded> = {}): DeliveryCommanded {
  return aDeliveryOrder({
    conversionId,
    deliveryId: DELIVERY_ID,
    destinationId: 'partner',
    expectedAttempt: 4,
    configurationVersion: 0,
    ...changes,
  });
}

/** The receiver answers so until the ladder has run out. */
async function dies(status: number): Promise<void> {
  bed.exchange = () => answered(status);
  await bed.decide(decided);
  await bed.elapse(LADDER_MS);
  bed.exchange = () => TAKEN;
  bed.requests.length = 0;
}

const holding = () => bed.holdings().at(0);

it('sends what surely has not arrived again, under the same key and number of its own', async () => {
  await dies(503);
  await bed.command(order());
  expect(bed.requests).toHaveLength(1);
  expect(holding()).toMatchObject({ outcome: 'delivered', attempt: 5, tries: 1, deliveryId: DELIVERY_ID });
});

it('does so once, however often and by whomever it is ordered', async () => {
  await dies(503);
  await bed.command(order(), order({ runId: '019b7d00-0000-7000-8000-0000000000aa' }));
  bed.restart();
  await bed.command(order());
  await bed.elapse(LADDER_MS);
  expect(bed.requests).toHaveLength(1);
  expect(bed.waiting).toEqual([]);
});

it('goes down a ladder of its own, and may be ordered anew when it has died again', async () => {
  await dies(503);
  bed.exchange = () => answered(503);
  await bed.command(order());
  await bed.elapse(LADDER_MS);
  expect(holding()).toMatchObject({ outcome: 'dead', attempt: 8, tries: 4 });
  bed.exchange = () => TAKEN;
  await bed.command(order());
  expect(holding()).toMatchObject({ outcome: 'dead', attempt: 8 });
  await bed.command(order({ expectedAttempt: 8 }));
  expect(holding()).toMatchObject({ outcome: 'delivered', attempt: 9 });
});

it('goes on after a crash between intent and end, as the same attempt', async () => {
  await dies(503);
  bed.exchange = () => {
    throw new DependencyFailure('kafka_unavailable', 'the process dies here');
  };
  await expect(bed.command(order())).rejects.toBeInstanceOf(DependencyFailure);
  bed.exchange = () => TAKEN;
  bed.restart();
  await bed.command(order());
  await bed.command(order());
  expect(bed.requests).toHaveLength(2);
  expect(holding()).toMatchObject({ outcome: 'delivered', attempt: 5 });
});

it('waits while the destination has no room, and is sent then', async () => {
  await dies(503);
  const lookup = new Receivers(bed.encryption).findDestination(bed.follower.current, 'partner', bed.now);
  if (!lookup.ok) throw new Error(lookup.reason);
  const { breaker } = bed.lanes.laneOf(lookup.active);
  for (let failed = 0; failed < 20; failed += 1) breaker.failed(bed.now);
  await bed.command(order());
  expect(bed.requests).toEqual([]);
  expect(bed.waiting).toMatchObject([{ kind: 'replay', attempt: 4 }]);
  await bed.elapse(LADDER_MS);
  expect(holding()).toMatchObject({ outcome: 'delivered', attempt: 5 });
});

describe('what may have arrived', () => {
  it('is not sent where nobody promises to recognise it, unless the risk was named', async () => {
    await dies(500);
    await bed.command(order());
    expect(bed.requests).toEqual([]);
    await bed.command(order({ accepts: ['would_double_count'] }));
    expect(bed.requests).toHaveLength(1);
    expect(holding()).toMatchObject({ outcome: 'delivered', mayHaveArrived: false });
  });

  it('of a conversion that has changed since is told as it was, and then corrected', async () => {
    await dies(500);
    bed.exchange = () => answered(500);
    await bed.decide({ ...decided, revision: 2, payoutMicros: 7_000_000n });
    await bed.elapse(LADDER_MS);
    expect(holding()).toMatchObject({ outcome: 'dead', revision: 1, attempt: 8 });
    bed.exchange = () => TAKEN;
    bed.requests.length = 0;
    for (const risk of ['would_double_count', 'changed_since'])
      await bed.command(order({ expectedAttempt: 8, accepts: [risk] }));
    expect(bed.requests).toEqual([]);
    await bed.command(order({ expectedAttempt: 8, accepts: ['would_double_count', 'changed_since'] }));
    await bed.elapse(LADDER_MS);
    expect(bed.requests.map(({ url }) => new URL(url).pathname)).toEqual(['/', '/status']);
    expect(holding()).toMatchObject({ kind: 'restate', revision: 2, outcome: 'delivered' });
  });
});

describe('is not sent at all', () => {
  it.each<[string, Partial<typeof decided>]>([
    ['of a conversion that was rejected since', { state: 'rejected' }],
    ['of one that is held now', { state: 'held' }],
    ['of somebody who asked to be forgotten', { orders: { ...decided.orders, erasedFor: 'ordered:x' } }],
  ])('%s', async (_name, changes) => {
    await dies(503);
    await bed.decide({ ...decided, ...changes, revision: 2 });
    await bed.command(order({ accepts: ['would_double_count', 'changed_since', 'too_old'] }));
    await bed.elapse(LADDER_MS);
    expect(bed.requests).toEqual([]);
    expect(holding()).toMatchObject({ outcome: 'dead', attempt: 4 });
  });

  it('once its subscription is gone', async () => {
    await dies(503);
    await bed.log.append(
      aChange(
        'subscription',
        { id: 'all', destinationId: 'partner' },
        { expectedVersion: 1, operation: 'remove' },
      ),
    );
    await bed.command(order());
    expect(bed.requests).toEqual([]);
  });

  it.each<[string, object]>([
    ['is disabled', { status: 'disabled' }],
    ['is in dry run', { mode: 'dry_run' }],
    ['is for test events only', { mode: 'test_events' }],
  ])('while its destination %s', async (_name, changes) => {
    await dies(503);
    await bed.log.append(aChange('destination', { ...CORRECTABLE, ...changes }, { expectedVersion: 0 }));
    await bed.command(order());
    expect([bed.requests, bed.waiting]).toEqual([[], []]);
    expect(holding()).toMatchObject({ outcome: 'dead', attempt: 4 });
  });

  it('by an order of a kind that this release does not know', async () => {
    await dies(503);
    await bed.command(order({ command: 'later' }));
    expect(bed.requests).toEqual([]);
  });
});

it('corrects again what died as a correction, of the event as it was told', async () => {
  await bed.decide(decided);
  bed.exchange = () => answered(503);
  const restated = { ...decided, revision: 2, payoutMicros: 7_000_000n };
  await bed.decide(restated);
  await bed.elapse(LADDER_MS);
  const dead = holding();
  expect(dead).toMatchObject({ kind: 'restate', outcome: 'dead' });
  bed.exchange = () => TAKEN;
  bed.requests.length = 0;
  await bed.command(order({ deliveryId: dead?.deliveryId ?? '', expectedAttempt: dead?.attempt ?? 0 }));
  expect(bed.requests.map(({ url }) => new URL(url).pathname)).toEqual(['/status']);
  expect(holding()).toMatchObject({ kind: 'restate', outcome: 'delivered' });
});

it('a fresh process that reads every decision again sends nothing', async () => {
  await dies(503);
  await bed.command(order());
  bed.requests.length = 0;
  for (let pass = 0; pass < 2; pass += 1) {
    bed.restart();
    await bed.decide(decided);
    await bed.elapse(LADDER_MS);
  }
  expect(bed.requests).toEqual([]);
});
