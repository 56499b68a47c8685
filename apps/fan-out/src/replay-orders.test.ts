/** Orders to send again what had ended: nothing arrives twice, whoever dies when, and nothing goes that nobody took the risk of. */
import { aChange } from '@tributary/configuration';
import type { DeliveryCommanded } from '@tributary/contracts';
import { outwardKey, REPLAY_ORDER_LIFE_MS } from '@tributary/domain';
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
    issuedAt: bed.now,
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

/** The breaker of the partner opens. */
function shut(): void {
  const lookup = new Receivers(bed.encryption).findDestination(bed.follower.current, 'partner', bed.now);
  if (!lookup.ok) throw new Error(lookup.reason);
  const { breaker } = bed.lanes.laneOf(lookup.active);
  for (let failed = 0; failed < 20; failed += 1) breaker.failed(bed.now);
}

it('waits while the destination has no room, and is sent then', async () => {
  await dies(503);
  shut();
  await bed.command(order());
  expect(bed.requests).toEqual([]);
  expect(bed.waiting).toMatchObject([{ kind: 'replay', attempt: 4 }]);
  await bed.elapse(LADDER_MS);
  expect(holding()).toMatchObject({ outcome: 'delivered', attempt: 5 });
});

describe('that has waited for longer than it counts', () => {
  beforeEach(async () => {
    await dies(503);
    shut();
    await bed.command(order());
    expect(bed.waiting).toMatchObject([{ kind: 'replay', issuedAt: bed.now }]);
    bed.now += REPLAY_ORDER_LIFE_MS + 1;
  });

  it('is void when the destination has room again', async () => {
    bed.restart();
    await bed.elapse(LADDER_MS);
    expect([bed.requests, bed.waiting]).toEqual([[], []]);
    expect(holding()).toMatchObject({ outcome: 'dead', attempt: 4 });
    await bed.command(order());
    expect(bed.requests).toHaveLength(1);
  });

  it('waits no longer where it has none', async () => {
    bed.restart();
    shut();
    await bed.elapse(1);
    expect([bed.requests, bed.waiting]).toEqual([[], []]);
  });
});

it('brings the attempt that it has led to to its end, however old it is by then', async () => {
  await dies(503);
  bed.exchange = () => {
    throw new DependencyFailure('kafka_unavailable', 'the process dies here');
  };
  const given = order();
  await expect(bed.command(given)).rejects.toBeInstanceOf(DependencyFailure);
  bed.exchange = () => TAKEN;
  bed.now += 10 * REPLAY_ORDER_LIFE_MS;
  bed.restart();
  await bed.command(given);
  expect(holding()).toMatchObject({ outcome: 'delivered', attempt: 5 });
});

it('ends an attempt that it has led to as dead where the destination was disabled by hand meanwhile', async () => {
  await dies(503);
  bed.exchange = () => {
    throw new DependencyFailure('kafka_unavailable', 'the process dies here');
  };
  const given = order();
  await expect(bed.command(given)).rejects.toBeInstanceOf(DependencyFailure);
  await bed.log.append(
    aChange('destination', { ...CORRECTABLE, status: 'disabled' }, { expectedVersion: 0 }),
  );
  bed.restart();
  await bed.command(given);
  expect(holding()).toMatchObject({ outcome: 'dead', attempt: 5, mayHaveArrived: true });
});

