/** The records of questions: what became of a request that was accepted, put into the timer wheel, asked, answered. */
import { randomUUID } from 'node:crypto';
import { type OutgoingRecord, outgoing } from '@tributary/bus';
import type { DeliveryAttempted, DeliveryDue } from '@tributary/contracts';
import { type FollowUp, followUpAt, isAdjustment, type RecordedRequest } from '@tributary/destinations';
import type { AttemptOutcome } from '@tributary/domain';
import {
  contentDigest,
  type DeliveryOutcome,
  endColumns,
  heldColumns,
  type ReadyAttempt,
  type RequestEnd,
  requestColumns,
} from './delivery-records.ts';
import type { Receiver } from './receivers.ts';
import type { Exchange } from './sender.ts';
import { dueRecord } from './timer.ts';

export type DueQuestion = NonNullable<DeliveryDue['question']>;

/** A question as it stands in the timer wheel. */
export type QuestionRecord = DeliveryDue & { readonly question: DueQuestion };

/** Why a delivery is on record once more that stays what it was judged. */
export const DROPPED_IN_PART = 'dropped_in_part';

/** A request and what came of it. */
interface EndedRequest {
  readonly intended: DeliveryAttempted;
  readonly attempts: readonly ReadyAttempt[];
  /** What came of each. */
  readonly ends: readonly { readonly end: DeliveryOutcome }[];
  readonly exchange: Exchange;
  /** Epoch ms. */
  readonly acceptedAt: number;
}

/** What is asked later of a request that was accepted: one question, or none. */
export function questionsAfter({
  intended,
  attempts,
  ends,
  exchange,
  acceptedAt,
}: EndedRequest): readonly OutgoingRecord[] {
  const accepted = attempts.filter((_, index) => ends[index]?.end.outcome === 'delivered');
  const [first] = accepted;
  if (first === undefined || !exchange.ok) return [];
  const { definition, settings, override } = first.receiver;
  const { followUp } = definition;
  if (followUp === undefined) return [];
  const { response } = exchange;
  const { isTest } = first.outward.conversion;
  const platformRequestId = followUp.requestIdOf({ response, isTest });
  const dueAt = followUpAt(followUp, { acceptedAt, asked: 0 });
  if (platformRequestId === null || dueAt === null) return [];
  const { requestId, destinationId, advertiserId, configurationVersion } = intended;
  const record: QuestionRecord = {
    ...nothingDue(destinationId, first.outwardEvent),
    deliveryId: requestId,
    attempt: 0,
    dueAt,
    enqueuedAt: acceptedAt,
    kind: 'question',
    question: {
      definition: definition.key,
      override,
      platformRequestId,
      acceptedAt,
      isAdjustment: isAdjustment(definition, first.outward, settings),
      advertiserId,
      isTest,
      configurationVersion,
      deliveries: accepted.map(({ standing, outwardEvent }) => ({
        deliveryId: standing.deliveryId,
        holdingId: standing.holdingId,
        conversionId: standing.conversionId,
        revision: standing.revision,
        outwardEvent,
        attempt: standing.attempt,
        mayHaveArrived: standing.mayHaveArrived,
        heldBy: standing.heldBy,
        ...heldColumns(standing.held),
      })),
    },
  };
  // Whoever owns this conversion asks; what the answer means for the others is told to their own owners.
  return [dueRecord(first.standing.conversionId, record, acceptedAt)];
}

/** The question once more, at its next time that has not passed; null when it is asked no more. */
export function nextQuestion(
  record: QuestionRecord,
  followUp: Pick<FollowUp<never>, 'firstAfterMs' | 'lastAfterMs'>,
  now: number,
  afterMs = 0,
): QuestionRecord | null {
  const { acceptedAt } = record.question;
  let asked = record.attempt + 1;
  let at = followUpAt(followUp, { acceptedAt, asked });
  while (at !== null && at <= now) {
    asked += 1;
    at = followUpAt(followUp, { acceptedAt, asked });
  }
  if (at === null) return null;
  const dueAt = Math.max(at, now + afterMs);
  return isTooLate(record, followUp, dueAt) ? null : { ...record, attempt: asked, dueAt, enqueuedAt: now };
}

export function isTooLate(
  { question: { acceptedAt } }: QuestionRecord,
  { lastAfterMs }: Pick<FollowUp<never>, 'lastAfterMs'>,
  at: number,
): boolean {
  return at > acceptedAt + lastAfterMs;
}

/** That a delivery was dropped, for the owner of its conversion to judge: it may have moved on. */
export function droppedRecord(
  { destinationId, deliveryId: requestId }: QuestionRecord,
  {
    deliveryId,
    conversionId,
    revision: _revision,
    outwardEvent,
    attempt,
    ...before
  }: DueQuestion['deliveries'][number],
  outcome: Exclude<AttemptOutcome, { outcome: 'delivered' }>,
  now: number,
): OutgoingRecord {
  const afterMs = outcome.outcome === 'retry' ? outcome.afterMs : undefined;
  return dueRecord(
    conversionId,
    {
      ...nothingDue(destinationId, outwardEvent),
      deliveryId,
      attempt,
      dueAt: now,
      enqueuedAt: now,
      lastReasonCode: outcome.reason,
      kind: 'dropped',
      dropped: {
        requestId,
        outcome: outcome.outcome,
        notBefore: afterMs === undefined ? null : now + afterMs,
        ...before,
      },
    },
    now,
  );
}

/** One question that was put, with its answer. */
export interface AskedQuestion {
  readonly key: string;
  readonly record: QuestionRecord;
  readonly receiver: Receiver;
  readonly request: RecordedRequest;
  readonly startedAt: number;
  readonly end: RequestEnd;
  readonly configurationVersion: number;
  /** Whether some were dropped, and nobody knows which. */
  readonly isInPart: boolean;
}

/**
 * The question like any request, without an intent since nothing is changed by asking twice. It carries no delivery: what
 * follows for one is on record as an attempt of its own. Where nothing can follow, the deliveries stand in it, with the reason.
 */
export function askedRecord(asked: AskedQuestion): OutgoingRecord {
  const { key, record, receiver, request, startedAt, end, configurationVersion, isInPart } = asked;
  const { destinationId, question } = record;
  const { advertiserId, isTest, deliveries } = question;
  const { definition } = receiver;
  const digest = contentDigest(request);
  return outgoing('delivery.attempted.v1', key, {
    requestId: randomUUID(),
    phase: 'ended',
    destinationId,
    definition: definition.key,
    definitionVersion: definition.api.version,
    advertiserId,
    deliveries: isInPart ? deliveries.map((delivery) => asJudged(delivery, digest)) : [],
    ...requestColumns(request),
    ...endColumns(end, startedAt),
    startedAt,
    configurationVersion,
    isTest,
    holdings: [],
  });
}

function asJudged(
  { deliveryId, conversionId, revision, outwardEvent, attempt }: DueQuestion['deliveries'][number],
  digest: string,
): DeliveryAttempted['deliveries'][number] {
  return {
    deliveryId,
    conversionId,
    revision,
    outwardEvent,
    attempt,
    outcome: 'delivered',
    reasonCode: DROPPED_IN_PART,
    contentDigest: digest,
    nextAttemptAt: null,
  };
}

function nothingDue(destinationId: string, outwardEvent: string) {
  return {
    destinationId,
    outwardEvent,
    decision: Buffer.alloc(0),
    lastReasonCode: null,
    delivered: null,
    accepts: [],
    question: null,
    dropped: null,
    issuedAt: null,
  };
}
