/** A bounded flow of conversions for fault tests: clicks, then their postbacks, some before their click, some repeated. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Driver } from '../../apps/launcher/src/demo/driver.ts';
import type { Journal } from '../../apps/launcher/src/demo/journal.ts';
import { attributed, mintClickId } from '../../apps/launcher/src/demo/sample.ts';

const CONVERSIONS = 300;
const AT_ONCE = 12;
/** Between conversions of one sender, so that the flow outlasts a restart. */
const PACE_MS = 120;
const EVENT_TYPES = ['lead', 'sale', 'renewal'] as const;

export class Traffic {
  readonly #driver: Driver;
  readonly #journal: Journal;
  readonly #run: string;
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

  async reached(count: number): Promise<void> {
    while (this.#sent < count || this.#inFlight === 0) await delay(1);
  }

  /** Sends every conversion once, by several senders. */
  async flow(): Promise<void> {
    let next = 0;
    const sender = async () => {
      for (let n = next++; n < CONVERSIONS; n = next++) {
        await this.#conversion(n);
        this.#sent += 1;
        await delay(PACE_MS);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
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

  async #conversion(n: number): Promise<void> {
    const eventType = EVENT_TYPES[n % EVENT_TYPES.length] ?? 'sale';
    const revenue = eventType === 'lead' ? null : `${10 + (n % 90)}.${String(n % 100).padStart(2, '0')}`;
    const fact = `conversion-${n}`;
    this.#journal.expect(attributed(fact, eventType, revenue));
    const comesBeforeItsClick = n % 10 === 7;
    const clickedAt = new Date(Date.now() - 60_000);
    const clickId = comesBeforeItsClick ? mintClickId(clickedAt) : await this.#counted(() => this.#click(n));
    const parameters = this.#parameters(fact, clickId, eventType, revenue);
    await this.#counted(() =>
      this.#driver.postback(fact, parameters, { dialect: n % 2 === 0 ? 'form' : 'json' }),
    );
    if (n % 5 === 0) await this.#counted(() => this.#driver.postback(fact, parameters));
    if (comesBeforeItsClick)
      await this.#counted(() => this.#driver.directClick(clickId, clickedAt, this.#clickParameters(n)));
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
      ...(revenue !== null && { revenue, currency: 'EUR' }),
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
