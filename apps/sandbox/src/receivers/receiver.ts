/** What a receiver kind has to tell: how it answers a call, and what an accepted call reported. */
import type { IncomingCall, ReceivedCall } from '../received-calls.ts';

export interface Answer {
  readonly accepted: boolean;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What a call brought to prove who sends it; judged and forgotten. */
export interface Credentials {
  /** The value of a header, by its name in lower case. */
  readonly header: (name: string) => string | undefined;
  /** The first value of a query parameter as it came, also where the record hides it. */
  readonly parameter: (name: string) => string | undefined;
  /** The one token that is right, or null for any that is not empty. */
  readonly requiredToken: string | null;
}

/** An amount as sent. */
export interface SentValue {
  readonly text: string;
  readonly currency: string;
}

/** One outward event of a call, as far as a ledger needs it. */
export interface OutwardEvent {
  /** The key the sender gave it. */
  readonly key: string;
  /** Equal for two events that the platform takes as one. */
  readonly identity: string;
  /** A second identity with a window of its own, where the platform knows repeats by either. */
  readonly secondIdentity?: { readonly identity: string; readonly windowMs: number };
  readonly value: SentValue | null;
  /**
   * Of an adjustment: the identity of the earlier event whose value this one takes the place of. It adds no event, and one of
   * an event that never came changes nothing.
   */
  readonly replaces?: string;
  /** Where a repeat is no repeat but a new value for what was counted: the last one stands. */
  readonly restates?: true;
  /** Of an event that takes value away and is none of those it counts, such as a refund: its value is below zero. */
  readonly takesAway?: true;
}

/** Names of the query parameters in which a partner network gets its facts. */
export interface ParameterNames {
  readonly key: string;
  readonly value: string;
  readonly currency: string;
}

export interface Receiver {
  /** How long an identity is remembered, in milliseconds: a repeat within it is not counted. */
  readonly repeatWindowMs: number;
  judge(call: IncomingCall, credentials: Credentials): Answer;
  /** How the platform words a failure that a test asked for. */
  failure(status: number): Answer;
  /** What an accepted call reported, in the order sent. */
  outwardEvents(call: ReceivedCall, names: ParameterNames): readonly OutwardEvent[];
}
