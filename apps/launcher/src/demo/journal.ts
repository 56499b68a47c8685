/** The driver's own list of what it sent and was answered: the side of the ledger that no part of the pipeline has touched. */
import { DEMO } from './demo-configuration.ts';

/** Receivers a conversion is expected at, by destination id. */
export interface ExpectedConversion {
  /** The driver's own name of the business fact; several postbacks may speak of one. */
  readonly fact: string;
  readonly eventType: string;
  readonly revenueMicros: bigint | null;
  readonly payoutMicros: bigint | null;
  readonly match: 'attributed' | 'unattributed';
  readonly destinationIds: readonly string[];
}

/** Answers in the order they came; ids are those the edge gave out. */
export class Journal {
  readonly startedAt: number;
  /** Every source that is posted to. */
  readonly sourceIds: readonly string[];
  readonly clickIds = new Set<string>();
  /** Clicks whose answer was lost: they may be recorded under an id nobody here knows. */
  ambiguousClicks = 0;
  readonly receiptsByFact = new Map<string, Set<string>>();
  readonly expected = new Map<string, ExpectedConversion>();
  /** Reason by refusal id. */
  readonly refusals = new Map<string, string>();

  constructor(startedAt: number, sourceIds: readonly string[] = [DEMO.sourceId]) {
    this.startedAt = startedAt;
    this.sourceIds = sourceIds;
  }

  expect(conversion: ExpectedConversion): void {
    this.expected.set(conversion.fact, conversion);
  }

  accepted(fact: string, receiptId: string): void {
    const receipts = this.receiptsByFact.get(fact) ?? new Set();
    receipts.add(receiptId);
    this.receiptsByFact.set(fact, receipts);
  }

  get receiptIds(): readonly string[] {
    return [...this.receiptsByFact.values()].flatMap((receipts) => [...receipts]);
  }
}
