/** Reads the parameters of an inbound postback by the profile of its source: every value accepted exactly, or refused with a reason. */
import { isReversal } from '../identity.ts';
import { currencyExponent, MICROS_PER_UNIT, parseDecimalToMicros } from '../money.ts';
import { keptIdentifier, personalKindIn } from '../personal-data.ts';
import { hashSubject } from '../subject.ts';
import { isUnreplacedMacro } from '../unreplaced-macro.ts';
import { type CompiledProfile, compileProfile } from './compile-profile.ts';
import { currenciesOfMark } from './currency-marks.ts';
import { CallTree, type CompiledPath, type Parameters } from './parameters.ts';
import { POSTBACK_STATUSES, type PostbackField, type PostbackStatus } from './postback-fields.ts';
import { type ReachablePaths, reachablePaths } from './reachable-paths.ts';
import { readAmount } from './read-amount.ts';
import { readTime } from './read-time.ts';
import { type Refusal, Refused } from './refusals.ts';
import type { AmountFormat, SourceProfile, TimeFormat } from './source-profile.ts';

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

/** Of a value that is kept; identifiers and sub-ids of real senders stay below 300. */
const MAX_VALUE_LENGTH = 1_024;
/** Before this no advertiser of ours existed; a smaller time is a unit mistake. */
const EARLIEST_OCCURRED_AT = Date.UTC(2010, 0, 1);
/** Source clocks run ahead; more than this is a mistake. */
const MAX_FUTURE_MS = 86_400_000;
const EVENT_TYPE = /^[a-z][a-z0-9_]{0,63}$/;
/** What stands for a value that must not be kept. */
const REMOVED = '[removed]';

/** A value with the path it was found at, for refusals. */
interface Found {
  readonly name: string;
  readonly value: string;
  /** False for a constant of the profile. */
  readonly isSent: boolean;
}

/** One call's parameters, read by field: knows the sender's own name of each value for refusals. */
class ParameterReader {
  readonly warnings: string[] = [];
  readonly compiled: CompiledProfile;
  readonly #reachable: ReachablePaths;
  readonly #tree: CallTree;

  constructor(parameters: Parameters, compiled: CompiledProfile) {
    this.#tree = new CallTree(parameters);
    this.compiled = compiled;
    this.#reachable = reachablePaths(compiled, parameters);
  }

  /** The field's first name, for a refusal where it has no value. */
  nameOf(field: PostbackField): string | null {
    return this.compiled.paths[field][0]?.name ?? null;
  }

  /** The first value that the field's names carry, else the profile's constant. */
  find(field: PostbackField): Found | null {
    for (const path of this.#reachable.paths[field]) {
      const value = this.at(path);
      if (value !== null) return { name: path.name, value, isSent: true };
    }
    const constant = this.compiled.profile.constants[field];
    return constant === undefined
      ? null
      : { name: this.nameOf(field) ?? field, value: constant, isSent: false };
  }

  /** The value at a path, trimmed; null where there is none or an unfilled macro. */
  at(path: CompiledPath): string | null {
    const value = this.#tree.text(path)?.trim();
    if (value === undefined || value === '') return null;
    assertKeepable(path.name, value);
    if (!isUnreplacedMacro(value)) return value;
    this.warnings.push(`unreplaced_macro:${path.name}`);
    return null;
  }

  /** A text that must come exactly as it was meant: no line break or tab in it. */
  text(field: PostbackField): string | null {
    const found = this.find(field);
    return found && exact(found).value;
  }

  /** A text that describes; gone when it seems to be personal data. */
  description(field: PostbackField): string | null {
    const found = this.find(field);
    return found && this.#described(found.name, found.value);
  }

  /** A text that identifies; one that seems to be personal data is replaced by its hash, the same for every call. */
  identifier(field: PostbackField): string | null {
    const found = this.find(field);
    if (found === null) return null;
    const { name, value } = exact(found);
    const kept = keptIdentifier(value);
    if (kept !== value) this.warnings.push(`personal_value:${name}`);
    return kept;
  }

