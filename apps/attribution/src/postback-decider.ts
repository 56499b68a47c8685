/** Decides the postbacks of one partition in log order: read what is known, judge each, write the results, then remember them. */
import {
  type EventProducer,
  type IncomingEvent,
  outgoing,
  type PartitionBatch,
  type RecordPosition,
} from '@tributary/bus';
import type { Configuration } from '@tributary/configuration';
import type {
  ClickRecorded,
  ConversionDecided,
  PostbackJudged,
  PostbackReceived,
} from '@tributary/contracts';
import { type Identity, identify, isUuid, judge } from '@tributary/domain';
import { type Clock, type Logger, type OpenSpan, openSpan } from '@tributary/runtime';
import type { AttributionStore } from '@tributary/store';
import { decisionSeconds, decisions, verdicts } from './attribution-metrics.ts';
import { decisionLine } from './decision-line.ts';
import { type DecidedAt, factsOfPostback, firstRevision, verdictRecord } from './decision-record.ts';
import type { OwnWrites } from './own-writes.ts';
import type { ParkedConversions } from './parked-conversions.ts';
import { identityRulesOf, parkedForMs, termsInForce } from './terms.ts';

export interface PostbackDeciderOptions {
  readonly store: Pick<AttributionStore, 'judgedReceipts' | 'latestDecisions' | 'clicksById'>;
  readonly ownWrites: OwnWrites;
  readonly parked: ParkedConversions;
  readonly producer: EventProducer;
  /** Whether the owner before may have this record in hand still. */
  readonly isDoubted: (partition: number, offset: number) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

type IncomingPostback = IncomingEvent<'postback.received.v1'>;

interface IdentifiedPostback extends Identity {
  readonly incoming: IncomingPostback;
  readonly postback: PostbackReceived;
}

/** What is known about a batch before it is judged; decisions grow as the batch is judged. */
interface Known {
  readonly decisions: Map<string, ConversionDecided>;
  readonly clicks: ReadonlyMap<string, ClickRecorded>;
}

/** What became of one postback. */
interface Result {
  readonly verdict: PostbackJudged;
  readonly decided: ConversionDecided | null;
  /** Of the postback's own trace, from its judgement until it is on record. */
  readonly span: OpenSpan;
}

export class PostbackDecider {
  readonly #options: PostbackDeciderOptions;

  constructor(options: PostbackDeciderOptions) {
    this.#options = options;
  }

  /** @throws DependencyFailure; the batch is then decided again, to the same ids. */
  async decide(batch: PartitionBatch<'postback.received.v1'>, configuration: Configuration): Promise<void> {
    const fresh = this.#notJudgedHere(batch.events);
    const judged = await this.#options.store.judgedReceipts(fresh.map(({ event }) => event.receiptId));
    const identified = fresh.map((incoming) => identifiedPostback(incoming, configuration));
    const isJudged = ({ postback }: IdentifiedPostback) => judged.has(postback.receiptId);
    await this.#takeOver(identified.filter(isJudged));
    const unjudged = identified.filter((postback) => !isJudged(postback));
    const known = await this.#read(unjudged);
    const results = unjudged.map((postback) => this.#judge(postback, known, configuration));
    try {
      await this.#write(results);
    } finally {
      for (const { span } of results) span.end();
    }
  }

  /** A receipt is judged once; but whoever owns the lane now keeps the wait that its decision may have begun. */
  async #takeOver(judged: readonly IdentifiedPostback[]): Promise<void> {
    if (judged.length === 0) return;
    const { store, ownWrites, isDoubted } = this.#options;
    // Verdicts and decisions come to ClickHouse by different topics: the one may show before the other. Only what the owner
    // before may have written meanwhile is waited for; after a send of its own that is in doubt this one has caught up already.
    if (judged.some(({ incoming: { partition, offset } }) => isDoubted(partition, offset)))
      await ownWrites.catchUp();
    const ids = [...new Set(judged.map(({ conversionId }) => conversionId))];
    for (const stored of await store.latestDecisions(ids))
      this.#keepWaiting(ownWrites.latest(stored.conversionId, stored));
  }

  /** One of each receipt, without those this process has judged. */
  #notJudgedHere(events: readonly IncomingPostback[]): readonly IncomingPostback[] {
    const byReceipt = new Map<string, IncomingPostback>();
    for (const incoming of events) {
      const { receiptId } = incoming.event;
      if (!byReceipt.has(receiptId) && !this.#options.ownWrites.isJudged(receiptId))
        byReceipt.set(receiptId, incoming);
    }
    return [...byReceipt.values()];
  }

  /**
   * A decision that stands in the log without this process knowing that it wrote it: it was cut off from the
   * acknowledgement, or the owner before wrote it after this one had loaded what is parked.
   */
  #keepWaiting(met: ConversionDecided | undefined): void {
    if (met?.match === 'parked') this.#options.parked.add(met);
  }

