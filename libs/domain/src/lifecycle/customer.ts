/** A customer as lifecycle signals see it: who it is, and its conversions with what a CRM needs of them. */
import type { Conversion } from '../attribution/conversion.ts';
import { detailsOf } from '../attribution/details.ts';
import { takesBack } from '../attribution/facts.ts';
import { customerKey, subjectKeys } from '../attribution/keys.ts';
import { compareOccurrence } from '../attribution/ordering.ts';
import type { ConsentState } from '../click.ts';
import type { State } from '../conversion.ts';
import { deterministicUuid } from '../deterministic-id.ts';
import type { Money } from '../money.ts';

/** The part of a conversion that signals are made of; meanings as in conversion.decided. */
export interface CustomerConversion {
  readonly conversionId: string;
  readonly revision: number;
  readonly eventClass: string;
  readonly eventType: string;
  readonly occurredAt: number;
  readonly state: State;
  /** Whether the source says that it has happened. */
  readonly isConfirmed: boolean;
  readonly offerId: string | null;
  readonly campaignId: string | null;
  readonly partnerId: string | null;
  readonly productId: string | null;
  readonly planId: string | null;
  readonly revenue: Money | null;
  readonly predictedLtvMicros: bigint | null;
  readonly subjectHashes: Readonly<Record<string, string>>;
  readonly country: string | null;
  readonly consentAdUserData: ConsentState;
  readonly consentAdPersonalization: ConsentState;
}

export interface Customer {
  /** Key of the signals' records. */
  readonly customerKey: string;
  readonly customerId: string | null;
  readonly advertiserId: string;
  readonly lane: string;
  readonly isTest: boolean;
  /** The latest revision of each, in the order in which they happened; refunds and chargebacks are none of them. */
  readonly conversions: readonly CustomerConversion[];
}

/** What is known of a person, from all conversions together; of what they say differently the latest stands. */
export interface Person {
  readonly subjectHashes: Readonly<Record<string, string>>;
  readonly country: string | null;
  readonly consentAdUserData: ConsentState;
  readonly consentAdPersonalization: ConsentState;
}

/** A customer as a conversion names it, before anything else is known of it. */
export interface NamedCustomer extends Omit<Customer, 'conversions'> {
  /** The key of the decision core under which all its conversions are found, and maybe those of others. */
  readonly lookup: { readonly kind: 'customer' | 'subject'; readonly key: string };
}

type Naming = Omit<Conversion, 'outcome' | 'decidedAt'>;

/**
 * Whose conversion it is. The key is a UUID made of advertiser, lane and customer id; without a customer id, of the first
 * hashed identity that names a person. Null when it names nobody. Tests are customers of their own.
 *
 * Two keys are never joined: who is first known by an e-mail address and later by an id is two customers. Joining them
 * would rename signals that were sent, or not, depending on which conversion came first.
 */
export function customerNamedBy(conversion: Naming): NamedCustomer | null {
  const { customerId } = conversion.facts;
  if (customerId !== null) return customerWithId(conversion, customerId);
  return customersByIdentity(conversion)[0] ?? null;
}

/**
 * Every customer that this revision or one before it can have named: a conversion gains a customer id and hashed
 * identities, and never loses one.
 */
export function customersEverNamedBy(conversion: Naming): readonly NamedCustomer[] {
  const { customerId } = conversion.facts;
  const byIdentity = customersByIdentity(conversion);
  return customerId === null ? byIdentity : [customerWithId(conversion, customerId), ...byIdentity];
}

export function customerKeyOf(conversion: Naming): string | null {
  return customerNamedBy(conversion)?.customerKey ?? null;
}

/** @param conversions the latest revisions of all that are found under its lookup; those of others are left out */
export function customerOf(
  { lookup: _, ...named }: NamedCustomer,
  conversions: readonly Conversion[],
): Customer {
  return {
    ...named,
    conversions: conversions
      .filter((conversion) => !takesBack(conversion) && customerKeyOf(conversion) === named.customerKey)
      .map(customerConversionOf)
      .toSorted(compareOccurrence),
  };
}

function customerWithId({ advertiserId, lane, isTest }: Naming, customerId: string): NamedCustomer {
  const scope = { advertiserId, lane, isTest };
  const key = customerKey(scope, customerId);
  return {
    ...scope,
    customerKey: deterministicUuid('customer', key),
    customerId,
    lookup: { kind: 'customer', key },
  };
}

function customersByIdentity({ advertiserId, lane, isTest, facts }: Naming): readonly NamedCustomer[] {
  const scope = { advertiserId, lane, isTest };
  return subjectKeys(scope, detailsOf(facts.contributions).subjectHashes).map((key) => ({
    ...scope,
    customerKey: deterministicUuid('customer_identity', key),
    customerId: null,
    lookup: { kind: 'subject', key },
  }));
}

export function customerConversionOf({
  conversionId,
  revision,
  eventClass,
  facts,
  outcome,
}: Conversion): CustomerConversion {
  const { subjectHashes, country, productId, planId, predictedLtvMicros } = detailsOf(facts.contributions);
  const { winner } = outcome;
  return {
    conversionId,
    revision,
    eventClass,
    eventType: outcome.eventType,
    occurredAt: outcome.occurredAt,
    state: outcome.state,
    isConfirmed: outcome.status === 'approved',
    offerId: winner?.offerId ?? null,
    campaignId: winner?.campaignId ?? null,
    partnerId: winner?.partnerId ?? null,
    productId,
    planId,
    revenue: outcome.revenue,
    predictedLtvMicros,
    subjectHashes: { ...winner?.subjectHashes, ...subjectHashes },
    country,
    consentAdUserData: facts.consentAdUserData,
    consentAdPersonalization: facts.consentAdPersonalization,
  };
}

/** @param conversions in the order in which they happened, whether they stand or not: who was told of must be found again */
export function personOf(conversions: readonly CustomerConversion[]): Person {
  const latest = conversions.toReversed();
  const consent = (of: (conversion: CustomerConversion) => ConsentState): ConsentState =>
    latest.map(of).find((state) => state !== 'unknown') ?? 'unknown';
  return {
    subjectHashes: Object.assign({}, ...conversions.map(({ subjectHashes }) => subjectHashes)),
    country: latest.find(({ country }) => country !== null)?.country ?? null,
    consentAdUserData: consent(({ consentAdUserData }) => consentAdUserData),
    consentAdPersonalization: consent(({ consentAdPersonalization }) => consentAdPersonalization),
  };
}
