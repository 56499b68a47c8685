/** What may have arrived is sent again by itself only while its receiver recognises a repeat; then a person decides. */
import type { aChange } from '@tributary/configuration';
import { type ConversionDecided, type DeadLettered, decodeEvent } from '@tributary/contracts';
import { outwardKey } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { aDecision, aDeliveryOrder } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { answered, FanOutBed, NOW, PARTNER, PARTNER_SETTINGS } from './fan-out-bed.fixture.ts';
import { Receivers } from './receivers.ts';
import type { Exchange } from './sender.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Long enough for the whole ladder. */
const LADDER_MS = 120_000;
const LOST: Exchange = { ok: false, error: 'timeout' };
/** Recognises a repeat for 48 hours. */
const META = {
  id: 'meta',
  name: 'Meta',
  definition: 'meta',
  status: 'active',
  settings: { pixelId: '1234567890', accessToken: 'meta-access-token', actionSource: 'system_generated' },
};
/** Promises nothing. */
const CORRECTABLE = {
  ...PARTNER,
  settings: {
    ...PARTNER_SETTINGS,
    statusUrlTemplate: 'https://partner.example/status?p={payout}&s={status}',
  },
};

const decided = aDecision({
  decidedAt: NOW - 60_000,
  occurredAt: NOW - 120_000,
  receivedAt: NOW - 90_000,
  subjectHashes: { emailPlain: 'a'.repeat(64) },
});
const { conversionId } = decided;

let bed: FanOutBed;

async function begin(destination: Parameters<typeof aChange>[1]): Promise<void> {
  bed = await FanOutBed.start(
    ['destination', destination],
    ['subscription', { id: 'all', destinationId: destination.id }],
  );
  bed.exchange = (_request, nth) => (nth === 1 ? LOST : taken());
  // Nothing here shares a request: each look at the clock is late enough for it to go.
  let looks = 0;
  bed.laneNow = () => {
    looks += 1;
    return bed.now + looks * 200;
  };
}

function taken(): Exchange {
  return answered(200, {}, '{"events_received":1}');
}

/** The next revision, decided now. */
function revised(revision: number, changes: Partial<ConversionDecided>): ConversionDecided {
  return { ...decided, revision, decidedAt: bed.now, ...changes };
}

/** The process dies between intent and end. */
async function cutOff(): Promise<void> {
  bed.exchange = () => {
    throw new DependencyFailure('kafka_unavailable', 'the process dies here');
  };
  await expect(bed.decide(decided)).rejects.toBeInstanceOf(DependencyFailure);
  bed.exchange = taken;
  bed.restart();
}

async function dies(): Promise<void> {
  bed.exchange = () => LOST;
  await bed.decide(decided);
  await bed.elapse(LADDER_MS);
  expect(bed.holdings()).toMatchObject([{ outcome: 'dead', mayHaveArrived: true, attempt: 4 }]);
  bed.exchange = taken;
  bed.requests.length = 0;
}

const reasons = () =>
  bed
    .attempted()
    .filter(({ phase }) => phase === 'ended')
    .flatMap(({ deliveries }) => deliveries.map(({ outcome, reasonCode }) => reasonCode ?? outcome));

function letters(): DeadLettered[] {
  return bed.written.flatMap(({ topic, value }) => {
    if (topic !== 'dead-letter.v1') return [];
    const decoded = decodeEvent(topic, value);
    if (!decoded.ok) throw new Error(decoded.problem);
    return [decoded.value];
  });
}

