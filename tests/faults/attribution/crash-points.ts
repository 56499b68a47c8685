/** The points at which attribution is made to crash, between what it does of one piece of work and the next. */

/**
 * | point | what is done | what is not |
 * |---|---|---|
 * | catching-up | partitions are dealt | the store does not show yet what the owner before wrote |
 * | loaded | facts are loaded, postbacks decided | nothing is sent |
 * | part-of-decisions | the revisions in some partitions stand in the log | the others, the verdicts |
 * | decided-not-judged | all revisions stand in the log | the verdicts |
 * | sent | the request has left the process | its acknowledgement |
 * | acknowledged | everything stands in the log | the commit |
 * | clock-looked | the clock has looked and decided | nothing is sent |
 * | clock-part | its revisions in some partitions stand in the log | the others |
 * | clock-sent | the clock's request has left the process | its acknowledgement |
 * | clock-acknowledged | the clock's revisions stand in the log | the process does not know |
 */
export const CRASH_POINTS = [
  'catching-up',
  'loaded',
  'part-of-decisions',
  'decided-not-judged',
  'sent',
  'acknowledged',
  'clock-looked',
  'clock-part',
  'clock-sent',
  'clock-acknowledged',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Environment variable with the file in which a crash is ordered. */
export const CRASH_ORDER_FILE = 'CRASH_ORDER_FILE';

/** What a process leaves behind that has crashed as ordered. */
export interface CrashReport {
  readonly point: CrashPoint;
  /** Records of the call it was in; of one that catches up none. */
  readonly records: number;
}
