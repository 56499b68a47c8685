/** The events of one postback: accepted or refused, with what is kept of the raw call. */
import { hash } from 'node:crypto';
import type { Source } from '@tributary/configuration';
import type { PostbackReceived, PostbackRefused } from '@tributary/contracts';
import {
  isMembers,
  isPersonalName,
  isPersonalParameter,
  leavesOf,
  type Parameters,
  type ParameterValue,
  type ParsedPostback,
  parametersOfJson,
  parseExactJson,
  personalKindIn,
  type Refusal,
} from '@tributary/domain';
import type { Encryption } from '@tributary/runtime';
import { CREDENTIAL_PARAMETERS } from '../access/access.ts';
import type { ReceiptIdentity } from '../access/receipt-identity.ts';
import { newId } from '../edge/new-id.ts';

/** What the edge knows of a call beside its parameters. */
export interface CallContext {
  readonly method: string;
  readonly path: string;
  readonly receivedAt: number;
  readonly configurationVersion: number;
  /** The Idempotency-Key header, for a call with one postback. */
  readonly idempotencyKey: string | null;
}

/** The receipt of a call, and what proved it. */
export interface ProvedReceipt extends ReceiptIdentity {
  readonly authenticatedBy: readonly string[];
}

const MAX_RAW_CALL = 4_096;
const REMOVED = '[removed]';
const BEGINS_JSON = /^\s*[{[]/;
const MAX_SOURCE_ID = 64;
/** Senders call their credentials by many names, and send them under the wrong one. */
const SECRET_NAME = /token|secret|passw|api[_-]?key|auth|signature/i;

export function acceptedRecord(
  source: Source,
  postback: ParsedPostback,
  parameters: Parameters,
  context: CallContext,
  encryption: Encryption,
  proved: ProvedReceipt,
): PostbackReceived {
  const { ipAddress } = postback;
  // Named one by one: copying all but the two that are not kept takes several times as long.
  return {
    receiptId: proved.receiptId,
    sourceId: source.id,
    lane: source.lane,
    advertiserId: source.advertiserId,
    receivedAt: context.receivedAt,
    eventType: postback.eventType,
    eventTypeSent: postback.eventTypeSent,
    status: postback.status,
    statusSent: postback.statusSent,
    clickId: postback.clickId,
    transactionId: postback.transactionId,
    originalTransactionId: postback.originalTransactionId,
    reversalId: postback.reversalId,
    customerId: postback.customerId,
    revenueMicros: postback.revenueMicros,
    currency: postback.currency,
    taxMicros: postback.taxMicros,
    shippingMicros: postback.shippingMicros,
    predictedLtvMicros: postback.predictedLtvMicros,
    occurredAt: postback.occurredAt,
    occurredAtIsAssumed: postback.occurredAtIsAssumed,
    productId: postback.productId,
    planId: postback.planId,
    couponCode: postback.couponCode,
    quantity: postback.quantity,
    country: postback.country,
    subIds: postback.subIds,
    extras: postback.extras,
    subjectHashes: postback.subjectHashes,
    ipCiphertext: ipAddress === null ? null : encryption.encryptPersonal(ipAddress, context.receivedAt),
    userAgent: postback.userAgent,
    consentAdUserData: 'unknown',
    consentAdPersonalization: 'unknown',
    authenticatedBy: proved.authenticatedBy,
    nonceHash: proved.nonceHash,
    idempotencyKeyHash: proved.idempotencyKeyHash,
    contentDigest: contentDigestOf(parameters),
    rawCall: rawCallOf(context, parameters, source),
    warnings: proved.warnings.length === 0 ? postback.warnings : [...postback.warnings, ...proved.warnings],
    configurationVersion: context.configurationVersion,
    isTest: postback.isTest || source.isTest,
  };
}

export function refusedRecord(
  sourceId: string,
  source: Source | undefined,
  refusal: Refusal,
  parameters: Parameters,
  context: CallContext,
): PostbackRefused {
  return {
    refusalId: newId(context.receivedAt),
    sourceId: withoutPerson(sourceId).slice(0, MAX_SOURCE_ID),
    advertiserId: source?.advertiserId ?? null,
    receivedAt: context.receivedAt,
    reasonCode: refusal.reason,
    field: refusal.field === null ? null : withoutPerson(refusal.field),
    expected: refusal.expected,
    contentDigest: contentDigestOf(parameters),
    rawCall: rawCallOf(context, parameters, source),
    configurationVersion: context.configurationVersion,
    isTest: source?.isTest ?? false,
  };
}

/** SHA-256 hex over the sorted parameters without the proofs: the same content in another order is the same content. */
function contentDigestOf(parameters: Parameters): string {
  const leaves = leavesOf(parameters).sort((one, other) => (one.path < other.path ? -1 : 1));
  let content = '';
  // The lengths keep any two contents apart, whatever signs stand in them.
  for (const { path, value } of leaves)
    if (!CREDENTIAL_PARAMETERS.has(path)) content += `${path.length}:${path}${value.length}:${value}`;
  return hash('sha256', content, 'hex');
}

/** The call as text, for people who ask "what did they send": no credentials, no personal values; paths stand for names. */
function rawCallOf(context: CallContext, parameters: Parameters, source: Source | undefined): string {
  const aliases = source?.profile.aliases ?? NO_ALIASES;
  let text = `${context.method} ${withoutPerson(context.path)}?`;
  for (const [name, value] of parameters) {
    if (text.length > MAX_RAW_CALL) break;
    const known = knownName(name, aliases);
    if (typeof value === 'string' && !BEGINS_JSON.test(value)) {
      text += `${known.text}=${known.isHidden || personalKindIn(value) !== null ? REMOVED : encoded(value)}&`;
      continue;
    }
    for (const inner of valuesAt(name, value, known.isPrivate, { aliases })) {
      const isRemoved = inner.isHidden || personalKindIn(inner.value) !== null;
      text += `${encoded(withoutPerson(inner.path))}=${isRemoved ? REMOVED : encoded(inner.value)}&`;
      if (text.length > MAX_RAW_CALL) break;
    }
  }
  return (text.endsWith('&') ? text.slice(0, -1) : text).slice(0, MAX_RAW_CALL);
}

/** What a name at the top of a call is, found out once: senders use few names, again and again. */
interface KnownName {
  readonly isPrivate: boolean;
  readonly isHidden: boolean;
  /** As it stands in the raw call. */
  readonly text: string;
}

const NO_ALIASES: Source['profile']['aliases'] = {};
const MAX_NAMES_KNOWN = 1_000;
const knownNames = new WeakMap<Source['profile']['aliases'], Map<string, KnownName>>();

function knownName(name: string, aliases: Source['profile']['aliases']): KnownName {
  let names = knownNames.get(aliases);
  if (names === undefined || names.size >= MAX_NAMES_KNOWN) {
    names = new Map();
    knownNames.set(aliases, names);
  }
  let known = names.get(name);
  if (known === undefined) {
    const isPrivate = isPrivateName(name);
    const isHidden = isPrivate || isPersonalParameter(name, { aliases });
    known = { isPrivate, isHidden, text: encoded(withoutPerson(name)) };
    names.set(name, known);
  }
  return known;
}

interface RawValue {
  readonly path: string;
  readonly value: string;
  readonly isHidden: boolean;
}

type Aliases = Pick<Source['profile'], 'aliases'>;

/** Every text below a path with its own; JSON within a text is told value by value, since it hides names of its own. */
function* valuesAt(
  path: string,
  value: ParameterValue,
  isPrivateSoFar: boolean,
  profile: Aliases,
): Generator<RawValue> {
  const opened = typeof value === 'string' ? jsonIn(value) : value;
  const isHidden = isPrivateSoFar || isPersonalParameter(path, profile);
  if (typeof opened === 'string') {
    yield { path, value: opened, isHidden };
  } else if (isMembers(opened)) {
    const isLabelled = isHidden || labelsPerson(opened);
    for (const [member, inner] of opened)
      yield* valuesAt(`${path}.${member}`, inner, isLabelled || isPrivateName(member), profile);
  } else {
    for (const [index, inner] of opened.entries())
      yield* valuesAt(`${path}[${index}]`, inner, isHidden, profile);
  }
}

/** `{name: 'email', value: …}`: the name of the value is itself a value. */
function labelsPerson(members: Parameters): boolean {
  return LABELS.some((label) => {
    const name = members.get(label);
    return typeof name === 'string' && isPrivate(name);
  });
}

const LABELS = ['name', 'key', 'id', 'field', 'type'] as const;

/** What cannot be looked into is not shown. */
function jsonIn(text: string): ParameterValue {
  if (!BEGINS_JSON.test(text)) return text;
  const parsed = parseExactJson(text);
  if (!parsed.ok) return text;
  const read = parametersOfJson({ within: parsed.value });
  return (read.ok ? read.parameters.get('within') : undefined) ?? REMOVED;
}

function isPrivateName(name: string): boolean {
  // Of a form's `customer[email]` the last name is the one that tells.
  const last = name.slice(name.lastIndexOf('[') + 1);
  return isPrivate(name) || isPrivate(last);
}

function isPrivate(name: string): boolean {
  return SECRET_NAME.test(name) || isPersonalName(name);
}

/** Senders put what is personal into names and paths, too. */
function withoutPerson(text: string): string {
  return personalKindIn(text) === null ? text : REMOVED;
}

const NEEDS_NO_ENCODING = /^[\w.~-]*$/;

/** Half a surrogate pair, as JSON can spell it, has no encoding and would throw. */
function encoded(text: string): string {
  if (NEEDS_NO_ENCODING.test(text)) return text;
  return encodeURIComponent(text.toWellFormed());
}
