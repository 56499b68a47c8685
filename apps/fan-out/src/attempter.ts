/** One attempt of one delivery: intended on record, sent, judged, ended on record after what follows from it. */
import { randomUUID } from 'node:crypto';
import { type EventProducer, type OutgoingRecord, OwnerProducer, outgoing } from '@tributary/bus';
import type { DeliveryAttempted, Outcome } from '@tributary/contracts';
import {
  attemptRedactor,
  type OutwardDelivery,
  type OutwardRequest,
  type RecordedRequest,
  type Redactor,
  recordRequest,
  recordResponse,
} from '@tributary/destinations';
import { type AttemptOutcome, judgeNetworkError, levelFor, nextAttempt } from '@tributary/domain';
import {
  type Clock,
  DependencyFailure,
  type Encryption,
  inSpan,
  type Logger,
  noteOnSpan,
} from '@tributary/runtime';
import {
  type AttemptEnd,
  type DeliveryAtAttempt,
  type DueDelivery,
  deadDeliveryRecord,
  dueRecord,
  endedRecord,
  intendedRecord,
} from './delivery-records.ts';
import type { DestinationLanes } from './destination-lanes.ts';
import {
  attemptSeconds,
  attempts,
  deliverySeconds,
  openDeliveries,
  reasonClassOf,
} from './fan-out-metrics.ts';
import { outwardConversionOf } from './outward-conversion.ts';
import type { SendLedger } from './send-ledger.ts';
import type { Exchange, Sender } from './sender.ts';
import { dueTopic } from './timer.ts';

export interface AttempterOptions {
  readonly sender: Pick<Sender, 'send'>;
  readonly lanes: DestinationLanes;
  readonly ledger: SendLedger;
  readonly producer: EventProducer;
  /** Whether the group has heard of this instance lately: after a long stop its deliveries are another's by now. */
  readonly isOwner: () => boolean;
  readonly encryption: Encryption;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly configurationVersion: () => number;
  readonly logger: Logger;
}

export class Attempter {
  readonly #options: AttempterOptions;
  readonly #producer: OwnerProducer;

  constructor(options: AttempterOptions) {
    this.#options = options;
    this.#producer = new OwnerProducer(options.producer, options.isOwner);
  }

  /** Resolves when the outcome is on record. @throws DependencyFailure; the attempt is then ambiguous and is repeated under its key. */
  async attempt(delivery: DueDelivery): Promise<void> {
    const { deliveryId, destinationId, attempt, headers } = delivery;
    const attributes = { deliveryId, destinationId, attempt };
    openDeliveries.inc();
    try {
      // Inside the trace of the decision; what goes to the destination carries nothing of it.
      await inSpan({ name: 'delivery.attempt', kind: 'client', parent: headers, attributes }, () =>
        this.#attempt(delivery),
      );
    } finally {
      openDeliveries.dec();
    }
  }

  async #attempt(delivery: DueDelivery): Promise<void> {
    const { lanes, encryption, clock } = this.#options;
    const { receiver, outwardEvent: event } = delivery;
    const conversion = outwardConversionOf(delivery.decided, encryption);
    const now = clock.now();
    const [problem] = receiver.definition.validate({ conversion, event, settings: receiver.settings, now });
    const outward: OutwardDelivery = { deliveryId: delivery.deliveryId, event, conversion, correction: null };
    if (problem !== undefined) {
      return this.#endUnsent(delivery, 'refused', `invalid_${problem.code}:${problem.field}`);
    }
    const request = receiver.definition.buildRequest({
      deliveries: [outward],
      settings: receiver.settings,
      accessToken: null,
      now,
    });
    const hide = attemptRedactor(request, [outward], receiver.hideSecrets);
    await lanes.run(delivery.destinationId, () => this.#exchange(delivery, request, hide), delivery.signal);
  }

