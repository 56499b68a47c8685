/** Postbacks over HTTP: understood, proved and safe in Kafka or the spool before the answer; a refusal is written too and says why. */
import type { IncomingMessage } from 'node:http';
import { type OutgoingRecord, outgoing, type RecordPosition } from '@tributary/bus';
import type { Configuration, Source } from '@tributary/configuration';
import {
  type CompiledProfile,
  compileProfile,
  completeProfile,
  isIgnored,
  isUuid,
  type Parameters,
  parsePostback,
  type Refusal,
  type RefusalReason,
  type SourceProfile,
  STANDARD_PROFILE,
} from '@tributary/domain';
import { type Clock, DependencyFailure, type Encryption, type Logger } from '@tributary/runtime';
import { type Access, CREDENTIAL_PARAMETERS, type Judgement, type TurnedAway } from '../access/access.ts';
import { accessRefusal, STATUS_OF_ACCESS } from '../access/access-refusal.ts';
import { receiptIdentityOf } from '../access/receipt-identity.ts';
import {
  type Answer,
  type Body,
  headerOf,
  MAX_BATCH_BYTES,
  MAX_CALL_BYTES,
  readBody,
  unavailable,
} from '../edge/http-exchange.ts';
import { acceptSeconds, postbacksAccepted, postbacksRefused } from '../ingestion-metrics.ts';
import type { SafeProducer } from '../spool/safe-producer.ts';
import { acceptedRecord, type CallContext, refusedRecord } from './postback-record.ts';
import { type IncomingCall, parametersOfQuery, readBatch, readCall } from './read-call.ts';
import type { Row } from './row.ts';
import { type BrowserKind, browserAnswer, successAnswer } from './success-answer.ts';

export interface PostbackEndpointOptions {
  readonly configuration: () => Configuration;
  readonly producer: SafeProducer;
  readonly encryption: Encryption;
  readonly access: Access;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly acceptDeadlineMs: number;
}

/** One HTTP call, and who posts. */
interface Call {
  readonly request: IncomingMessage;
  /** What follows the `?`, as sent. */
  readonly search: string;
  /** The token of `/postback/{source}/{token}`. */
  readonly pathToken: string | null;
  readonly sourceId: string;
  readonly source: Source | undefined;
  readonly context: CallContext;
}

/** Judges the call's proofs, for a row that may bring the token. */
type JudgeRow = (parameters: Parameters) => Judgement;

/** What becomes of one row: the event to write and the answer once it is written. */
interface Outcome {
  readonly record: OutgoingRecord;
  readonly result: RowResult;
  /** Its line in the log: ids and codes, nothing a stranger has written; made only where it is written. */
  readonly line: () => Readonly<Record<string, string | number | boolean | null>>;
}

type RowResult = (
  | { readonly status: 'accepted'; readonly receiptId: string; readonly warnings: readonly string[] }
  | {
      /** `ignored`: as the source's profile wants it; its sender has done nothing wrong. */
      readonly status: 'refused' | 'ignored';
      /** Null for one that is counted and not on record. */
      readonly refusalId: string | null;
      readonly code: RefusalReason;
      readonly field: string | null;
      readonly expected: string | null;
    }
) & {
  /** Of a CSV file, counted from 1. */
  readonly line?: number;
};

/** How the postbacks of a call are found in it. */
interface Reading {
  readonly read: (incoming: IncomingCall, profile: CompiledProfile) => readonly Row[];
  readonly maxBytes: number;
}

