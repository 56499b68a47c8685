/** The schedule of a lane: what was decided there, in which order and at which instants, as its recorded revisions tell. */
import type { Candidate, CandidateClick, Conversion } from '../conversion.ts';
import { compareText } from '../ordering.ts';
import type { Position, Report } from '../report.ts';

/** A postback as the log holds it. */
export interface RecordedPostback {
  readonly report: Report;
  readonly configurationVersion: number;
}

/** What one lane has on record of a time, from a place in the log on. */
export interface RecordedLane {
  readonly lane: string;
  /** Conversions as they stood before the first of the postbacks; those that anything here may look at. */
  readonly before: readonly Conversion[];
  /** In log order, each receipt once. */
  readonly postbacks: readonly RecordedPostback[];
  /** Every revision decided since; of one conversion in their order. */
  readonly revisions: readonly Conversion[];
  /** That anything here may look at; those that won need not be among them. */
  readonly clicks: readonly CandidateClick[];
}

/** One thing that attribution had to decide, and the revisions it wrote then. */
export interface Step {
  readonly kind: 'postback' | 'late_click' | 'deadline' | 'command';
  /** Of a postback; null for any other. */
  readonly postback: RecordedPostback | null;
  readonly now: number;
  readonly position: Position;
  readonly configurationVersion: number;
  readonly recorded: readonly Conversion[];
}

/**
 * The steps of a lane in the order in which they were decided.
 *
 * | trigger of a revision | its place |
 * |---|---|
 * | postback, release | its postback |
 * | late_click, deadline, command | behind the postback it names, and behind whatever was decided before its instant |
 *
 * The clock of a partition never runs backwards, so the second row is the order of its instants. A postback that led to no
 * revision has no instant on record, and none that matters: it takes that of the one before.
 */
export function scheduleOf({ postbacks, revisions }: RecordedLane): readonly Step[] {
  const byPostback = Map.groupBy(
    revisions.filter(isOfPostback),
    ({ decidedAt }) => decidedAt.position.offset,
  );
  const steps: Step[] = [];
  let now = 0;
  for (const postback of postbacks) {
    const { position, receivedAt } = postback.report;
    const recorded = byPostback.get(position.offset) ?? [];
    now = recorded[0]?.decidedAt.now ?? Math.max(now, receivedAt);
    const configurationVersion = recorded[0]?.decidedAt.configurationVersion ?? postback.configurationVersion;
    steps.push({ kind: 'postback', postback, now, position, configurationVersion, recorded });
  }
  return merged(steps, othersOf(revisions));
}

function isOfPostback({ decidedAt }: Conversion): boolean {
  return decidedAt.trigger === 'postback' || decidedAt.trigger === 'release';
}

function othersOf(revisions: readonly Conversion[]): readonly Step[] {
  const others = revisions.filter((revision) => !isOfPostback(revision));
  const groups = Map.groupBy(others, ({ decidedAt: { now, position, trigger } }) =>
    [now, position.offset, trigger].join(':'),
  );
  const steps = [...groups.values()].flatMap((recorded) => {
    const [first] = recorded;
    if (first === undefined) return [];
    const { now, position, trigger, configurationVersion } = first.decidedAt;
    const kind = trigger as Exclude<Step['kind'], 'postback'>;
    return [
      { kind, postback: null, now, position, configurationVersion, recorded: recorded.toSorted(inOrder) },
    ];
  });
  return steps.toSorted((a, b) => a.now - b.now || a.position.offset - b.position.offset);
}

function inOrder(a: Conversion, b: Conversion): number {
  return (
    a.facts.position.offset - b.facts.position.offset ||
    compareText(a.conversionId, b.conversionId) ||
    a.revision - b.revision
  );
}

function merged(postbacks: readonly Step[], others: readonly Step[]): readonly Step[] {
  const steps: Step[] = [];
  let next = 0;
  for (const other of others) {
    for (let end = endBefore(postbacks, other, next); next < end; next += 1)
      steps.push(postbacks[next] as Step);
    steps.push(other);
  }
  return [...steps, ...postbacks.slice(next)];
}

/** How many of the postbacks were decided before the step. */
function endBefore(postbacks: readonly Step[], other: Step, from: number): number {
  let end = from;
  for (let index = from; index < postbacks.length; index += 1) {
    const postback = postbacks[index] as Step;
    const isNamed = postback.position.offset <= other.position.offset;
    const isEarlier = postback.recorded.length > 0 && postback.now < other.now;
    if (isNamed || isEarlier) end = index + 1;
    else if (postback.recorded.length > 0) break;
  }
  return end;
}

/** From and until which step a click is known to have been visible, or not. */
export interface Sighting {
  /** The first step that saw it. */
  readonly seen: number | null;
  /** The last step that looked for it in vain. */
  readonly missed: number | null;
}

/** What the candidates of recorded revisions tell of clicks. A click once given up is missing for ever, seen or not. */
export function sightingsOf(steps: readonly Step[]): ReadonlyMap<string, Sighting> {
  const sightings = new Map<string, Sighting>();
  const givenUp = new Set<string>();
  const note = (clickId: string, outcome: Candidate['outcome'] | 'seen', step: number) => {
    const { seen = null, missed = null } = sightings.get(clickId) ?? {};
    const isMissing = outcome === 'missing';
    sightings.set(clickId, { seen: isMissing ? seen : (seen ?? step), missed: isMissing ? step : missed });
  };
  for (const [index, { recorded }] of steps.entries())
    for (const { conversionId, outcome, passed } of recorded) {
      for (const { clickId, outcome: found } of outcome.candidates)
        if (found !== 'missing' || !givenUp.has(`${conversionId}:${clickId}`)) note(clickId, found, index);
      const known = [outcome.winner?.clickId ?? null, outcome.namedClickId];
      for (const clickId of known) if (clickId !== null) note(clickId, 'seen', index);
      if (passed.gaveUpClickId !== null) givenUp.add(`${conversionId}:${passed.gaveUpClickId}`);
    }
  return sightings;
}
