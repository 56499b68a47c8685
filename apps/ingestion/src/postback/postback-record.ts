/** The events of one postback: accepted or refused, with what is kept of the raw call. */
import { createHash } from 'node:crypto';
import type { Source } from '@tributary/configuration';
import type { PostbackReceived, PostbackRefused } from '@tributary/contracts';
import {
  isPersonalName,
  isPersonalParameter,
  type ParsedPostback,
  personalKindIn,
  type Refusal,
} from '@tributary/domain';
import type { Encryption } from '@tributary/runtime';
import { v7 as uuidv7 } from 'uuid';
import { CREDENTIAL_PARAMETERS } from '../access/access.ts';
import type { ReceiptIdentity } from '../access/receipt-identity.ts';
import type { Parameters } from './read-call.ts';

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
const SECRET_NAME = /token|secret|passw|api_?key|auth|signature/i;

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
    refusalId: uuidv7({ msecs: context.receivedAt }),
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
  const pairs = [...parameters]
    .filter(([name]) => !CREDENTIAL_PARAMETERS.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(pairs)).digest('hex');
}

/** The call as text, for people who ask "what did they send": no credentials, no personal values. */
function rawCallOf(context: CallContext, parameters: Parameters, source: Source | undefined): string {
  const profile = { aliases: source?.profile.aliases ?? {} };
  const kept = [...parameters].map(([name, value]) => {
    const isHidden = isPrivate(name) || isPersonalParameter(name, profile) || personalKindIn(value) !== null;
    return `${encoded(withoutPerson(name))}=${isHidden ? REMOVED : encoded(value)}`;
  });
  return `${context.method} ${withoutPerson(context.path)}?${kept.join('&')}`.slice(0, MAX_RAW_CALL);
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