const ONE_CALL: Reading = { read: readCall, maxBytes: MAX_CALL_BYTES };
const BATCH: Reading = { read: readBatch, maxBytes: MAX_BATCH_BYTES };

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
  one(
    request: IncomingMessage,
    sourceId: string,
    search: string,
    pathToken: string | null = null,
  ): Promise<Answer> {
    return this.#postback(request, `/postback/${sourceId}`, sourceId, search, pathToken);
  }

  /** GET /pixel/{source} or /iframe/{source}: the answer is always a success, a browser could do nothing with another. */
  async fromBrowser(
    request: IncomingMessage,
    kind: BrowserKind,
    sourceId: string,
    search: string,
  ): Promise<Answer> {
    const answer = await this.#postback(request, `/${kind}/${sourceId}`, sourceId, search);
    return browserAnswer(kind, answer);
  }

  /** POST /v1/postbacks?source=…: a JSON object, a JSON array, NDJSON or CSV; each row is answered on its own, in order. */
  batch(request: IncomingMessage, search: string): Promise<Answer> {
    const sourceId = new URLSearchParams(search).get('source') ?? headerOf(request, 'x-source') ?? '';
    const context = { ...this.#contextOf(request, '/v1/postbacks'), idempotencyKey: null };
    const source = this.#options.configuration().source(sourceId, context.receivedAt);
    const call = { request, search, pathToken: null, sourceId, source, context };
    return this.#receive(call, BATCH, undefined);
  }

  #postback(
    request: IncomingMessage,
    path: string,
    sourceId: string,
    search: string,
    pathToken: string | null = null,
  ): Promise<Answer> {
    const context = this.#contextOf(request, path);
    const source = this.#options.configuration().source(sourceId, context.receivedAt);
    return this.#receive({ request, search, pathToken, sourceId, source, context }, ONE_CALL, source);
  }

  /** @param answeredAs whose own success body is the answer. */
  #receive(call: Call, reading: Reading, answeredAs: Source | undefined): Promise<Answer> {
    const { request, source, context } = call;
    const turnedAway = source && this.#options.access.admit(request, source, context.receivedAt);
    if (turnedAway) return this.#turnAway(call, turnedAway);
    // Most calls have no body, and nothing to wait for.
    if (context.method !== 'POST') return this.#read(call, null, reading, answeredAs);
    return readBody(request, reading.maxBytes).then((body) => this.#read(call, body, reading, answeredAs));
  }

  #read(call: Call, body: Body | null, { read }: Reading, answeredAs: Source | undefined): Promise<Answer> {
    const { request, search, source, context } = call;
    const contentType = headerOf(request, 'content-type') ?? '';
    const incoming = { method: context.method, contentType, search, body };
    const rows = read(incoming, compileProfile(profileOf(source)));
    if (source) this.#options.access.admitRows(source, context.receivedAt, rows.length);
    return this.#accept(call, this.#judgeOf(call, bytesOf(incoming)), rows, answeredAs);
  }

  #accept(
    call: Call,
    judge: JudgeRow,
    rows: readonly Row[],
    answeredAs: Source | undefined,
  ): Promise<Answer> {
    const isOne = rows.length === 1;
    // One key for many rows would make one receipt of them.
    const context = isOne ? call.context : { ...call.context, idempotencyKey: null };
    const outcomes = rows.map((row, place) =>
      this.#outcomeOf({ ...call, context }, judge, row, isOne ? null : place),
    );
    const [first] = outcomes;
    return this.#answer(context, outcomes, () =>
      isOne && first !== undefined ? answerOf(first.result, answeredAs) : batchAnswerOf(outcomes, answeredAs),
    );
  }

  /** The answer to a call that is not read; its body is thrown away as it comes. */
  async #turnAway(
    { request, search, sourceId, source, context }: Call,
    { refusal, isRecorded, retryAfterSeconds }: TurnedAway,
  ): Promise<Answer> {
    request.resume();
    const headers = retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };
    if (!isRecorded) {
      const { reason: code, field, expected } = refusal;
      const answer = answerOf({ status: 'refused', refusalId: null, code, field, expected }, source);
      return { ...answer, headers };
    }
    const parameters = parametersOfQuery(search, compileProfile(profileOf(source)));
    const outcome = refusedOutcome(sourceId, source, refusal, parameters, context);
    return this.#answer(context, [outcome], () => ({ ...answerOf(outcome.result, source), headers }));
  }

  #judgeOf({ request, search, pathToken, source, context }: Call, body: Uint8Array | null): JudgeRow {
    if (source === undefined) return () => SOURCE_UNKNOWN;
    const { receivedAt } = context;
    let parsed: URLSearchParams | undefined;
    const query = () => {
      parsed ??= new URLSearchParams(search);
      return parsed;
    };
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

  #outcomeOf(call: Call, judge: JudgeRow, row: Row, place: number | null): Outcome {
    const outcome = this.#judged(call, judge, row, place);
    return row.line === undefined ? outcome : { ...outcome, result: { ...outcome.result, line: row.line } };
  }

  #judged({ sourceId, source, context }: Call, judge: JudgeRow, row: Row, place: number | null): Outcome {
    const parameters = row.ok ? row.parameters : NO_PARAMETERS;
    const refuse = (refusal: Refusal) => refusedOutcome(sourceId, source, refusal, parameters, context);
    const proofs = judge(parameters);
    if (!proofs.ok) return refuse(proofs.refusal);
    if (source === undefined) return refuse(SOURCE_UNKNOWN.refusal);
    if (!row.ok) return refuse(row.refusal);
    const parsing = parsePostback(parameters, profileOf(source), context.receivedAt);
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
      line: () => ({
        receiptId: event.receiptId,
        sourceId: event.sourceId,
        advertiserId: event.advertiserId,
        lane: event.lane,
        eventType: event.eventType,
        clickId: event.clickId !== null && isUuid(event.clickId) ? event.clickId : null,
        configurationVersion: event.configurationVersion,
        isTest: event.isTest,
      }),
    };
  }

  /** Answers only after Kafka or the spool has every event of the call. */
  async #answer(
    { receivedAt }: CallContext,
    outcomes: readonly Outcome[],
    answer: () => Answer,
  ): Promise<Answer> {
    let positions: readonly (RecordPosition | null)[];
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
      this.#taken(outcome, positions[row] ?? null, receivedAt);
    });
    return answer();
  }

  #taken({ result, line }: Outcome, position: RecordPosition | null, receivedAt: number): void {
    const { logger, clock } = this.#options;
    const durationMs = clock.now() - receivedAt;
    acceptSeconds.observe({ event: 'postback' }, durationMs / 1_000);
    if (result.status === 'accepted') postbacksAccepted.inc();
    else postbacksRefused.inc({ reason: result.code });
    const { partition = null, offset = null } = position ?? {};
    if (logger.isLevelEnabled('info'))
      logger.info({ ...line(), partition, offset, durationMs }, `postback.${result.status}`);
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
      status: isIgnored(refusal.reason) ? 'ignored' : 'refused',
      refusalId: event.refusalId,
      code: refusal.reason,
      field: event.field,
      expected: refusal.expected,
    },
    // Neither the source id nor the field of a refusal are surely ours: both stand as the sender wrote them.
    line: () => ({
      refusalId: event.refusalId,
      sourceId: source?.id ?? null,
      advertiserId: event.advertiserId,
      reasonCode: refusal.reason,
      configurationVersion: event.configurationVersion,
      isTest: event.isTest,
    }),
  };
}

