/** The events of deliveries: intended, ended, due again, dead; and the holdings that each attempt carries. */
import { createHash } from 'node:crypto';
import type { RecordPosition } from '@tributary/bus';
import type { ConversionDecided, DeadLettered, DeliveryAttempted, DeliveryDue } from '@tributary/contracts';
import {
  type OutwardDelivery,
  type OutwardResponse,
  type RecordedRequest,
  type Redactor,
  recordResponse,
} from '@tributary/destinations';
import {
  type DeliveryEnd,
  deterministicUuid,
  moneyOf,
  type OutwardValue,
  type State,
} from '@tributary/domain';
import type { ActiveDestination, Receiver } from './receivers.ts';
import { modeOf } from './rehearsal.ts';
import type { Standing } from './send-ledger.ts';
import type { Exchange } from './sender.ts';

/** The decision that asks for a delivery, and the record that brought it. */
export interface Asking {
  readonly decided: ConversionDecided;
  /** The decision in wire form. */
  readonly wire: Buffer;
  readonly askedBy: RecordPosition;
  /** Trace headers of that record. */
  readonly headers: Readonly<Record<string, string>>;
  /** The risks that a person has taken upon himself, for the whole ladder; none where nobody was asked. */
  readonly accepts: readonly string[];
}

/** One delivery at one attempt. */
export interface Attempt extends Asking {
  /** With this attempt intended. */
  readonly standing: Standing;
  /** Name of what is sent. */
  readonly outwardEvent: string;
  /** Of a correction: the decision by which the event was delivered, in wire form. */
  readonly delivered: Buffer | null;
  /** Null when nothing can be sent to the destination any more. */
  readonly receiver: ActiveDestination | null;
}

/** One that can be sent. */
export interface ReadyAttempt extends Attempt {
  readonly receiver: Receiver;
  readonly outward: OutwardDelivery;
  /** What a request says once for all it carries. */
  readonly envelope: string;
}

/** What came of one delivery. */
export interface DeliveryOutcome {
  readonly outcome: DeliveryEnd | 'retry';
  readonly reasonCode: string | null;
  /** Null for a retry that is made at once. */
  readonly nextAttemptAt: number | null;
  readonly mayHaveArrived: boolean;
}

/** What came of a request. */
export interface RequestEnd {
  readonly response: OutwardResponse | null;
  readonly errorCode: string | null;
  readonly endedAt: number;
}

const MAX_BODY = 16_384;
/** Stands for the definition of a destination that is gone. */
const NO_DEFINITION = 'none';
/** Of what is due without a question to the platform having led to it. */
const NO_QUESTION = { question: null, dropped: null } as const;

/** @param attempts at least one, all to one receiver. */
export function intendedRecord(
  attempts: readonly Attempt[],
  requestId: string,
  request: RecordedRequest,
  startedAt: number,
  configurationVersion: number,
): DeliveryAttempted {
  const [first] = attempts;
  if (first === undefined) throw new Error('a request without deliveries');
  const { decided, receiver } = first;
  return {
    requestId,
    phase: 'intended',
    destinationId: first.standing.destinationId,
    definition: receiver?.definition.key ?? NO_DEFINITION,
    definitionVersion: receiver?.definition.api.version ?? NO_DEFINITION,
    advertiserId: decided.advertiserId,
    deliveries: attempts.map((attempt) => attemptedOf(attempt, request)),
    ...requestColumns(request),
    responseStatus: null,
    responseHeaders: {},
    responseBody: null,
    errorCode: null,
    startedAt,
    endedAt: null,
    durationMs: null,
    configurationVersion,
    isTest: decided.isTest || (receiver !== null && modeOf(receiver) === 'test_events'),
    holdings: attempts.map(({ standing }) => holdingOf(standing, null)),
  };
}

/** @param ends one for each delivery: what came of it, and the holding after. */
export function endedRecord(
  intended: DeliveryAttempted,
  end: RequestEnd,
  ends: readonly { readonly end: DeliveryOutcome; readonly standing: Standing }[],
): DeliveryAttempted {
  return {
    ...intended,
    phase: 'ended',
    deliveries: intended.deliveries.map((delivery, index) => {
      const own = ends[index]?.end;
      if (own === undefined) throw new Error('a delivery of a request has no end');
      const { outcome, reasonCode, nextAttemptAt } = own;
      // The enumeration of outcomes never gains a symbol; the holding has the word for it.
      return { ...delivery, outcome: outcome === 'rehearsed' ? null : outcome, reasonCode, nextAttemptAt };
    }),
    ...endColumns(end, intended.startedAt),
    holdings: ends.map(({ end: { reasonCode }, standing }) => holdingOf(standing, reasonCode)),
  };
}

export function requestColumns({ method, url, headers, body }: RecordedRequest) {
  return { method, url, requestHeaders: headers, requestBody: body?.slice(0, MAX_BODY) ?? null };
}

/** @param hide what must not be recorded of the answer. */
export function requestEnd(exchange: Exchange, hide: Redactor, endedAt: number): RequestEnd {
  if (!exchange.ok) return { response: null, errorCode: exchange.error, endedAt };
  return { response: recordResponse(exchange.response, hide), errorCode: null, endedAt };
}

export function endColumns({ response, errorCode, endedAt }: RequestEnd, startedAt: number) {
  return {
    responseStatus: response?.status ?? null,
    responseHeaders: response?.headers ?? {},
    responseBody: response?.body.slice(0, MAX_BODY) ?? null,
    errorCode,
    endedAt,
    durationMs: endedAt - startedAt,
  };
}

export function contentDigest({ url, body }: Pick<RecordedRequest, 'url' | 'body'>): string {
  return createHash('sha256')
    .update(`${url}\n${body ?? ''}`)
    .digest('hex');
}

