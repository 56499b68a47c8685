/** The fault loops of `npm run faults`, cut short: services and broker killed with work in hand, rebalances with a stopped instance, and a ledger that notices damage. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseFaultArguments } from './arguments.ts';
import { FaultBed } from './fault-bed.ts';
import { brokerKills } from './scenarios/broker-kills.ts';
import { rebalances } from './scenarios/rebalances.ts';
import { serviceKills } from './scenarios/service-kills.ts';
import type { ScenarioResult } from './totals.ts';

let bed: FaultBed;

beforeAll(async () => {
  bed = await FaultBed.start({ log: console.log, seed: 1 });
});

afterAll(async () => {
  await bed?.stop();
});

function expectBalanced({ lines, difference }: ScenarioResult): void {
  console.log(lines.join('\n'));
  expect(difference, lines.join('\n')).toBe(0);
}

describe('npm run faults', () => {
  it('answers for the room that is there and for those that are not', () => {
    expect(parseFaultArguments(['bus', '--kills', '8'])).toMatchObject({
      kind: 'run',
      options: { kills: 8, only: ['kills', 'broker', 'rebalance', 'registry'] },
    });
    expect(parseFaultArguments(['bus', '--only', 'broker'])).toMatchObject({ options: { only: ['broker'] } });
    expect(parseFaultArguments(['ingestion'])).toMatchObject({
      kind: 'run',
      options: { room: 'ingestion', kills: 100, only: ['outage', 'kills'] },
    });
    expect(parseFaultArguments(['ingestion', '--only', 'broker'])).toMatchObject({
      kind: 'told',
      exitCode: 2,
    });
    expect(parseFaultArguments(['attribution'])).toMatchObject({
      kind: 'run',
      options: {
        room: 'attribution',
        kills: 200,
        only: ['kills', 'clickhouse', 'rebalances', 'crash-points'],
      },
    });
    expect(parseFaultArguments(['fan-out', '--waiting', '3000'])).toMatchObject({
      kind: 'run',
      options: {
        room: 'fan-out',
        kills: 200,
        waiting: 3_000,
        deliveries: 1_000_000,
        only: ['kills', 'dead-destinations', 'replay'],
      },
    });
    expect(parseFaultArguments(['fan-out', '--minutes', '0'])).toMatchObject({ kind: 'told', exitCode: 2 });
    expect(parseFaultArguments(['console'])).toMatchObject({ kind: 'told', exitCode: 2 });
    expect(parseFaultArguments(['bus', '--only', 'nothing'])).toMatchObject({ kind: 'told', exitCode: 2 });
    expect(parseFaultArguments(['bus', '--kills', 'many'])).toMatchObject({ kind: 'told', exitCode: 2 });
    expect(parseFaultArguments(['--help'])).toMatchObject({ kind: 'told', exitCode: 0 });
  });
});

describe('nothing is lost and nothing counted twice when', () => {
  it('services are killed with work in hand', async () => {
    expectBalanced(await serviceKills(bed, { kills: 2 }));
  });

  it('the broker is killed with requests in flight', async () => {
    expectBalanced(await brokerKills(bed, { kills: 1, seed: 1 }));
  });

  it('members come and go and an instance is stopped and continued', async () => {
    expectBalanced(await rebalances(bed, { durationMs: 20_000, everyMs: 2_000, stoppedMs: 12_000 }));
  });
});

describe('the ledger of a round', () => {
  it.each(['change-amount', 'drop-delivery', 'drop-row'] as const)(
    'notices the sabotage %s',
    async (damage) => {
      const ledger = await bed.round(async (traffic) => traffic.reached(10), damage);
      expect(ledger.difference).toBeGreaterThan(0);
    },
  );
});
