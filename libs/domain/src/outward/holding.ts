/** A holding: what a destination holds of one conversion under one outward event, and how the latest delivery about it stands. */
import type { State } from '../conversion.ts';
import type { DeliveryEnd } from '../delivery.ts';
import type { Money } from '../money.ts';

/** The amounts of a conversion that a receiver may be told. */
export const AMOUNT_NAMES = ['revenue', 'payout'] as const;
export type AmountName = (typeof AMOUNT_NAMES)[number];
export type Amounts = Readonly<Record<AmountName, Money | null>>;

/** What a conversion is taken for: its amounts net of reversals, and its state. */
export interface OutwardValue {
  readonly amounts: Amounts;
  /** `rejected` and `reversed`: it was taken back, whatever the amounts. */
  readonly state: State;
}

/** What a receiver is told of a value at all; values that differ in nothing else are the same to it. */
export interface Tells {
  readonly amounts: readonly AmountName[];
  readonly state: boolean;
}

/**
 * What happened to a conversion after it was delivered.
 * `restate`: it stands, with another amount. `retract`: it is undone: refunded in full, charged back, rejected, or credited to
 * somebody else.
 */
export const CORRECTION_KINDS = ['restate', 'retract'] as const;
export type CorrectionKind = (typeof CORRECTION_KINDS)[number];

/** What a delivery is: the event itself, or a correction of it. */
export const DELIVERY_KINDS = ['event', ...CORRECTION_KINDS] as const;
export type DeliveryKind = (typeof DELIVERY_KINDS)[number];

/** The latest delivery about a holding, at its latest attempt. */
export interface LatestDelivery {
  readonly kind: DeliveryKind;
  /** The revision of the conversion that it tells. */
  readonly revision: number;
  /** Counted over all deliveries about the holding, from 1, so that one number orders them. */
  readonly attempt: number;
  /** How many tries of its own ladder the delivery has used up, this attempt included; a split of a batch uses none. */
  readonly tries: number;
  readonly phase: 'intended' | 'ended';
  /** Null while intended. */
  readonly outcome: DeliveryEnd | 'retry' | null;
  /** What the receiver holds once it was delivered. */
  readonly told: OutwardValue;
  /** Whether an attempt that has ended without a delivery may have arrived all the same, since an answer was lost. */
  readonly mayHaveArrived: boolean;
  /** The newest revision for which it was told again because nobody knew whether it had arrived; 0 for none. */
  readonly repeatedFor: number;
}

export interface Holding extends LatestDelivery {
  /** What the receiver held before the latest delivery; null: nothing was ever delivered. */
  readonly held: OutwardValue | null;
  /** The revision the event itself was told by: corrections repeat the rest of it. Null before it was delivered. */
  readonly eventRevision: number | null;
}

/** What the receiver holds for certain, as far as the log knows; see {@link isUncertain}. */
export function heldNow(holding: Holding | null): OutwardValue | null {
  if (holding === null) return null;
  return holding.outcome === 'delivered' ? holding.told : holding.held;
}

/** Whether the receiver may hold either what was told last or what it held before. */
export function isUncertain({ phase, outcome, mayHaveArrived }: LatestDelivery): boolean {
  return phase === 'intended' || (outcome !== 'delivered' && mayHaveArrived);
}

/** Whether the latest delivery has attempts before it. */
export function isOpen({ phase, outcome }: LatestDelivery): boolean {
  return phase === 'intended' || outcome === 'retry';
}

/**
 * Whether what follows may be a rehearsal while the destination is not live: what was begun live and not delivered is not, for
 * nothing of a rehearsal is told later. One that was cut off looks as if it had been begun live.
 */
export function isRehearsable(latest: LatestDelivery | null): boolean {
  return latest === null || latest.outcome === 'delivered' || latest.outcome === 'rehearsed';
}

/** Whether the receiver has been told of the conversion, or may have been, and has not been told to forget it. */
export function isTold(holding: Holding): boolean {
  const held = heldNow(holding);
  return isUncertain(holding) || (held !== null && !isTakenBack(held));
}

export function isTakenBack({ state }: OutwardValue): boolean {
  return state === 'rejected' || state === 'reversed';
}

/** The value of a conversion that was taken back: nothing, in the currencies it had. */
export function takenBack(value: OutwardValue, state: 'rejected' | 'reversed'): OutwardValue {
  const { revenue, payout } = value.amounts;
  return { amounts: { revenue: nothingOf(revenue), payout: nothingOf(payout) }, state };
}

function nothingOf(amount: Money | null): Money | null {
  return amount === null ? null : { ...amount, micros: 0n };
}

/** Whether two values are the same to a receiver that is told so much of them. */
export function isSameTold(left: OutwardValue, right: OutwardValue, tells: Tells): boolean {
  if (isTakenBack(left) || isTakenBack(right)) return isTakenBack(left) && isTakenBack(right);
  if (tells.state && left.state !== right.state) return false;
  return tells.amounts.every((name) => isSameAmount(left.amounts[name], right.amounts[name]));
}

function isSameAmount(left: Money | null, right: Money | null): boolean {
  return left?.micros === right?.micros && left?.currency === right?.currency;
}