describe('to a destination that fan-out has switched off', () => {
  const HOUR_MS = 3_600_000;
  const webhook = {
    ...PARTNER,
    id: 'webhook',
    definition: 'webhook',
    settings: {
      url: 'https://receiver.example/',
      signingSecrets: { current: 'whsec_ZXhhbXBsZS1zaWduaW5nLXNlY3JldC1vbmU=' },
    },
  };
  const ids = [1, 2, 3].map((nth) => `c0ffee00-0000-8000-8000-00000000030${nth}`);
  const orders = () =>
    ids.map((id) =>
      order({
        conversionId: id,
        deliveryId: outwardKey(id, 'webhook', 'sale'),
        destinationId: 'webhook',
        expectedAttempt: 1,
      }),
    );
  const ends = () => bed.holdings().map(({ outcome, attempt }) => `${outcome} ${attempt}`);

  beforeEach(async () => {
    bed = await FanOutBed.start(
      ['destination', webhook],
      ['subscription', { id: 'all', destinationId: 'webhook' }],
    );
    bed.exchange = () => answered(410);
    for (const id of ids) await bed.decide({ ...decided, conversionId: id });
    expect(bed.requests).toHaveLength(1);
    expect(ends()).toEqual(['refused 1', 'dead 1', 'dead 1']);
    bed.requests.length = 0;
  });

  it('waits until it is switched on, and is sent then', async () => {
    await bed.command(...orders());
    await bed.elapse(REPLAY_ORDER_LIFE_MS / 2);
    expect(bed.requests).toEqual([]);
    expect(bed.waiting).toHaveLength(3);
    expect(ends()).toEqual(['refused 1', 'dead 1', 'dead 1']);
    await bed.log.append(aChange('destination', webhook, { expectedVersion: 0 }));
    bed.exchange = () => TAKEN;
    await bed.elapse(60_000);
    expect(bed.requests).toHaveLength(3);
    expect(ends()).toEqual(['delivered 2', 'delivered 2', 'delivered 2']);
  });

  it('waits when one of the batch is what it is tried with, instead of dying once more', async () => {
    bed.now += HOUR_MS + 1;
    await bed.command(...orders());
    expect(bed.requests).toHaveLength(1);
    expect(ends()).toEqual(['refused 2', 'dead 1', 'dead 1']);
    expect(bed.waiting).toHaveLength(2);
  });
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
    await bed.decide({ ...decided, revision: 2, payoutMicros: 7_000_000n });
    await bed.elapse(LADDER_MS);
    expect(holding()).toMatchObject({ outcome: 'dead', revision: 1, attempt: 4 });
    for (const risk of ['would_double_count', 'changed_since']) await bed.command(order({ accepts: [risk] }));
    expect(bed.requests).toEqual([]);
    await bed.command(order({ accepts: ['would_double_count', 'changed_since'] }));
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

describe('of an event that goes by another name now', () => {
  const BOUGHT_ID = outwardKey(conversionId, 'partner', 'bought');
  const rename = (sale: string) =>
    bed.log.append(
      aChange(
        'destination',
        { ...CORRECTABLE, settings: { ...CORRECTABLE.settings, events: { sale } } },
        { expectedVersion: bed.follower.current.revision('destination', 'partner')?.version ?? 0 },
      ),
    );
  const held = () => bed.holdings().map(({ event, outcome, attempt }) => `${event} ${outcome} ${attempt}`);

  it('tells it under that name, once, and has nothing more to come of the old one', async () => {
    await dies(404);
    await rename('bought');
    await bed.command(order({ expectedAttempt: 1 }), order({ expectedAttempt: 1 }));
    bed.restart();
    await bed.command(order({ expectedAttempt: 1 }));
    await bed.elapse(LADDER_MS);
    expect(bed.requests.map(({ headers }) => headers['idempotency-key'])).toEqual([BOUGHT_ID]);
    expect(held()).toEqual(['sale superseded 2', 'bought delivered 1']);
  });

  it('finishes under that name what a crash has cut off', async () => {
    await dies(404);
    await rename('bought');
    bed.exchange = () => {
      throw new DependencyFailure('kafka_unavailable', 'the process dies here');
    };
    await expect(bed.command(order({ expectedAttempt: 1 }))).rejects.toBeInstanceOf(DependencyFailure);
    bed.exchange = () => TAKEN;
    bed.restart();
    await bed.command(order({ expectedAttempt: 1 }));
    expect(held()).toEqual(['sale superseded 2', 'bought delivered 1']);
  });

  it('waits for room like any other, and goes down a ladder of its own', async () => {
    await dies(404);
    await rename('bought');
    bed.exchange = (_request, nth) => (nth === 1 ? answered(503) : TAKEN);
    await bed.command(order({ expectedAttempt: 1 }));
    await bed.elapse(LADDER_MS);
    expect(held()).toEqual(['sale superseded 2', 'bought delivered 2']);
  });

  it('never tells it again under the old one when that comes back', async () => {
    await dies(404);
    await rename('bought');
    await bed.command(order({ expectedAttempt: 1 }));
    await rename('sale');
    await bed.command(order({ expectedAttempt: 1 }), order({ expectedAttempt: 2 }));
    await bed.decide({ ...decided, revision: 2, payoutMicros: 7_000_000n });
    expect(bed.requests.map(({ url }) => new URL(url).pathname)).toEqual(['/', '/status']);
    expect(held()).toEqual(['sale superseded 2', 'bought delivered 2']);
  });

  it('never tells it under the old one either where the new one was told without a replay', async () => {
    await dies(404);
    await rename('bought');
    await bed.decide({ ...decided, revision: 2, payoutMicros: 7_000_000n });
    await rename('sale');
    await bed.decide({ ...decided, revision: 3, payoutMicros: 8_000_000n });
    await bed.command(order({ expectedAttempt: 1, accepts: ['changed_since'] }));
    expect(bed.requests.map(({ url }) => new URL(url).pathname)).toEqual(['/', '/status']);
    expect(held()).toEqual(['sale refused 1', 'bought delivered 2']);
  });

  it.each([
    ['its order has lapsed', async () => undefined],
    [
      'its destination is disabled by hand',
      () =>
        bed.log.append(
          aChange('destination', { ...CORRECTABLE, status: 'disabled' }, { expectedVersion: 0 }),
        ),
    ],
  ])('brings what was begun under the new one to its end although %s', async (_name, happens) => {
    await dies(404);
    await rename('bought');
    bed.exchange = () => {
      throw new DependencyFailure('kafka_unavailable', 'the process dies here');
    };
    const given = order({ expectedAttempt: 1 });
    await expect(bed.command(given)).rejects.toBeInstanceOf(DependencyFailure);
    bed.exchange = () => TAKEN;
    await happens();
    bed.now += 10 * REPLAY_ORDER_LIFE_MS;
    bed.restart();
    await bed.command(given);
    expect(held().filter((each) => each.includes('null'))).toEqual([]);
    expect(held()[0]).toBe('sale superseded 2');
  });

  it('tells what may have arrived under the old name only to whoever takes the risk, and under no other', async () => {
    await dies(500);
    await rename('bought');
    await bed.command(order());
    expect(bed.requests).toEqual([]);
    await bed.command(order({ accepts: ['would_double_count', 'changed_since'] }));
    expect(bed.requests.map(({ headers }) => headers['idempotency-key'])).toEqual([DELIVERY_ID]);
  });

  it('sends nothing of what was rejected since', async () => {
    await dies(404);
    await rename('bought');
    await bed.decide({ ...decided, revision: 2, state: 'rejected' });
    await bed.command(order({ expectedAttempt: 1 }));
    expect(bed.requests).toEqual([]);
    expect(held()).toEqual(['sale refused 1']);
  });
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
