/** Postbacks over HTTP: understood, proved and written to Kafka before the answer; a refusal is written too and says why. */
import type { IncomingMessage } from 'node:http';
import { type EventProducer, type OutgoingRecord, outgoing, type RecordPosition } from '@tributary/bus';
import type { Configuration, Source } from '@tributary/configuration';
import {
  completeProfile,
  isUuid,
  parsePostback,
  type Refusal,
  type RefusalReason,
  type SourceProfile,
} from '@tributary/domain';
import { type Clock, DependencyFailure, type Encryption, type Logger } from '@tributary/runtime';
import { type Access, CREDENTIAL_PARAMETERS, type Judgement, type TurnedAway } from '../access/access.ts';
import { accessRefusal, STATUS_OF_ACCESS } from '../access/access-refusal.ts';
import { receiptIdentityOf } from '../access/receipt-identity.ts';
import { type Answer, headerOf, readBody, unavailable } from '../edge/http-exchange.ts';
import { acceptSeconds, postbacksAccepted, postbacksRefused } from '../ingestion-metrics.ts';
import { acceptedRecord, type CallContext, refusedRecord } from './postback-record.ts';
import { type Parameters, type Row, rowOfJson, rowOfPairs, rowsOfBatch } from './read-call.ts';

export interface PostbackEndpointOptions {
  readonly configuration: () => Configuration;
  readonly producer: EventProducer;
  readonly encryption: Encryption;
  readonly access: Access;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly acceptDeadlineMs: number;
}

/** One HTTP call: who posts, and with which proofs. */
interface Call {
  readonly sourceId: string;
  readonly source: Source | undefined;
  readonly judge: (parameters: Parameters) => Judgement;
  /** Of the source, made once for all rows. */
  readonly profile: SourceProfile | undefined;
  readonly context: CallContext;
}

/** What becomes of one row: the event to write and the answer once it is written. */
interface Outcome {
  readonly record: OutgoingRecord;
  readonly result: RowResult;
  /** Its line in the log: ids and codes, nothing a stranger has written. */
  readonly line: Readonly<Record<string, string | number | boolean | null>>;
}

type RowResult =
  | { readonly status: 'accepted'; readonly receiptId: string; readonly warnings: readonly string[] }
  | {
      readonly status: 'refused';
      /** Null for one that is counted and not on record. */
      readonly refusalId: string | null;
      readonly code: RefusalReason;
      readonly field: string | null;
      readonly expected: string | null;
    };

const STATUS_OF_REFUSAL: Partial<Record<RefusalReason, number>> = {
  ...STATUS_OF_ACCESS,
  method_not_allowed: 405,
  body_too_large: 413,
  content_type_unsupported: 415,
};
const BAD_REQUEST = 400;
const MULTI_STATUS = 207;
const NO_PARAMETERS: Parameters = new Map();
const NO_BODY = new Uint8Array(0);
const SOURCE_UNKNOWN = {
  ok: false,
  refusal: accessRefusal('source_unknown', 'source', 'a configured source'),
} as const;

export class PostbackEndpoint {
  readonly #options: PostbackEndpointOptions;

  constructor(options: PostbackEndpointOptions) {
    this.#options = options;
  }

  /** GET or POST /postback/{source}, with its token as a further part of the path where the source posts it so. */
  async one(
    request: IncomingMessage,
    sourceId: string,
    query: URLSearchParams,
    pathToken: string | null = null,
  ): Promise<Answer> {
    const context = this.#contextOf(request, `/postback/${sourceId}`);
    const source = this.#options.configuration().source(sourceId, context.receivedAt);
    const turnedAway = source && this.#options.access.admit(request, source, context.receivedAt);
    if (turnedAway) return this.#turnAway(request, query, source, context, turnedAway);
    const { row, body } = await readRow(request, query);
    const judge = this.#judgeOf(request, query, pathToken, source, context, body);
    const profile = source && profileOf(source);
    const outcome = this.#outcomeOf({ sourceId, source, judge, profile, context }, row, null);
    return this.#answer(context, [outcome], () => answerOf(outcome.result, source));
  }

