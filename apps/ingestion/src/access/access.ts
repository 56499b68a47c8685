/** Who may post for a source: address, TLS and rate before the body is read, then the proofs, then what a nonce or key stands for. */
import type { IncomingMessage } from 'node:http';
import type { Configuration, Source } from '@tributary/configuration';
import type { Parameters } from '@tributary/domain';
import type { Clock, Encryption, Logger } from '@tributary/runtime';
import { rateLimited } from '../ingestion-metrics.ts';
import { type AccessRefusal, accessRefusal } from './access-refusal.ts';
import { clientAddressOf, isOverTls } from './client-address.ts';
import { RateLimits } from './rate-limit.ts';
import type { ReceiptIdentity } from './receipt-identity.ts';
import type { ReplayMemory } from './replay-memory.ts';
import { judgeSignature, SIGNATURE_PARAMETERS, signatureOf } from './signature.ts';
import { type SourceAccess, SourceAccesses } from './source-access.ts';
import { TOKEN_PARAMETER, tokenOfHead, tokenOfQuery, tokenOfRow } from './token.ts';

export interface AccessOptions {
  readonly configuration: () => Configuration;
  readonly encryption: Encryption;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory: ReplayMemory;
  /** Proxies between the clients and us (`TRUSTED_PROXIES`). */
  readonly proxyDepth: number;
  /** Instances of ingestion that share the configured rates (`INGESTION_INSTANCES`). */
  readonly instances: number;
  /** Milliseconds that never go back. */
  readonly monotonicMs?: () => number;
}

/** A call that is not even read. */
export interface TurnedAway {
  readonly refusal: AccessRefusal;
  /** Whether it is to be put on record; beyond the rate only one per source and second is. */
  readonly isRecorded: boolean;
  /** Only of the rate. */
  readonly retryAfterSeconds: number | null;
}

/** A call as its proofs are judged. */
export interface PresentedCall {
  readonly request: IncomingMessage;
  /** Parsed when it is asked for: most calls prove themselves without it. */
  readonly query: () => URLSearchParams;
  /** The token of `/postback/{source}/{token}`. */
  readonly pathToken: string | null;
  readonly source: Source;
  readonly receivedAt: number;
  /** The bytes as they came over the wire; null when they were not all read: such a call cannot have been signed. */
  readonly body: Uint8Array | null;
}

export interface Proofs {
  readonly ok: true;
  /** As in postback.received: token, hmac, ip_allow_list. */
  readonly authenticatedBy: readonly string[];
  /** Of a verified signature. */
  readonly nonce: string | null;
}

export type Judgement = Proofs | { readonly ok: false; readonly refusal: AccessRefusal };

/** Parameters that prove and do not tell: no part of the content, and never kept. */
export const CREDENTIAL_PARAMETERS: ReadonlySet<string> = new Set([TOKEN_PARAMETER, ...SIGNATURE_PARAMETERS]);

const TOKEN_EXPECTED = "the source's secret token";

