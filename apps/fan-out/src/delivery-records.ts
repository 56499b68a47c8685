/** The events of one delivery attempt: intended, ended, due again, dead. */
import { createHash } from 'node:crypto';
import type { RecordPosition } from '@tributary/bus';
import type {
  ConversionDecided,
  DeadLettered,
  DeliveryAttempted,
  DeliveryDue,
  Outcome,
} from '@tributary/contracts';
import type { OutwardResponse, RecordedRequest } from '@tributary/destinations';
import { deterministicUuid } from '@tributary/domain';
import type { Receiver } from './receivers.ts';

/** A delivery at one attempt, with the decision it carries. */
export interface DeliveryAtAttempt {
  readonly deliveryId: string;
  readonly destinationId: string;
  readonly outwardEvent: string;
  readonly decided: ConversionDecided;
  /** The decision in wire form. */
  readonly wire: Buffer;
  /** From 1. */
  readonly attempt: number;
  /** The record that asked for this attempt. */
  readonly askedBy: RecordPosition;
  /** Trace headers of that record. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Null when nothing can be sent to the destination any more. */
  readonly receiver: Receiver | null;
}

/** One that can be sent. */
export interface DueDelivery extends DeliveryAtAttempt {
  readonly receiver: Receiver;
  /** Aborted when the attempt, if it has not begun, is no longer this instance's to make, or comes again later. */
  readonly signal?: AbortSignal;
}

export interface AttemptEnd {
  readonly outcome: Outcome;
  readonly reasonCode: string | null;
  readonly nextAttemptAt: number | null;
  readonly response: OutwardResponse | null;
  readonly errorCode: string | null;
  readonly endedAt: number;
}

const MAX_BODY = 16_384;
/** Stands for the definition of a destination that is gone. */
const NO_DEFINITION = 'none';

export function intendedRecord(
  delivery: DeliveryAtAttempt,
  requestId: string,
  request: RecordedRequest,
  startedAt: number,
  configurationVersion: number,
): DeliveryAttempted {
  const { decided, receiver } = delivery;
  return {
    requestId,
    phase: 'intended',
    destinationId: delivery.destinationId,
    definition: receiver?.definition.key ?? NO_DEFINITION,
    definitionVersion: receiver?.definition.api.version ?? NO_DEFINITION,
    advertiserId: decided.advertiserId,
    deliveries: [
      {
        deliveryId: delivery.deliveryId,
        conversionId: decided.conversionId,
        revision: decided.revision,
        outwardEvent: delivery.outwardEvent,
        attempt: delivery.attempt,
        outcome: null,
        reasonCode: null,
        contentDigest: createHash('sha256')
          .update(`${request.url}\n${request.body ?? ''}`)
          .digest('hex'),
        nextAttemptAt: null,
      },
    ],
    method: request.method,
    url: request.url,
    requestHeaders: request.headers,
    requestBody: request.body?.slice(0, MAX_BODY) ?? null,
    responseStatus: null,
    responseHeaders: {},
    responseBody: null,
    errorCode: null,
    startedAt,
    endedAt: null,
    durationMs: null,
    configurationVersion,
    isTest: decided.isTest,
  };
}

export function endedRecord(intended: DeliveryAttempted, end: AttemptEnd): DeliveryAttempted {
  const { outcome, reasonCode, nextAttemptAt, response } = end;
  return {
    ...intended,
    phase: 'ended',
    deliveries: intended.deliveries.map((delivery) => ({ ...delivery, outcome, reasonCode, nextAttemptAt })),
    responseStatus: response?.status ?? null,
    responseHeaders: response?.headers ?? {},
    responseBody: response?.body.slice(0, MAX_BODY) ?? null,
    errorCode: end.errorCode,
    endedAt: end.endedAt,
    durationMs: end.endedAt - intended.startedAt,
  };
}

export function dueRecord(
  delivery: DeliveryAtAttempt,
  dueAt: number,
  enqueuedAt: number,
  lastReasonCode: string | null,
): DeliveryDue {
  return {
    deliveryId: delivery.deliveryId,
    destinationId: delivery.destinationId,
    outwardEvent: delivery.outwardEvent,
    attempt: delivery.attempt,
    dueAt,
    enqueuedAt,
    decision: delivery.wire,
    lastReasonCode,
  };
}

export function deadDeliveryRecord(delivery: DeliveryAtAttempt, end: AttemptEnd): DeadLettered {
  const { decided, deliveryId, attempt } = delivery;
  return {
    deadLetterId: deterministicUuid('dead_delivery', deliveryId, String(attempt)),
    kind: 'delivery',
    service: 'fan-out',
    reasonCode: end.reasonCode ?? end.outcome,
    detail: null,
    ...delivery.askedBy,
    key: Buffer.from(decided.conversionId),
    value: delivery.wire,
    headers: {},
    conversionId: decided.conversionId,
    deliveryId,
    destinationId: delivery.destinationId,
    attempts: attempt,
    deadLetteredAt: end.endedAt,
  };
}