  /** POST /v1/postbacks?source=…: a JSON object, a JSON array or NDJSON; each row is answered on its own, in order. */
  async batch(request: IncomingMessage, query: URLSearchParams): Promise<Answer> {
    const sourceId = query.get('source') ?? headerOf(request, 'x-source') ?? '';
    const context = { ...this.#contextOf(request, '/v1/postbacks'), idempotencyKey: null };
    const source = this.#options.configuration().source(sourceId, context.receivedAt);
    const turnedAway = source && this.#options.access.admit(request, source, context.receivedAt);
    if (turnedAway) return this.#turnAway(request, query, source, context, turnedAway);
    const { rows, body } = await readRows(request);
    if (source && !('reason' in rows))
      this.#options.access.admitRows(source, context.receivedAt, rows.length);
    const judge = this.#judgeOf(request, query, null, source, context, body);
    const profile = source && profileOf(source);
    const call = { sourceId, source, judge, profile, context };
    const outcomes = ('reason' in rows ? [{ ok: false, refusal: rows } as const] : rows).map((row, place) =>
      this.#outcomeOf(call, row, place),
    );
    const [first, second] = outcomes;
    const isWhole = first !== undefined && second === undefined;
    return this.#answer(context, outcomes, () =>
      isWhole ? answerOf(first.result, undefined) : batchAnswerOf(outcomes),
    );
  }

  /** The answer to a call that is not read; its body is thrown away as it comes. */
  async #turnAway(
    request: IncomingMessage,
    query: URLSearchParams,
    source: Source,
    context: CallContext,
    { refusal, isRecorded, retryAfterSeconds }: TurnedAway,
  ): Promise<Answer> {
    request.resume();
    const headers = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };
    if (!isRecorded) {
      const { reason: code, field, expected } = refusal;
      const answer = answerOf({ status: 'refused', refusalId: null, code, field, expected }, source);
      return { ...answer, headers };
    }
    const row = rowOfPairs(query);
    const parameters = row.ok ? row.parameters : NO_PARAMETERS;
    const outcome = refusedOutcome(source.id, source, refusal, parameters, context);
    return this.#answer(context, [outcome], () => ({ ...answerOf(outcome.result, source), headers }));
  }

  #judgeOf(
    request: IncomingMessage,
    query: URLSearchParams,
    pathToken: string | null,
    source: Source | undefined,
    { receivedAt }: CallContext,
    body: Uint8Array | null,
  ): Call['judge'] {
    if (source === undefined) return () => SOURCE_UNKNOWN;
    return this.#options.access.judge({ request, query, pathToken, source, receivedAt, body });
  }

  #contextOf(request: IncomingMessage, path: string): CallContext {
    return {
      method: request.method ?? 'GET',
      path,
      receivedAt: this.#options.clock.now(),
      configurationVersion: this.#options.configuration().version,
      idempotencyKey: headerOf(request, 'idempotency-key'),
    };
  }

  #outcomeOf({ sourceId, source, judge, profile, context }: Call, row: Row, place: number | null): Outcome {
    const parameters = row.ok ? row.parameters : NO_PARAMETERS;
    const refuse = (refusal: Refusal) => refusedOutcome(sourceId, source, refusal, parameters, context);
    const proofs = judge(parameters);
    if (!proofs.ok) return refuse(proofs.refusal);
    if (source === undefined || profile === undefined) return refuse(SOURCE_UNKNOWN.refusal);
    if (!row.ok) return refuse(row.refusal);
    const parsing = parsePostback(parameters, profile, context.receivedAt);
    if (!parsing.ok) return refuse(parsing.refusal);
    const { access, encryption } = this.#options;
    const identity = receiptIdentityOf({
      sourceId: source.id,
      nonce: proofs.nonce,
      row: place,
      headerKey: context.idempotencyKey,
      parameterKey: parsing.postback.idempotencyKey,
      receivedAt: context.receivedAt,
    });
    if ('reason' in identity) return refuse(identity);
    const { authenticatedBy } = proofs;
    const proved = { ...identity, authenticatedBy };
    const event = acceptedRecord(source, parsing.postback, parameters, context, encryption, proved);
    const reused = access.claim(identity, event.contentDigest);
    if (reused !== null) return refuse(reused);
    return {
      record: outgoing('postback.received.v1', event.lane, event),
      result: { status: 'accepted', receiptId: event.receiptId, warnings: event.warnings },
      line: {
        receiptId: event.receiptId,
        sourceId: event.sourceId,
        advertiserId: event.advertiserId,
        lane: event.lane,
        eventType: event.eventType,
        clickId: event.clickId !== null && isUuid(event.clickId) ? event.clickId : null,
        configurationVersion: event.configurationVersion,
        isTest: event.isTest,
      },
    };
  }

  /** Answers only after Kafka has every event of the call. */
  async #answer(
    { receivedAt }: CallContext,
    outcomes: readonly Outcome[],
    answer: () => Answer,
  ): Promise<Answer> {
    let positions: readonly RecordPosition[];
    try {
      positions = await this.#options.producer.produce(
        outcomes.map(({ record }) => record),
        this.#options.acceptDeadlineMs,
      );
    } catch (error) {
      if (!(error instanceof DependencyFailure)) throw error;
      this.#options.logger.warn({ err: error, rows: outcomes.length }, 'postback.not_taken');
      return unavailable();
    }
    outcomes.forEach((outcome, row) => {
      this.#taken(outcome, positions[row], receivedAt);
    });
    return answer();
  }

  #taken({ result, line }: Outcome, position: RecordPosition | undefined, receivedAt: number): void {
    const { logger, clock } = this.#options;
    const durationMs = clock.now() - receivedAt;
    acceptSeconds.observe({ event: 'postback' }, durationMs / 1_000);
    if (result.status === 'accepted') postbacksAccepted.inc();
    else postbacksRefused.inc({ reason: result.code });
    const { partition = null, offset = null } = position ?? {};
    logger.info({ ...line, partition, offset, durationMs }, `postback.${result.status}`);
  }
}

