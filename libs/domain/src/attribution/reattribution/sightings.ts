/** Which clicks the steps of a lane saw: concluded from the candidates of the revisions that they led to. */
import type { Candidate, CandidateClick, Conversion } from '../conversion.ts';
import type { Step } from './schedule.ts';

/** What the revisions of one step tell. */
interface Sight {
  readonly seen: ReadonlySet<string>;
  /** Looked for in vain. */
  readonly missed: ReadonlySet<string>;
}

/** The revision before; undefined for a first one. */
export type PreviousOf = (revision: Conversion) => Conversion | undefined;

/**
 * Which clicks are taken to be visible at a step.
 *
 * | by | visible is |
 * |---|---|
 * | record | what the step itself has seen, or one before; hidden what it missed |
 * | step | what the step itself has seen |
 * | receipt | what has been received by then, unless somebody missed it afterwards |
 *
 * By record is enough for the same decisions: a click that was visible and is in no candidates has changed nothing. One that
 * a revision names stays visible; whether it had been before nobody can tell, and nobody went by it.
 */
export type SightBy = 'record' | 'step' | 'receipt';

export class Sightings {
  readonly #steps: readonly Step[];
  readonly #sights: readonly Sight[];
  /** By click: the first step that saw it, and the last that missed it. */
  readonly #firstSeen = new Map<string, number>();
  readonly #lastMissed = new Map<string, number>();

  constructor(before: readonly Conversion[], steps: readonly Step[], previousOf: PreviousOf) {
    this.#steps = steps;
    this.#sights = steps.map(({ recorded }) => sightOf(recorded, previousOf));
    for (const clickId of sightOf(before, previousOf).seen) this.#firstSeen.set(clickId, -1);
    for (const [index, { seen, missed }] of this.#sights.entries()) {
      for (const clickId of seen) if (!this.#firstSeen.has(clickId)) this.#firstSeen.set(clickId, index);
      for (const clickId of missed) this.#lastMissed.set(clickId, index);
    }
  }

  isVisible({ clickId, receivedAt }: CandidateClick, index: number, now: number, by: SightBy): boolean {
    if (by === 'step') return this.#sights[index]?.seen.has(clickId) === true;
    const isSeenBefore = (this.#firstSeen.get(clickId) ?? Number.POSITIVE_INFINITY) <= index;
    const missed = this.#lastMissed.get(clickId) ?? -1;
    if (by === 'receipt') return isSeenBefore || (receivedAt <= now && index > missed);
    if (this.#sights[index]?.missed.has(clickId) === true) return false;
    return isSeenBefore || this.#isNamedInVain(clickId, index);
  }

  /**
   * A postback that led to no revision repeats or contradicts something, or names a visible click that is not its
   * advertiser's. To take the click for visible leads to none in any case.
   */
  #isNamedInVain(clickId: string, index: number): boolean {
    const step = this.#steps[index];
    return step?.recorded.length === 0 && step.postback?.report.clickId?.toLowerCase() === clickId;
  }
}

const NOTHING: Sight = { seen: new Set(), missed: new Set() };

function sightOf(recorded: readonly Conversion[], previousOf: PreviousOf): Sight {
  if (recorded.length === 0) return NOTHING;
  const seen = new Set<string>();
  const missed = new Set<string>();
  for (const revision of recorded) {
    for (const clickId of clicksSeenBy(revision)) seen.add(clickId);
    // Once given up it is missing for ever, seen or not.
    const gaveUp = previousOf(revision)?.passed.gaveUpClickId ?? null;
    for (const candidate of revision.outcome.candidates)
      if (!isSeen(candidate) && candidate.clickId !== gaveUp) missed.add(candidate.clickId);
  }
  return { seen, missed };
}

/** Ids of the clicks that a revision tells were visible. */
export function clicksSeenBy({ outcome }: Conversion): readonly string[] {
  const { winner, namedClickId, candidates } = outcome;
  return [
    ...candidates.filter(isSeen).map(({ clickId }) => clickId),
    ...(winner === null ? [] : [winner.clickId]),
    ...(namedClickId === null ? [] : [namedClickId]),
  ];
}

/** Who says that it came too late has seen it. */
function isSeen({ outcome, reasonCode }: Candidate): boolean {
  return outcome !== 'missing' || reasonCode === 'received_too_late';
}