function attemptedOf(
  { standing, decided, outwardEvent }: Attempt,
  request: RecordedRequest,
): DeliveryAttempted['deliveries'][number] {
  return {
    deliveryId: standing.deliveryId,
    conversionId: decided.conversionId,
    revision: standing.revision,
    outwardEvent,
    attempt: standing.attempt,
    outcome: null,
    reasonCode: null,
    contentDigest: contentDigest(request),
    nextAttemptAt: null,
  };
}

function holdingOf(
  {
    told,
    held,
    phase: _phase,
    destinationId: _destinationId,
    requestId: _requestId,
    startedAt: _startedAt,
    ...standing
  }: Standing,
  reasonCode: string | null,
): DeliveryAttempted['holdings'][number] {
  const toldColumns = columnsOf(told);
  return {
    ...standing,
    reasonCode,
    toldState: toldColumns.state,
    toldRevenueMicros: toldColumns.revenueMicros,
    toldRevenueCurrency: toldColumns.revenueCurrency,
    toldPayoutMicros: toldColumns.payoutMicros,
    toldPayoutCurrency: toldColumns.payoutCurrency,
    ...heldColumns(held),
  };
}

/** What a receiver held before a delivery, as records have it. */
export type HeldColumns = ReturnType<typeof heldColumns>;

export function heldColumns(held: OutwardValue | null) {
  const { state, revenueMicros, revenueCurrency, payoutMicros, payoutCurrency } = columnsOf(held);
  return {
    heldState: state,
    heldRevenueMicros: revenueMicros,
    heldRevenueCurrency: revenueCurrency,
    heldPayoutMicros: payoutMicros,
    heldPayoutCurrency: payoutCurrency,
  };
}

/** The inverse of {@link heldColumns}; its state is one of ours, since only this module writes it. */
export function heldIn(columns: Omit<HeldColumns, 'heldState'> & { readonly heldState: string | null }) {
  const { heldState, heldRevenueMicros, heldRevenueCurrency, heldPayoutMicros, heldPayoutCurrency } = columns;
  if (heldState === null) return null;
  const revenue = moneyOf(heldRevenueMicros, heldRevenueCurrency);
  const payout = moneyOf(heldPayoutMicros, heldPayoutCurrency);
  return { amounts: { revenue, payout }, state: heldState as State };
}

function columnsOf(value: OutwardValue | null) {
  const { revenue = null, payout = null } = value?.amounts ?? {};
  return {
    state: value?.state ?? null,
    revenueMicros: revenue?.micros ?? null,
    revenueCurrency: revenue?.currency ?? null,
    payoutMicros: payout?.micros ?? null,
    payoutCurrency: payout?.currency ?? null,
  };
}

/** The next attempt of an open delivery, in the timer wheel. */
export function retryRecord(
  { standing, outwardEvent, wire, delivered, accepts }: Attempt,
  end: { readonly reasonCode: string | null },
  dueAt: number,
  enqueuedAt: number,
): DeliveryDue {
  return {
    deliveryId: standing.deliveryId,
    destinationId: standing.destinationId,
    outwardEvent,
    attempt: standing.attempt + 1,
    dueAt,
    enqueuedAt,
    decision: wire,
    lastReasonCode: end.reasonCode,
    kind: 'retry',
    delivered,
    accepts: [...accepts],
    issuedAt: null,
    ...NO_QUESTION,
  };
}

/** A decision whose step about one holding is taken again later. */
export function stepRecord(
  holding: { readonly holdingId: string; readonly destinationId: string; readonly event: string },
  wire: Buffer,
  dueAt: number,
  enqueuedAt: number,
): DeliveryDue {
  return {
    deliveryId: holding.holdingId,
    destinationId: holding.destinationId,
    outwardEvent: holding.event,
    attempt: 0,
    dueAt,
    enqueuedAt,
    decision: wire,
    lastReasonCode: null,
    kind: 'step',
    delivered: null,
    accepts: [],
    issuedAt: null,
    ...NO_QUESTION,
  };
}

/** An order to attempt a delivery again, to be looked at later. What it is about is read anew then. */
export function replayRecord(
  order: {
    readonly deliveryId: string;
    readonly destinationId: string;
    readonly expectedAttempt: number;
    readonly accepts: readonly string[];
    readonly issuedAt: number;
  },
  outwardEvent: string,
  dueAt: number,
  enqueuedAt: number,
): DeliveryDue {
  return {
    deliveryId: order.deliveryId,
    destinationId: order.destinationId,
    outwardEvent,
    attempt: order.expectedAttempt,
    dueAt,
    enqueuedAt,
    decision: Buffer.alloc(0),
    lastReasonCode: null,
    kind: 'replay',
    delivered: null,
    accepts: [...order.accepts],
    issuedAt: order.issuedAt,
    ...NO_QUESTION,
  };
}

export function deadDeliveryRecord(
  { standing, decided, wire, askedBy }: Attempt,
  { reasonCode, outcome }: DeliveryOutcome,
  endedAt: number,
): DeadLettered {
  const { deliveryId, attempt } = standing;
  return {
    deadLetterId: deterministicUuid('dead_delivery', deliveryId, String(attempt)),
    kind: 'delivery',
    service: 'fan-out',
    reasonCode: reasonCode ?? outcome,
    detail: null,
    ...askedBy,
    key: Buffer.from(decided.conversionId),
    value: wire,
    headers: {},
    conversionId: decided.conversionId,
    deliveryId,
    destinationId: standing.destinationId,
    attempts: attempt,
    deadLetteredAt: endedAt,
  };
}