  #described(name: string, value: string): string {
    const line = onOneLine(value);
    if (personalKindIn(line) === null) return line;
    this.warnings.push(`personal_value:${name}`);
    return REMOVED;
  }

  /** Sub-ids under their own names: whole or refused, and without what looks like personal data. */
  subIds(): Readonly<Record<string, string>> {
    return this.#kept(this.#reachable.subIds);
  }

  extras(): Readonly<Record<string, string>> {
    return this.#kept(this.#reachable.extras);
  }

  #kept(paths: readonly CompiledPath[]): Readonly<Record<string, string>> {
    if (paths.length === 0) return NOTHING;
    const entries: [string, string][] = [];
    for (const path of paths) {
      const value = this.at(path);
      if (value !== null) entries.push([path.name, this.#described(path.name, value)]);
    }
    return Object.fromEntries(entries);
  }

  /** Whether the parameter has this value, case and blanks around it aside; the empty one also where there is none. */
  has({ path, value }: CompiledProfile['eventTypeRules'][number]['when'][number]): boolean {
    return (this.#tree.text(path)?.trim().toLowerCase() ?? '') === value;
  }
}

const NOTHING: Readonly<Record<string, string>> = {};
const BREAKS = /[\t\n\r]/;

/** What is kept is kept as it was sent: not cut, without control characters, and not with U+FFFD for what was no text. */
function assertKeepable(name: string, value: string): void {
  if (value.length > MAX_VALUE_LENGTH)
    throw new Refused('parameter_too_long', name, `at most ${MAX_VALUE_LENGTH} characters`);
  if (!value.isWellFormed() || holdsUnkept(value))
    throw new Refused('parameter_malformed', name, 'text in its charset, without control characters');
}

/** NUL and the other control characters of ASCII and Latin-1 save TAB, LF and CR; or U+FFFD. A loop, since every value passes it. */
function holdsUnkept(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x20 ? code !== 0x09 && code !== 0x0a && code !== 0x0d : code >= 0x7f && code < 0xa0)
      return true;
    if (code === 0xfffd) return true;
  }
  return false;
}

function exact(found: Found): Found {
  if (BREAKS.test(found.value)) throw new Refused('parameter_malformed', found.name, 'one line without tabs');
  return found;
}

function onOneLine(value: string): string {
  return BREAKS.test(value) ? value.replace(/[\t\n\r]+/g, ' ') : value;
}

/**
 * Understands one postback.
 * @param parameters each name once; repeated names are refused before.
 * @param receivedAt epoch ms; stands in for a time that was not sent.
 */
export function parsePostback(
  parameters: Parameters,
  profile: SourceProfile,
  receivedAt: number,
): PostbackParsing {
  try {
    const reader = new ParameterReader(parameters, compileProfile(profile));
    return { ok: true, postback: readPostback(reader, receivedAt) };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    throw error;
  }
}

function readPostback(reader: ParameterReader, receivedAt: number): ParsedPostback {
  const type = readEventType(reader);
  const status = readStatus(reader);
  assertQualified(reader);
  const amounts = readAmounts(reader, type.eventType);
  const time = readOccurredAt(reader, receivedAt);
  const customerId = reader.identifier('customerId');
  return {
    eventType: type.eventType,
    eventTypeSent: type.eventTypeSent,
    status: status.status,
    statusSent: status.statusSent,
    currency: amounts.currency,
    revenueMicros: amounts.revenueMicros,
    taxMicros: amounts.taxMicros,
    shippingMicros: amounts.shippingMicros,
    predictedLtvMicros: amounts.predictedLtvMicros,
    occurredAt: time.occurredAt,
    occurredAtIsAssumed: time.occurredAtIsAssumed,
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
    subIds: reader.subIds(),
    extras: reader.extras(),
    subjectHashes: hashSubject({ email: reader.text('email'), phone: reader.text('phone'), customerId }),
    ipAddress: reader.text('ipAddress'),
    userAgent: readUserAgent(reader),
    idempotencyKey: reader.text('idempotencyKey'),
    isTest: ['1', 'true'].includes(reader.text('isTest') ?? ''),
    warnings: reader.warnings,
  };
}

function readEventType(reader: ParameterReader): { eventType: string; eventTypeSent: string | null } {
  const { compiled } = reader;
  const found = reader.find('eventType');
  const eventTypeSent = found?.isSent === true ? found.value : null;
  const rule = compiled.eventTypeRules.find(({ when }) => when.every((condition) => reader.has(condition)));
  if (rule !== undefined) return { eventType: rule.eventType, eventTypeSent };
  if (found?.isSent === true && compiled.ignoredEventTypes.has(found.value.toLowerCase()))
    throw ignored(found.name);
  const eventType =
    found === null
      ? compiled.profile.defaultEventType
      : (compiled.eventTypes.get(found.value) ?? found.value.toLowerCase());
  if (eventType === null)
    throw new Refused('event_type_missing', reader.nameOf('eventType'), 'an event type, e.g. sale');
  if (!EVENT_TYPE.test(eventType)) {
    throw new Refused(
      'event_type_malformed',
      found?.name ?? null,
      'lower-case letters, digits and underscores',
    );
  }
  return { eventType, eventTypeSent };
}

