/** Decides the postbacks of one partition in log order: what the rules make of each, its verdict, and what came under a name that was used before. */
import {
  deadLetterOf,
  type IncomingEvent,
  type OutgoingRecord,
  outgoing,
  type PartitionBatch,
} from '@tributary/bus';
import type { PostbackJudged } from '@tributary/contracts';
import { type attribution, isNamed, type ReuseReason, reuseOf } from '@tributary/domain';
import { type Clock, type Logger, type OpenSpan, openSpan } from '@tributary/runtime';
import type { FactsStore } from '@tributary/store';
import { decisionSeconds, reusedReceipts, verdicts } from './attribution-metrics.ts';
import { type DecidedBatch, type DecisionBatches, newestOf } from './decision-batches.ts';
import type { DecisionWriter, InTraceOf } from './decision-writer.ts';
import type { LaneProgress, Turn } from './lane-progress.ts';
import type { OwnWrites } from './own-writes.ts';
import { reportOf } from './report-of-postback.ts';
import { verdictRecordOf } from './verdict-record.ts';
import type { WaitingConversions } from './waiting-conversions.ts';

export interface PostbackDeciderOptions {
  readonly store: Pick<FactsStore, 'contentDigests' | 'load'>;
  readonly batches: DecisionBatches;
  readonly writer: DecisionWriter;
  readonly ownWrites: OwnWrites;
  readonly waiting: WaitingConversions;
  readonly progress: LaneProgress;
  /** Whether the owner before may have this record in hand still. */
  readonly isDoubted: (position: attribution.Position) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

type IncomingPostback = IncomingEvent<'postback.received.v1'>;

/** A postback with its verdict. */
interface Judged {
  readonly incoming: IncomingPostback;
  readonly judgement: attribution.Judgement;
  readonly verdict: PostbackJudged;
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

  /**
   * @param isAfterDoubt whether an earlier send of this partition may have arrived in part.
   * @throws DependencyFailure; the batch is then decided again, to the same ids.
   */
  async decide(
    { partition, events }: PartitionBatch<'postback.received.v1'>,
    configurationVersion: number,
    isAfterDoubt: boolean,
  ): Promise<void> {
    const { batches, progress, ownWrites, isDoubted } = this.#options;
    const { fresh, repeats } = this.#notJudgedHere(events);
    const asked = fresh.filter((incoming) => isAfterDoubt || this.#maybeJudgedElsewhere(incoming));
    const turn = progress.turn(partition, configurationVersion);
    const inputs = fresh.map((incoming) => inputOf(incoming, turn));
    const askedReceipts = new Set(asked.map(({ event }) => event.receiptId));
    let decided = await batches.decide(partition, inputs, askedReceipts);
    const isJudgedBefore = ({ event }: IncomingPostback) => decided.judgedBefore.has(event.receiptId);
    // Verdicts and decisions come to ClickHouse by different topics: the one may show before the other. Only what the owner
    // before may have written meanwhile is waited for; after a send of its own that is in doubt this one has caught up already.
    if (fresh.some((incoming) => isDoubted(incoming) && isJudgedBefore(incoming))) {
      await ownWrites.catchUp();
      ownWrites.counters.forget(partition);
      decided = await batches.decide(partition, inputs, askedReceipts);
    }
    const met = await this.#takeOver(fresh.filter(isJudgedBefore), decided);
    const judged = fresh.flatMap((incoming, index) => {
      const judgement = decided.results[index]?.judgement ?? null;
      return judgement === null || isJudgedBefore(incoming)
        ? []
        : [this.#judge(incoming, judgement, configurationVersion)];
    });
    const inHand = new Map(judged.map(({ incoming: { event } }) => [event.receiptId, event.contentDigest]));
    const reuses = await this.#reuses([...repeats, ...fresh.filter(isJudgedBefore)], inHand);
    try {
      const isInDoubt = isAfterDoubt || fresh.some(isDoubted);
      await this.#write(
        partition,
        { ...decided, known: newestOf(decided.known, met) },
        judged,
        reuses,
        fresh,
        isInDoubt,
      );
    } finally {
      for (const { span } of judged) span.end();
    }
    const receivedAt = Math.max(...events.map(({ event }) => event.receivedAt));
    progress.decided(partition, events.at(-1)?.offset ?? 0, receivedAt);
  }

  /**
   * Whether the store is asked for its verdict: a sender's own name for a receipt may come again with another content, and
   * the owner before may have judged it. For any other repeat the rules come to the verdict they came to.
   */
  #maybeJudgedElsewhere({ event, partition, offset }: IncomingPostback): boolean {
    return isNamed(event) || this.#options.isDoubted({ partition, offset });
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
      if (byReceipt.has(receiptId) || this.#options.ownWrites.judged(receiptId) !== undefined)
        repeats.push(incoming);
      else byReceipt.set(receiptId, incoming);
    }
    return { fresh: [...byReceipt.values()], repeats };
  }

