/** What became of events that a platform accepted first and processed afterwards: when and how it is asked, and what its answer says. */
import { isDeepStrictEqual } from 'node:util';
import type { AttemptOutcome } from '@tributary/domain';
import type { OutwardRequest, OutwardResponse } from './outward-request.ts';

export interface FollowUpInput<S> {
  /** The platform's, of {@link FollowUp.requestIdOf}. */
  readonly requestId: string;
  readonly settings: S;
  /** Of the definition's `credential`; null where none is needed. */
  readonly accessToken: string | null;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

export interface FollowUpJudgeInput<S> {
  readonly response: OutwardResponse;
  /** How many deliveries of the request were judged delivered. */
  readonly deliveryCount: number;
  /** Whether it had carried adjustments rather than events. */
  readonly isAdjustment: boolean;
  readonly settings: S;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

/** How many of the deliveries fared alike. Platforms tell how many, and as a rule not which. */
export interface FollowUpGroup {
  readonly count: number;
  readonly outcome: AttemptOutcome;
}

/** What the platform says of a request; `reason` is a stable code, `detail` the platform's own words. */
export type FollowUpAnswer =
  /** Nothing yet: to be asked again, by another access token where the reason is `token_expired`. */
  | {
      readonly answer: 'pending';
      readonly reason: string;
      readonly detail?: string;
      readonly afterMs?: number;
    }
  /** The groups make up all deliveries. */
  | { readonly answer: 'settled'; readonly groups: readonly FollowUpGroup[] }
  /** Never to be learnt; what was judged delivered stays so. */
  | { readonly answer: 'untold'; readonly reason: string; readonly detail?: string };

/** Pure, like all of a definition. A delivery is `delivered` once its request is accepted; this may change it afterwards. */
export interface FollowUp<S> {
  /** The platform's id of a request by the answer to it, printable ASCII; null where there is nothing to ask. */
  requestIdOf(input: { readonly response: OutwardResponse; readonly isTest: boolean }): string | null;
  /** How long after the acceptance the platform is asked first; each further time after twice as long. See {@link followUpAt}. */
  readonly firstAfterMs: number;
  /** No question is asked later than this after the acceptance. */
  readonly lastAfterMs: number;
  buildRequest(input: FollowUpInput<S>): OutwardRequest;
  judge(input: FollowUpJudgeInput<S>): FollowUpAnswer;
}

export function pending(
  reason: string,
  more: { detail?: string | undefined; afterMs?: number | null } = {},
): FollowUpAnswer {
  return {
    answer: 'pending',
    reason,
    ...(more.detail === undefined ? {} : { detail: more.detail }),
    ...(more.afterMs == null ? {} : { afterMs: more.afterMs }),
  };
}

export function untold(reason: string, detail?: string): FollowUpAnswer {
  return { answer: 'untold', reason, ...(detail === undefined ? {} : { detail }) };
}

/** When the platform is asked once more after `asked` questions, epoch milliseconds; null when it is asked no more. */
export function followUpAt(
  { firstAfterMs, lastAfterMs }: Pick<FollowUp<never>, 'firstAfterMs' | 'lastAfterMs'>,
  { acceptedAt, asked }: { readonly acceptedAt: number; readonly asked: number },
): number | null {
  const afterMs = firstAfterMs * 2 ** asked;
  return afterMs > lastAfterMs ? null : acceptedAt + afterMs;
}

/**
 * One outcome per delivery where all fared alike, in the request's order. Null where some did and some did not: nobody knows
 * which, so each stays what it was judged, and only the groups can be recorded.
 */
export function outcomesOfAll(groups: readonly FollowUpGroup[]): readonly AttemptOutcome[] | null {
  const [first, ...others] = groups.flatMap(({ count, outcome }) =>
    Array.from({ length: count }, () => outcome),
  );
  if (first === undefined || !others.every((outcome) => isDeepStrictEqual(outcome, first))) return null;
  return [first, ...others];
}
