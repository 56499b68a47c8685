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
  const { ipAddress, idempotencyKey: _key, ...facts } = postback;
  return {
    ...facts,
    receiptId: proved.receiptId,
    sourceId: source.id,
    lane: source.lane,
    advertiserId: source.advertiserId,
    receivedAt: context.receivedAt,
    ipCiphertext: ipAddress === null ? null : encryption.encryptPersonal(ipAddress, context.receivedAt),
    consentAdUserData: 'unknown',
    consentAdPersonalization: 'unknown',
    authenticatedBy: proved.authenticatedBy,
    nonceHash: proved.nonceHash,
    idempotencyKeyHash: proved.idempotencyKeyHash,
    contentDigest: contentDigestOf(parameters),
    rawCall: rawCallOf(context, parameters, source),
    warnings: [...postback.warnings, ...proved.warnings],
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
  const pairs = leavesOf(parameters)
    .filter(({ path }) => !CREDENTIAL_PARAMETERS.has(path))
    .map(({ path, value }) => [path, value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return hash('sha256', JSON.stringify(pairs), 'hex');
}

/** The call as text, for people who ask "what did they send": no credentials, no personal values; paths stand for names. */
function rawCallOf(context: CallContext, parameters: Parameters, source: Source | undefined): string {
  const kept: string[] = [];
  let length = 0;
  for (const { path, value, isHidden } of rawValues(parameters, {
    aliases: source?.profile.aliases ?? {},
  })) {
    const isRemoved = isHidden || personalKindIn(value) !== null;
    const text = `${encoded(withoutPerson(path))}=${isRemoved ? REMOVED : encoded(value)}`;
    kept.push(text);
    length += text.length + 1;
    if (length > MAX_RAW_CALL) break;
  }
  return `${context.method} ${withoutPerson(context.path)}?${kept.join('&')}`.slice(0, MAX_RAW_CALL);
}

interface RawValue {
  readonly path: string;
  readonly value: string;
  readonly isHidden: boolean;
}

type Aliases = Pick<Source['profile'], 'aliases'>;

/** Every text of the call with its path; JSON within a text is told value by value, since it hides names of its own. */
function* rawValues(parameters: Parameters, profile: Aliases): Generator<RawValue> {
  for (const [name, value] of parameters) yield* valuesAt(name, value, isPrivateName(name), profile);
}

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
  if (!/^\s*[{[]/.test(text)) return text;
  const parsed = parseExactJson(text);
  if (!parsed.ok) return text;
  const read = parametersOfJson({ within: parsed.value });
  return (read.ok ? read.parameters.get('within') : undefined) ?? REMOVED;
}

/** What was found out about names: senders use few, again and again. */
const privateNames = new Map<string, boolean>();
const MAX_NAMES_KNOWN = 2_000;

function isPrivateName(name: string): boolean {
  const known = privateNames.get(name);
  if (known !== undefined) return known;
  if (privateNames.size >= MAX_NAMES_KNOWN) privateNames.clear();
  const found = judgePrivateName(name);
  privateNames.set(name, found);
  return found;
}

function judgePrivateName(name: string): boolean {
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

/** Half a surrogate pair, as JSON can spell it, has no encoding and would throw. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
