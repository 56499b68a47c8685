/** Puts decisions on record: the revisions first, then their signals and what else goes with them; remembers them once they stand in the log. */
import { type EventProducer, type OutgoingRecord, outgoing, type RecordPosition } from '@tributary/bus';
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
  readonly others?: readonly OutgoingRecord[];
  readonly inTraceOf?: InTraceOf;
  /**
   * Conversions that the inputs are about, where no log brings the inputs again: a look of the clock, or an order, is found
   * again by that conversion as long as it stands as before. So it is written when the revisions around it are on record.
   */
  readonly subjects?: ReadonlySet<string>;
  /** Whether the decisions may stand in the log already, without their signals. */
  readonly isInDoubt?: boolean;
}

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
   * and the customers of one without its signals are looked at again.
   * @returns the positions of `others`. @throws DependencyFailure
   */
  async write(
    partition: number,
    decided: DecidedBatch,
    { others = [], inTraceOf = (_input, work) => work(), subjects, isInDoubt = false }: Accompanied = {},
  ): Promise<readonly RecordPosition[]> {
    const { ownWrites, looks } = this.#options;
    const looked = await looks.after(decided, isInDoubt);
    const { around, rest } = revisedIn(decided, subjects);
    const aroundAt = await this.#send(partition, around, [], inTraceOf);
    const signals = looked.signals.map((signal) => inTraceOf(signal.input, () => looks.recordOf(signal)));
    const { decidedAt, othersAt } = await this.#send(partition, rest, [...signals, ...others], inTraceOf);
    ownWrites.counters.count(partition, decided.taken, [...aroundAt.decidedAt, ...decidedAt]);
    looks.noteSent(partition, looked, othersAt.slice(0, signals.length));
    for (const each of looked.signals) inTraceOf(each.input, () => looks.tell(each));
    return othersAt.slice(signals.length);
  }

  async #send(
    partition: number,
    revised: readonly Revised[],
    others: readonly OutgoingRecord[],
    inTraceOf: InTraceOf,
  ): Promise<Sent> {
    const records = revised.map(({ record, input }) =>
      inTraceOf(input, () => outgoing('conversion.decided.v1', record.conversionId, record)),
    );
    const positions = await this.#produce(
      partition,
      [...records, ...latestOf(records), ...others],
      revised.map(({ conversion }) => conversion),
    );
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

  async #produce(
    partition: number,
    records: readonly OutgoingRecord[],
    conversions: readonly attribution.Conversion[],
  ): Promise<readonly RecordPosition[]> {
    if (records.length === 0) return [];
    const { producer, looks } = this.#options;
    try {
      return await producer.produce(records);
    } catch (error) {
      looks.doubt(partition, conversions);
      throw error;
    }
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

/** The last record of each conversion, for the topic that keeps only that one; its value is the same bytes. */
function latestOf(records: readonly OutgoingRecord[]): readonly OutgoingRecord[] {
  const latest = new Map(records.map((record) => [record.key, record]));
  return [...latest.values()].map((record) => ({ ...record, topic: 'conversion.current.v1' }));
}

function revisedIn(
  { results }: DecidedBatch,
  subjects: ReadonlySet<string> | undefined,
): { readonly around: readonly Revised[]; readonly rest: readonly Revised[] } {
  const revised = results.flatMap(({ revisions }, input) =>
    revisions.map((conversion): Revised => ({ conversion, record: recordOf(conversion), input })),
  );
  if (subjects === undefined) return { around: [], rest: revised };
  const isSubject = ({ conversion }: Revised) => subjects.has(conversion.conversionId);
  return { around: revised.filter((each) => !isSubject(each)), rest: revised.filter(isSubject) };
}
