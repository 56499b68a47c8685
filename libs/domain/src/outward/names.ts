/** Under which names a conversion is told where the name of its event has changed: never under two, and where nobody was told, under the one it has now. */
import { type Holding, heldNow, isTold, isUncertain } from './holding.ts';

/** An event of one conversion at one destination. */
export interface NamedEvent {
  readonly destinationId: string;
  /** Null: no delivery was ever begun. */
  readonly holding: Holding | null;
}

/**
 * What is asked for and gives way: its destination was told of the conversion under a name that is asked for no more, and goes on
 * under that. Under both it would be two sales.
 * @param kept what is held under such names of a conversion that stands.
 */
export function givingWay<Asked extends NamedEvent>(
  asked: readonly Asked[],
  kept: readonly NamedEvent[],
): ReadonlySet<Asked> {
  const told = new Map<string, number>();
  for (const { destinationId, holding } of kept) {
    if (holding === null || !(isTold(holding) || isRehearsed(holding))) continue;
    told.set(destinationId, (told.get(destinationId) ?? 0) + 1);
  }
  // What was withdrawn may have been renamed, and has got its old name back since. What failed was begun beside what is told.
  const idle = asked.filter(({ holding }) => holding === null || isWithdrawn(holding));
  const newFirst = idle.toSorted((a, b) => Number(a.holding !== null) - Number(b.holding !== null));
  const way = new Set<Asked>();
  for (const each of newFirst) {
    const left = told.get(each.destinationId) ?? 0;
    if (left === 0) continue;
    told.set(each.destinationId, left - 1);
    way.add(each);
  }
  return way;
}

/** Whether a failed event may be told under another name instead: nobody has heard of it under its own. */
export function mayBeRenamed(holding: Holding): boolean {
  const { kind, outcome } = holding;
  return kind === 'event' && (outcome === 'dead' || outcome === 'refused') && isNeverTold(holding);
}

function isWithdrawn(holding: Holding): boolean {
  return holding.outcome === 'superseded' && isNeverTold(holding);
}

function isNeverTold(holding: Holding): boolean {
  return heldNow(holding) === null && !isUncertain(holding);
}

/** Not told of it, but it is not to be told of it later either, under whatever name. */
function isRehearsed({ outcome }: Holding): boolean {
  return outcome === 'rehearsed';
}