  async #exchange(delivery: DueDelivery, request: OutwardRequest, hide: Redactor): Promise<void> {
    const { clock, configurationVersion } = this.#options;
    const recorded = recordRequest(request, hide);
    const intended = intendedRecord(delivery, randomUUID(), recorded, clock.now(), configurationVersion());
    // Acknowledged before the first byte leaves: whatever dies from here on, the log knows that something may have been sent.
    await this.#record(delivery, intended, null);
    const end = await this.#finish(delivery, request, intended, hide);
    this.#tell(delivery, intended, end);
  }

  /** @returns the end, which is on record. @throws DependencyFailure */
  async #finish(
    delivery: DueDelivery,
    request: OutwardRequest,
    intended: DeliveryAttempted,
    hide: Redactor,
  ): Promise<AttemptEnd> {
    let exchange: Exchange | null = null;
    try {
      exchange = await this.#options.sender.send(request);
      const end = this.#endOf(delivery, exchange, hide);
      await this.#record(delivery, endedRecord(intended, end), end);
      return end;
    } catch (error) {
      if (error instanceof DependencyFailure) throw error;
      // A defect of ours. Thrown on, it would have the batch tried again and halved, and each time the request would leave.
      const end = this.#endOfDefect(delivery, exchange, error);
      await this.#record(delivery, endedRecord(intended, end), end);
      return end;
    }
  }

  #endOfDefect({ deliveryId, attempt }: DueDelivery, exchange: Exchange | null, error: unknown): AttemptEnd {
    // The type only: a message may quote what was sent.
    const errorType = error instanceof Error ? error.name : 'unknown';
    this.#options.logger.error({ deliveryId, attempt, errorType }, 'attempt.failed');
    return {
      outcome: 'dead',
      reasonCode: 'attempt_failed',
      nextAttemptAt: null,
      // No more of it: hiding what must not be recorded may be what failed.
      response: exchange?.ok ? { status: exchange.response.status, headers: {}, body: '' } : null,
      errorCode: null,
      endedAt: this.#options.clock.now(),
    };
  }

  /** Gives a delivery up whose destination can no longer be sent to; its dead letter can be replayed. @throws DependencyFailure */
  abandon(delivery: Omit<DueDelivery, 'receiver'>, reasonCode: string): Promise<void> {
    return this.#endUnsent({ ...delivery, receiver: null }, 'dead', reasonCode);
  }

  /** Nothing was sent, so there is no intended record. */
  async #endUnsent(
    delivery: DeliveryAtAttempt,
    outcome: 'refused' | 'dead',
    reasonCode: string,
  ): Promise<void> {
    const { clock, configurationVersion } = this.#options;
    const now = clock.now();
    const nothing: RecordedRequest = { method: 'GET', url: '', headers: {}, body: null };
    const end: AttemptEnd = {
      outcome,
      reasonCode,
      nextAttemptAt: null,
      response: null,
      errorCode: null,
      endedAt: now,
    };
    const record = endedRecord(
      intendedRecord(delivery, randomUUID(), nothing, now, configurationVersion()),
      end,
    );
    await this.#record(delivery, record, end);
    this.#tell(delivery, record, end);
  }

  #endOf(delivery: DueDelivery, exchange: Exchange, hide: Redactor): AttemptEnd {
    const endedAt = this.#options.clock.now();
    const judged = judge(delivery, exchange, endedAt);
    const ended = (outcome: Outcome, reasonCode: string | null, nextAttemptAt: number | null = null) => ({
      outcome,
      reasonCode,
      nextAttemptAt,
      response: exchange.ok ? recordResponse(exchange.response, hide) : null,
      errorCode: exchange.ok ? null : exchange.error,
      endedAt,
    });
    if (judged.outcome === 'delivered') return ended('delivered', null);
    if (judged.outcome === 'refused') return ended('refused', judged.reason);
    const next = nextAttempt({
      attempt: delivery.attempt,
      random: this.#options.random(),
      retryAfterMs: judged.afterMs,
      scheduleMs: delivery.receiver.destination.scheduleMs,
    });
    if (next.kind === 'dead') return ended('dead', judged.reason);
    return ended('retry', judged.reason, endedAt + next.delayMs);
  }

  /** What must be on record before the end: the next attempt in the timer wheel, or the dead letter. */
  #consequences(delivery: DeliveryAtAttempt, end: AttemptEnd): OutgoingRecord[] {
    const key = delivery.decided.conversionId;
    if (end.nextAttemptAt !== null) {
      const again = { ...delivery, attempt: delivery.attempt + 1 };
      const topic = dueTopic(levelFor(end.nextAttemptAt - end.endedAt));
      return [outgoing(topic, key, dueRecord(again, end.nextAttemptAt, end.endedAt, end.reasonCode))];
    }
    if (end.outcome === 'delivered') return [];
    return [outgoing('dead-letter.v1', key, deadDeliveryRecord(delivery, end))];
  }

  /** Puts a fact on record, an end after what follows from it, and then remembers it. */
  async #record(
    delivery: DeliveryAtAttempt,
    attempted: DeliveryAttempted,
    end: AttemptEnd | null,
  ): Promise<void> {
    const { ledger } = this.#options;
    const { conversionId, revision } = delivery.decided;
    // One send may arrive in part. An end on record without its retry or dead letter would be the last of the delivery;
    // the other way round the attempt is repeated under its key.
    const consequences = end === null ? [] : this.#consequences(delivery, end);
    if (consequences.length > 0) await this.#producer.produce(consequences);
    const [position] = await this.#producer.produce([
      outgoing('delivery.attempted.v1', conversionId, attempted),
    ]);
    const { outcome = null, nextAttemptAt = null } = end ?? {};
    const standing = { attempt: delivery.attempt, phase: attempted.phase, outcome, nextAttemptAt, revision };
    if (position !== undefined) ledger.note(delivery.deliveryId, standing, position);
  }

  #tell(delivery: DeliveryAtAttempt, record: DeliveryAttempted, end: AttemptEnd): void {
    const { decided } = delivery;
    const { definition } = record;
    const durationMs = end.endedAt - record.startedAt;
    const sinceDecisionMs = end.endedAt - decided.decidedAt;
    attempts.inc({ definition, outcome: end.outcome, reason: reasonClassOf(end) });
    attemptSeconds.observe({ definition }, durationMs / 1_000);
    if (end.outcome === 'delivered') deliverySeconds.observe({ definition }, sinceDecisionMs / 1_000);
    noteOnSpan({ outcome: end.outcome, status: end.response?.status ?? 0 });
    this.#options.logger.info(
      {
        requestId: record.requestId,
        deliveryId: delivery.deliveryId,
        conversionId: decided.conversionId,
        revision: decided.revision,
        receiptId: decided.receiptId,
        advertiserId: decided.advertiserId,
        destinationId: delivery.destinationId,
        definition,
        outwardEvent: delivery.outwardEvent,
        attempt: delivery.attempt,
        outcome: end.outcome,
        reasonCode: end.reasonCode,
        errorCode: end.errorCode,
        status: end.response?.status ?? null,
        configurationVersion: record.configurationVersion,
        isTest: record.isTest,
        durationMs,
        sinceDecisionMs,
      },
      'delivery.attempted',
    );
  }
}

function judge({ receiver }: DueDelivery, exchange: Exchange, now: number): AttemptOutcome {
  if (!exchange.ok) return judgeNetworkError(exchange.error);
  const { definition, settings } = receiver;
  const [outcome] = definition.judge({
    response: exchange.response,
    deliveryCount: 1,
    isAdjustment: false,
    settings,
    now,
  });
  if (outcome === undefined) throw new Error(`${definition.key} judged nothing`);
  return outcome;
}
