/** Until when a platform takes an event or a correction of it. */
import { expect, it } from 'vitest';
import { takenUntil } from './age-limit.ts';
import { noCorrections } from './correction.ts';
import { type DestinationDefinition, parseSettings } from './definition.ts';
import { DAY_MS } from './event-time.ts';
import { meta } from './meta.ts';
import { snap } from './snap.ts';
import { tiktok } from './tiktok.ts';

const OCCURRED = 1_000;
const TOLD = 5_000;
const delivery = { event: 'Purchase', occurredAt: OCCURRED, toldAt: TOLD };
const settings = { events: {} };
const some = { tells: 'new_total', direction: 'any', source: 'https://platform.example' } as const;

const definition = (maxAgeMs: number | null, adjustmentMs: number | null) => ({
  maxAgeMs: () => maxAgeMs,
  corrections: () => ({
    restate: { form: 'adjustment' as const, maxAgeMs: adjustmentMs, ...some },
    retract: { form: 'counter_event' as const, event: null, maxAgeMs: adjustmentMs, ...some },
  }),
});

it.each([
  ['event', 700, 90, OCCURRED + 700],
  ['event', null, 90, null],
  ['restate', 700, 90, OCCURRED + 90],
  ['restate', 700, null, null],
  ['retract', 700, null, TOLD + 700],
  ['retract', 700, 4_500, OCCURRED + 4_500],
  ['retract', null, null, null],
] as const)('%s, events %s, adjustments %s', (kind, maxAgeMs, adjustmentMs, expected) => {
  expect(takenUntil(definition(maxAgeMs, adjustmentMs), settings, { ...delivery, kind })).toBe(expected);
});

it('of a correction that cannot be made says nothing', () => {
  const none = { maxAgeMs: () => 1, corrections: () => noCorrections('none', 'https://platform.example') };
  expect(takenUntil(none, settings, { ...delivery, kind: 'restate' })).toBeNull();
});

it.each<[string, DestinationDefinition, Readonly<Record<string, string>>, number]>([
  ['Meta, of a website', meta, {}, 7],
  ['Meta, of a shop', meta, { actionSource: 'physical_store' }, 62],
  ['TikTok, of a shop', tiktok, { eventSource: 'offline' }, 28],
  ['Snap, of a shop', snap, { actionSource: 'OFFLINE' }, 37],
])('%s', (_what, platform, changes, days) => {
  const parsed = parseSettings(platform, { ...platform.exampleSettings, ...changes });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  expect(takenUntil(platform, parsed.settings, { ...delivery, kind: 'event' })).toBe(
    OCCURRED + days * DAY_MS,
  );
});
