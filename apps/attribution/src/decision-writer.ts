/** Puts decisions on record: the revisions first, then their signals and what else goes with them; remembers them once they stand in the log. */
import {
  type EventProducer,
  type Outgoing,
  type OutgoingRecord,
  outgoing,
  type RecordPosition,
  tombstone,
} from '@tributary/bus';
import type { ConversionDecided } from '@tributary/contracts';
import type { attribution } from '@tributary/domain';
import type { Logger } from '@tributary/runtime';
import { decisions } from './attribution-metrics.ts';
import { recordOf } from './conversion-record.ts';
import type { CustomerLooks } from './customer-looks.ts';
import type { DecidedBatch } from './decision-batches.ts';
import { decisionLine } from './decision-line.ts';
import type { OwnWrites } from './own-writes.ts';
import type { WaitingConversions } from './waiting-conversions.ts';

export interface DecisionWriterOptions {
  readonly producer: EventProducer;
  readonly ownWrites: OwnWrites;
  readonly waiting: WaitingConversions;
  readonly looks: CustomerLooks;
  /** Whether the owner before may have this record in hand still. */
  readonly isDoubted: (position: attribution.Position) => boolean;
  readonly logger: Logger;
}

/** Runs work within the trace of the input with that index. */
export type InTraceOf = <T>(input: number, work: () => T) => T;

/** What goes with the decisions of a batch. */
export interface Accompanied {
  readonly others?: readonly Outgoing[];
  readonly inTraceOf?: InTraceOf;
  /**
   * Whether what the input, by its index, did to others is done again as long as this conversion stands as before. Left out
   * for postbacks, which their log brings again; a look of the clock, an order or a late click has nothing else.
   */
  readonly isAbout?: IsAbout;
  /** Whether the decisions may stand in the log already, without their signals, and without what conversion.current gets. */
  readonly isInDoubt?: boolean;
}

type IsAbout = (input: number, conversion: attribution.Conversion) => boolean;

interface Revised {
  readonly conversion: attribution.Conversion;
  readonly record: ConversionDecided;
  /** Index of the input that led to it. */
  readonly input: number;
}

/** Where the records of a send stand. */
interface Sent {
  readonly decidedAt: readonly RecordPosition[];
  readonly othersAt: readonly RecordPosition[];
}

export class DecisionWriter {
  readonly #options: DecisionWriterOptions;

  constructor(options: DecisionWriterOptions) {
    this.#options = options;
  }

  /**
   * Decisions go first: should only part of the send arrive, a decision without its verdict is judged again to the same id,
   * and the customers of one without its signals are looked at again (docs/adr/0033-a-send-that-arrived-in-part.md).
   * @returns the positions of `others`. @throws DependencyFailure
   */
  async write(
    partition: number,
    decided: DecidedBatch,
    { others = [], inTraceOf = (_input, work) => work(), isAbout, isInDoubt = false }: Accompanied = {},
  ): Promise<readonly RecordPosition[]> {
    const { ownWrites, looks } = this.#options;
    const looked = await looks.after(decided, isInDoubt);
    const signals = looked.signals.map((signal) => inTraceOf(signal.input, () => looks.recordOf(signal)));
    const sends = sendsOf(decided, isAbout);
    const again = isInDoubt ? maybeDecidedBefore(decided).map(currentRecordOf) : [];
    const { decidedAt, othersAt } = await this.#sendAll(
      partition,
      sends,
      [...signals, ...others, ...again],
      inTraceOf,
    );
    ownWrites.counters.count(partition, decided.taken, decidedAt);
    looks.noteSent(partition, looked, othersAt.slice(0, signals.length));
    for (const each of looked.signals) inTraceOf(each.input, () => looks.tell(each));
    return othersAt.slice(signals.length, signals.length + others.length);
  }

  /** One send after the other; what goes with the decisions goes with the last. */
  async #sendAll(
    partition: number,
    sends: readonly (readonly Revised[])[],
    others: readonly Outgoing[],
    inTraceOf: InTraceOf,
  ): Promise<Sent> {
    const decidedAt: RecordPosition[] = [];
    try {
      for (const earlier of sends.slice(0, -1))
        decidedAt.push(...(await this.#send(partition, earlier, [], inTraceOf)).decidedAt);
      const last = await this.#send(partition, sends.at(-1) ?? [], others, inTraceOf);
      return { decidedAt: [...decidedAt, ...last.decidedAt], othersAt: last.othersAt };
    } catch (error) {
      // Those of an earlier send stand there without their signals too.
      this.#options.looks.doubt(
        partition,
        sends.flat().map(({ conversion }) => conversion),
      );
      throw error;
    }
  }

  async #send(
    partition: number,
    revised: readonly Revised[],
    others: readonly Outgoing[],
    inTraceOf: InTraceOf,
  ): Promise<Sent> {
    const records = revised.map(({ record, input }) =>
      inTraceOf(input, () => outgoing('conversion.decided.v1', record.conversionId, record)),
    );
    const all = [...records, ...latestOf(revised, records), ...others];
    const positions = all.length === 0 ? [] : await this.#options.producer.produce(all);
    revised.forEach(({ conversion }, index) => {
      const position = positions[index];
      if (position !== undefined) this.#note(conversion, position);
      this.#options.waiting.meet(conversion, partition);
    });
    for (const each of revised) inTraceOf(each.input, () => this.#tell(each));
    return {
      decidedAt: positions.slice(0, revised.length),
      othersAt: positions.slice(positions.length - others.length),
    };
  }

  #note(conversion: attribution.Conversion, position: RecordPosition): void {
    const { ownWrites, isDoubted } = this.#options;
    ownWrites.conversions.note(conversion, position);
    if (isDoubted(conversion.decidedAt.position)) ownWrites.doubt(conversion.conversionId, position);
  }

  /** Told once it is on record, so that a batch that is tried again is told once. */
  #tell({ record }: Revised): void {
    const { logger } = this.#options;
    decisions.inc({ match: record.match, trigger: record.triggerKind });
    if (logger.isLevelEnabled('info')) logger.info(decisionLine(record), 'conversion.decided');
  }
}

