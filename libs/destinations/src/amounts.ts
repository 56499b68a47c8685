/** Amounts as the platforms write them: exact decimals, never rounded, so that what they sum is what we count. */
import {
  currencyExponent,
  formatDecimals,
  formatUnits,
  isCurrencyCode,
  type Money,
  type OutwardConversion,
} from '@tributary/domain';
import type { ValidateInput, ValidationProblem } from './definition.ts';
import { ExactNumber } from './json-text.ts';

/** The amount in units as a JSON number with all its digits: 12_340_000 micro-units are written as 12.34. */
export function exactUnits(money: Money): ExactNumber {
  return new ExactNumber(formatUnits(money.micros));
}

/** The amount in units as text, with its currency's decimals and more only where it has them: `20.00`, `500`, `0.012345`. */
export function unitsText({ micros, currency }: Money): string {
  const short = formatUnits(micros);
  const decimals = short.split('.')[1]?.length ?? 0;
  return formatDecimals(micros, Math.max(decimals, currencyExponent(currency)));
}

/** The amount turned round: what a refund of it says. */
export function negated({ micros, currency }: Money): Money {
  return { micros: -micros, currency };
}

/** What the customer is expected to be worth, where it is in the currency of the revenue: an event names only one. */
export function predictedLtv({
  predictedLtv: worth,
  revenue,
}: Pick<OutwardConversion, 'predictedLtv' | 'revenue'>): Money | undefined {
  return worth !== null && worth.currency === revenue?.currency ? worth : undefined;
}

export interface ValueRule {
  /** The platform's names of the two fields. */
  readonly valueField: string;
  readonly currencyField: string;
  /** Events that the platform takes only with a value. */
  readonly requiredFor: readonly string[];
  readonly source: string;
}

/** The revenue is there where the event needs one, and in a currency of ISO 4217. */
export function valueProblems(
  { conversion: { revenue }, event }: Pick<ValidateInput<unknown>, 'conversion' | 'event'>,
  { valueField, currencyField, requiredFor, source }: ValueRule,
): ValidationProblem[] {
  if (revenue === null) {
    if (!requiredFor.includes(event)) return [];
    const message = `${event} needs value and currency`;
    return [{ field: valueField, code: 'field_missing', message, source }];
  }
  if (isCurrencyCode(revenue.currency)) return [];
  return [{ field: currencyField, code: 'value_invalid', message: 'not an ISO 4217 currency', source }];
}
