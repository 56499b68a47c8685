/** What is true beside an input: the clock, how far clicks and the lane were read, and where the decision is written down. */
import type { Position } from './report.ts';

export interface Moment {
  /** Epoch milliseconds, UTC; never earlier than that of the input before. */
  readonly now: number;
  /**
   * Every click is visible that was in the log when the input arrived; of a passed instant: when it passed. Only then may
   * anything but an exact click id decide, and only then is a click given up.
   */
  readonly watermarkReached: boolean;
  /** Every postback of the lane that the edge received before this instant has been decided. */
  readonly laneReadUntil: number;
  /** Of the postback; for any other input the last postback decided in the lane. */
  readonly position: Position;
  readonly configurationVersion: number;
}