/** What stands as it stood, and was decided by these inputs if they were decided before. */
function maybeDecidedBefore({ inputs, known, results }: DecidedBatch): readonly attribution.Conversion[] {
  const first = Math.min(...inputs.map(({ at }) => at.position.offset));
  const revised = new Set(
    results.flatMap(({ revisions }) => revisions.map(({ conversionId }) => conversionId)),
  );
  // Orders stand in a log of their own: what they decide has the place that the postbacks had come to.
  return known.filter(
    ({ conversionId, decidedAt: { trigger, position } }) =>
      !revised.has(conversionId) && (trigger === 'command' || position.offset >= first),
  );
}

const CURRENT = 'conversion.current.v1';

function currentRecordOf(conversion: attribution.Conversion): Outgoing {
  const { conversionId, orders } = conversion;
  return orders.erasedFor !== null
    ? tombstone(CURRENT, conversionId)
    : outgoing(CURRENT, conversionId, recordOf(conversion));
}

/** The last record of each conversion, for the topic that keeps only that one; its value is the same bytes, or none. */
function latestOf(revised: readonly Revised[], records: readonly OutgoingRecord[]): readonly Outgoing[] {
  const latest = new Map(records.map((record) => [record.key, record]));
  const erased = new Set(
    revised.flatMap(({ record }) => (record.orders.erasedFor !== null ? [record.conversionId] : [])),
  );
  return [...latest.values()].map((record) => ({
    ...record,
    topic: CURRENT,
    value: erased.has(record.key) ? null : record.value,
  }));
}

/**
 * The revisions in sends, each of which is on record before the next one goes: those around the conversions that the inputs
 * are about, and then these. Where an input revises what one before it has revised, all of that one goes first.
 */
function sendsOf({ results }: DecidedBatch, isAbout: IsAbout | undefined): readonly (readonly Revised[])[] {
  const byInput = results.map(({ revisions }, input) =>
    revisions.map((conversion): Revised => ({ conversion, record: recordOf(conversion), input })),
  );
  if (isAbout === undefined) return [byInput.flat()];
  return untilRevisedAgain(byInput).flatMap((revised) => {
    const { around = [], about = [] } = Object.groupBy(revised, ({ input, conversion }) =>
      isAbout(input, conversion) ? 'about' : 'around',
    );
    return [around, about];
  });
}

/** Cut before each input that revises once more what the part in hand has revised. */
function untilRevisedAgain(byInput: readonly (readonly Revised[])[]): readonly (readonly Revised[])[] {
  const parts: Revised[][] = [[]];
  let inHand = new Set<string>();
  for (const revised of byInput) {
    const ids = revised.map(({ conversion }) => conversion.conversionId);
    if (ids.some((id) => inHand.has(id))) {
      parts.push([]);
      inHand = new Set();
    }
    parts.at(-1)?.push(...revised);
    for (const id of ids) inHand.add(id);
  }
  return parts;
}
