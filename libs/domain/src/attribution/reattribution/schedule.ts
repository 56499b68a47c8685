/** The schedule of a lane: what was decided there, in which order and at which instants, as its recorded revisions tell. */
import type { CandidateClick, Conversion } from '../conversion.ts';
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

/** A postback, or a turn of the clock or of orders, with the revisions it led to. */
export interface Step {
  /** Null for a turn. */
  readonly postback: RecordedPostback | null;
  readonly now: number;
  readonly position: Position;
  readonly configurationVersion: number;
  /** In log order of their conversions, of one conversion in their order. */
  readonly recorded: readonly Conversion[];
}

/**
 * The steps of a lane in the order in which they were decided. Every turn of a partition has an instant of its own, later than
 * those before, so revisions with one instant and one place belong together.
 *
 * | trigger of a revision | its place |
 * |---|---|
 * | postback, release | its postback |
 * | … of a postback that was decided again, as a send of it had arrived in part | the same, and behind whatever was decided before its instant |
 * | late_click, deadline, command | behind the postback it names, and behind whatever was decided before its instant |
 *
 * A postback that led to no revision has no instant on record, and none that matters: it takes that of the one before. Nor
 * does the version of the configuration it was decided by, which was that one or a later one.
 */
export function scheduleOf({ postbacks, revisions }: RecordedLane): readonly Step[] {
  const byPostback = Map.groupBy(
    revisions.filter(isOfPostback),
    ({ decidedAt }) => decidedAt.position.offset,
  );
  const steps: Step[] = [];
  const others = turnsIn(
    revisions.filter((each) => !isOfPostback(each)),
    null,
  );
  let now = 0;
  let configurationVersion = -1;
  for (const postback of postbacks) {
    const { position, receivedAt } = postback.report;
    const [first, ...again] = turnsIn(byPostback.get(position.offset) ?? [], postback);
    now = first?.now ?? Math.max(now, receivedAt);
    configurationVersion =
      first?.configurationVersion ?? Math.max(configurationVersion, postback.configurationVersion);
    steps.push(first ?? { postback, now, position, configurationVersion, recorded: [] });
    others.push(...again);
  }
  return merged(
    steps,
    others.toSorted((a, b) => a.now - b.now || a.position.offset - b.position.offset),
  );
}

export function isOfPostback({ decidedAt }: Conversion): boolean {
  return decidedAt.trigger === 'postback' || decidedAt.trigger === 'release';
}

/** The earliest first. */
function turnsIn(revisions: readonly Conversion[], postback: RecordedPostback | null): Step[] {
  const turns = Map.groupBy(revisions, ({ decidedAt: { now, position } }) => `${now}:${position.offset}`);
  return [...turns.values()]
    .flatMap((recorded) => {
      const [first] = recorded;
      if (first === undefined) return [];
      const { now, position, configurationVersion } = first.decidedAt;
      return [{ postback, now, position, configurationVersion, recorded: recorded.toSorted(inOrder) }];
    })
    .toSorted((a, b) => a.now - b.now);
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
