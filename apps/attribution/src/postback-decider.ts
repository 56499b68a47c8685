/** Decides the postbacks of one partition in log order: read what is known, judge each, write the results, then remember them. */
import {
  deadLetterOf,
  type EventProducer,
  type IncomingEvent,
  type OutgoingRecord,
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
import {
  type Identity,
  identify,
  isNamed,
  isUuid,
  judge,
  type ReuseReason,
  reuseOf,
} from '@tributary/domain';
import { type Clock, type Logger, type OpenSpan, openSpan } from '@tributary/runtime';
import type { AttributionStore } from '@tributary/store';
import { decisionSeconds, decisions, reusedReceipts, verdicts } from './attribution-metrics.ts';
import { decisionLine } from './decision-line.ts';
import { type DecidedAt, factsOfPostback, firstRevision, verdictRecord } from './decision-record.ts';
import type { OwnWrites } from './own-writes.ts';
import type { ParkedConversions } from './parked-conversions.ts';
import { identityRulesOf, parkedForMs, termsInForce } from './terms.ts';

export interface PostbackDeciderOptions {
  readonly store: Pick<
    AttributionStore,
    'contentDigests' | 'judgedReceipts' | 'latestDecisions' | 'clicksById'
  >;
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
  readonly contentDigest: string;
  /** Of the postback's own trace, from its judgement until it is on record. */
  readonly span: OpenSpan;
}

/** Another content under a receipt that is judged. */
interface Reuse {
  readonly incoming: IncomingPostback;
  readonly reason: ReuseReason;
}

export class PostbackDecider {
  readonly #options: PostbackDeciderOptions;

  constructor(options: PostbackDeciderOptions) {
    this.#options = options;
  }

  /** @throws DependencyFailure; the batch is then decided again, to the same ids. */
  async decide(batch: PartitionBatch<'postback.received.v1'>, configuration: Configuration): Promise<void> {
    const { fresh, repeats } = this.#notJudgedHere(batch.events);
    const judged = await this.#options.store.judgedReceipts(fresh.map(({ event }) => event.receiptId));
    const identified = fresh.map((incoming) => identifiedPostback(incoming, configuration));
    const isJudged = ({ postback }: IdentifiedPostback) => judged.has(postback.receiptId);
    await this.#takeOver(identified.filter(isJudged));
    const unjudged = identified.filter((postback) => !isJudged(postback));
    const reuses = await this.#reuses(
      [...repeats, ...fresh.filter(({ event }) => judged.has(event.receiptId))],
      new Map(unjudged.map(({ postback: { receiptId, contentDigest } }) => [receiptId, contentDigest])),
    );
    const known = await this.#read(unjudged);
    const results = unjudged.map((postback) => this.#judge(postback, known, configuration));
    try {
      await this.#write(results, reuses);
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

  /** One of each receipt without those this process has judged, and all that come after the first of theirs. */
  #notJudgedHere(events: readonly IncomingPostback[]): {
    readonly fresh: readonly IncomingPostback[];
    readonly repeats: readonly IncomingPostback[];
  } {
    const byReceipt = new Map<string, IncomingPostback>();
    const repeats: IncomingPostback[] = [];
    for (const incoming of events) {
      const { receiptId } = incoming.event;
      if (byReceipt.has(receiptId) || this.#options.ownWrites.judgedContent(receiptId) !== undefined)
        repeats.push(incoming);
      else byReceipt.set(receiptId, incoming);
    }
    return { fresh: [...byReceipt.values()], repeats };
  }

  /**
   * Those that bring another content under a receipt that is judged, or is about to be. A receipt of which ClickHouse
   * shows the verdict and not yet the postback is passed over: nothing is decided by this.
   * @param inHand content digests of what this batch judges, by receipt.
   * @throws DependencyFailure
   */
  async #reuses(
    repeats: readonly IncomingPostback[],
    inHand: ReadonlyMap<string, string>,
  ): Promise<readonly Reuse[]> {
    const { store, ownWrites } = this.#options;
    const named = repeats.filter(({ event }) => isNamed(event));
    const digestHere = (receiptId: string) => inHand.get(receiptId) ?? ownWrites.judgedContent(receiptId);
    const elsewhere = new Set(
      named.flatMap(({ event: { receiptId } }) => (digestHere(receiptId) === undefined ? [receiptId] : [])),
    );
    const stored = elsewhere.size === 0 ? null : await store.contentDigests([...elsewhere]);
    return named.flatMap((incoming) => {
      const { receiptId } = incoming.event;
      const digest = digestHere(receiptId) ?? stored?.get(receiptId);
      const reason = digest === undefined ? null : reuseOf(digest, incoming.event);
      return reason === null ? [] : [{ incoming, reason }];
    });
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
    const { contentDigest } = postback;
    return { verdict, decided, contentDigest, span: spanOf(incoming, verdict) };
  }

  async #write(results: readonly Result[], reuses: readonly Reuse[]): Promise<void> {
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
      ...reuses.map((reuse) => this.#setAside(reuse)),
    ]);
    positions.forEach((position, index) => {
      const revision = revisions[index];
      const result = results[index - revisions.length];
      if (revision !== undefined) this.#note(revision.decided, position);
      else if (result !== undefined)
        ownWrites.noteJudged(result.verdict.receiptId, result.contentDigest, position);
    });
    for (const { decided } of revisions) if (decided.match === 'parked') parked.add(decided);
    for (const result of results) this.#tell(result);
    for (const reuse of reuses) this.#tellReuse(reuse);
  }

  /**
   * What a sender was told is accepted and counts nowhere is kept whole, under the coordinates of its record; its verdict
   * cannot stand in postback.judged, where the receipt has the verdict of the first.
   */
  #setAside({ incoming, reason }: Reuse): OutgoingRecord {
    const { topic, partition, offset, key, value, headers } = incoming;
    return deadLetterOf(
      { topic, partition, offset, key: Buffer.from(key), value, headers },
      {
        service: 'attribution',
        reasonCode: reason,
        detail: 'another content under a receipt that is judged',
        at: this.#options.clock.now(),
      },
    );
  }

  #tellReuse({ incoming: { event, partition, offset }, reason }: Reuse): void {
    const { receiptId, sourceId, advertiserId, lane, configurationVersion, isTest } = event;
    reusedReceipts.inc({ reason });
    this.#options.logger.warn(
      {
        receiptId,
        sourceId,
        advertiserId,
        lane,
        verdict: 'rejected',
        reasonCode: reason,
        partition,
        offset,
        configurationVersion,
        isTest,
      },
      'postback.reused',
    );
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