/** What a sender could have signed; null when it was not all read. */
function bytesOf({ body }: IncomingCall): Uint8Array | null {
  if (body === null) return NO_BODY;
  return body.ok ? body.bytes : null;
}

const profiles = new WeakMap<Source, SourceProfile>();

/** The same object for the same version of a source, so that it is compiled once. */
function profileOf(source: Source | undefined): SourceProfile {
  if (source === undefined) return STANDARD_PROFILE;
  let profile = profiles.get(source);
  if (profile === undefined) {
    const allowedExtras = source.allowedExtras.filter((name) => !CREDENTIAL_PARAMETERS.has(name));
    profile = completeProfile({ ...source.profile, allowedExtras });
    profiles.set(source, profile);
  }
  return profile;
}

function answerOf(result: RowResult, source: Source | undefined): Answer {
  if (result.status === 'refused')
    return { status: STATUS_OF_REFUSAL[result.code] ?? BAD_REQUEST, body: result };
  const headers = result.status === 'accepted' ? { 'x-receipt-id': result.receiptId } : {};
  return successAnswer(source, result, headers);
}

/** A source that has its own success body is answered with it as long as no row was refused. */
function batchAnswerOf(outcomes: readonly Outcome[], source: Source | undefined): Answer {
  const rows = outcomes.map(({ result }) => result);
  const count = (status: RowResult['status']) => rows.filter((row) => row.status === status).length;
  const body = {
    accepted: count('accepted'),
    ignored: count('ignored'),
    refused: count('refused'),
    rows,
  };
  return body.refused > 0 ? { status: MULTI_STATUS, body } : successAnswer(source, body, {});
}
