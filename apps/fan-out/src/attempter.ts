/** One request with everything around it: intended on record, sent, judged, ended on record after what follows from it. */
import { randomUUID } from 'node:crypto';
import { type EventProducer, type OutgoingRecord, OwnerProducer, outgoing } from '@tributary/bus';
import type { DeliveryAttempted } from '@tributary/contracts';
import {
  attemptRedactor,
  BodyTooLarge,
  CORRECTION_OBSTACLES,
  type OutwardRequest,
  type RecordedRequest,
  type Redactor,
  recordRequest,
} from '@tributary/destinations';
import { type AttemptOutcome, endedAs, mayHaveArrived, nextTry } from '@tributary/domain';
import { type Clock, DependencyFailure, inSpan, type Logger, noteOnSpan } from '@tributary/runtime';
import type { AccessTokens } from './access-tokens.ts';
import { deliveryOutcome } from './delivery-outcome.ts';
import {
  type Attempt,
  type DeliveryOutcome,
  deadDeliveryRecord,
  endedRecord,
  intendedRecord,
  type ReadyAttempt,
  type RequestEnd,
  requestEnd,
  retryRecord,
} from './delivery-records.ts';
import type { Health } from './destination-lane.ts';
import {
  attemptSeconds,
  attempts as attemptsTotal,
  deliverySeconds,
  reasonClassOf,
} from './fan-out-metrics.ts';
import type { Flight } from './flight.ts';
import { healthOf, healthOfAll, type Judged, judge } from './judged.ts';
import { questionsAfter } from './question-records.ts';
import type { Receiver } from './receivers.ts';
import { isRehearsal } from './rehearsal.ts';
import type { SendLedger, Standing } from './send-ledger.ts';
import type { Exchange } from './sender.ts';
import { dueRecord } from './timer.ts';

export interface AttempterOptions {
  readonly sender: { send(request: OutwardRequest, receiver: Receiver): Promise<Exchange> };
  readonly tokens: Pick<AccessTokens, 'get' | 'drop'>;
  readonly ledger: SendLedger;
  readonly producer: EventProducer;
  /** Whether the group has heard of this instance lately: after a long stop its deliveries are another's by now. */
  readonly isOwner: () => boolean;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly configurationVersion: () => number;
  readonly logger: Logger;
}

/** An attempt and what came of it. */
interface Ended {
  readonly attempt: Attempt;
  readonly end: DeliveryOutcome;
  /** The holding after. */
  readonly standing: Standing;
}

/** A request with all that may be recorded of it. */
interface BuiltRequest {
  readonly request: OutwardRequest;
  readonly hide: Redactor;
  readonly recorded: RecordedRequest;
}

/** How a delivery ends by a defect of ours. */
const FAILED = { outcome: 'dead', reasonCode: 'attempt_failed', nextAttemptAt: null } as const;
/** In place of the access token where nothing is sent; hidden in records like a real one. */
const UNFETCHED_TOKEN = 'not-fetched';
const NOTHING_SENT: RecordedRequest = { method: 'GET', url: '', headers: {}, body: null };

export class Attempter {
  readonly #options: AttempterOptions;
  readonly #producer: OwnerProducer;

  constructor(options: AttempterOptions) {
    this.#options = options;
    this.#producer = new OwnerProducer(options.producer, options.isOwner);
  }

  /**
   * Sends deliveries of one receiver and one envelope in one request, or in more where the receiver takes no such request.
   * Resolves when every end is on record. @throws DependencyFailure; attempts without end are ambiguous and are repeated.
   */
  async send(attempts: readonly ReadyAttempt[], flight: Flight): Promise<Health> {
    return this.#send(attempts, flight, false);
  }

