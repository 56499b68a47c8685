/** Over any history of revisions, late answers and crashes, the platform holds what it should, or is listed as wrong. */
import type { ConversionDecided } from '@tributary/contracts';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { aSale, bedWithGoogle, said } from './data-manager.fixture.ts';
import { answered } from './fan-out-bed.fixture.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const sale = aSale();

/** What becomes of a request: refused at once, lost, or accepted and then taken or dropped. */
const FATES = ['taken', 'taken', 'taken', 'dropped_for_now', 'dropped', 'away', 'lost', 'arrived'] as const;
type Fate = (typeof FATES)[number];

const LATER: Partial<Record<Fate, ReturnType<typeof said>>> = {
  dropped_for_now: said('FAILED', { INTERNAL_ERROR: 1 }),
  dropped: said('FAILED', { EVENT_TOO_OLD: 1 }),
};

type Turn =
  | { readonly kind: 'worth'; readonly units: number }
  | { readonly kind: 'rejected' | 'held' | 'restart' | 'rewind' }
  | { readonly kind: 'elapse'; readonly ms: number };

const turns = fc.array(
  fc.oneof<fc.WeightedArbitrary<Turn>[]>(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('worth'), units: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('rejected', 'held') }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('elapse'), ms: fc.integer({ min: 1, max: 2 * HOUR_MS }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart', 'rewind') }) },
  ),
  { maxLength: 10 },
);

function changesOf(turn: Turn): Partial<ConversionDecided> {
  return turn.kind === 'worth'
    ? { revenueMicros: BigInt(turn.units) * 1_000_000n }
    : { state: turn.kind === 'held' ? 'held' : 'rejected' };
}

it('holds what it should unless it is listed as wrong', async () => {
  await fc.assert(
    fc.asyncProperty(
      turns,
      fc.array(fc.constantFrom(...FATES), { maxLength: 12 }),
      async (history, fates) => {
        const { bed, google } = await bedWithGoogle();
        let looks = 0;
        // Nothing here shares a request: each look at the clock is late enough for it to go.
        bed.laneNow = () => {
          looks += 1;
          return bed.now + looks * 200;
        };
        /** By transaction id. */
        const held = new Map<string, number>();
        /** By the platform's request id. */
        const fateOf = new Map<string, Fate>();
        let sent = 0;
        bed.exchange = async (request) => {
          if (!request.url.endsWith('events:ingest')) return google.answer(request);
          const fate = fates[sent] ?? 'taken';
          sent += 1;
          const [event] = JSON.parse(request.body ?? '').events;
          if (fate === 'taken' || fate === 'arrived') held.set(event.transactionId, event.conversionValue);
          if (fate === 'away') return answered(503);
          if (fate === 'lost' || fate === 'arrived') return { ok: false, error: 'timeout' };
          const answer = await google.answer(request);
          fateOf.set(`r${google.ingested.length}`, fate);
          return answer;
        };
        google.says = (id) => LATER[fateOf.get(id) ?? 'taken'] ?? said('SUCCESS');
        const revisions: ConversionDecided[] = [];
        for (const turn of history) {
          if (turn.kind === 'elapse') await bed.elapse(turn.ms);
          else if (turn.kind === 'restart') bed.restart();
          else if (turn.kind === 'rewind') for (const one of revisions.slice(-3)) await bed.decide(one);
          else {
            const revision = revisions.length + 1;
            const next = { ...sale, revision, decidedAt: sale.decidedAt + revision, ...changesOf(turn) };
            revisions.push(next);
            await bed.decide(next);
          }
        }
        await bed.elapse(3 * DAY_MS);
        expect(bed.waiting).toEqual([]);
        expect(held.size).toBeLessThan(2);
        const [holding] = bed.holdings();
        const last = revisions.at(-1);
        const isListed = holding?.outcome === 'refused' || holding?.outcome === 'dead';
        if (isListed || last === undefined || last.state === 'held') return;
        const [value = 0] = held.values();
        expect(value).toBe(last.state === 'rejected' ? 0 : Number(last.revenueMicros) / 1_000_000);
      },
    ),
    { numRuns: 150 },
  );
});
