/** A report: one accepted postback as the rules read it, with its place in the log. */
import type { ConsentState } from '../click.ts';

/** Place of a record in postback.received. All postbacks of a lane lie in one partition, so offsets order them. */
export interface Position {
  readonly partition: number;
  readonly offset: number;
}

/** What the source says of the fact. */
export type ReportStatus = 'pending' | 'approved' | 'rejected';

/** What a report says about the sale and the person, and no rule of duplicates compares; meanings as in postback.received. */
export interface ReportDetails {
  readonly predictedLtvMicros: bigint | null;
  readonly productId: string | null;
  readonly planId: string | null;
  readonly couponCode: string | null;
  readonly quantity: number | null;
  readonly ipCiphertext: Uint8Array | null;
  readonly userAgent: string | null;
  readonly country: string | null;
  readonly subIds: Readonly<Record<string, string>>;
  readonly extras: Readonly<Record<string, string>>;
  /** SHA-256 hex by named normal form. */
  readonly subjectHashes: Readonly<Record<string, string>>;
}

/** Field names and meanings are those of postback.received. */
export interface Report extends ReportDetails {
  readonly receiptId: string;
  readonly sourceId: string;
  readonly lane: string;
  readonly advertiserId: string;
  readonly position: Position;
  readonly receivedAt: number;
  readonly occurredAt: number;
  readonly occurredAtIsAssumed: boolean;
  readonly eventType: string;
  readonly status: ReportStatus;
  readonly clickId: string | null;
  readonly transactionId: string | null;
  readonly originalTransactionId: string | null;
  readonly reversalId: string | null;
  readonly customerId: string | null;
  /** Positive, also of a refund. */
  readonly revenueMicros: bigint | null;
  readonly currency: string | null;
  readonly taxMicros: bigint | null;
  readonly shippingMicros: bigint | null;
  readonly consentAdUserData: ConsentState;
  readonly consentAdPersonalization: ConsentState;
  readonly isTest: boolean;
}

/** Whether `a` stands before `b` in the log of their lane. */
export function isBefore(a: Position, b: Position): boolean {
  return a.offset < b.offset;
}