export class Access {
  readonly #options: AccessOptions;
  readonly #sources: SourceAccesses;
  readonly #rates: RateLimits;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#sources = new SourceAccesses(options);
    this.#rates = new RateLimits(options.instances, options.monotonicMs);
  }

  /** Null for a call that may be read. */
  admit(request: IncomingMessage, source: Source, receivedAt: number): TurnedAway | null {
    const { allowList, requiresHttps, rate } = this.#sources.of(source, receivedAt);
    const { proxyDepth } = this.#options;
    if (allowList !== null && !allowList.allows(clientAddressOf(request, proxyDepth)))
      return always(accessRefusal('address_not_allowed', null, 'an address that the source allows'));
    if (requiresHttps && !isOverTls(request, proxyDepth))
      return always(accessRefusal('https_required', null, 'https'));
    const turnedAway = rate === null ? null : this.#rates.take(source.id, rate);
    if (turnedAway === null) return null;
    rateLimited.inc({ source_id: source.id });
    return { refusal: accessRefusal('rate_limited', null, 'fewer postbacks a second'), ...turnedAway };
  }

  /** Takes the rows of a batch beyond the first from the rate of its source. */
  admitRows(source: Source, receivedAt: number, rows: number): void {
    const { rate } = this.#sources.of(source, receivedAt);
    if (rate !== null && rows > 1) this.#rates.takeFurther(source.id, rate, rows - 1);
  }

  /**
   * Judges the call once, and gives the judgement of each of its rows: they differ only where a row brings the token.
   * Every proof that the source requires must be there; one that it does not require is judged when it is there.
   */
  judge(call: PresentedCall): (parameters: Parameters) => Judgement {
    const needs = this.#sources.of(call.source, call.receivedAt);
    const signed = this.#judgeSignature(call, needs);
    const { request, query, pathToken } = call;
    // The query of a GET is its row, which tells the token without being parsed twice.
    const isRow = request.method === 'GET';
    const tokenOfAll = tokenOfHead(request, pathToken) ?? (isRow ? null : tokenOfQuery(query()));
    const judged = tokenOfAll === null ? null : judgement(needs, tokenOfAll, signed);
    return (parameters) =>
      judged ?? judgement(needs, tokenOfRow(parameters) ?? (isRow ? tokenOfQuery(query()) : null), signed);
  }

  /**
   * Claims what the receipt is named by for this content, before anything of it is written: of two calls at once only one
   * can be the first. A call that is then not taken may come again with the same content, and with no other.
   */
  claim({ claims }: ReceiptIdentity, contentDigest: string): AccessRefusal | null {
    for (const { kind, receiptId } of claims) {
      if (this.#options.memory.claim(kind, receiptId, contentDigest) !== 'other') continue;
      return kind === 'nonce'
        ? accessRefusal('nonce_reused', 'X-Nonce', 'a new nonce for another content')
        : accessRefusal('idempotency_key_reused', 'Idempotency-Key', 'a new key for another content');
    }
    return null;
  }

  /** The nonce of a good signature, null without one that counts, or why it is none. */
  #judgeSignature(call: PresentedCall, needs: SourceAccess): string | null | AccessRefusal {
    const { requiresSignature, signingKeys } = needs;
    // A source that has no secrets cannot say anything of a signature, so it is none.
    if (!requiresSignature && signingKeys.length === 0) return null;
    const { request, query, body } = call;
    const signature = signatureOf(request, query);
    if (signature === null || body === null)
      return requiresSignature
        ? accessRefusal('signature_missing', 'X-Signature', 'v1= and the HMAC-SHA256 of the call')
        : null;
    const signed = { method: request.method ?? 'GET', target: request.url ?? '/', body };
    return (
      judgeSignature(signed, signature, signingKeys, this.#options.clock.now()) ?? signature.nonce ?? null
    );
  }
}

function judgement(
  needs: SourceAccess,
  token: string | null,
  signed: string | null | AccessRefusal,
): Judgement {
  const tokenProof = judgeToken(needs, token);
  if (typeof tokenProof === 'object') return { ok: false, refusal: tokenProof };
  if (typeof signed === 'object' && signed !== null) return { ok: false, refusal: signed };
  const authenticatedBy = [
    ...(tokenProof ? ['token'] : []),
    ...(signed === null ? [] : ['hmac']),
    ...(needs.allowList === null ? [] : ['ip_allow_list']),
  ];
  // Nothing required and nothing shown: with nobody named who may post, nobody may.
  return authenticatedBy.length === 0
    ? { ok: false, refusal: refusedToken(token) }
    : { ok: true, authenticatedBy, nonce: signed };
}

/** Whether a token of the source was shown, or why the call is refused. */
function judgeToken({ tokens, requiresToken }: SourceAccess, token: string | null): boolean | AccessRefusal {
  const isShown = token !== null && token !== '';
  if (!requiresToken && (!isShown || tokens.isEmpty)) return false;
  return isShown && tokens.holds(token) ? true : refusedToken(token);
}

function refusedToken(token: string | null): AccessRefusal {
  const reason = token === null || token === '' ? 'token_missing' : 'token_invalid';
  return accessRefusal(reason, 'token', TOKEN_EXPECTED);
}

function always(refusal: AccessRefusal): TurnedAway {
  return { refusal, isRecorded: true, retryAfterSeconds: null };
}