function refusedOutcome(
  sourceId: string,
  source: Source | undefined,
  refusal: Refusal,
  parameters: Parameters,
  context: CallContext,
): Outcome {
  const event = refusedRecord(sourceId, source, refusal, parameters, context);
  return {
    record: outgoing('postback.refused.v1', event.sourceId, event),
    result: {
      status: 'refused',
      refusalId: event.refusalId,
      code: refusal.reason,
      field: event.field,
      expected: refusal.expected,
    },
    // Neither the source id nor the field of a refusal are surely ours: both stand as the sender wrote them.
    line: {
      refusalId: event.refusalId,
      sourceId: source?.id ?? null,
      advertiserId: event.advertiserId,
      reasonCode: refusal.reason,
      configurationVersion: event.configurationVersion,
      isTest: event.isTest,
    },
  };
}

/** One postback, and the bytes it came in; null when they were not all read. */
async function readRow(
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<{ readonly row: Row; readonly body: Uint8Array | null }> {
  if (request.method === 'GET') return { row: rowOfPairs(query), body: NO_BODY };
  if (request.method !== 'POST')
    return { row: refusedRow('method_not_allowed', 'GET or POST'), body: NO_BODY };
  const body = await readBody(request);
  if (!body.ok) return { row: refusedRow('body_too_large', 'a smaller body'), body: null };
  return { row: rowOfBody(query, body.text, headerOf(request, 'content-type') ?? ''), body: body.bytes };
}

function rowOfBody(query: URLSearchParams, text: string, contentType: string): Row {
  if (text === '') return rowOfPairs(query);
  if (contentType.includes('json')) return merged(query, rowOfJson(text));
  if (contentType.includes('x-www-form-urlencoded'))
    return rowOfPairs([...query, ...new URLSearchParams(text)]);
  return refusedRow('content_type_unsupported', 'application/json or application/x-www-form-urlencoded');
}

async function readRows(
  request: IncomingMessage,
): Promise<{ readonly rows: readonly Row[] | Refusal; readonly body: Uint8Array | null }> {
  if (request.method !== 'POST')
    return { rows: { reason: 'method_not_allowed', field: null, expected: 'POST' }, body: NO_BODY };
  const body = await readBody(request);
  if (!body.ok)
    return { rows: { reason: 'body_too_large', field: null, expected: 'a smaller body' }, body: null };
  return { rows: rowsOfBatch(body.text, headerOf(request, 'content-type') ?? ''), body: body.bytes };
}

function merged(query: URLSearchParams, row: Row): Row {
  return row.ok ? rowOfPairs([...query, ...row.parameters]) : row;
}

function refusedRow(reason: RefusalReason, expected: string): Row {
  return { ok: false, refusal: { reason, field: null, expected } };
}

function profileOf({ profile, allowedExtras }: Source): SourceProfile {
  return completeProfile({
    ...profile,
    allowedExtras: allowedExtras.filter((name) => !CREDENTIAL_PARAMETERS.has(name)),
  });
}

function answerOf(result: RowResult, source: Source | undefined): Answer {
  if (result.status === 'refused')
    return { status: STATUS_OF_REFUSAL[result.code] ?? BAD_REQUEST, body: result };
  const headers = { 'x-receipt-id': result.receiptId };
  return { status: 200, headers, body: source?.successBody ?? result };
}

function batchAnswerOf(outcomes: readonly Outcome[]): Answer {
  const rows = outcomes.map(({ result }) => result);
  const accepted = rows.filter(({ status }) => status === 'accepted').length;
  const body = { accepted, refused: rows.length - accepted, rows };
  return { status: accepted === rows.length ? 200 : MULTI_STATUS, body };
}
