/** Corrections: which form one takes, why it takes none, and what the amounts change by. */
import type { Money } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import {
  type AdjustmentForm,
  type Correction,
  type CorrectionForm,
  differenceOf,
  formOfCorrection,
  noCorrections,
} from './correction.ts';

const SOURCE = 'https://docs.example/';
const usd = (micros: bigint): Money => ({ micros, currency: 'USD' });
const eur = (micros: bigint): Money => ({ micros, currency: 'EUR' });

function correctionOf(held: Money | null, now: Money | null): Correction {
  return {
    kind: 'restate',
    deliveredAs: { deliveryId: 'delivery-1', event: 'Purchase' },
    held: { revenue: held, payout: usd(1n) },
    now: { revenue: now, payout: usd(2n) },
    state: 'payable',
    correctedAt: 0,
    revision: 2,
  };
}

const whole: AdjustmentForm = {
  form: 'adjustment',
  tells: 'new_total',
  direction: 'any',
  maxAgeMs: null,
  source: SOURCE,
};
const byDifference: AdjustmentForm = { ...whole, tells: 'difference' };
const down: AdjustmentForm = { ...whole, direction: 'down' };
const refund: CorrectionForm = { ...byDifference, form: 'counter_event', event: 'refund', direction: 'down' };

describe('formOfCorrection', () => {
  it.each<[string, CorrectionForm, Money | null, Money | null, string]>([
    ['another amount as it is now', whole, usd(5n), usd(9n), 'Purchase'],
    ['another currency as it is now', whole, usd(5n), eur(5n), 'Purchase'],
    ['another currency by its difference', byDifference, usd(5n), eur(5n), 'currency_changed'],
    ['a first amount by its difference', byDifference, null, eur(5n), 'Purchase'],
    ['less, where only less', down, usd(5n), usd(4n), 'Purchase'],
    ['as much, where only less', down, usd(5n), usd(5n), 'Purchase'],
    ['none, where only less', down, usd(5n), null, 'Purchase'],
    ['more, where only less', down, usd(5n), usd(6n), 'amount_raised'],
    ['a first amount, where only less', down, null, usd(1n), 'amount_raised'],
    ['another currency, where only less', down, usd(5n), eur(4n), 'amount_raised'],
    ['a refund', refund, usd(5n), usd(0n), 'refund'],
    ['a counter-event of the same name', { ...refund, event: null }, usd(5n), usd(0n), 'Purchase'],
  ])('%s', (_what, form, held, now, expected) => {
    const plan = formOfCorrection({
      corrections: { ...noCorrections('no way', SOURCE), restate: form },
      correction: correctionOf(held, now),
      // The payout was raised too, but this receiver is not told it.
      amounts: ['revenue'],
    });
    expect(plan.possible ? plan.event : plan.obstacle).toBe(expected);
  });

  it('says why there is none', () => {
    const corrections = { ...noCorrections('no way', SOURCE), retract: whole };
    const correction = correctionOf(usd(5n), usd(4n));
    expect(formOfCorrection({ corrections, correction, amounts: [] })).toEqual({
      possible: false,
      obstacle: 'correction_not_taken',
      reason: 'no way',
      source: SOURCE,
    });
    expect(
      formOfCorrection({ corrections, correction: { ...correction, kind: 'retract' }, amounts: [] }),
    ).toEqual({
      possible: true,
      form: whole,
      event: 'Purchase',
    });
  });
});

describe('differenceOf', () => {
  it.each<[Money | null, Money | null, Money | null]>([
    [usd(5n), usd(3n), usd(-2n)],
    [usd(5n), usd(9n), usd(4n)],
    [usd(5n), null, usd(-5n)],
    [null, eur(5n), eur(5n)],
    [null, null, null],
  ])('from %o to %o: %o', (held, now, change) => {
    expect(differenceOf(correctionOf(held, now), 'revenue')).toEqual(change);
  });

  it('has none between two currencies', () => {
    expect(() => differenceOf(correctionOf(usd(1n), eur(1n)), 'revenue')).toThrow(RangeError);
  });
});
