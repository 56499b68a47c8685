/** GET /v1/receipts/{id}: what became of an accepted postback, for whoever posts for its source. */
import type { IncomingMessage } from 'node:http';
import type { Source } from '@tributary/configuration';
import { isUuid } from '@tributary/domain';
import { type Clock, DependencyFailure } from '@tributary/runtime';
import type { StoredReceipt } from '@tributary/store';
import type { Access } from '../access/access.ts';
import { signatureOf } from '../access/signature.ts';
import { tokenOfHead, tokenOfQuery } from '../access/token.ts';
import { type Answer, unavailable } from '../edge/http-exchange.ts';
import type { VerdictWatch } from './verdict-watch.ts';

export interface ReceiptEndpointOptions {
  readonly verdicts: Pick<VerdictWatch, 'receipt'>;
  /** The source as it is configured now. */
  readonly source: (sourceId: string) => Source | undefined;
  readonly access: Pick<Access, 'judge'>;
  readonly clock: Clock;
}

const NO_BODY = new Uint8Array(0);
const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();

const MAX_WAIT_MS = 10_000;
const WAIT = /^(\d{1,5})(ms|s)$/;

export class ReceiptEndpoint {
  readonly #options: ReceiptEndpointOptions;

  constructor(options: ReceiptEndpointOptions) {
    this.#options = options;
  }

  /** With `?wait=2s` (at most 10 s) it answers as soon as the postback is judged. */
  async show(request: IncomingMessage, receiptId: string, query: URLSearchParams): Promise<Answer> {
    if (request.method !== 'GET')
      return { status: 405, headers: { allow: 'GET' }, body: { code: 'method_not_allowed' } };
    const token = tokenOfHead(request, null) ?? tokenOfQuery(query);
    if (token === null && signatureOf(request, () => query) === null)
      return refused(401, 'token_missing', 'token', "the source's secret token");
    const waitMs = waitOf(query.get('wait'));
    if (waitMs === null)
      return refused(400, 'wait_malformed', 'wait', 'a time such as 500ms or 2s, at most 10s');
    const receipt = isUuid(receiptId) ? await this.#receipt(receiptId.toLowerCase(), waitMs) : null;
    if (receipt === 'unavailable') return unavailable();
    // A receipt of somebody else is as unknown as one that does not exist.
    if (receipt === null || !this.#isProved(request, query, receipt.sourceId))
      return refused(
        404,
        'receipt_unknown',
        'receipt',
        'a receipt of this source; one shows within about a second',
      );
    return { status: 200, body: bodyOf(receipt) };
  }

  async #receipt(receiptId: string, waitMs: number): Promise<StoredReceipt | null | 'unavailable'> {
    try {
      return await this.#options.verdicts.receipt(receiptId, waitMs);
    } catch (error) {
      if (error instanceof DependencyFailure) return 'unavailable';
      throw error;
    }
  }

  /** By what the source requires of its postbacks. */
  #isProved(request: IncomingMessage, query: URLSearchParams, sourceId: string): boolean {
    const { access, clock } = this.#options;
    const source = this.#options.source(sourceId);
    if (source === undefined) return false;
    const call = {
      request,
      query: () => query,
      pathToken: null,
      source,
      receivedAt: clock.now(),
      body: NO_BODY,
    };
    return access.judge(call)(NO_PARAMETERS).ok;
  }
}

/** Milliseconds; 0 when nothing is said, null when it is no time we wait. */
function waitOf(text: string | null): number | null {
  if (text === null) return 0;
  const [, number, unit] = WAIT.exec(text) ?? [];
  const waitMs = Number(number) * (unit === 's' ? 1_000 : 1);
  return waitMs <= MAX_WAIT_MS ? waitMs : null;
}

function bodyOf(receipt: StoredReceipt): object {
  const { receiptId, sourceId, receivedAt, verdict, reasonCode, judgedAt, conversion } = receipt;
  return {
    status: 'accepted',
    receiptId,
    sourceId,
    receivedAt: new Date(receivedAt).toISOString(),
    verdict,
    reasonCode,
    judgedAt: judgedAt === null ? null : new Date(judgedAt).toISOString(),
    conversion,
  };
}

function refused(status: number, code: string, field: string, expected: string): Answer {
  return { status, body: { code, field, expected } };
}
