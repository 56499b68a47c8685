/** Whether a conversion meets a condition of a subscription: facts that mean something to one advertiser only. */
import type { Subscription } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';

export type SubscriptionCondition = NonNullable<Subscription['filter']['conditions']>[number];

export function holds(
  { field, anyOf, noneOf, isPresent }: SubscriptionCondition,
  decided: ConversionDecided,
): boolean {
  const value = factIn(field, decided);
  return (
    (anyOf === undefined || (value !== null && anyOf.includes(value))) &&
    (noneOf === undefined || value === null || !noneOf.includes(value)) &&
    (isPresent === undefined || isPresent === (value !== null))
  );
}

/** Null where it is missing or empty. */
function factIn(field: string, decided: ConversionDecided): string | null {
  const dot = field.indexOf('.');
  const value =
    dot < 0 ? factOf(field, decided) : namedIn(field.slice(0, dot), field.slice(dot + 1), decided);
  return value === '' ? null : value;
}

function factOf(field: string, decided: ConversionDecided): string | null {
  switch (field) {
    case 'campaignId':
    case 'customerId':
    case 'productId':
    case 'planId':
    case 'couponCode':
      return decided[field];
    case 'isFirstOfCustomer':
      return decided.isFirstOfCustomer === null ? null : String(decided.isFirstOfCustomer);
    default:
      // The configuration takes no other.
      throw new Error(`a condition of a subscription names ${field}`);
  }
}

/** Own properties only, since senders choose the names. */
function namedIn(map: string, name: string, decided: ConversionDecided): string | null {
  if (map !== 'subIds' && map !== 'clickSubIds' && map !== 'extras')
    throw new Error(`a condition of a subscription names ${map}`);
  const values = decided[map];
  return Object.hasOwn(values, name) ? (values[name] ?? null) : null;
}