  async #send(attempts: readonly ReadyAttempt[], flight: Flight, hasNewToken: boolean): Promise<Health> {
    const [first] = attempts;
    if (first === undefined) return 'unknown';
    const { receiver } = first;
    const token = await flight.over(() => this.#options.tokens.get(receiver));
    if (!token.ok) {
      const { reason, afterMs } = token;
      const outcome: AttemptOutcome = token.isLasting
        ? { outcome: 'refused', reason, scope: 'destination' }
        : { outcome: 'retry', reason, ...(afterMs === undefined ? {} : { afterMs }) };
      await this.#endAllUnsent(attempts, outcome);
      return 'down';
    }
    let built: BuiltRequest;
    try {
      built = this.#build(attempts, token.accessToken);
    } catch (error) {
      // Too large together, or one of several is at fault: alone it shows which.
      return this.#sendHalves(attempts, flight, () => this.#endUnbuilt(first, error));
    }
    const { standing, headers } = first;
    const attributes = { destinationId: standing.destinationId, deliveries: attempts.length };
    // Inside the trace of the first decision; what goes to the destination carries nothing of it.
    const sent = await inSpan({ name: 'delivery.attempt', kind: 'client', parent: headers, attributes }, () =>
      this.#exchange(attempts, flight, built, hasNewToken),
    );
    const next = attempts
      .filter((_, index) => sent.isAgain[index])
      .map((attempt) => ({ ...attempt, standing: this.#followed(attempt) }));
    if (next.length === 0) return sent.health;
    if (sent.isTokenExpired) {
      this.#options.tokens.drop(standing.destinationId, token.accessToken);
      return this.#send(next, flight, true);
    }
    if (next.length === attempts.length) return this.#sendHalves(next, flight, async () => sent.health);
    // Without those that were refused by name the rest may pass as it is.
    return healthOfAll([sent.health, await this.#send(next, flight, false)]);
  }

  /** @throws BodyTooLarge, or whatever a defect throws */
  #build(attempts: readonly ReadyAttempt[], accessToken: string | null): BuiltRequest {
    const [first] = attempts;
    if (first === undefined) throw new Error('a request without deliveries');
    const { definition, settings, hideSecrets } = first.receiver;
    const deliveries = attempts.map(({ outward }) => outward);
    const now = this.#options.clock.now();
    const request = definition.buildRequest({ deliveries, settings, accessToken, now });
    const hide = attemptRedactor(request, deliveries, hideSecrets);
    return { request, hide, recorded: recordRequest(request, hide) };
  }

  /** Uses up no try of anybody's ladder; the bad ones are alone after at most log2 of them. */
  async #sendHalves(
    attempts: readonly ReadyAttempt[],
    flight: Flight,
    alone: () => Promise<Health>,
  ): Promise<Health> {
    if (attempts.length < 2) return alone();
    const middle = Math.ceil(attempts.length / 2);
    return healthOfAll([
      await this.#send(attempts.slice(0, middle), flight, false),
      await this.#send(attempts.slice(middle), flight, false),
    ]);
  }

  async #endUnbuilt(attempt: ReadyAttempt, error: unknown): Promise<Health> {
    if (error instanceof BodyTooLarge) {
      await this.#endAllUnsent([attempt], { outcome: 'refused', reason: 'body_too_large', scope: 'event' });
      return 'unknown';
    }
    // A defect of ours. Thrown on, it would have everything that shares its requests tried again, and nothing of it sent.
    this.#tellDefect({ deliveryId: attempt.standing.deliveryId }, error);
    await this.endUnsent(attempt, { ...FAILED, mayHaveArrived: false });
    return 'unknown';
  }

  /** The next attempt, made at once and for free. */
  #followed({ standing }: ReadyAttempt): Standing {
    const latest = this.#options.ledger.latest(standing.holdingId, standing);
    return { ...(latest ?? standing), ...nextTry(latest ?? standing, true), nextAttemptAt: null };
  }

  async #exchange(
    attempts: readonly ReadyAttempt[],
    flight: Flight,
    { request, hide, recorded }: BuiltRequest,
    hasNewToken: boolean,
  ): Promise<{ readonly health: Health } & Pick<Judged, 'isAgain' | 'isTokenExpired'>> {
    const { clock, configurationVersion, sender } = this.#options;
    const nothing = { health: 'unknown', isAgain: [], isTokenExpired: false } as const;
    const [first] = attempts;
    if (first === undefined) return nothing;
    const { receiver } = first;
    const intended = intendedRecord(attempts, randomUUID(), recorded, clock.now(), configurationVersion());
    // Acknowledged before the first byte leaves: whatever dies from here on, the log knows that something may have been sent.
    await this.#record(
      intended,
      attempts.map(({ standing }) => standing),
    );
    let exchange: Exchange | null = null;
    try {
      exchange = await flight.over(() => sender.send(request, receiver));
      const judged = judge(attempts, exchange, hasNewToken, clock.now());
      const end = requestEnd(exchange, hide, clock.now());
      const ends = attempts.map((attempt, index) =>
        this.#ended(attempt, judged, index, exchange, end.endedAt),
      );
      const acceptedAt = end.endedAt;
      const questions = questionsAfter({ intended, attempts, ends, exchange, acceptedAt });
      await this.#recordEnds(intended, end, ends, questions);
      return { ...judged, health: healthOf(exchange, judged) };
    } catch (error) {
      if (error instanceof DependencyFailure) throw error;
      // A defect of ours. Thrown on, it would have the batch tried again, and each time the request would leave.
      await this.#endOfDefect(attempts, intended, exchange, error);
      return nothing;
    }
  }

  #ended(
    attempt: ReadyAttempt,
    { outcomes, isAgain }: Judged,
    index: number,
    exchange: Exchange | null,
    endedAt: number,
  ): Ended {
    const outcome = outcomes[index];
    if (outcome === undefined || exchange === null) throw new Error('a delivery was not judged');
    const answer = exchange.ok ? { status: exchange.response.status } : { error: exchange.error };
    const doubt = mayHaveArrived(outcome, answer);
    const { random } = this.#options;
    const judged = { mayHaveArrived: doubt, isAtOnce: isAgain[index] === true, endedAt, random: random() };
    return endedBy(attempt, deliveryOutcome(attempt, outcome, judged));
  }

  async #endOfDefect(
    attempts: readonly ReadyAttempt[],
    intended: DeliveryAttempted,
    exchange: Exchange | null,
    error: unknown,
  ): Promise<void> {
    this.#tellDefect({ requestId: intended.requestId }, error);
    const end: RequestEnd = {
      // No more of it: hiding what must not be recorded may be what failed.
      response: exchange?.ok ? { status: exchange.response.status, headers: {}, body: '' } : null,
      errorCode: null,
      endedAt: this.#options.clock.now(),
    };
    await this.#recordEnds(
      intended,
      end,
      attempts.map((attempt) => endedBy(attempt, { ...FAILED, mayHaveArrived: true })),
    );
  }

  #tellDefect(of: { readonly requestId: string } | { readonly deliveryId: string }, error: unknown): void {
    // The type only: a message may quote what was sent.
    const errorType = error instanceof Error ? error.name : 'unknown';
    this.#options.logger.error({ ...of, errorType }, 'attempt.failed');
  }

  /** Builds and records what would be sent, and sends nothing: no token is fetched either. @throws DependencyFailure */
  async rehearse(attempt: ReadyAttempt): Promise<void> {
    const { definition, settings } = attempt.receiver;
    const accessToken = definition.credential?.isNeeded(settings) === true ? UNFETCHED_TOKEN : null;
    let recorded = NOTHING_SENT;
    let reasonCode: string | null = null;
    try {
      recorded = this.#build([attempt], accessToken).recorded;
    } catch (error) {
      const isTooLarge = error instanceof BodyTooLarge;
      reasonCode = isTooLarge ? 'body_too_large' : FAILED.reasonCode;
      if (!isTooLarge) this.#tellDefect({ deliveryId: attempt.standing.deliveryId }, error);
    }
    const end = { outcome: 'rehearsed', reasonCode, nextAttemptAt: null, mayHaveArrived: false } as const;
    await this.endUnsent(attempt, end, recorded);
  }

  /**
   * Ends a delivery of which nothing was sent; `standing` is at the attempt that was not made.
   * @param request what is recorded as what would have been sent.
   * @throws DependencyFailure
   */
  async endUnsent(
    attempt: Attempt,
    end: DeliveryOutcome,
    request: RecordedRequest = NOTHING_SENT,
  ): Promise<void> {
    const { clock, configurationVersion } = this.#options;
    const now = clock.now();
    const intended = intendedRecord([attempt], randomUUID(), request, now, configurationVersion());
    await this.#recordEnds(intended, { response: null, errorCode: null, endedAt: now }, [
      endedBy(attempt, end),
    ]);
  }

  /** All at once: of a destination that cannot be sent to there may be thousands in one batch, and others wait behind it. */
  async #endAllUnsent(attempts: readonly ReadyAttempt[], outcome: AttemptOutcome): Promise<void> {
    const { clock, random } = this.#options;
    const endedAt = clock.now();
    const ends = await Promise.allSettled(
      attempts.map((attempt) => {
        const judged = { mayHaveArrived: false, endedAt, random: random() };
        return this.endUnsent(attempt, deliveryOutcome(attempt, outcome, judged));
      }),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** Puts ends on record after what follows from them, and then remembers them. */
  async #recordEnds(
    intended: DeliveryAttempted,
    end: RequestEnd,
    ends: readonly Ended[],
    questions: readonly OutgoingRecord[] = [],
  ): Promise<void> {
    // One send may arrive in part. An end on record without its retry or dead letter would be the last of the delivery;
    // the other way round the attempt is repeated under its key.
    const consequences = [...ends.flatMap((each) => consequencesOf(each, end.endedAt)), ...questions];
    if (consequences.length > 0) await this.#producer.produce(consequences);
    const record = endedRecord(intended, end, ends);
    await this.#record(
      record,
      ends.map(({ standing }) => standing),
    );
    for (const each of ends) this.#tell(each, record, end);
  }

  async #record(attempted: DeliveryAttempted, standings: readonly Standing[]): Promise<void> {
    const key = attempted.deliveries[0]?.conversionId ?? '';
    const [position] = await this.#producer.produce([outgoing('delivery.attempted.v1', key, attempted)]);
    if (position === undefined) return;
    const { requestId, startedAt } = attempted;
    for (const standing of standings)
      this.#options.ledger.note({ ...standing, requestId, startedAt }, position);
  }

  #tell(
    { attempt, end, standing }: Ended,
    record: DeliveryAttempted,
    { response, errorCode, endedAt }: RequestEnd,
  ): void {
    const { decided } = attempt;
    const { definition } = record;
    const durationMs = endedAt - record.startedAt;
    const sinceDecisionMs = endedAt - decided.decidedAt;
    const { outcome, reasonCode } = end;
    attemptsTotal.inc({ definition, outcome, reason: reasonClassOf({ errorCode, response, reasonCode }) });
    attemptSeconds.observe({ definition }, durationMs / 1_000);
    if (outcome === 'delivered') deliverySeconds.observe({ definition }, sinceDecisionMs / 1_000);
    noteOnSpan({ outcome, status: response?.status ?? 0 });
    this.#options.logger.info(
      {
        requestId: record.requestId,
        deliveryId: standing.deliveryId,
        conversionId: decided.conversionId,
        revision: standing.revision,
        receiptId: decided.receiptId,
        advertiserId: decided.advertiserId,
        destinationId: standing.destinationId,
        definition,
        kind: standing.kind,
        outwardEvent: attempt.outwardEvent,
        attempt: standing.attempt,
        outcome,
        reasonCode,
        errorCode,
        status: response?.status ?? null,
        configurationVersion: record.configurationVersion,
        isTest: record.isTest,
        durationMs,
        sinceDecisionMs,
      },
      'delivery.attempted',
    );
  }
}

