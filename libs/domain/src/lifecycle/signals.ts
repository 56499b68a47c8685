/** Which signals have to be sent now: the difference between what holds by the facts and what was sent. */
import { type Customer, type CustomerConversion, personOf } from './customer.ts';
import { nextOfSubscription, type Occasion, occasionsOf, stands } from './occasions.ts';
import type { LifecycleRulesAt } from './rules.ts';
import type { SentSignal, Signal, SignalReason } from './signal.ts';

/** What has been sent of a customer's signals, by signal id; a signal that was never sent is not there. */
export type SentSignals = ReadonlyMap<string, SentSignal>;

export interface DueSignals {
  /** Withdrawals first. */
  readonly signals: readonly Signal[];
  /** The next instant at which something is due if nothing further comes; null: none. */
  readonly nextAt: number | null;
}

/**
 * The signals of a customer that hold at an instant and are not raised, and those that are raised and no longer hold.
 *
 * It keeps nothing: what was sent is all its memory. So it may be asked as often as one likes, with the same answer until
 * something was sent, and which conversion came first makes no difference to what stands in the end. Each signal is raised
 * only when it is not, and withdrawn only when it is. A signal past its expiry is neither raised nor withdrawn: nobody acts on
 * it any more, and conversions of years ago raise no reminders when they are imported.
 */
export function signalsOf(
  customer: Customer,
  sent: SentSignals,
  rulesAt: LifecycleRulesAt,
  now: number,
): DueSignals {
  const occasions = occasionsOf(customer, rulesAt);
  const holding = new Map(
    occasions.filter((each) => holdsAt(each, now)).map((each) => [each.signalId, each]),
  );
  const person = personOf(customer.conversions);
  const withdrawn = [...sent.values()]
    .filter((signal) => signal.phase === 'raised' && !isOver(signal, now) && !holding.has(signal.signalId))
    .map((signal): Signal => {
      const conversion = conversionOf(customer, signal.conversionId);
      const reasonCode = whyWithdrawn(signal, conversion, customer);
      return { ...signal, phase: 'withdrawn', conversion, person, reasonCode };
    });
  const raised: Signal[] = [];
  for (const each of holding.values()) {
    if (sent.get(each.signalId)?.phase === 'raised') continue;
    const ordinal = ordinalOf(each, customer, [...sent.values(), ...raised]);
    raised.push({ ...raisedOf(each), ordinal, person });
  }
  return { signals: [...withdrawn, ...raised], nextAt: nextOf(occasions, now) };
}

function holdsAt(occasion: Occasion, now: number): boolean {
  return occasion.from <= now && !isOver(occasion, now);
}

function isOver({ expiresAt }: { readonly expiresAt: number | null }, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}

function raisedOf(occasion: Occasion): Omit<Signal, 'ordinal' | 'person'> {
  const { signalId, signal, conversion, from, dueAt, expiresAt, reasonCode } = occasion;
  const { conversionId } = conversion;
  return {
    signalId,
    signal,
    phase: 'raised',
    conversionId,
    occurredAt: from,
    dueAt,
    expiresAt,
    reasonCode,
    conversion,
  };
}

/** Which of its kind it is for the customer and the plan, by what was sent before. */
function ordinalOf(
  { signalId, signal, conversion }: Occasion,
  customer: Customer,
  sent: readonly SentSignal[],
): number {
  const before = sent.filter(
    (other) =>
      other.signal === signal &&
      other.signalId !== signalId &&
      conversionOf(customer, other.conversionId)?.planId === conversion.planId,
  );
  return before.length + 1;
}

function nextOf(occasions: readonly Occasion[], now: number): number | null {
  const later = occasions.map(({ from }) => from).filter((from) => from > now);
  return later.length === 0 ? null : Math.min(...later);
}

function conversionOf({ conversions }: Customer, conversionId: string | null): CustomerConversion | null {
  return conversions.find((conversion) => conversion.conversionId === conversionId) ?? null;
}

function whyWithdrawn(
  { signal }: SentSignal,
  conversion: CustomerConversion | null,
  { conversions }: Customer,
): SignalReason {
  if (conversion === null) return 'other_customer';
  if (conversion.state === 'reversed' || conversion.state === 'rejected') return conversion.state;
  if (!stands(conversion)) return 'not_confirmed';
  if (signal === 'activation_missed') return 'activated';
  if (signal === 'win_back') return 'returned';
  if (signal === 'renewal_due' || signal === 'renewal_missed') {
    const next = nextOfSubscription(conversion, conversions.filter(stands));
    if (next !== null) return next;
  }
  return 'overtaken';
}
