/** Traffic for fault tests: clicks, then their postbacks, some before their click, some repeated; a bounded flow or a steady one. */
import { setTimeout as delay } from 'node:timers/promises';
import { DEMO } from '../../apps/launcher/src/demo/demo-configuration.ts';
import type { Driver } from '../../apps/launcher/src/demo/driver.ts';
import type { Journal } from '../../apps/launcher/src/demo/journal.ts';
import { attributed, mintClickId } from '../../apps/launcher/src/demo/sample.ts';

const CONVERSIONS = 300;
const AT_ONCE = 12;
/** Between conversions of one sender, so that the flow outlasts a restart. */
const PACE_MS = 120;
/** Conversions of the steady traffic that may wait for an answer at once: in an outage the senders wait, they do not pile up. */
const STEADY_AT_ONCE = 64;
/** A late click and a late repeat come after this, often to another owner of the lane than the postback came to. */
const LATER_MS = 1_500;
/** Longer than any outage here. */
const REACH_BOUND_MS = 120_000;
const EVENT_TYPES = ['lead', 'sale', 'renewal'] as const;

export class Traffic {
  readonly #driver: Driver;
  readonly #journal: Journal;
  readonly #run: string;
  #next = 0;
  #sent = 0;
  #inFlight = 0;

  constructor(driver: Driver, journal: Journal, run: string) {
    this.#driver = driver;
    this.#journal = journal;
    this.#run = run;
  }

  /** Conversions fully sent. */
  get sent(): number {
    return this.#sent;
  }

  /** Requests not yet answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Waits until so many conversions are sent and a request is unanswered. @throws Error after {@link REACH_BOUND_MS}. */
  async reached(count: number): Promise<void> {
    const deadline = performance.now() + REACH_BOUND_MS;
    while (this.#sent < count || this.#inFlight === 0) {
      if (performance.now() > deadline)
        throw new Error(`only ${this.#sent} of ${count} conversions could be sent`);
      await delay(1);
    }
  }

  /** Sends every conversion once, by several senders. */
  async flow(): Promise<void> {
    const sender = async () => {
      for (let n = this.#next++; n < CONVERSIONS; n = this.#next++) {
        await this.#conversion(n, 0);
        await delay(PACE_MS);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
  }

  /** Sends conversions at an even pace until `signal` is aborted; resolves when everything begun is answered. */
  async steadily(perSecond: number, signal: AbortSignal): Promise<void> {
    const begun = new Set<Promise<void>>();
    const failures: unknown[] = [];
    while (!signal.aborted && failures.length === 0) {
      await delay(1_000 / perSecond);
      if (begun.size >= STEADY_AT_ONCE) continue;
      const sending = this.#conversion(this.#next++, LATER_MS)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => begun.delete(sending));
      begun.add(sending);
    }
    await Promise.all(begun);
    if (failures.length > 0) throw failures[0];
  }

  /** One sale posted `times` times at once, each as a receipt of its own. */
  async sameSale(times: number): Promise<void> {
    const clickId = await this.#driver.click({
      partner_click_id: `${this.#run}-same`,
      fbclid: `IwAR-${this.#run}`,
    });
    this.#journal.expect(attributed('same-sale', 'sale', '20.00'));
    const parameters = this.#parameters('same-sale', clickId, 'sale', '20.00');
    await Promise.all(Array.from({ length: times }, () => this.#driver.postback('same-sale', parameters)));
  }

  async #conversion(n: number, laterMs: number): Promise<void> {
    const eventType = EVENT_TYPES[n % EVENT_TYPES.length] ?? 'sale';
    const revenue = eventType === 'lead' ? null : `${10 + (n % 90)}.${String(n % 100).padStart(2, '0')}`;
    const fact = `conversion-${n}`;
    const { sourceIds } = this.#journal;
    const sourceId = sourceIds[n % sourceIds.length] ?? DEMO.sourceId;
    this.#journal.expect(attributed(fact, eventType, revenue));
    const comesBeforeItsClick = n % 10 === 7;
    const clickedAt = new Date(Date.now() - 60_000);
    const clickId = comesBeforeItsClick ? mintClickId(clickedAt) : await this.#counted(() => this.#click(n));
    const parameters = this.#parameters(fact, clickId, eventType, revenue);
    const dialect = n % 2 === 0 ? 'form' : 'json';
    await this.#counted(() => this.#driver.postback(fact, parameters, { dialect, sourceId }));
    if (n % 5 === 0 || comesBeforeItsClick) await delay(laterMs);
    if (n % 5 === 0) await this.#counted(() => this.#driver.postback(fact, parameters, { sourceId }));
    if (comesBeforeItsClick)
      await this.#counted(() => this.#driver.directClick(clickId, clickedAt, this.#clickParameters(n)));
    this.#sent += 1;
  }

  #click(n: number): Promise<string> {
    return this.#driver.click(this.#clickParameters(n));
  }

  #clickParameters(n: number): Record<string, string> {
    const landing = { landing_url: 'https://shop.example/landing' };
    return { partner_click_id: `${this.#run}-p${n}`, fbclid: `IwAR-${this.#run}-${n}`, ...landing };
  }

  #parameters(
    fact: string,
    clickId: string,
    eventType: string,
    revenue: string | null,
  ): Record<string, string> {
    return {
      click_id: clickId,
      event_type: eventType,
      transaction_id: `${this.#run}-${fact}`,
      email: `${fact}@example.com`,
      ...(revenue !== null && { revenue, currency: DEMO.currency }),
    };
  }

  async #counted<T>(request: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await request();
    } finally {
      this.#inFlight -= 1;
    }
  }
}
