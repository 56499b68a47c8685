/** Until when a receiver promises to recognise as a repeat what it may have taken already. */

export interface PossibleRepeat {
  /** When the revision was decided that is told, epoch ms. */
  readonly toldAt: number;
  /** For how long the receiver recognises a repeat, in milliseconds; null where it does not say. */
  readonly dedupWindowMs: number | null;
  /** Epoch ms. */
  readonly now: number;
}

/**
 * Whether a repeat sent at `now` is safe by the receiver's own promise. The window begins with the first attempt that arrived;
 * it is counted from the decision, since none of the attempts is older.
 */
export function isRecognised({ toldAt, dedupWindowMs, now }: PossibleRepeat): boolean {
  return dedupWindowMs !== null && now <= toldAt + dedupWindowMs;
}

/**
 * Whether an open delivery of which an attempt may have arrived is attempted again without anybody being asked. Where no window
 * is known its age says nothing: it is repeated under its key, as ever.
 */
export function mayGoOn(repeat: PossibleRepeat): boolean {
  return repeat.dedupWindowMs === null || isRecognised(repeat);
}
