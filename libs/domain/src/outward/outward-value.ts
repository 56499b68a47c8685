/** What a receiver should hold of a conversion by one revision of it. */

import type { State } from '../conversion.ts';
import { moneyOf } from '../money.ts';
import type { OutwardValue } from './holding.ts';

/** Of a decision what it is worth, and where that stands; amounts in micro-units. */
export interface DecidedValue {
  readonly state: State;
  readonly revenueMicros: bigint | null;
  readonly reversedRevenueMicros: bigint | null;
  readonly currency: string | null;
  readonly payoutMicros: bigint | null;
  readonly reversedPayoutMicros: bigint | null;
  readonly payoutCurrency: string | null;
}

/** Net of what refunds and chargebacks have taken back: the receiver knows no other total. */
export function outwardValueOf(decided: DecidedValue): OutwardValue {
  const { revenueMicros, reversedRevenueMicros, payoutMicros, reversedPayoutMicros, state } = decided;
  return {
    amounts: {
      revenue: moneyOf(less(revenueMicros, reversedRevenueMicros), decided.currency),
      payout: moneyOf(less(payoutMicros, reversedPayoutMicros), decided.payoutCurrency),
    },
    state,
  };
}

function less(micros: bigint | null, takenMicros: bigint | null): bigint | null {
  return micros === null ? null : micros - (takenMicros ?? 0n);
}
