/** A destination with a guard: after a change of its configuration outliers wait, durably and listed, until a person or the time lets them go. */
import { aChange, resealId } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { deterministicUuid } from '@tributary/domain';
import { DependencyFailure } from '@tributary/runtime';
import { aDecision } from '@tributary/testing';
import { describe, expect, it } from 'vitest';
import { answered, FanOutBed, NOW, PARTNER } from './fan-out-bed.fixture.ts';

const HOUR_MS = 3_600_000;
const SETTINGS = {
  urlTemplate: 'https://partner.example/?c={conversion_id}&p={payout}',
  statusUrlTemplate: 'https://partner.example/status?c={conversion_id}&p={payout}',
};

const WITH_SECRET = { ...SETTINGS, headers: { 'x-token': '{secret:token}' } };

const guarded = (guard: object, settings = SETTINGS) => ({ ...PARTNER, settings, guard });

/** A sale of so many units of payout, decided `afterMs` after the change of the configuration. */
function sale(
  n: number,
  units: number,
  changes: Partial<ConversionDecided> = {},
  afterMs = 0,
): ConversionDecided {
  return aDecision({
    conversionId: deterministicUuid('sale', String(n)),
    payoutMicros: BigInt(units) * 1_000_000n,
    payoutCurrency: 'EUR',
    decidedAt: NOW + afterMs,
    ...changes,
  });
}

async function bedWith(guard: object): Promise<FanOutBed> {
  return FanOutBed.start(
    ['destination', guarded(guard), { recordedAt: NOW }],
    ['subscription', { id: 'all', destinationId: 'partner' }],
  );
}

async function change(
  bed: FanOutBed,
  guard: object,
  overrides: Parameters<typeof aChange>[2] = {},
): Promise<void> {
  const expectedVersion = bed.follower.current.entityVersion('destination', 'partner');
  const document = guarded(guard, overrides.secrets === undefined ? SETTINGS : WITH_SECRET);
  const offset = await bed.log.append(
    aChange('destination', document, { expectedVersion, recordedAt: bed.now, ...overrides }),
  );
  await bed.follower.caughtUpTo(offset, 1_000);
}

const ends = (bed: FanOutBed) =>
  bed
    .attempted()
    .filter(({ phase }) => phase === 'ended')
    .flatMap(({ deliveries }) => deliveries.map(({ outcome, reasonCode }) => reasonCode ?? outcome));

