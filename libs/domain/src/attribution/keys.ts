/** The keys under which facts are looked up: everything the rules relate one conversion to another by. */
import type { ConversionFacts } from './conversion.ts';
import { detailsOf } from './details.ts';

/** Within it conversions know of one another: one advertiser, one lane, and tests apart from live ones. */
export interface Scope {
  readonly advertiserId: string;
  readonly lane: string;
  readonly isTest: boolean;
}

/**
 * The normal forms that name one person; a first name or a city is shared by strangers.
 * Source of the forms: subject.ts.
 */
const FORMS_OF_A_PERSON: readonly string[] = [
  'emailPlain',
  'emailGmail',
  'emailDotless',
  'phoneE164',
  'phoneDigits',
  'customerExternal',
];

/** Ids may hold any character but this one, so two different lists never join to one key. */
const SEPARATOR = '\u0000';

function scoped({ advertiserId, lane, isTest }: Scope, value: string): string {
  return `${advertiserId}${SEPARATOR}${lane}${SEPARATOR}${isTest ? 'test' : 'live'}${SEPARATOR}${value}`;
}

export function transactionKey(scope: Scope, transactionId: string): string {
  return scoped(scope, transactionId);
}

export function customerKey(scope: Scope, customerId: string): string {
  return scoped(scope, customerId);
}

export function subjectKeys(scope: Scope, hashes: Readonly<Record<string, string>>): readonly string[] {
  return personForms(hashes).map((form) => scoped(scope, form));
}

/** Clicks belong to an advertiser and to no lane: they come by other ways than postbacks. */
type ClickScope = Pick<Scope, 'advertiserId' | 'isTest'>;

function clickScoped({ advertiserId, isTest }: ClickScope, value: string): string {
  return `${advertiserId}${SEPARATOR}${isTest ? 'test' : 'live'}${SEPARATOR}${value}`;
}

export function clickCustomerKey(scope: ClickScope, customerId: string): string {
  return clickScoped(scope, customerId);
}

export function clickSubjectKeys(
  scope: ClickScope,
  hashes: Readonly<Record<string, string>>,
): readonly string[] {
  return personForms(hashes).map((form) => clickScoped(scope, form));
}

/** Whether a person can be found by the hashes at all. */
export function namesPerson(hashes: Readonly<Record<string, string>>): boolean {
  return personForms(hashes).length > 0;
}

export function isSameScope(a: Scope, b: Scope): boolean {
  return a.advertiserId === b.advertiserId && a.lane === b.lane && a.isTest === b.isTest;
}

/** `form:hash` of every form that names a person. */
function personForms(hashes: Readonly<Record<string, string>>): readonly string[] {
  return FORMS_OF_A_PERSON.flatMap((form) => {
    const hash = Object.hasOwn(hashes, form) ? hashes[form] : undefined;
    return hash === undefined ? [] : [`${form}:${hash}`];
  });
}

/** The keys a conversion is found by. */
export interface ConversionKeys {
  /** Its own transaction; of a reversal that of its original. */
  readonly transaction: string | null;
  readonly customer: string | null;
  /** The click it names; as sent, for it may be another advertiser's. */
  readonly click: string | null;
  readonly subjects: readonly string[];
}

export function keysOf(conversion: Scope & { readonly facts: ConversionFacts }): ConversionKeys {
  const { facts } = conversion;
  const transactionId = facts.reversedTransactionId ?? facts.transactionId;
  return {
    transaction: transactionId === null ? null : transactionKey(conversion, transactionId),
    customer: facts.customerId === null ? null : customerKey(conversion, facts.customerId),
    click: facts.clickId,
    subjects: subjectKeys(conversion, detailsOf(facts.contributions).subjectHashes),
  };
}

/** The counter of a cap: what one lane has used of it, as no lane knows of another's conversions. */
export function capKey(lane: string, key: string): string {
  return [lane, key].join(SEPARATOR);
}

/** The counter of a payout by tiers: conversions of a lane, partner and event type of an offer, tests never. */
export function tierKey(lane: string, offerId: string, partnerId: string | null, eventType: string): string {
  return [lane, offerId, partnerId ?? '', eventType].join(SEPARATOR);
}
