/** The fault loops of fan-out, cut short; and a ledger that notices damage. */
import type { DeliveryAttempted } from '@tributary/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AttemptLog, AttemptReader } from './fan-out/attempt-log.ts';
import { deliveryLines, type LedgerSources } from './fan-out/delivery-ledger.ts';
import { FanOutBed } from './fan-out/fan-out-bed.ts';
import { DEAD_RECEIVERS, deadDestinations } from './scenarios/dead-destinations.ts';
import { fanOutKills, KILLS_RECEIVERS } from './scenarios/fan-out-kills.ts';
import { fanOutReplay } from './scenarios/fan-out-replay.ts';
import type { ScenarioResult } from './totals.ts';

function expectBalanced({ lines, difference }: ScenarioResult): void {
  console.log(lines.join('\n'));
  expect(difference, lines.join('\n')).toBe(0);
}

describe('every delivery has one end, and is repeated only where nobody could know, when', () => {
  let bed: FanOutBed;

  beforeAll(async () => {
    bed = await FanOutBed.start({
      receivers: KILLS_RECEIVERS,
      deliveryTimeoutMs: 5_000,
      log: console.log,
      seed: 1,
    });
  });

  afterAll(async () => {
    await bed?.stop();
  });

  it('fan-out is killed with requests under way', async () => {
    expectBalanced(await fanOutKills(bed, { kills: 2, seed: 1, perSecond: 20 }));
  });

  it('everything is read again by a fresh process', async () => {
    expectBalanced(await fanOutReplay(bed, { deliveries: 600 }));
  });
});

it("two destinations that are away for a while are in nobody's way", async () => {
  // The time of an attempt also decides over how long those that wait come back.
  const bed = await FanOutBed.start({
    receivers: DEAD_RECEIVERS,
    deliveryTimeoutMs: 200,
    log: console.log,
    seed: 1,
  });
  try {
    expectBalanced(
      await deadDestinations(bed, {
        waiting: 400,
        fillPerSecond: 500,
        holdMs: 5_000,
        healthyPerSecond: 20,
        baselineMs: 4_000,
        recoveryBoundMs: 200_000,
        // A machine that runs tests beside this: only a destination in another's way costs this much.
        p95SlackMs: 10_000,
      }),
    );
  } finally {
    await bed.stop();
  }
});

describe('the ledger notices', () => {
  const well: LedgerSources = {
    log: logOf(
      attempt('a', 1, 'delivered'),
      attempt('b', 1, 'retry', 'timeout'),
      attempt('b', 2, 'delivered'),
    ),
    balance: { asked: 2, reached: 2, refused: 0, missing: 0, foreign: 0, repeats: new Map([['b', 1]]) },
    stored: { ended: 2, open: 0 },
    deadLetters: 0,
  };
  const off = (changes: Partial<LedgerSources>) =>
    deliveryLines({ ...well, ...changes }).reduce((sum, { difference }) => sum + difference, 0);

  it('nothing where a repeat has its ambiguous attempt', () => {
    expect(off({})).toBe(0);
    expect(well.log).toMatchObject({ requests: 3, cutOff: 0, unanswered: 1 });
  });

  it.each<[string, Partial<LedgerSources>]>([
    [
      'a repeat of what was known to be delivered',
      { balance: { ...well.balance, repeats: new Map([['a', 1]]) } },
    ],
    ['more repeats than ambiguous attempts', { balance: { ...well.balance, repeats: new Map([['b', 2]]) } }],
    ['a delivery without an end', { log: logOf(attempt('a', 1, 'delivered'), attempt('b', 1, null)) }],
    [
      'two ends',
      {
        log: logOf(attempt('a', 1, 'delivered'), attempt('a', 2, 'delivered'), attempt('b', 1, 'delivered')),
      },
    ],
    [
      'an attempt after the end',
      { log: logOf(attempt('a', 1, 'delivered'), attempt('a', 2, null), attempt('b', 1, 'delivered')) },
    ],
    ['a delivery that nobody has', { balance: { ...well.balance, reached: 1, missing: 1 } }],
    ['one that ClickHouse does not show', { stored: { ended: 1, open: 0 } }],
    ['a dead letter', { deadLetters: 1 }],
  ])('%s', (_name, changes) => {
    expect(off(changes)).toBeGreaterThan(0);
  });

  it('an attempt that a crash cut off', () => {
    const log = logOf(attempt('a', 1, null), attempt('a', 2, 'delivered'));
    expect(log).toMatchObject({ cutOff: 1, unanswered: 0 });
    expect(log.deliveries.get('a')).toEqual({ ends: ['delivered'], afterTheEnd: 0, ambiguous: 1 });
  });
});

function logOf(...records: readonly (readonly DeliveryAttempted[])[]): AttemptLog {
  const reader = new AttemptReader();
  for (const record of records.flat()) reader.note(record);
  return reader.log();
}

/** Intended, and ended unless `outcome` is null. */
function attempt(
  deliveryId: string,
  number: number,
  outcome: string | null,
  errorCode: string | null = null,
): readonly DeliveryAttempted[] {
  const record = (phase: 'intended' | 'ended') =>
    ({
      requestId: `${deliveryId}-${number}`,
      phase,
      deliveries: [{ deliveryId, attempt: number, outcome: phase === 'ended' ? outcome : null }],
      responseStatus: phase === 'ended' && errorCode === null ? 200 : null,
      errorCode: phase === 'ended' ? errorCode : null,
      holdings: [{ mayHaveArrived: errorCode !== null }],
    }) as unknown as DeliveryAttempted;
  return outcome === null ? [record('intended')] : [record('intended'), record('ended')];
}
