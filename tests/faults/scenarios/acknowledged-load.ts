/** Postbacks and redirects at an even pace, one request each, with a history: what was sent, what was answered, and after how long. */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { mintClickId } from '../../../apps/launcher/src/demo/sample.ts';
import { contentOf } from './posted-content.ts';

export interface LoadOptions {
  readonly ingestionUrl: string;
  readonly campaignId: string;
  readonly sourceId: string;
  readonly token: string;
  readonly postbacksPerSecond: number;
  readonly redirectsPerSecond: number;
  /** Makes transaction ids of several runs differ. */
  readonly run: string;
}

/** One answered request; `status` 0 when no answer came. */
export interface Answered {
  readonly startedAt: number;
  readonly durationMs: number;
  readonly status: number;
}

const TICK_MS = 10;
/** More are not sent at once: what a real load balancer would hold back. */
const MAX_IN_FLIGHT = 4_000;
const CONNECTIONS = 256;
/** Above every deadline of ingestion: an answer that comes later is one that hung. */
const GIVEN_UP_AFTER_MS = 15_000;

export class AcknowledgedLoad {
  readonly postbacks: Answered[] = [];
  readonly redirects: Answered[] = [];
  /** Receipt id of every postback answered 2xx, with what was posted. */
  readonly receipts = new Map<string, string>();
  /** Click id of every redirect, with the partner's click id it was asked with. */
  readonly clicks = new Map<string, string>();
  /** Receipt ids that were given out twice; none are. */
  repeatedReceipts = 0;
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #inFlight = new Set<Promise<void>>();
  readonly #startedAt = performance.now();
  readonly #ended: Promise<void>;
  #isFlowing = true;
  #sent = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#ended = this.#flow();
  }

  /** Requests without an answer yet. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Postbacks sent per second so far. */
  get rate(): number {
    return Math.round((this.postbacks.length * 1_000) / (performance.now() - this.#startedAt));
  }

  /** Resolves when everything sent has been answered or given up. */
  async stop(): Promise<void> {
    this.#isFlowing = false;
    await this.#ended;
    await Promise.all(this.#inFlight);
    this.#agent.destroy();
  }

  async #flow(): Promise<void> {
    const { postbacksPerSecond, redirectsPerSecond } = this.#options;
    let [dueAt, postbacks, redirects] = [performance.now(), 0, 0];
    while (this.#isFlowing) {
      const now = performance.now();
      postbacks += ((now - dueAt) * postbacksPerSecond) / 1_000;
      redirects += ((now - dueAt) * redirectsPerSecond) / 1_000;
      dueAt = now;
      for (; postbacks >= 1; postbacks--) this.#track(() => this.#postback());
      for (; redirects >= 1; redirects--) this.#track(() => this.#redirect());
      await delay(TICK_MS);
    }
  }

  #track(send: () => Promise<void>): void {
    if (this.#inFlight.size >= MAX_IN_FLIGHT) return;
    const sending = send().finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
  }

  async #postback(): Promise<void> {
    const { run, sourceId, token } = this.#options;
    const n = this.#sent++;
    const posted = {
      event_type: n % 3 === 0 ? 'lead' : 'sale',
      transaction_id: `${run}-${n}`,
      revenue: `${10 + (n % 90)}.${String(n % 100).padStart(2, '0')}`,
      click_id: mintClickId(new Date()),
      customer_id: `customer-${n % 1_000}`,
      sub1: `placement ${n}`,
    };
    const path = `/postback/${sourceId}`;
    const answer =
      n % 2 === 0
        ? await this.#ask('GET', `${path}?${new URLSearchParams({ ...posted, token })}`)
        : await this.#ask('POST', path, JSON.stringify({ ...posted, token }));
    this.postbacks.push(answer);
    if (answer.status < 200 || answer.status > 299) return;
    const receiptId = answer.headers['x-receipt-id'];
    if (typeof receiptId !== 'string') throw new Error('an accepted postback has no receipt id');
    if (this.receipts.has(receiptId)) this.repeatedReceipts += 1;
    this.receipts.set(receiptId, contentOf(posted));
  }

  async #redirect(): Promise<void> {
    const partnerClickId = `${this.#options.run}-c${this.#sent++}`;
    const query = new URLSearchParams({ partner_click_id: partnerClickId });
    const answer = await this.#ask('GET', `/c/${this.#options.campaignId}?${query}`);
    this.redirects.push(answer);
    const clickId = answer.headers['x-click-id'];
    if (answer.status === 302 && typeof clickId === 'string') this.clicks.set(clickId, partnerClickId);
  }

  #ask(
    method: string,
    path: string,
    body?: string,
  ): Promise<Answered & { headers: NodeJS.Dict<string | string[]> }> {
    const startedAt = performance.now();
    return new Promise((resolve) => {
      const end = (status: number, headers: NodeJS.Dict<string | string[]> = {}): void =>
        resolve({ startedAt, durationMs: performance.now() - startedAt, status, headers });
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const outgoing = request(
        `${this.#options.ingestionUrl}${path}`,
        { method, agent: this.#agent, headers, timeout: GIVEN_UP_AFTER_MS },
        (response) => {
          response.resume();
          response.once('end', () => end(response.statusCode ?? 0, response.headers));
          response.once('error', () => end(0));
        },
      );
      outgoing.once('timeout', () => outgoing.destroy());
      outgoing.once('error', () => end(0));
      outgoing.end(body);
    });
  }
}

/** The p-th percentile of how long answers took; NaN without any. */
export function percentileMs(answers: readonly Answered[], p: number): number {
  const sorted = answers.map(({ durationMs }) => durationMs).toSorted((left, right) => left - right);
  return Math.round(sorted[Math.ceil((sorted.length * p) / 100) - 1] ?? Number.NaN);
}

/** How often each status was answered; 0 stands for no answer. */
export function statusesOf(answers: readonly Answered[]): string {
  const counts = new Map<number, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .toSorted(([left], [right]) => right - left)
    .map(([status, count]) => `${status === 0 ? 'no answer' : status}: ${count}`)
    .join(', ');
}
