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
  const told = Map.groupBy(
    kept.flatMap(({ destinationId, holding }) =>
      holding !== null && (isTold(holding) || isRehearsed(holding)) ? [{ destinationId, holding }] : [],
    ),
    ({ destinationId }) => destinationId,
  );
  // What was withdrawn or has failed may have been renamed, and has got its old name back since; what failed when the other was
  // told already, or with it, was begun beside it.
  const isIdle = ({ destinationId, holding }: NamedEvent) =>
    holding === null ||
    isWithdrawn(holding) ||
    (mayBeRenamed(holding) &&
      told.get(destinationId)?.some((other) => other.holding.revision > holding.revision) === true);
  const newFirst = asked
    .filter(isIdle)
    .toSorted((a, b) => Number(a.holding !== null) - Number(b.holding !== null));
  const way = new Set<Asked>();
  for (const each of newFirst) if (told.get(each.destinationId)?.pop() !== undefined) way.add(each);
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