/** What must be on record before the end: the next attempt in the timer wheel, or the dead letter. */
function consequencesOf({ attempt, end }: Ended, endedAt: number): OutgoingRecord[] {
  const key = attempt.decided.conversionId;
  if (end.nextAttemptAt !== null)
    return [dueRecord(key, retryRecord(attempt, end, end.nextAttemptAt, endedAt), endedAt)];
  if (end.outcome !== 'refused' && end.outcome !== 'dead') return [];
  // What the receiver takes in no form cannot be replayed; it stands in wrong_holdings.
  if (CORRECTION_OBSTACLES.some((obstacle) => obstacle === end.reasonCode)) return [];
  return [outgoing('dead-letter.v1', key, deadDeliveryRecord(attempt, end, endedAt))];
}

/**
 * How a rehearsal ends: with the reason why it would have gone wrong, and with none where it would have gone well. It is not
 * tried again: only what is sent once more at once, in a smaller request or with a new token, goes on.
 */
function rehearsedEnd(end: DeliveryOutcome): DeliveryOutcome {
  const goesOn = end.outcome === 'retry' && end.nextAttemptAt === null;
  if (goesOn || end.outcome === 'superseded') return end;
  return { outcome: 'rehearsed', reasonCode: end.reasonCode, nextAttemptAt: null, mayHaveArrived: false };
}

function endedBy(attempt: Attempt, given: DeliveryOutcome): Ended {
  const { standing, receiver } = attempt;
  const end = isRehearsal(receiver) ? rehearsedEnd(given) : given;
  const holding = endedAs(standing, end.outcome, end.mayHaveArrived);
  return { attempt, end, standing: { ...standing, ...holding, nextAttemptAt: end.nextAttemptAt } };
}
