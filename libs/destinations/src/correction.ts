/** How a number that a receiver holds and that has become wrong is put right there, and when it cannot be. */
import type { AmountName, Amounts, CorrectionKind, Money, State } from '@tributary/domain';

export {
  AMOUNT_NAMES,
  type AmountName,
  type Amounts,
  CORRECTION_KINDS,
  type CorrectionKind,
} from '@tributary/domain';

/** A correction of one delivered event. */
export interface Correction {
  readonly kind: CorrectionKind;
  /** Under which id and name the receiver knows the event. */
  readonly deliveredAs: { readonly deliveryId: string; readonly event: string };
  /** What the receiver holds, from the delivery and all corrections of it so far. */
  readonly held: Amounts;
  /** What it should hold, net of reversals; nothing or zero after a retraction. */
  readonly now: Amounts;
  /** What it should take the conversion for: its state now, or `rejected` where it is credited to somebody else. */
  readonly state: State;
  /** When the decision fell that asks for it; epoch milliseconds, UTC. */
  readonly correctedAt: number;
  /** The revision of the conversion that asks for it: later than the one that was delivered. */
  readonly revision: number;
}

/** What a correction says of the amounts: what they are now, what they change by (negative for less), or nothing. */
export const CORRECTION_TELLS = ['new_total', 'difference', 'nothing'] as const;
export type CorrectionTells = (typeof CORRECTION_TELLS)[number];

interface PossibleCorrection {
  readonly tells: CorrectionTells;
  /** `down`: an amount can be lowered this way and never raised. */
  readonly direction: 'any' | 'down';
  /** How long after the conversion occurred the platform takes it; null where it does not say. */
  readonly maxAgeMs: number | null;
  /** All amounts go under one currency. */
  readonly isOneCurrency?: boolean;
  /** Where the platform documents it. */
  readonly source: string;
}

/** A call of its own that names the earlier event; it never shares a request with events, and may carry no id of its own. */
export interface AdjustmentForm extends PossibleCorrection {
  readonly form: 'adjustment';
}

/** A further event, under an id of its own, that takes back some or all of the earlier one. */
export interface CounterEventForm extends PossibleCorrection {
  readonly form: 'counter_event';
  /** The platform's name of it; null where it goes under the name of the event it corrects. */
  readonly event: string | null;
}

/** The platform has no way; what it holds stays wrong. */
export interface ImpossibleForm {
  readonly form: 'impossible';
  /** A sentence for people: what the platform lacks. */
  readonly reason: string;
  /** Where that is written, or where a way would have been documented. */
  readonly source: string;
}

export type CorrectionForm = AdjustmentForm | CounterEventForm | ImpossibleForm;
export type Corrections = Readonly<Record<CorrectionKind, CorrectionForm>>;

/** No correction of any kind, for one reason. */
export function noCorrections(reason: string, source: string): Corrections {
  const form = { form: 'impossible', reason, source } as const;
  return { restate: form, retract: form };
}

/** By how much an amount changes; null where there is none on either side. @throws RangeError between two currencies */
export function differenceOf(
  { held, now }: Pick<Correction, 'held' | 'now'>,
  name: AmountName,
): Money | null {
  const [before, after] = [held[name], now[name]];
  const currency = after?.currency ?? before?.currency;
  if (currency === undefined) return null;
  if (hasOtherCurrency(before, after)) throw new RangeError('two currencies have no difference');
  return { micros: (after?.micros ?? 0n) - (before?.micros ?? 0n), currency };
}

/** Why a correction reaches a receiver in no form; a closed list. */
export const CORRECTION_OBSTACLES = [
  'correction_not_taken',
  'currency_changed',
  'amount_raised',
  'correction_too_old',
] as const;
export type CorrectionObstacle = (typeof CORRECTION_OBSTACLES)[number];

export type CorrectionPlan =
  | {
      readonly possible: true;
      readonly form: AdjustmentForm | CounterEventForm;
      /** The outward event it is sent as. */
      readonly event: string;
    }
  | {
      readonly possible: false;
      readonly obstacle: CorrectionObstacle;
      readonly reason: string;
      readonly source: string;
    };

export interface CorrectionCase {
  readonly corrections: Corrections;
  readonly correction: Correction;
  /** The amounts that the receiver is told; the others may change without it. */
  readonly amounts: readonly AmountName[];
}

/** The form a correction takes, were it sent at once; see `planCorrection` of definition.ts for its age. */
export function formOfCorrection({ corrections, correction, amounts }: CorrectionCase): CorrectionPlan {
  const form = corrections[correction.kind];
  if (form.form === 'impossible') {
    const { reason, source } = form;
    return { possible: false, obstacle: 'correction_not_taken', reason, source };
  }
  const { held, now } = correction;
  const { tells, direction, isOneCurrency = false, source } = form;
  const currencies = amounts.flatMap((name) => (now[name] ?? held[name])?.currency ?? []);
  if (isOneCurrency && new Set(currencies).size > 1) {
    const reason = 'all amounts go under one currency, and they are in two';
    return { possible: false, obstacle: 'currency_changed', reason, source };
  }
  if (tells === 'difference' && amounts.some((name) => hasOtherCurrency(held[name], now[name]))) {
    const reason = 'only the difference can be told, and the amounts are in two currencies';
    return { possible: false, obstacle: 'currency_changed', reason, source };
  }
  if (direction === 'down' && amounts.some((name) => isRaised(held[name], now[name]))) {
    const reason = 'an amount can be lowered there, but not raised';
    return { possible: false, obstacle: 'amount_raised', reason, source };
  }
  const ownName = form.form === 'counter_event' ? form.event : null;
  return { possible: true, form, event: ownName ?? correction.deliveredAs.event };
}

function hasOtherCurrency(before: Money | null, after: Money | null): boolean {
  return before !== null && after !== null && before.currency !== after.currency;
}

/** Between two currencies more and less cannot be told, so it is no decrease. */
function isRaised(before: Money | null, after: Money | null): boolean {
  return hasOtherCurrency(before, after) || (after?.micros ?? 0n) > (before?.micros ?? 0n);
}
