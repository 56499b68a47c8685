/** Reads the parameters of an inbound postback by the profile of its source: every value accepted exactly, or refused with a reason. */
import { isReversal } from './identity.ts';
import { currencyExponent, isCurrencyCode, MICROS_PER_UNIT, parseDecimalToMicros } from './money.ts';
import { keptIdentifier, personalKindIn } from './personal-data.ts';
import {
  PERSONAL_FIELDS,
  POSTBACK_PARAMETERS,
  POSTBACK_STATUSES,
  type PostbackField,
  type PostbackStatus,
} from './postback/postback-fields.ts';
import type { SourceProfile } from './postback/source-profile.ts';
import { hashSubject } from './subject.ts';

/** Why a postback is refused; closed list, documented in docs/errors.md. */
export const REFUSAL_REASONS = [
  'source_unknown',
  'token_missing',
  'token_invalid',
  'method_not_allowed',
  'body_too_large',
  'body_malformed',
  'content_type_unsupported',
  'parameter_repeated',
  'parameter_too_long',
  'parameter_malformed',
  'event_type_missing',
  'event_type_malformed',
  'status_unknown',
  'amount_malformed',
  'amount_negative',
  'currency_missing',
  'currency_unknown',
  'time_malformed',
  'time_out_of_range',
  'batch_empty',
  'batch_too_large',
  'address_not_allowed',
  'https_required',
  'rate_limited',
  'signature_missing',
  'signature_invalid',
  'signature_expired',
  'timestamp_malformed',
  'nonce_missing',
  'nonce_malformed',
  'nonce_reused',
  'idempotency_key_malformed',
  'idempotency_key_reused',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

export interface Refusal {
  readonly reason: RefusalReason;
  /** The parameter it is about, as the sender named it. */
  readonly field: string | null;
  readonly expected: string | null;
}

/** A postback as understood; meanings as in postback.received. */
export interface ParsedPostback {
  readonly eventType: string;
  readonly eventTypeSent: string | null;
  readonly status: PostbackStatus;
  readonly statusSent: string | null;
  readonly clickId: string | null;
  readonly transactionId: string | null;
  readonly originalTransactionId: string | null;
  readonly reversalId: string | null;
  readonly customerId: string | null;
  readonly revenueMicros: bigint | null;
  readonly currency: string | null;
  readonly taxMicros: bigint | null;
  readonly shippingMicros: bigint | null;
  readonly predictedLtvMicros: bigint | null;
  readonly occurredAt: number;
  readonly occurredAtIsAssumed: boolean;
  readonly productId: string | null;
  readonly planId: string | null;
  readonly couponCode: string | null;
  readonly quantity: number | null;
  readonly country: string | null;
  readonly subIds: Readonly<Record<string, string>>;
  readonly extras: Readonly<Record<string, string>>;
  readonly subjectHashes: Readonly<Record<string, string>>;
  /** In clear: the edge encrypts it before it is written anywhere. */
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly idempotencyKey: string | null;
  readonly isTest: boolean;
  readonly warnings: readonly string[];
}

export type PostbackParsing =
  | { readonly ok: true; readonly postback: ParsedPostback }
  | { readonly ok: false; readonly refusal: Refusal };

const MAX_VALUE_LENGTH = 1_024;
/** Before this no advertiser of ours existed; a smaller time is a unit mistake. */
const EARLIEST_OCCURRED_AT = Date.UTC(2010, 0, 1);
/** Source clocks run ahead; more than this is a mistake. */
const MAX_FUTURE_MS = 86_400_000;
const EVENT_TYPE = /^[a-z][a-z0-9_]{0,63}$/;
const ISO_INSTANT = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;
/** An inbound value that still is a macro: the sender's template was not filled. */
const UNREPLACED_MACRO = /^(?:\{\{?\$?[\w:.]+\}?\}|#{1,2}\w+#{1,2}|\[\w+\]|%\w+%|\$\{\w+\})$/;
/** What stands for a value that must not be kept. */
const REMOVED = '[removed]';
const SUB_ID = /^sub(?:[1-9]|1\d|20)$/;

class Refused extends Error {
  readonly refusal: Refusal;
  constructor(reason: RefusalReason, field: string | null, expected: string | null) {
    super(reason);
    this.refusal = { reason, field, expected };
  }
}

/** One call's parameters, read by field: knows the sender's own name of each value for refusals. */
class ParameterReader {
  readonly warnings: string[] = [];
  readonly #parameters: ReadonlyMap<string, string>;
  readonly #profile: SourceProfile;

  constructor(parameters: ReadonlyMap<string, string>, profile: SourceProfile) {
    this.#parameters = parameters;
    this.#profile = profile;
  }

  /** Name and value of the first parameter that carries the field with a value. */
  find(field: PostbackField): { name: string; value: string } | null {
    for (const name of namesOf(field, this.#profile)) {
      const value = this.#parameters.get(name)?.trim();
      if (value === undefined || value === '') continue;
      assertKeepable(name, value);
      if (UNREPLACED_MACRO.test(value)) {
        this.warnings.push(`unreplaced_macro:${name}`);
        continue;
      }
      return { name, value };
    }
    return null;
  }

  text(field: PostbackField): string | null {
    return this.find(field)?.value ?? null;
  }

  /** A text that describes; gone when it seems to be personal data. */
  description(field: PostbackField): string | null {
    const found = this.find(field);
    return found && this.#withoutPerson(found.name, found.value);
  }

  /** A text that identifies; one that seems to be personal data is replaced by its hash, the same for every call. */
  identifier(field: PostbackField): string | null {
    const found = this.find(field);
    if (found === null) return null;
    const kept = keptIdentifier(found.value);
    if (kept !== found.value) this.warnings.push(`personal_value:${found.name}`);
    return kept;
  }

  /** The number sent, in millionths: of a unit, or of a minor unit where the source sends those. */
  amount(field: PostbackField, takesNegative: boolean): bigint | null {
    const found = this.find(field);
    if (found === null) return null;
    const parsed = parseDecimalToMicros(found.value);
    if (!parsed.ok)
      throw new Refused('amount_malformed', found.name, 'a decimal number with a point, e.g. 12.34');
    const { micros } = parsed;
    if (this.#profile.amountUnit === 'cents' && micros % MICROS_PER_UNIT !== 0n)
      throw new Refused('amount_malformed', found.name, 'whole minor units, e.g. 1234');
    if (micros < 0n && !takesNegative)
      throw new Refused('amount_negative', found.name, 'an amount of zero or more');
    return micros < 0n ? -micros : micros;
  }

  #withoutPerson(name: string, value: string): string {
    if (personalKindIn(value) === null) return value;
    this.warnings.push(`personal_value:${name}`);
    return REMOVED;
  }

  /** Parameters kept under their own names: whole or refused, and without what looks like personal data. */
  matching(test: (name: string) => boolean): Record<string, string> {
    const entries = [...this.#parameters].filter(([name, value]) => test(name) && value !== '');
    return Object.fromEntries(
      entries.map(([name, value]) => {
        assertKeepable(name, value);
        return [name, this.#withoutPerson(name, value)];
      }),
    );
  }
}

/** What is kept is kept as it was sent: not cut, and not with U+FFFD where bytes were none of UTF-8. */
function assertKeepable(name: string, value: string): void {
  if (value.length > MAX_VALUE_LENGTH)
    throw new Refused('parameter_too_long', name, `at most ${MAX_VALUE_LENGTH} characters`);
  if (!value.isWellFormed() || value.includes('\ufffd'))
    throw new Refused('parameter_malformed', name, 'text in UTF-8');
}

/** The names a field may come under, the profile's own first. */
export function namesOf(field: PostbackField, profile: Pick<SourceProfile, 'aliases'>): readonly string[] {
  return [...(profile.aliases[field] ?? []), ...POSTBACK_PARAMETERS[field]];
}

/** Whether the value of this parameter may stand nowhere in clear: one of the personal fields, however its name is cased. */
export function isPersonalParameter(name: string, profile: Pick<SourceProfile, 'aliases'>): boolean {
  const lowered = name.toLowerCase();
  return PERSONAL_FIELDS.some((field) =>
    namesOf(field, profile).some((personal) => personal.toLowerCase() === lowered),
  );
}

/**
 * Understands one postback.
 * @param parameters each name once; repeated names are refused before.
 * @param receivedAt epoch ms; stands in for a time that was not sent.
 */
export function parsePostback(
  parameters: ReadonlyMap<string, string>,
  profile: SourceProfile,
  receivedAt: number,
): PostbackParsing {
  try {
    return {
      ok: true,
      postback: readPostback(new ParameterReader(parameters, profile), profile, receivedAt),
    };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    throw error;
  }
}

function readPostback(reader: ParameterReader, profile: SourceProfile, receivedAt: number): ParsedPostback {
  const type = readEventType(reader, profile);
  const customerId = reader.identifier('customerId');
  return {
    ...type,
    ...readStatus(reader, profile),
    ...readAmounts(reader, profile, isReversal(type.eventType)),
    ...readOccurredAt(reader, receivedAt),
    clickId: reader.identifier('clickId')?.toLowerCase() ?? null,
    transactionId: reader.identifier('transactionId'),
    originalTransactionId: reader.identifier('originalTransactionId'),
    reversalId: reader.identifier('reversalId'),
    customerId,
    productId: reader.description('productId'),
    planId: reader.description('planId'),
    couponCode: reader.description('couponCode'),
    quantity: readQuantity(reader),
    country: reader.description('country')?.toUpperCase() ?? null,
    subIds: reader.matching((name) => SUB_ID.test(name)),
    extras: reader.matching(
      (name) => profile.allowedExtras.includes(name) && !isPersonalParameter(name, profile),
    ),
    subjectHashes: hashSubject({ email: reader.text('email'), phone: reader.text('phone'), customerId }),
    ipAddress: reader.text('ipAddress'),
    userAgent: reader.text('userAgent'),
    idempotencyKey: reader.text('idempotencyKey'),
    isTest: ['1', 'true'].includes(reader.text('isTest') ?? ''),
    warnings: reader.warnings,
  };
}

function readEventType(
  reader: ParameterReader,
  profile: SourceProfile,
): { eventType: string; eventTypeSent: string | null } {
  const found = reader.find('eventType');
  const sent = found?.value ?? null;
  const eventType =
    sent === null ? profile.defaultEventType : (mapped(profile.eventTypes, sent) ?? sent.toLowerCase());
  if (eventType === null) {
    throw new Refused(
      'event_type_missing',
      namesOf('eventType', profile)[0] ?? null,
      'an event type, e.g. sale',
    );
  }
  if (!EVENT_TYPE.test(eventType)) {
    throw new Refused(
      'event_type_malformed',
      found?.name ?? null,
      'lower-case letters, digits and underscores',
    );
  }
  return { eventType, eventTypeSent: sent };
}

function readStatus(
  reader: ParameterReader,
  profile: SourceProfile,
): { status: PostbackStatus; statusSent: string | null } {
  const found = reader.find('status');
  // A source that sends no status reports what is already agreed.
  if (found === null) return { status: 'approved', statusSent: null };
  const meant = mapped(profile.statuses, found.value) ?? found.value.toLowerCase();
  const status = POSTBACK_STATUSES.find((known) => known === meant);
  if (status === undefined) {
    throw new Refused(
      'status_unknown',
      found.name,
      `one of ${POSTBACK_STATUSES.join(', ')}, or mapped by the source`,
    );
  }
  return { status, statusSent: found.value };
}

/** Own properties only: the word is the sender's, and `constructor` is one too. */
function mapped<V>(mapping: Readonly<Record<string, V>>, word: string): V | undefined {
  return Object.hasOwn(mapping, word) ? mapping[word] : undefined;
}

function readAmounts(reader: ParameterReader, profile: SourceProfile, takesNegative: boolean) {
  const sent = {
    revenue: reader.amount('revenue', takesNegative),
    tax: reader.amount('tax', takesNegative),
    shipping: reader.amount('shipping', takesNegative),
    predictedLtv: reader.amount('predictedLtv', takesNegative),
  };
  const hasAmount = Object.values(sent).some((amount) => amount !== null);
  const currency = readCurrency(reader, profile, hasAmount);
  // A minor unit is what the currency says it is: 500 are 5.00 EUR, but 500 JPY and 0.500 KWD.
  const perUnit =
    profile.amountUnit === 'cents' && currency !== null ? 10n ** BigInt(currencyExponent(currency)) : 1n;
  const inMicros = (amount: bigint | null) => (amount === null ? null : amount / perUnit);
  return {
    currency,
    revenueMicros: inMicros(sent.revenue),
    taxMicros: inMicros(sent.tax),
    shippingMicros: inMicros(sent.shipping),
    predictedLtvMicros: inMicros(sent.predictedLtv),
  };
}

function readCurrency(reader: ParameterReader, profile: SourceProfile, hasAmount: boolean): string | null {
  const found = reader.find('currency');
  const currency = found?.value.toUpperCase() ?? profile.defaultCurrency;
  if (currency === null) {
    if (!hasAmount) return null;
    throw new Refused(
      'currency_missing',
      namesOf('currency', profile)[0] ?? null,
      'an ISO 4217 code beside an amount',
    );
  }
  if (!isCurrencyCode(currency))
    throw new Refused('currency_unknown', found?.name ?? null, 'an ISO 4217 code, e.g. EUR');
  return currency;
}

function readOccurredAt(
  reader: ParameterReader,
  receivedAt: number,
): { occurredAt: number; occurredAtIsAssumed: boolean } {
  const found = reader.find('occurredAt');
  if (found === null) return { occurredAt: receivedAt, occurredAtIsAssumed: true };
  const occurredAt = parseInstant(found.value);
  if (occurredAt === null)
    throw new Refused('time_malformed', found.name, 'ISO 8601, e.g. 2026-01-02T03:04:05Z');
  if (occurredAt < EARLIEST_OCCURRED_AT || occurredAt > receivedAt + MAX_FUTURE_MS) {
    throw new Refused('time_out_of_range', found.name, 'a time from 2010 to at most a day ahead');
  }
  return { occurredAt, occurredAtIsAssumed: false };
}

/** Epoch milliseconds of an ISO 8601 instant, UTC when it names no zone; null when it is none, including 31 February. */
export function parseInstant(text: string): number | null {
  const match = ISO_INSTANT.exec(text);
  if (match === null) return null;
  const hasTime = text.length > 10;
  const zoned = match[1] === undefined && hasTime ? `${text}Z` : text;
  const instant = Date.parse(zoned.replace(' ', 'T').replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  if (Number.isNaN(instant)) return null;
  // Date.parse rolls an impossible day over to the next month.
  const dayOfMonth = Number(text.slice(8, 10));
  return new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === dayOfMonth ? instant : null;
}

function readQuantity(reader: ParameterReader): number | null {
  const found = reader.find('quantity');
  if (found === null) return null;
  if (!/^\d{1,9}$/.test(found.value)) throw new Refused('amount_malformed', found.name, 'a whole number');
  return Number(found.value);
}
