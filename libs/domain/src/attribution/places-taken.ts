/** What the revisions of a batch take of caps and tiers, for whoever keeps the counters. */
import type { Conversion, FirstCome } from './conversion.ts';
import { type CapUsed, capUseOf, newTiers } from './draft.ts';
import type { Result } from './reducer.ts';

export interface PlacesTaken {
  readonly caps: readonly CapUsed[];
  readonly tiers: FirstCome['tiers'];
}

/** @param known the conversions as they stood before the batch. */
export function placesTakenBy(results: readonly Result[], known: readonly Conversion[]): PlacesTaken {
  const latest = new Map(known.map(({ conversionId, firstCome }) => [conversionId, firstCome]));
  const caps: CapUsed[] = [];
  const tiers: FirstCome['tiers'][number][] = [];
  for (const { conversionId, firstCome } of results.flatMap(({ revisions }) => revisions)) {
    const before = latest.get(conversionId);
    caps.push(...capUseOf(firstCome, before));
    tiers.push(...newTiers(firstCome, before));
    latest.set(conversionId, firstCome);
  }
  return { caps, tiers };
}
