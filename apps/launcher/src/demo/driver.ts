/** Sends clicks and postbacks over HTTP like advertisers and browsers do, again and again until each is answered, and keeps the journal. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DEMO } from './demo-configuration.ts';
import type { Journal } from './journal.ts';

export interface DriverOptions {
  readonly ingestionUrl: string;
  readonly journal: Journal;
}

type Parameters = Readonly<Record<string, string>>;

/** How a postback travels. */
export type Dialect = 'get' | 'form' | 'json';

/** A service that was killed is back within seconds; a sender gives up after this. */
const PATIENCE_MS = 90_000;
const RETRY_MS = 100;
const REQUEST_TIMEOUT_MS = 20_000;

interface PostbackAnswer {
  readonly status: string;
  readonly receiptId?: string;
  readonly refusalId?: string;
  readonly code?: string;
}

export class Driver {
  readonly #options: DriverOptions;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** A click on the campaign's URL. @returns the click id the redirect carries. */
  async click(parameters: Parameters): Promise<string> {
    const { ingestionUrl, journal } = this.#options;
    const url = `${ingestionUrl}/c/${DEMO.campaignId}?${new URLSearchParams(parameters)}`;
    const response = await this.#untilAnswered(url, { redirect: 'manual', headers: BROWSER }, () => {
      journal.ambiguousClicks += 1;
    });
    const clickId = response.headers.get('x-click-id');
    if (response.status !== 302 || clickId === null)
      throw new Error(`a click was answered ${response.status}`);
    journal.clickIds.add(clickId);
    return clickId;
  }

  /** A click the landing page reports under an id of its own. */
  async directClick(clickId: string, clickedAt: Date, parameters: Parameters): Promise<void> {
    const { ingestionUrl, journal } = this.#options;
    const body = {
      campaign: DEMO.campaignId,
      click_id: clickId,
      clicked_at: clickedAt.toISOString(),
      ...parameters,
    };
    const response = await this.#untilAnswered(`${ingestionUrl}/v1/clicks`, {
      method: 'POST',
      headers: { ...BROWSER, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`a direct click was answered ${response.status}`);
    journal.clickIds.add(clickId);
  }

  /** A postback that speaks of `fact`; the idempotency key makes a repeat after a lost answer the same receipt. */
  async postback(
    fact: string,
    parameters: Parameters,
    {
      dialect = 'get',
      token = DEMO.token,
      sourceId = DEMO.sourceId,
    }: { dialect?: Dialect; token?: string; sourceId?: string } = {},
  ): Promise<void> {
    const { ingestionUrl, journal } = this.#options;
    const url = `${ingestionUrl}/postback/${sourceId}`;
    const { target, init } = dressed(url, { ...parameters, token }, dialect);
    const response = await this.#untilAnswered(target, {
      ...init,
      headers: { ...init.headers, 'idempotency-key': randomUUID() },
    });
    const answer = (await response.json()) as PostbackAnswer;
    if (answer.receiptId !== undefined) journal.accepted(fact, answer.receiptId);
    else if (answer.refusalId !== undefined) journal.refusals.set(answer.refusalId, answer.code ?? '');
    else throw new Error(`a postback was answered ${response.status} without a receipt or a reason`);
  }

  /** Sends until an answer other than 503 comes. @throws Error when none comes in {@link PATIENCE_MS}. */
  async #untilAnswered(url: string, init: RequestInit, onLostAnswer?: () => void): Promise<Response> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        const response = await fetch(url, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        if (response.status !== 503) return response;
        // A deadline that passed: the record may still have been taken.
        onLostAnswer?.();
        await response.arrayBuffer();
      } catch (error) {
        onLostAnswer?.();
        if (performance.now() > deadline) throw error;
      }
      if (performance.now() > deadline) throw new Error(`no answer in ${PATIENCE_MS / 1000} s`);
      await delay(RETRY_MS);
    }
  }
}

const BROWSER = {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36',
};

function dressed(
  url: string,
  parameters: Parameters,
  dialect: Dialect,
): { target: string; init: { method: string; headers: Record<string, string>; body?: string } } {
  const query = new URLSearchParams(parameters).toString();
  if (dialect === 'get') return { target: `${url}?${query}`, init: { method: 'GET', headers: {} } };
  if (dialect === 'form') {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { target: url, init: { method: 'POST', headers, body: query } };
  }
  const headers = { 'content-type': 'application/json' };
  return { target: url, init: { method: 'POST', headers, body: JSON.stringify(parameters) } };
}