  async #read(postbacks: readonly IdentifiedPostback[]): Promise<Known> {
    const { store, ownWrites } = this.#options;
    const conversionIds = [...new Set(postbacks.map(({ conversionId }) => conversionId))];
    const clickIds = new Set(
      postbacks.flatMap(({ postback: { clickId } }) => (clickId && isUuid(clickId) ? [clickId] : [])),
    );
    const [stored, clicks] = await Promise.all([
      store.latestDecisions(conversionIds),
      store.clicksById([...clickIds]),
    ]);
    const storedById = new Map(stored.map((decision) => [decision.conversionId, decision]));
    const decisions = new Map<string, ConversionDecided>();
    for (const conversionId of conversionIds) {
      const latest = ownWrites.latest(conversionId, storedById.get(conversionId));
      if (latest) decisions.set(conversionId, latest);
    }
    return { decisions, clicks: new Map(clicks.map((click) => [click.clickId, click])) };
  }

  #judge(identified: IdentifiedPostback, known: Known, configuration: Configuration): Result {
    const { incoming, postback, conversionId, eventClass } = identified;
    const click = known.clicks.get(postback.clickId ?? '') ?? null;
    const judgement = judge({
      facts: factsOfPostback(postback),
      earlier: known.decisions.get(conversionId) ?? null,
      click,
      terms: termsInForce(configuration, click, postback),
      parkedForMs: parkedForMs(configuration, postback),
    });
    const at: DecidedAt = {
      kind: 'postback',
      partition: incoming.partition,
      offset: incoming.offset,
      now: this.#options.clock.now(),
      configurationVersion: configuration.version,
    };
    const verdict = verdictRecord(postback, judgement, conversionId, at);
    if (judgement.verdict === 'parked') this.#keepWaiting(known.decisions.get(conversionId));
    const decided =
      judgement.decision &&
      firstRevision({ conversionId, eventClass }, postback, judgement.decision, click, at);
    if (decided !== null) known.decisions.set(conversionId, decided);
    return { verdict, decided, span: spanOf(incoming, verdict) };
  }

  async #write(results: readonly Result[]): Promise<void> {
    const { producer, ownWrites, parked } = this.#options;
    const revisions = results.flatMap(({ decided, span }) => (decided === null ? [] : [{ decided, span }]));
    // Decisions first: should only part of the send arrive, a decision without its verdict is judged again to the same id.
    const positions = await producer.produce([
      ...revisions.map(({ decided, span }) =>
        span.run(() => outgoing('conversion.decided.v1', decided.conversionId, decided)),
      ),
      ...results.map(({ verdict, span }) =>
        span.run(() => outgoing('postback.judged.v1', verdict.receiptId, verdict)),
      ),
    ]);
    positions.forEach((position, index) => {
      const revision = revisions[index];
      const result = results[index - revisions.length];
      if (revision !== undefined) this.#note(revision.decided, position);
      else if (result !== undefined) ownWrites.noteJudged(result.verdict.receiptId, position);
    });
    for (const { decided } of revisions) if (decided.match === 'parked') parked.add(decided);
    for (const result of results) this.#tell(result);
  }

  #note(decision: ConversionDecided, position: RecordPosition): void {
    const { ownWrites, isDoubted } = this.#options;
    ownWrites.note(decision, position);
    if (isDoubted(decision.triggerPartition, decision.triggerOffset))
      ownWrites.doubt(decision.conversionId, position);
  }

  /** Counts and logs what is on record by now, so that a batch that is tried again is told once. */
  #tell({ verdict, decided, span }: Result): void {
    const { clock, logger } = this.#options;
    const durationMs = clock.now() - verdict.receivedAt;
    verdicts.inc({ verdict: verdict.verdict, reason: verdict.reasonCode ?? 'none' });
    decisionSeconds.observe(durationMs / 1_000);
    span.run(() => {
      logger.info({ ...lineOf(verdict), durationMs }, 'postback.judged');
      if (decided === null) return;
      decisions.inc({ match: decided.match, trigger: decided.triggerKind });
      logger.info(decisionLine(decided), 'conversion.decided');
    });
  }
}

function spanOf({ headers, partition, offset }: IncomingPostback, verdict: PostbackJudged): OpenSpan {
  const { receiptId, sourceId } = verdict;
  const attributes = { receiptId, sourceId, partition, offset, verdict: verdict.verdict };
  return openSpan({ name: 'postback.decide', kind: 'consumer', parent: headers, attributes });
}

/** The verdict as a line: ids, codes and places, no value of the postback. */
function lineOf(verdict: PostbackJudged): object {
  return {
    receiptId: verdict.receiptId,
    conversionId: verdict.conversionId,
    revision: verdict.revision,
    sourceId: verdict.sourceId,
    advertiserId: verdict.advertiserId,
    lane: verdict.lane,
    verdict: verdict.verdict,
    reasonCode: verdict.reasonCode,
    partition: verdict.triggerPartition,
    offset: verdict.triggerOffset,
    configurationVersion: verdict.configurationVersion,
    isTest: verdict.isTest,
  };
}

function identifiedPostback(incoming: IncomingPostback, configuration: Configuration): IdentifiedPostback {
  const postback = incoming.event;
  return { incoming, postback, ...identify(postback, identityRulesOf(configuration, postback)) };
}
