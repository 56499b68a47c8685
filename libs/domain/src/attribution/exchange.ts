/** Exchange rates: exact fractions with an id, as they were in force when a conversion occurred. */

/** One unit of `from` is worth `numerator ÷ denominator` units of `to`. */
export interface ExchangeRate {
  /** Names the one configured fact for ever: the entity and the version of the configuration, e.g. `usd-eur@17`. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The rates in force at one instant. */
export interface ExchangeRates {
  /** Null when no rate is configured for that direction: nobody inverts a rate or goes through a third currency. */
  rate(from: string, to: string): ExchangeRate | null;
}

export const NO_EXCHANGE_RATES: ExchangeRates = { rate: () => null };

/** As many digits before and after the point: the dearest currencies against the cheapest keep seven places. */
export const MAX_RATE_DIGITS = 12;

const RATE = new RegExp(`^(\\d{1,${MAX_RATE_DIGITS}})(?:\\.(\\d{1,${MAX_RATE_DIGITS}}))?$`);

/** Reads a rate such as `0.92` or `0.0000613` exactly; null for anything else and for zero. */
export function parseExchangeRate(
  text: string,
): { readonly numerator: bigint; readonly denominator: bigint } | null {
  const match = RATE.exec(text);
  if (match === null) return null;
  const [, units = '', fraction = ''] = match;
  const numerator = BigInt(units + fraction);
  return numerator === 0n ? null : { numerator, denominator: 10n ** BigInt(fraction.length) };
}
