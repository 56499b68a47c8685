/** Which numbers a counter of tiers has given, and so which one is next. */

/** Numbers from 0, each of which one conversion has. */
export interface TierUse {
  /** The one behind the greatest that was given. */
  readonly end: number;
  /**
   * Those below `end` that nobody has, ascending. Numbers are given in order, so there are some only after a send that
   * arrived in part: of the conversions that it numbered the later ones are on record, and earlier ones are not.
   */
  readonly gaps: readonly number[];
}

export const NO_TIER_USE: TierUse = { end: 0, gaps: [] };

/** A gap goes first: whoever had that number when the send was lost gets it again, and the tiers count on without a hole. */
export function nextPosition({ end, gaps }: TierUse): number {
  return gaps[0] ?? end;
}

/** The same with one more number given. */
export function withPosition({ end, gaps }: TierUse, position: number): TierUse {
  if (position < end) return { end, gaps: gaps.filter((gap) => gap !== position) };
  const passed = Array.from({ length: position - end }, (_, index) => end + index);
  return { end: position + 1, gaps: [...gaps, ...passed] };
}
