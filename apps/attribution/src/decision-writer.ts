/** Puts decisions on record: the revisions first, then what else goes with them; remembers them once they stand in the log. */
import { type EventProducer, type OutgoingRecord, outgoing, type RecordPosition } from '@tributary/bus';
import type { ConversionDecided } from '@tributary/contracts';
import type { attribution } from '@tributary/domain';
import type { Logger } from '@tributary/runtime';
import { decisions } from './attribution-metrics.ts';
import { recordOf } from './conversion-record.ts';
import type { DecidedBatch } from './decision-batches.ts';
import { decisionLine } from './decision-line.ts';
import type { OwnWrites } from './own-writes.ts';
import type { WaitingConversions } from './waiting-conversions.ts';

export interface DecisionWriterOptions {
  readonly producer: EventProducer;
  readonly ownWrites: OwnWrites;
  readonly waiting: WaitingConversions;
  /** Whether the owner before may have this record in hand still. */
  readonly isDoubted: (position: attribution.Position) => boolean;
  readonly logger: Logger;
}

/** Runs work within the trace of the input with that index. */
export type InTraceOf = <T>(input: number, work: () => T) => T;

interface Revised {
  readonly conversion: attribution.Conversion;
  readonly record: ConversionDecided;
  /** Index of the input that led to it. */
  readonly input: number;
}

export class DecisionWriter {
  readonly #options: DecisionWriterOptions;

  constructor(options: DecisionWriterOptions) {
    this.#options = options;
  }

  /**
   * Decisions go first: should only part of the send arrive, a decision without its verdict is judged again to the same id.
   *
   * What no log brings again, a look of the clock or an order, is found again by the conversion it is about, as long as that
   * one stands as before. So that one is written when the revisions around it are on record: they would be lost with the send.
   * @param others records that go with the decisions.
   * @param subjects conversions that the inputs are about, when nothing else brings the inputs again.
   * @returns the positions of `others`. @throws DependencyFailure
   */
  async write(
    partition: number,
    { results, taken }: DecidedBatch,
    others: readonly OutgoingRecord[],
    inTraceOf: InTraceOf,
    subjects: ReadonlySet<string> = new Set(),
  ): Promise<readonly RecordPosition[]> {
    const revised = results.flatMap(({ revisions }, input) =>
      revisions.map((conversion): Revised => ({ conversion, record: recordOf(conversion), input })),
    );
    const isAround = ({ record }: Revised) => subjects.size > 0 && !subjects.has(record.conversionId);
    const around = await this.#send(partition, revised.filter(isAround), [], inTraceOf);
    const rest = await this.#send(
      partition,
      revised.filter((each) => !isAround(each)),
      others,
      inTraceOf,
    );
    this.#options.ownWrites.counters.count(partition, taken, [...around.decided, ...rest.decided]);
    return rest.others;
  }

  async #send(
    partition: number,
    revised: readonly Revised[],
    others: readonly OutgoingRecord[],
    inTraceOf: InTraceOf,
  ): Promise<{ readonly decided: readonly RecordPosition[]; readonly others: readonly RecordPosition[] }> {
    const { producer, waiting } = this.#options;
    const records = revised.map(({ record, input }) =>
      inTraceOf(input, () => outgoing('conversion.decided.v1', record.conversionId, record)),
    );
    if (records.length + others.length === 0) return { decided: [], others: [] };
    const positions = await producer.produce([...records, ...latestOf(records), ...others]);
    revised.forEach(({ conversion }, index) => {
      const position = positions[index];
      if (position !== undefined) this.#note(conversion, position);
      waiting.meet(conversion, partition);
    });
    for (const each of revised) inTraceOf(each.input, () => this.#tell(each));
    return {
      decided: positions.slice(0, revised.length),
      others: positions.slice(positions.length - others.length),
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

/** The last record of each conversion, for the topic that keeps only that one; its value is the same bytes. */
function latestOf(records: readonly OutgoingRecord[]): readonly OutgoingRecord[] {
  const latest = new Map(records.map((record) => [record.key, record]));
  return [...latest.values()].map((record) => ({ ...record, topic: 'conversion.current.v1' }));
}