  /**
   * A receipt has one verdict; but whoever owns the lane now keeps the wait that its decision may have begun.
   * @returns the conversions of those receipts, as they stand.
   */
  async #takeOver(
    judgedBefore: readonly IncomingPostback[],
    decided: DecidedBatch,
  ): Promise<readonly attribution.Conversion[]> {
    const [first] = judgedBefore;
    if (first === undefined) return [];
    const { waiting, batches } = this.#options;
    const conversionIds = judgedBefore.flatMap(
      ({ event }) => decided.judgedBefore.get(event.receiptId)?.conversionId ?? [],
    );
    const met = await batches.conversions(new Set(conversionIds));
    for (const conversion of met) waiting.meet(conversion, first.partition);
    return met;
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
    const digestHere = (receiptId: string) =>
      inHand.get(receiptId) ?? ownWrites.judged(receiptId)?.contentDigest;
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

  #judge(incoming: IncomingPostback, judgement: attribution.Judgement, configurationVersion: number): Judged {
    const { event, partition, offset } = incoming;
    const at = { partition, offset, now: this.#options.clock.now(), configurationVersion };
    const verdict = verdictRecordOf(judgement, event, at);
    return { incoming, judgement, verdict, span: spanOf(incoming, verdict) };
  }

  async #write(
    partition: number,
    decided: DecidedBatch,
    judged: readonly Judged[],
    reuses: readonly Reuse[],
    fresh: readonly IncomingPostback[],
    isInDoubt: boolean,
  ): Promise<void> {
    const { writer, ownWrites } = this.#options;
    const spans = new Map(judged.map(({ incoming, span }) => [incoming, span]));
    const others: OutgoingRecord[] = [
      ...judged.map(({ verdict, span }) =>
        span.run(() => outgoing('postback.judged.v1', verdict.receiptId, verdict)),
      ),
      ...reuses.map((reuse) => this.#setAside(reuse)),
    ];
    const inTraceOf: InTraceOf = (input, work) => {
      const incoming = fresh[input];
      const span = incoming === undefined ? undefined : spans.get(incoming);
      return span === undefined ? work() : span.run(work);
    };
    const positions = await writer.write(partition, decided, { others, inTraceOf, isInDoubt });
    judged.forEach(({ judgement, incoming: { event } }, index) => {
      const position = positions[index];
      if (position !== undefined)
        ownWrites.noteJudged({ judgement, contentDigest: event.contentDigest }, position);
    });
    this.#keepWaiting(partition, judged, decided);
    for (const each of judged) this.#tell(each);
    for (const reuse of reuses) this.#tellReuse(reuse);
  }

  /**
   * A decision that waits may stand in the log without this process knowing that it wrote it: it was cut off from the
   * acknowledgement, or the owner before wrote it after this one had loaded what waits.
   */
  #keepWaiting(partition: number, judged: readonly Judged[], { known }: DecidedBatch): void {
    const parked = new Set(
      judged.flatMap(({ judgement: { verdict, conversionId } }) =>
        verdict === 'parked' && conversionId !== null ? [conversionId] : [],
      ),
    );
    if (parked.size === 0) return;
    for (const conversion of known)
      if (parked.has(conversion.conversionId)) this.#options.waiting.meet(conversion, partition);
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

  /** Counts and logs what is on record by now, so that a batch that is tried again is told once. */
  #tell({ verdict, span }: Judged): void {
    const { clock, logger } = this.#options;
    const durationMs = clock.now() - verdict.receivedAt;
    verdicts.inc({ verdict: verdict.verdict, reason: verdict.reasonCode ?? 'none' });
    decisionSeconds.observe(durationMs / 1_000);
    if (logger.isLevelEnabled('info'))
      span.run(() => logger.info({ ...lineOf(verdict), durationMs }, 'postback.judged'));
  }
}

function inputOf({ event, partition, offset }: IncomingPostback, turn: Turn): attribution.Input {
  return { kind: 'postback', report: reportOf(event, { partition, offset }), at: turn({ offset }) };
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