describe('an amount above the limit', () => {
  const GUARD = { maxValue: { EUR: '100' }, forMs: 6 * HOUR_MS };

  it('is held and listed, the others go', async () => {
    const bed = await bedWith(GUARD);
    await bed.decide(sale(1, 100), sale(2, 2_000), sale(3, 5, { payoutCurrency: 'USD' }));

    expect(bed.requests).toHaveLength(1);
    expect(ends(bed).sort()).toEqual(['delivered', 'guard_currency', 'guard_value']);
    expect(bed.waiting.map(({ lastReasonCode }) => lastReasonCode).sort()).toEqual([
      'guard_currency',
      'guard_value',
    ]);
    const held = bed.holdings().filter(({ outcome }) => outcome === 'retry');
    expect(held).toMatchObject([
      { tries: 0, held: null },
      { tries: 0, held: null },
    ]);
  });

  it('goes by itself when the time of the guard is over, with its whole ladder, and is on record once meanwhile', async () => {
    const bed = await bedWith(GUARD);
    await bed.decide(sale(1, 2_000));
    await bed.elapse(6 * HOUR_MS - 1);
    expect(bed.requests).toEqual([]);
    expect(ends(bed)).toEqual(['guard_value']);

    bed.exchange = () => answered(503);
    await bed.elapse(HOUR_MS);
    expect(bed.requests).toHaveLength(4);
    expect(bed.holdings()).toMatchObject([{ outcome: 'dead' }]);
  });

  it('goes within minutes once a person has released it; what is decided later is held anew', async () => {
    const bed = await bedWith(GUARD);
    await bed.decide(sale(1, 2_000));
    await bed.elapse(HOUR_MS);
    await change(bed, { ...GUARD, releasedAt: new Date(bed.now).toISOString() });
    await bed.decide(sale(2, 3_000, {}, HOUR_MS + 1));
    await bed.elapse(10 * 60_000);

    expect(bed.requests.map(({ url }) => url.split('&p=')[1])).toEqual(['2000']);
    expect(ends(bed)).toEqual(['guard_value', 'guard_value', 'delivered']);
  });

  it('waits on through a crash and a new owner', async () => {
    const bed = await bedWith(GUARD);
    await bed.decide(sale(1, 2_000));
    bed.restart();
    await bed.elapse(7 * HOUR_MS);
    expect(bed.holdings()).toMatchObject([{ outcome: 'delivered', tries: 1 }]);
  });

  it('that is put right meanwhile never leaves', async () => {
    const bed = await bedWith(GUARD);
    await bed.decide(sale(1, 2_000));
    await bed.decide({ ...sale(1, 20), revision: 2 });
    await bed.elapse(7 * HOUR_MS);

    expect(bed.requests.map(({ url }) => url.split('&p=')[1])).toEqual(['20']);
    expect(ends(bed)).toEqual(['guard_value', 'newer_revision', 'delivered']);
  });

  it('holds a correction to it, not one that takes back', async () => {
    const bed = await bedWith(GUARD);
    await bed.decide(sale(1, 20), sale(2, 20));
    await bed.decide({ ...sale(1, 2_000), revision: 2 });
    await bed.decide({ ...sale(2, 20), revision: 2, state: 'reversed' });

    expect(bed.requests.map(({ url }) => url.split('&p=')[1])).toEqual(['20', '20', '0']);
    expect(bed.holdings()).toMatchObject([
      { kind: 'restate', outcome: 'retry' },
      { kind: 'retract', outcome: 'delivered' },
    ]);
  });

  it('passes long after the last change', async () => {
    const bed = await bedWith(GUARD);
    bed.now += 7 * HOUR_MS;
    await bed.decide(sale(1, 2_000));
    expect(bed.requests).toHaveLength(1);
  });

  describe('passes when the time since the last change is over, although', () => {
    const path = 'secrets.token';
    const sealed = (bed: FanOutBed, text: string) => ({
      [path]: bed.encryption.encryptSecret(text, `destination:partner:${path}`),
    });
    const expectOutlier = async (bed: FanOutBed, result: string) => {
      bed.now = NOW + 7 * HOUR_MS;
      await bed.decide(sale(1, 2_000, {}, 7 * HOUR_MS));
      expect(ends(bed)).toEqual([result]);
    };

    it('its guard was released meanwhile', async () => {
      const bed = await bedWith(GUARD);
      bed.now += 5 * HOUR_MS;
      await change(bed, { ...GUARD, releasedAt: new Date(bed.now).toISOString() });
      await expectOutlier(bed, 'delivered');
    });

    it('it was written again as it is, and its subscription too', async () => {
      const bed = await bedWith(GUARD);
      bed.now += 5 * HOUR_MS;
      await change(bed, GUARD);
      const again = aChange(
        'subscription',
        { id: 'all', destinationId: 'partner' },
        { expectedVersion: 1, recordedAt: bed.now },
      );
      await bed.follower.caughtUpTo(await bed.log.append(again), 1_000);
      await expectOutlier(bed, 'delivered');
    });

    it.each([
      ['its secrets were sealed anew', 'token-one-of-many', 'token-one-of-many', 'delivered'],
      ['and not where another secret came', 'token-one-of-many', 'token-two-of-many', 'guard_value'],
    ])('%s', async (_name, before, after, result) => {
      const bed = await bedWith(GUARD);
      await change(bed, GUARD, { secrets: sealed(bed, before) });
      bed.now += 5 * HOUR_MS;
      await change(bed, GUARD, { secrets: sealed(bed, after) });
      await expectOutlier(bed, result);
    });

    it('its secrets were sealed anew and the old key is gone', async () => {
      const bed = await bedWith(GUARD);
      await change(bed, GUARD, { secrets: { [path]: Buffer.from('under a key that is gone') } });
      bed.now += 5 * HOUR_MS;
      const expectedVersion = bed.follower.current.entityVersion('destination', 'partner');
      const changeId = resealId({ entityType: 'destination', entityId: 'partner', expectedVersion });
      await change(bed, GUARD, { secrets: sealed(bed, 'token-one-of-many'), changeId });
      await expectOutlier(bed, 'delivered');
    });
  });

  it('is held when only a subscription to it has changed', async () => {
    const bed = await bedWith(GUARD);
    bed.now += 7 * HOUR_MS;
    const subscription = { id: 'all', destinationId: 'partner', filter: { states: ['payable', 'pending'] } };
    await bed.log.append(
      aChange('subscription', subscription, {
        expectedVersion: 1,
        recordedAt: bed.now,
        effectiveFrom: bed.now,
      }),
    );
    await bed.follower.caughtUpTo(2, 1_000);
    await bed.decide(sale(1, 2_000));
    expect(ends(bed)).toEqual(['guard_value']);
  });
});

describe('more than pass within an hour', () => {
  it('what did not go for an outage of ours counts once, when it goes', async () => {
    const bed = await bedWith({ maxPerHour: 1, forMs: HOUR_MS });
    let isAway = true;
    bed.acknowledge = () => {
      if (isAway) throw new DependencyFailure('kafka_unavailable', 'away');
    };
    await expect(bed.decide(sale(1, 1))).rejects.toThrow('away');
    isAway = false;
    await bed.decide(sale(1, 1));
    expect(ends(bed)).toEqual(['delivered']);
  });

  it('a storm is held but for those, and all of it goes when it is released', async () => {
    const bed = await bedWith({ maxPerHour: 5 });
    await bed.decide(...Array.from({ length: 40 }, (_, n) => sale(n, 10)));
    await bed.elapse(3 * HOUR_MS);
    expect(bed.requests.length).toBeGreaterThanOrEqual(5);
    expect(bed.requests.length).toBeLessThanOrEqual(20);

    await change(bed, { maxPerHour: 5, releasedAt: new Date(NOW + 1).toISOString() });
    await bed.elapse(HOUR_MS);
    expect(new Set(bed.requests.map(({ url }) => url)).size).toBe(40);
    expect(bed.requests).toHaveLength(40);
  });
});
