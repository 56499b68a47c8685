/** The rules of an outward delivery: its key, its outcomes, when it is tried again and when it is given up. */
import { deterministicUuid } from './deterministic-id.ts';

/** What one attempt came to. */
export const OUTCOMES = ['delivered', 'retry', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/**
 * How a delivery ends: exactly one of these, and no attempt after it.
 * `superseded`: a newer revision of the conversion took its place before it was delivered. `dead`: the ladder ran out.
 * `refused` and `dead` are kept as dead letters and can be replayed.
 * `rehearsed`: the destination was not live: nothing was sent, or a test event that counts nowhere. It is never sent later.
 */
export const DELIVERY_ENDS = ['delivered', 'refused', 'superseded', 'dead', 'rehearsed'] as const;
export type DeliveryEnd = (typeof DELIVERY_ENDS)[number];

/**
 * What a destination does with what it is to be told.
 *
 * | mode        | validated and built | leaves                      | the receiver counts |
 * |-------------|---------------------|-----------------------------|---------------------|
 * | live        | yes                 | as it is                    | all of it           |
 * | test_events | yes                 | as a test event, tried once | nothing             |
 * | dry_run     | yes                 | nothing                     | nothing             |
 */
export const DESTINATION_MODES = ['live', 'test_events', 'dry_run'] as const;
export type DestinationMode = (typeof DESTINATION_MODES)[number];

/** Whom a refusal concerns: this event only, or every event to the destination until somebody mends its settings. */
export const REFUSAL_SCOPES = ['event', 'destination'] as const;
export type RefusalScope = (typeof REFUSAL_SCOPES)[number];

/** The judgement of one attempt for one outward event. `reason` is a stable code, `detail` the receiver's own words. */
export type AttemptOutcome =
  | { readonly outcome: 'delivered' }
  | {
      readonly outcome: 'retry';
      readonly reason: string;
      readonly detail?: string;
      /** The receiver's wish, in milliseconds from now; see {@link nextAttempt} for how far it is honoured. */
      readonly afterMs?: number;
      /**
       * The receiver refused the request as a whole: send its events in smaller requests before refusing any of them.
       * A split burns no attempt; it happens at most log2(batch) times, since an event sent alone is judged for itself.
       */
      readonly splitBatch?: true;
    }
  | {
      readonly outcome: 'refused';
      readonly reason: string;
      readonly scope: RefusalScope;
      readonly detail?: string;
    };

/**
 * The key sent outward, by which receivers tell repeats apart.
 *
 * No revision is part of it: a later revision of the same event must look the same to a platform that has counted it. No
 * attempt number either: a timeout after the request was written is ambiguous and is repeated under the same key.
 */
export function outwardKey(conversionId: string, destinationId: string, outwardEvent: string): string {
  return deterministicUuid('outward_event', conversionId, destinationId, outwardEvent);
}

/**
 * The key under which a correction of a delivered event is sent.
 *
 * The revision that asks for it is part of it, unlike in {@link outwardKey}: an amount that goes down, up and down again is
 * three corrections, and a receiver must take none of them for a repeat.
 */
export function correctionKey(
  conversionId: string,
  destinationId: string,
  outwardEvent: string,
  revision: number,
): string {
  return deterministicUuid('outward_correction', conversionId, destinationId, outwardEvent, String(revision));
}

/**
 * Delays before the second, third and fourth attempt, in milliseconds; then the delivery is dead.
 *
 * | after attempt | wait ±20 % | since the first | why                                                      |
 * |---------------|------------|-----------------|----------------------------------------------------------|
 * | 1             | 1 s        | 1 s             | a dropped connection or one bad node behind a balancer   |
 * | 2             | 5 s        | 6 s             | a restarting process                                     |
 * | 3             | 30 s       | 36 s            | a short overload                                         |
 * | 4             | –          | –               | longer outages belong to the breaker and to replay       |
 *
 * The jitter keeps deliveries that failed together from coming back together.
 */
export const FAST_LADDER_MS: readonly number[] = [1_000, 5_000, 30_000];

const JITTER = 0.2;
const LONGEST_RETRY_AFTER_MS = 3_600_000;

export interface EndedAttempt {
  /** Number of the attempt that asked for a retry; the first is 1. */
  readonly attempt: number;
  /** In [0, 1); the caller draws it, so that a test can choose it. */
  readonly random: number;
  /** The receiver's Retry-After in milliseconds, when it sent one. */
  readonly retryAfterMs?: number | undefined;
  /** The destination's own schedule in place of the fast ladder: milliseconds before the second, third, … attempt. */
  readonly scheduleMs?: readonly number[] | undefined;
}

export type NextAttempt = { readonly kind: 'again'; readonly delayMs: number } | { readonly kind: 'dead' };

/**
 * When to try again after an attempt that asked for a retry, or that the delivery is dead.
 *
 * Retry-After is honoured between the ladder's own delay and one hour: a receiver cannot make us hammer it, and cannot
 * park a delivery for days.
 */
export function nextAttempt({
  attempt,
  random,
  retryAfterMs,
  scheduleMs = FAST_LADDER_MS,
}: EndedAttempt): NextAttempt {
  const stepMs = scheduleMs[attempt - 1];
  if (stepMs === undefined) return { kind: 'dead' };
  const jitteredMs = Math.round(stepMs * (1 - JITTER + 2 * JITTER * random));
  const askedMs = Math.min(retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  return { kind: 'again', delayMs: Math.max(jitteredMs, askedMs) };
}

const DELAY_SECONDS = /^\d{1,9}$/;
const IMF_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC850_DATE = /^[A-Z][a-z]+day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * A Retry-After header as milliseconds from `now`, or null when it is missing or not in one of the forms of RFC 9110
 * §10.2.3 (seconds, or an HTTP date in any of its three spellings). A date in the past gives 0.
 */
export function parseRetryAfter(header: string | null | undefined, now: number): number | null {
  const text = header?.trim() ?? '';
  if (DELAY_SECONDS.test(text)) return Number(text) * 1_000;
  const at = parseHttpDate(text);
  return at === null ? null : Math.max(0, at - now);
}

function parseHttpDate(text: string): number | null {
  if (!IMF_DATE.test(text) && !RFC850_DATE.test(text) && !ASCTIME_DATE.test(text)) return null;
  // asctime carries no zone and would be read in the machine's own.
  const at = Date.parse(ASCTIME_DATE.test(text) ? `${text} GMT` : text);
  return Number.isNaN(at) ? null : at;
}

/** Why no usable response came; the sender translates its client's errors into these. */
export const NETWORK_ERRORS = [
  'timeout',
  'connect_timeout',
  'dns_failure',
  'connection_refused',
  'connection_reset',
  'network_unreachable',
  'proxy_failure',
  'tls_handshake_failed',
  'tls_certificate_invalid',
  'response_malformed',
  'response_too_large',
  'address_blocked',
] as const;
export type NetworkError = (typeof NETWORK_ERRORS)[number];

/**
 * Errors that a repeat cannot mend. An invalid certificate stays invalid until somebody acts, and sending anyway would
 * hand the payload to whoever presents it. A blocked address is our own guard against private networks.
 */
const LASTING_NETWORK_ERRORS: readonly NetworkError[] = ['tls_certificate_invalid', 'address_blocked'];

/** Judges an exchange without a response: everything is tried again but what a repeat cannot mend. */
export function judgeNetworkError(error: NetworkError): AttemptOutcome {
  if (LASTING_NETWORK_ERRORS.includes(error)) {
    return { outcome: 'refused', reason: error, scope: 'destination' };
  }
  return { outcome: 'retry', reason: error };
}

/** A 4xx that asks for another try: Request Timeout, Too Early, Too Many Requests. */
const RETRIED_CLIENT_ERRORS: readonly number[] = [408, 425, 429];

/**
 * A 4xx that says the destination itself is wrong or gone, whatever the event. 404 is not among them: many trackers
 * answer it for a click id they do not know.
 */
const DESTINATION_CLIENT_ERRORS: readonly number[] = [401, 403, 407, 410];

export interface ResponseHead {
  readonly status: number;
  /** The receiver's Retry-After in milliseconds; see {@link parseRetryAfter}. */
  readonly retryAfterMs?: number | null | undefined;
}

/**
 * Judges a response by its status alone, the rule for receivers that promise no more.
 *
 * | status             | outcome                                                                           |
 * |--------------------|-----------------------------------------------------------------------------------|
 * | 2xx                | delivered                                                                         |
 * | 408, 425, 429, 5xx | retry, Retry-After honoured                                                       |
 * | 3xx                | refused `redirect_not_followed`: a redirect could lead a payload to another host  |
 * | other 4xx          | refused `http_<status>`; 401, 403, 407, 410 concern the destination               |
 * | anything else      | retry `http_<status>`: not a final answer of HTTP, so nothing is known            |
 */
export function judgeStatus({ status, retryAfterMs }: ResponseHead): AttemptOutcome {
  if (status >= 200 && status < 300) return { outcome: 'delivered' };
  if (status >= 300 && status < 400) {
    return { outcome: 'refused', reason: 'redirect_not_followed', scope: 'destination' };
  }
  const reason = `http_${status}`;
  if (status >= 400 && status < 500 && !RETRIED_CLIENT_ERRORS.includes(status)) {
    const scope = DESTINATION_CLIENT_ERRORS.includes(status) ? 'destination' : 'event';
    return { outcome: 'refused', reason, scope };
  }
  return retryAfterMs == null
    ? { outcome: 'retry', reason }
    : { outcome: 'retry', reason, afterMs: retryAfterMs };
}

/** Errors before a byte of the request has left. */
const UNSENT_NETWORK_ERRORS: readonly NetworkError[] = [
  'connect_timeout',
  'dns_failure',
  'connection_refused',
  'network_unreachable',
  'tls_handshake_failed',
  'tls_certificate_invalid',
  'address_blocked',
];

/** Answers by which a receiver says that it has not taken a request, whatever is to be done with it then. */
const UNTAKEN_STATUSES: readonly number[] = [503];

/** What an attempt was answered with. */
export type AttemptAnswer = { readonly status: number } | { readonly error: NetworkError };

/**
 * Whether an attempt that was not delivered may have arrived all the same.
 *
 * | answer                                  | may have arrived                                              |
 * |-----------------------------------------|---------------------------------------------------------------|
 * | none, before the connection stood       | no                                                            |
 * | none, after that                        | yes: the request may have been read                           |
 * | 4xx, 3xx, 503                           | no: it says so                                                |
 * | 2xx that was judged as no delivery      | yes, unless it refuses the event by name                      |
 * | any other 5xx, and what is no status    | yes: some work first and fail then, and gateways do not know  |
 */
export function mayHaveArrived({ outcome }: AttemptOutcome, answer: AttemptAnswer): boolean {
  if (outcome === 'delivered') return false;
  if ('error' in answer) return !UNSENT_NETWORK_ERRORS.includes(answer.error);
  if (outcome === 'refused') return false;
  const { status } = answer;
  return !(status >= 300 && status < 500) && !UNTAKEN_STATUSES.includes(status);
}
