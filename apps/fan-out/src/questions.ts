/** Asks platforms what became of requests that they had accepted, and sets going what follows from their answers. */
import { type EventProducer, type IncomingEvent, type OutgoingRecord, OwnerProducer } from '@tributary/bus';
import type { Configuration } from '@tributary/configuration';
import {
  attemptRedactor,
  type FollowUp,
  type FollowUpAnswer,
  type FollowUpGroup,
  type OutwardRequest,
  outcomesOfAll,
  pending,
  type RecordedRequest,
  type Redactor,
  recordRequest,
  TOKEN_EXPIRED,
} from '@tributary/destinations';
import { type Clock, DependencyFailure, inSpan, type Logger } from '@tributary/runtime';
import type { AccessTokens } from './access-tokens.ts';
import { requestEnd } from './delivery-records.ts';
import type { Health } from './destination-lane.ts';
import type { DestinationLanes } from './destination-lanes.ts';
import { type QuestionAnswer, questions as questionsTotal } from './fan-out-metrics.ts';
import type { Flight } from './flight.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import {
  askedRecord,
  DROPPED_IN_PART,
  droppedRecord,
  isTooLate,
  nextQuestion,
  type QuestionRecord,
} from './question-records.ts';
import type { Receiver, ReceiverProblem, Receivers } from './receivers.ts';
import { modeOf } from './rehearsal.ts';
import type { Exchange } from './sender.ts';
import { type DueTopic, dueRecord } from './timer.ts';
import { goThrough, type Place, type StepAnswer, type Underway } from './underway.ts';

export interface QuestionsOptions {
  readonly sender: { send(request: OutwardRequest, receiver: Receiver): Promise<Exchange> };
  readonly tokens: Pick<AccessTokens, 'get' | 'drop'>;
  readonly oneAtATime: Pick<OneAtATime, 'run'>;
  readonly lanes: DestinationLanes;
  readonly receivers: Receivers;
  readonly producer: EventProducer;
  /** Whether the group has heard of this instance lately. */
  readonly isOwner: () => boolean;
  readonly clock: Clock;
  readonly configuration: () => Configuration;
  readonly configurationVersion: () => number;
  /** Longer than any question, in milliseconds: after it one whose answer is not on record is asked again. */
  readonly guardMs: number;
  readonly logger: Logger;
}

/** How long a question waits for a destination that takes nothing now. */
const AWAY_MS = 60_000;
/** For how many times `guardMs` it is remembered that a question was answered: copies of it come within one. */
const REMEMBERED_GUARDS = 4;

/** Why nobody is asked any more; what was judged delivered stays so. */
type Unasked = ReceiverProblem | 'destination_changed' | 'destination_not_live' | 'too_late';

/** A question and whom it is put to. */
interface Asked {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly record: QuestionRecord;
  readonly receiver: Receiver;
  readonly followUp: FollowUp<Receiver['settings']>;
}

/** A question as it was put, and what was heard. */
interface Heard {
  readonly request: RecordedRequest;
  readonly exchange: Exchange;
  readonly answer: FollowUpAnswer;
  readonly hide: Redactor;
  readonly startedAt: number;
}

/** What follows from an answer. */
interface Consequence {
  readonly kind: QuestionAnswer;
  readonly reason: string | null;
  readonly records: readonly OutgoingRecord[];
}

