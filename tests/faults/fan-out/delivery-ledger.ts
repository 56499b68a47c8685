/** The ledger of deliveries: what was asked for, what the log says became of it, what the receivers have. */
import type { LedgerLine } from '../../../apps/launcher/src/ledger/ledger.ts';
import type { DeliveryBalance } from '../../receivers/delivery-book.ts';
import type { AttemptLog } from './attempt-log.ts';

export interface LedgerSources {
  readonly balance: DeliveryBalance;
  readonly log: AttemptLog;
  /** Deliveries as ClickHouse shows them. */
  readonly stored: { readonly ended: number; readonly open: number };
  readonly deadLetters: number;
}

/** @returns lines that balance when every delivery has one end, and every repeat an attempt whose outcome nobody could know. */
export function deliveryLines({ balance, log, stored, deadLetters }: LedgerSources): readonly LedgerLine[] {
  const deliveries = [...log.deliveries.values()];
  const ended = deliveries.filter(({ ends }) => ends.length === 1);
  const beyond = [...balance.repeats].reduce(
    (sum, [id, times]) => sum + Math.max(0, times - (log.deliveries.get(id)?.ambiguous ?? 0)),
    0,
  );
  const refused = deliveries.filter(({ ends }) => ends.includes('refused')).length;
  return [
    line('deliveries in one terminal state', balance.asked, ended.length),
    line('  delivered', balance.asked - balance.refused, countOf(deliveries, 'delivered')),
    line('  refused', balance.refused, refused),
    line('  dead or superseded', 0, countOf(deliveries, 'dead') + countOf(deliveries, 'superseded')),
    line('  in ClickHouse', balance.asked, stored.ended),
    line('  open in ClickHouse', 0, stored.open),
    line('dead letters', balance.refused, deadLetters),
    line(
      'attempts after the end',
      0,
      deliveries.reduce((sum, { afterTheEnd }) => sum + afterTheEnd, 0),
    ),
    line('deliveries at the receivers', balance.asked, balance.reached),
    line('  asked for by nobody', 0, balance.foreign),
    line('  repeats without an ambiguous attempt', 0, beyond),
  ];
}

/** A line that is off only above its bound. */
export function atMost(label: string, bound: number, actual: number): LedgerLine {
  return { label: `${label} (at most)`, expected: bound, actual, difference: Math.max(0, actual - bound) };
}

export function line(label: string, expected: number, actual: number): LedgerLine {
  return { label, expected, actual, difference: Math.abs(actual - expected) };
}

function countOf(deliveries: readonly { readonly ends: readonly string[] }[], outcome: string): number {
  return deliveries.filter(({ ends }) => ends.includes(outcome)).length;
}