function ignored(name: string): Refused {
  return new Refused('ignored_by_profile', name, 'nothing: the source is configured to ignore this value');
}

function readStatus(reader: ParameterReader): { status: PostbackStatus; statusSent: string | null } {
  const { compiled } = reader;
  const found = reader.find('status');
  // A source that sends no status reports what is already agreed.
  if (found === null) return { status: compiled.profile.defaultStatus ?? 'approved', statusSent: null };
  if (found.isSent && compiled.ignoredStatuses.has(found.value.toLowerCase())) throw ignored(found.name);
  const meant = compiled.statuses.get(found.value) ?? found.value.toLowerCase();
  const status = POSTBACK_STATUSES.find((known) => known === meant);
  if (status === undefined) {
    throw new Refused(
      'status_unknown',
      found.name,
      `one of ${POSTBACK_STATUSES.join(', ')}, or mapped by the source`,
    );
  }
  return { status, statusSent: found.isSent ? found.value : null };
}

/** A number that cannot be read is refused and not ignored: whether the call qualifies is then unknown. */
function assertQualified(reader: ParameterReader): void {
  const { qualifiesAt, profile } = reader.compiled;
  if (qualifiesAt === null || profile.qualifiesBy === null) return;
  const { atLeast } = profile.qualifiesBy;
  const value = reader.at(qualifiesAt);
  const sent = parseDecimalToMicros(value ?? '0');
  const least = parseDecimalToMicros(atLeast);
  if (!sent.ok) throw new Refused('amount_malformed', qualifiesAt.name, EXPECTED_AMOUNTS.point);
  if (value === null || (least.ok && sent.micros < least.micros))
    throw new Refused('not_qualified', qualifiesAt.name, `at least ${atLeast}`);
}

const EXPECTED_AMOUNTS: Readonly<Record<AmountFormat, string>> = {
  point: 'a decimal number with a point, e.g. 12.34',
  point_grouped: 'a decimal number with a point, thousands may be grouped, e.g. 1,234.56',
  comma: 'a decimal number with a comma, thousands may be grouped, e.g. 1.234,56',
};

/** The number sent, in millionths of whatever unit the source sends, and the currency it carries. */
interface SentAmount {
  readonly name: string;
  readonly micros: bigint;
  readonly marks: readonly string[];
}

function sentAmount(
  reader: ParameterReader,
  field: PostbackField,
  takesNegative: boolean,
): SentAmount | null {
  const found = reader.find(field);
  if (found === null) return null;
  const { amountFormat, amountCarriesCurrency } = reader.compiled.profile;
  const read = readAmount(found.value, amountFormat, amountCarriesCurrency);
  if (!read.ok) throw new Refused('amount_malformed', found.name, EXPECTED_AMOUNTS[amountFormat]);
  if (read.micros < 0n && !takesNegative)
    throw new Refused('amount_negative', found.name, 'an amount of zero or more');
  return { name: found.name, micros: read.micros < 0n ? -read.micros : read.micros, marks: read.marks };
}

function readAmounts(reader: ParameterReader, eventType: string) {
  const takesNegative = isReversal(eventType);
  const sent = {
    revenue: sentAmount(reader, 'revenue', takesNegative),
    tax: sentAmount(reader, 'tax', takesNegative),
    shipping: sentAmount(reader, 'shipping', takesNegative),
    predictedLtv: sentAmount(reader, 'predictedLtv', takesNegative),
  };
  const assumedRevenue = sent.revenue === null ? defaultRevenueOf(reader, eventType) : null;
  const amounts = [sent.revenue, sent.tax, sent.shipping, sent.predictedLtv].filter((each) => each !== null);
  const currency = readCurrency(reader, amounts, amounts.length > 0 || assumedRevenue !== null);
  const inMicros = (amount: SentAmount | null) =>
    amount === null || currency === null ? null : microsOf(amount, reader.compiled.profile, currency);
  return {
    currency,
    revenueMicros: inMicros(sent.revenue) ?? assumedRevenue,
    taxMicros: inMicros(sent.tax),
    shippingMicros: inMicros(sent.shipping),
    predictedLtvMicros: inMicros(sent.predictedLtv),
  };
}