export class Questions {
  readonly #options: QuestionsOptions;
  readonly #producer: OwnerProducer;
  /** Until when it is remembered that a question was answered, the oldest first; a guard may ask it once more. */
  readonly #answered = new Map<string, number>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
    this.#producer = new OwnerProducer(options.producer, options.isOwner);
  }

  /** A question has come to its time. */
  ask({ event, key, headers }: IncomingEvent<DueTopic>): Underway {
    const { question } = event;
    if (question === null) throw new Error('a question that is due does not say what is asked');
    return this.#options.oneAtATime.run(event.deliveryId, (place) =>
      this.#ask({ key, headers, record: { ...event, question } }, place),
    );
  }

  async #ask(question: Omit<Asked, 'receiver' | 'followUp'>, place: Place): Promise<StepAnswer> {
    const { lanes, clock, guardMs } = this.#options;
    const { record } = question;
    if (this.#answered.has(nameOf(record))) return null;
    const now = clock.now();
    const found = this.#receiverOf(record, now);
    if (typeof found === 'string') {
      this.#leave(record, found);
      return null;
    }
    const lane = lanes.laneOf(found.receiver);
    // Whether a destination works again is found out by its deliveries: another call of the platform may work all the time.
    if (lane.breaker.state !== 'closed') return now + AWAY_MS;
    const ask = (flight: Flight) => this.#put({ ...question, ...found }, flight);
    const envelope = `question:${record.deliveryId}`;
    const answer = await goThrough(lane, { envelope, ask }, place, now + guardMs);
    if (answer.kind === 'no_room') return answer.until;
    return answer.kind === 'sent' ? null : now + AWAY_MS;
  }

  #receiverOf(record: QuestionRecord, now: number): Pick<Asked, 'receiver' | 'followUp'> | Unasked {
    const { receivers, configuration } = this.#options;
    const { question, destinationId } = record;
    const lookup = receivers.findOverride(configuration(), destinationId, question.override, now);
    if (!lookup.ok) return lookup.reason;
    const { receiver } = lookup;
    const { key, followUp } = receiver.definition;
    if (key !== question.definition || followUp === undefined) return 'destination_changed';
    if (modeOf(receiver) !== 'live') return 'destination_not_live';
    return isTooLate(record, followUp, now) ? 'too_late' : { receiver, followUp };
  }

  /** @returns `unknown` whatever the answer: it says nothing of how deliveries fare. @throws DependencyFailure */
  async #put(asked: Asked, flight: Flight): Promise<Health> {
    const { record, headers } = asked;
    const attributes = { destinationId: record.destinationId, deliveries: record.question.deliveries.length };
    try {
      await inSpan({ name: 'question.ask', kind: 'client', parent: headers, attributes }, () =>
        this.#exchange(asked, flight, false),
      );
    } catch (error) {
      if (error instanceof DependencyFailure) throw error;
      // A defect of ours; asked again it would come to nothing again. The type only: a message may quote what was sent.
      const errorType = error instanceof Error ? error.name : 'unknown';
      this.#options.logger.error({ requestId: record.deliveryId, errorType }, 'question.failed');
      questionsTotal.inc({ definition: record.question.definition, answer: 'failed' });
    }
    this.#remember(record);
    return 'unknown';
  }

  async #exchange(asked: Asked, flight: Flight, hasNewToken: boolean): Promise<void> {
    const { tokens } = this.#options;
    const { record, receiver } = asked;
    const token = await flight.over(() => tokens.get(receiver));
    if (!token.ok) {
      const consequence = this.#consequenceOf(asked, pending(token.reason, token));
      await this.#producer.produce(consequence.records);
      return this.#tell(asked, consequence, null);
    }
    const { accessToken } = token;
    const heard = await this.#hear(asked, accessToken, flight);
    const { answer } = heard;
    const isTokenExpired = answer.answer === 'pending' && answer.reason === TOKEN_EXPIRED;
    if (isTokenExpired) tokens.drop(record.destinationId, accessToken);
    if (!isTokenExpired || hasNewToken || accessToken === null)
      return this.#record(asked, heard, this.#consequenceOf(asked, answer));
    await this.#record(asked, heard, { kind: 'pending', reason: TOKEN_EXPIRED, records: [] });
    return this.#exchange(asked, flight, true);
  }

  async #hear(asked: Asked, accessToken: string | null, flight: Flight): Promise<Heard> {
    const { sender, clock } = this.#options;
    const { record, receiver, followUp } = asked;
    const { settings, hideSecrets } = receiver;
    const startedAt = clock.now();
    const requestId = record.question.platformRequestId;
    const request = followUp.buildRequest({ requestId, settings, accessToken, now: startedAt });
    const hide = attemptRedactor(request, [], hideSecrets);
    const exchange = await flight.over(() => sender.send(request, receiver));
    const answer = this.#judge(asked, exchange);
    return { request: recordRequest(request, hide), exchange, answer, hide, startedAt };
  }

  /** In whatever part this arrives: a question whose record is not committed is asked again. */
  async #record(asked: Asked, heard: Heard, consequence: Consequence): Promise<void> {
    const { clock, configurationVersion } = this.#options;
    const { key, record, receiver } = asked;
    const { request, exchange, hide, startedAt } = heard;
    const onRecord = askedRecord({
      key,
      record,
      receiver,
      request,
      startedAt,
      end: requestEnd(exchange, hide, clock.now()),
      configurationVersion: configurationVersion(),
      isInPart: consequence.kind === DROPPED_IN_PART,
    });
    await this.#producer.produce([...consequence.records, onRecord]);
    this.#tell(asked, consequence, heard);
  }

  #judge({ record, receiver, followUp }: Asked, exchange: Exchange): FollowUpAnswer {
    if (!exchange.ok) return pending(exchange.error);
    const { deliveries, isAdjustment } = record.question;
    return followUp.judge({
      response: exchange.response,
      deliveryCount: deliveries.length,
      isAdjustment,
      settings: receiver.settings,
      now: this.#options.clock.now(),
    });
  }

  #consequenceOf({ key, record, followUp }: Asked, answer: FollowUpAnswer): Consequence {
    const now = this.#options.clock.now();
    if (answer.answer === 'untold') return { kind: 'untold', reason: answer.reason, records: [] };
    if (answer.answer === 'pending') {
      const { reason, afterMs } = answer;
      const next = nextQuestion(record, followUp, now, afterMs);
      if (next === null) return { kind: 'untold', reason, records: [] };
      return { kind: 'pending', reason, records: [dueRecord(key, next, now)] };
    }
    const outcomes = outcomesOfAll(answer.groups);
    if (outcomes === null) return { kind: DROPPED_IN_PART, reason: null, records: [] };
    const [outcome] = outcomes;
    if (outcome === undefined || outcome.outcome === 'delivered')
      return { kind: 'delivered', reason: null, records: [] };
    const { deliveries } = record.question;
    const records = deliveries.map((delivery) => droppedRecord(record, delivery, outcome, now));
    return { kind: 'dropped', reason: outcome.reason, records };
  }

  #remember(record: QuestionRecord): void {
    const now = this.#options.clock.now();
    for (const [name, until] of this.#answered) {
      if (until > now) break;
      this.#answered.delete(name);
    }
    this.#answered.set(nameOf(record), now + this.#options.guardMs * REMEMBERED_GUARDS);
  }

  #leave({ deliveryId: requestId, destinationId, question }: QuestionRecord, reason: Unasked): void {
    const { definition, deliveries } = question;
    questionsTotal.inc({ definition, answer: 'unasked' });
    this.#options.logger.warn(
      { requestId, destinationId, definition, reason, deliveries: deliveries.length },
      'question.unasked',
    );
  }

  #tell({ record, receiver }: Asked, { kind: answer, reason }: Consequence, heard: Heard | null): void {
    const { logger, clock } = this.#options;
    const { deliveryId: requestId, destinationId, attempt: asked, question } = record;
    const definition = receiver.definition.key;
    questionsTotal.inc({ definition, answer });
    const level = answer === 'pending' || answer === 'delivered' ? 'info' : 'warn';
    logger[level](
      {
        requestId,
        platformRequestId: question.platformRequestId,
        destinationId,
        definition,
        advertiserId: question.advertiserId,
        deliveries: question.deliveries.length,
        asked,
        answer,
        reason,
        ...(heard === null ? {} : whatWasSaid(heard)),
        sinceAcceptedMs: clock.now() - question.acceptedAt,
      },
      'question.answered',
    );
  }
}

/** A request is asked about once at a time, and each time once. */
function nameOf({ deliveryId, attempt }: QuestionRecord): string {
  return `${deliveryId}:${attempt}`;
}

function whatWasSaid({ exchange, answer, hide }: Heard) {
  return {
    status: exchange.ok ? exchange.response.status : null,
    detail: 'detail' in answer && answer.detail !== undefined ? hide(answer.detail) : null,
    groups: answer.answer === 'settled' ? answer.groups.map(groupInShort) : null,
  };
}

function groupInShort({ count, outcome }: FollowUpGroup) {
  return {
    count,
    outcome: outcome.outcome,
    reason: outcome.outcome === 'delivered' ? null : outcome.reason,
  };
}
