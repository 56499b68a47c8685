/** What a holding may be asked: by a revision, by a retry that is due, or by an order of a person. */
import type { ConversionDecided } from '@tributary/contracts';
import type { Asking } from './delivery-records.ts';
import type { WishedHolding } from './plan.ts';
import type { Standing } from './send-ledger.ts';

/** A revision of a conversion, about one holding. */
export interface StepTask extends Asking {
  readonly wished: WishedHolding;
  /** It had to wait before: of an older revision nothing follows any more. */
  readonly hasWaited: boolean;
}

/** The next attempt of an open delivery has come to its time. */
export interface RetryTask extends Asking {
  readonly attempt: number;
  readonly outwardEvent: string;
  readonly deliveryId: string;
  readonly destinationId: string;
  readonly delivered: ConversionDecided | null;
  readonly standing: Standing;
  /** Why the attempt before it did not deliver. */
  readonly lastReasonCode: string | null;
}

/** A delivery that had ended is to be attempted again, on order; `decided` is the newest revision. */
export interface ReplayTask extends StepTask {
  readonly deliveryId: string;
  /** The attempt by which it had ended. */
  readonly expectedAttempt: number;
  /** When console wrote the order, epoch ms. */
  readonly issuedAt: number;
  /** What is begun in its place, since its event goes by another name now; null where it is sent itself. */
  readonly renamed: WishedHolding | null;
  /** Every revision of the conversion. */
  readonly revisions: readonly ConversionDecided[];
}