/** In units of the currency; configuration has judged it. */
function defaultRevenueOf(reader: ParameterReader, eventType: string): bigint | null {
  const parsed = parseDecimalToMicros(reader.compiled.defaultRevenue.get(eventType) ?? '');
  return parsed.ok ? parsed.micros : null;
}

const THOUSANDTHS = 1_000n;

function microsOf({ name, micros }: SentAmount, { amountUnit }: SourceProfile, currency: string): bigint {
  if (amountUnit === 'units') return micros;
  if (amountUnit === 'thousandths') {
    if (micros % THOUSANDTHS !== 0n)
      throw new Refused('amount_malformed', name, 'thousandths with at most three decimals, e.g. 12340');
    return micros / THOUSANDTHS;
  }
  if (micros % MICROS_PER_UNIT !== 0n)
    throw new Refused('amount_malformed', name, 'whole minor units, e.g. 1234');
  // A minor unit is what the currency says it is: 500 are 5.00 EUR, but 500 JPY and 0.500 KWD.
  return micros / 10n ** BigInt(currencyExponent(currency));
}

/** The currency that the call names and that every amount agrees with; null where there is no amount to have one. */
function readCurrency(
  reader: ParameterReader,
  amounts: readonly SentAmount[],
  isNeeded: boolean,
): string | null {
  const { profile, marks: mapping } = reader.compiled;
  const found = reader.find('currency');
  const meanings: { name: string | null; currencies: readonly string[] }[] = [];
  if (found !== null)
    meanings.push({
      name: found.name,
      currencies: currenciesOfMark(found.value, mapping, profile.defaultCurrency),
    });
  for (const { name, marks } of amounts)
    for (const mark of marks)
      meanings.push({ name, currencies: currenciesOfMark(mark, mapping, profile.defaultCurrency) });
  const currency = meanings.find(({ currencies }) => currencies.length === 1)?.currencies[0];
  const doubtful = meanings.find(
    ({ currencies }) => currency === undefined || !currencies.includes(currency),
  );
  if (doubtful !== undefined)
    throw new Refused('currency_unknown', doubtful.name, 'one ISO 4217 code, e.g. EUR');
  const known = currency ?? profile.defaultCurrency;
  if (known === null && isNeeded)
    throw new Refused('currency_missing', reader.nameOf('currency'), 'an ISO 4217 code beside an amount');
  return known;
}

const EXPECTED_TIMES: Readonly<Record<TimeFormat, string>> = {
  iso8601: 'ISO 8601, e.g. 2026-01-02T03:04:05Z',
  iso8601_basic: '20260102T030405Z',
  unix_seconds: 'seconds since 1970, e.g. 1767323045',
  unix_milliseconds: 'milliseconds since 1970, e.g. 1767323045000',
  ymd_hms: '2026-01-02 03:04:05',
  dmy_dots: '02.01.2026 03:04:05',
  dmy_slashes: '02/01/2026 03:04:05 (day first)',
  mdy_slashes: '01/02/2026 03:04:05 (month first)',
  rfc2822: 'Fri, 02 Jan 2026 03:04:05 +0000',
};

function readOccurredAt(
  reader: ParameterReader,
  receivedAt: number,
): { occurredAt: number; occurredAtIsAssumed: boolean } {
  const found = reader.find('occurredAt');
  if (found === null) return { occurredAt: receivedAt, occurredAtIsAssumed: true };
  const { timeFormats, timeZone } = reader.compiled.profile;
  const occurredAt = readTime(found.value, timeFormats, timeZone);
  if (occurredAt === null) {
    const expected = timeFormats.map((format) => EXPECTED_TIMES[format]).join(', or ');
    throw new Refused('time_malformed', found.name, expected);
  }
  if (occurredAt < EARLIEST_OCCURRED_AT || occurredAt > receivedAt + MAX_FUTURE_MS)
    throw new Refused('time_out_of_range', found.name, 'a time from 2010 to at most a day ahead');
  return { occurredAt, occurredAtIsAssumed: false };
}

function readQuantity(reader: ParameterReader): number | null {
  const found = reader.find('quantity');
  if (found === null) return null;
  if (!/^\d{1,9}$/.test(found.value)) throw new Refused('amount_malformed', found.name, 'a whole number');
  return Number(found.value);
}

function readUserAgent(reader: ParameterReader): string | null {
  const found = reader.find('userAgent');
  return found && onOneLine(found.value);
}
