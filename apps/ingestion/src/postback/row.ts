/** One postback of a call, or why it is none. */
import type { Parameters, Refusal } from '@tributary/domain';

export type Row = (
  | { readonly ok: true; readonly parameters: Parameters }
  | { readonly ok: false; readonly refusal: Refusal }
) & {
  /** Of a CSV file, counted from 1. */
  readonly line?: number;
};
