/** The fault loops of attribution, cut short, on one system with one growing ledger; and a ledger that notices damage. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AttributionBed } from './attribution/attribution-bed.ts';
import { compared, type Shown } from './attribution/attribution-ledger.ts';
import { attributionRebalances } from './scenarios/attribution-rebalances.ts';
import { clickhouseKills } from './scenarios/clickhouse-kills.ts';
import { crashPoints } from './scenarios/crash-points.ts';
import type { ScenarioResult } from './totals.ts';

let bed: AttributionBed;

beforeAll(async () => {
  bed = await AttributionBed.start({
    log: console.log,
    seed: 1,
    partners: 10,
    storiesPerSecond: 20,
  });
});

afterAll(async () => {
  await bed?.stop();
});

function expectBalanced({ lines, difference }: ScenarioResult): void {
  console.log(lines.join('\n'));
  expect(difference, lines.join('\n')).toBe(0);
}

describe('the ledger is that of the decision core when', () => {
  it('attribution dies between the decisions and the verdicts', async () => {
    expectBalanced(await crashPoints(bed, { points: ['decided-not-judged'] }));
  });

  it('ClickHouse is killed while it stores', async () => {
    expectBalanced(await clickhouseKills(bed, { kills: 1, seed: 1 }));
  });

  it('members come and go', async () => {
    expectBalanced(await attributionRebalances(bed, { durationMs: 6_000, everyMs: 2_000 }));
  });
});

describe('the ledger notices', () => {
  const damages: readonly (readonly [string, (shown: Shown) => Partial<Shown>])[] = [
    ['a verdict that is missing', ({ verdicts }) => ({ verdicts: new Map([...verdicts].slice(1)) })],
    ['a conversion too many', ({ conversions }) => ({ conversions: changed(conversions, 'unknown', {}) })],
    [
      'a micro-unit',
      ({ conversions }) => {
        const [id = ''] = conversions.keys();
        return { conversions: changed(conversions, id, { payoutMicros: '1' }) };
      },
    ],
    ['a gap', () => ({ withGaps: ['c0ffee00-0000-8000-8000-000000000001'] })],
  ];

  it.each(damages)('%s', async (_name, damage) => {
    const { expected, shown } = await bed.standings();
    expect(compared(expected, shown).difference).toBe(0);
    expect(compared(expected, { ...shown, ...damage(shown) }).difference).toBeGreaterThan(0);
  });
});

function changed(
  conversions: Shown['conversions'],
  id: string,
  fields: Readonly<Record<string, string>>,
): Shown['conversions'] {
  return new Map([...conversions, [id, { ...conversions.get(id), ...fields }]]);
}
