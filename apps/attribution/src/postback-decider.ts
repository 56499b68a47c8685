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
import type { Clock, Logger } from '@tributary/runtime';
import type { AttributionStore } from '@tributary/store';
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

interface Results {
  readonly decided: ConversionDecided[];
  readonly judged: PostbackJudged[];
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
    const known = await this.#read(identified);
    const results: Results = { decided: [], judged: [] };
    for (const postback of identified) {
      // A receipt is judged once; but whoever owns the lane now keeps the wait that its decision began.
      if (judged.has(postback.postback.receiptId))
        this.#keepWaiting(known.decisions.get(postback.conversionId));
      else this.#judge(postback, known, configuration, results);
    }
    await this.#write(results);
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

  #judge(identified: IdentifiedPostback, known: Known, configuration: Configuration, results: Results): void {
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
    results.judged.push(verdict);
    if (judgement.verdict === 'parked') this.#keepWaiting(known.decisions.get(conversionId));
    if (judgement.decision !== null) {
      const decided = firstRevision({ conversionId, eventClass }, postback, judgement.decision, click, at);
      results.decided.push(decided);
      known.decisions.set(conversionId, decided);
    }
    this.#log(verdict, judgement.decision?.match ?? null);
  }

  async #write({ decided, judged }: Results): Promise<void> {
    const { producer, ownWrites, parked } = this.#options;
    // Decisions first: should only part of the send arrive, a decision without its verdict is judged again to the same id.
    const positions = await producer.produce([
      ...decided.map((event) => outgoing('conversion.decided.v1', event.conversionId, event)),
      ...judged.map((event) => outgoing('postback.judged.v1', event.receiptId, event)),
    ]);
    positions.forEach((position, index) => {
      const decision = decided[index];
      const verdict = judged[index - decided.length];
      if (decision !== undefined) this.#note(decision, position);
      else if (verdict !== undefined) ownWrites.noteJudged(verdict.receiptId, position);
    });
    for (const decision of decided) if (decision.match === 'parked') parked.add(decision);
  }

  #note(decision: ConversionDecided, position: RecordPosition): void {
    const { ownWrites, isDoubted } = this.#options;
    ownWrites.note(decision, position);
    if (isDoubted(decision.triggerPartition, decision.triggerOffset))
      ownWrites.doubt(decision.conversionId, position);
  }

  #log(verdict: PostbackJudged, match: string | null): void {
    const { receiptId, conversionId, revision, sourceId, reasonCode, receivedAt, judgedAt } = verdict;
    this.#options.logger.info(
      {
        receiptId,
        conversionId,
        revision,
        sourceId,
        verdict: verdict.verdict,
        reasonCode,
        match,
        latencyMs: judgedAt - receivedAt,
      },
      'postback.judged',
    );
  }
}

function identifiedPostback(incoming: IncomingPostback, configuration: Configuration): IdentifiedPostback {
  const postback = incoming.event;
  return { incoming, postback, ...identify(postback, identityRulesOf(configuration, postback)) };
}