describe('an open delivery that may have arrived', () => {
  it('is attempted again while the receiver recognises it', async () => {
    await begin({ ...META, scheduleMs: [47 * HOUR_MS] });
    await bed.decide(decided);
    await bed.elapse(3 * DAY_MS);
    expect(bed.requests).toHaveLength(2);
    expect(reasons()).toEqual(['timeout', 'delivered']);
  });

  it.each<[string, object, () => void]>([
    ['its schedule is long', { scheduleMs: [60 * HOUR_MS] }, () => undefined],
    [
      'its breaker was open for days',
      {},
      () => {
        const lookup = new Receivers(bed.encryption).findDestination(bed.follower.current, 'meta', bed.now);
        if (!lookup.ok) throw new Error(lookup.reason);
        const { breaker } = bed.lanes.laneOf(lookup.active);
        for (let failed = 0; failed < 20; failed += 1) breaker.failed(bed.laneNow());
        bed.now += 60 * HOUR_MS;
      },
    ],
    [
      'nobody was there for days',
      {},
      () => {
        bed.now += 60 * HOUR_MS;
        bed.restart();
      },
    ],
  ])('ends as a dead letter once it recognises it no more: %s', async (_name, changes, wait) => {
    await begin({ ...META, ...changes });
    await bed.decide(decided);
    wait();
    await bed.elapse(61 * HOUR_MS);

    expect(bed.requests).toHaveLength(1);
    expect(reasons()).toEqual(['timeout', 'would_double_count']);
    expect(bed.topics().slice(-2)).toEqual(['dead-letter.v1', 'delivery.attempted.v1']);
    expect(letters()).toMatchObject([{ reasonCode: 'would_double_count', attempts: 2 }]);
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead', mayHaveArrived: true }]);
    expect(bed.waiting).toEqual([]);
  });

  it.each([
    ['the platform recognises it no more', META, ['would_double_count'], 0],
    ['the receiver promises nothing', CORRECTABLE, ['delivered'], 1],
  ])('cut off by a crash and found days later, where %s', async (_name, destination, expected, requests) => {
    await begin(destination);
    await cutOff();
    bed.requests.length = 0;
    bed.now += 60 * HOUR_MS;
    await bed.decide(decided);
    await bed.elapse(LADDER_MS);

    expect(bed.requests).toHaveLength(requests);
    expect(reasons()).toEqual(expected);
    expect(bed.waiting).toEqual([]);
  });

  it('goes on as ever where the receiver promises nothing, however long it has waited', async () => {
    await begin({ ...CORRECTABLE, scheduleMs: [60 * HOUR_MS] });
    await bed.decide(decided);
    await bed.elapse(61 * HOUR_MS);
    expect(reasons()).toEqual(['timeout', 'delivered']);
  });
});

describe('a newer revision of what is dead and may have arrived', () => {
  it('has it told again first while the receiver recognises it', async () => {
    await begin(META);
    await dies();
    await bed.decide(revised(2, { state: 'reversed' }));
    await bed.elapse(LADDER_MS);
    expect(bed.requests).toHaveLength(1);
    expect(reasons().slice(-2)).toEqual(['delivered', 'correction_not_taken']);
  });

  it.each([
    ['the window has passed', META],
    ['the receiver promises nothing', CORRECTABLE],
  ])('sends nothing where %s: it lies among the dead letters', async (_name, destination) => {
    await begin(destination);
    await dies();
    bed.now += 14 * DAY_MS;
    await bed.decide(revised(2, { state: 'reversed' }));
    await bed.elapse(LADDER_MS);

    expect(bed.requests).toEqual([]);
    expect(bed.waiting).toEqual([]);
    expect(letters()).toHaveLength(1);
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead', attempt: 4, revision: 1 }]);
  });
});

describe('a person who takes the risk', () => {
  beforeEach(async () => {
    await begin(META);
    await dies();
    bed.now += 3 * DAY_MS;
  });

  function order(accepts: readonly string[]) {
    const deliveryId = outwardKey(conversionId, 'meta', 'Purchase');
    return aDeliveryOrder({
      conversionId,
      deliveryId,
      destinationId: 'meta',
      accepts: [...accepts],
      configurationVersion: 0,
      issuedAt: bed.now,
    });
  }

  it('takes it for the whole ladder', async () => {
    bed.exchange = (_request, nth) => (nth < 3 ? LOST : taken());
    await bed.command(order(['would_double_count']));
    bed.restart();
    await bed.elapse(LADDER_MS);
    expect(bed.requests).toHaveLength(3);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', attempt: 7 }]);
  });

  it('is asked anew when it has died again', async () => {
    bed.exchange = () => LOST;
    await bed.command(order(['would_double_count']));
    await bed.elapse(LADDER_MS);
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead', attempt: 8 }]);
    await bed.command({ ...order([]), expectedAttempt: 8 });
    expect(bed.requests).toHaveLength(4);
  });
});
