/** The sandbox's receivers as real ones are: a little slow, failing now and then, dropping a connection after they took the call. */
import { setTimeout as delay } from 'node:timers/promises';
import { DEMO } from '../../apps/launcher/src/demo/demo-configuration.ts';
import { randomFrom } from './random.ts';

const EVERY_MS = 4_000;
/** Keeps attempts under way long enough that a crash meets some. */
const ANSWER_AFTER_MS = 60;
const FAILURES = [{ failNext: 2, status: 500 }, { failNext: 1, status: 429 }, { resetNext: 2 }] as const;
const RECEIVERS = [`partner/${DEMO.partnerReceiver}`, `meta/${DEMO.pixelId}`];

export class UnsteadyReceivers {
  readonly #sandboxUrl: string;
  readonly #random: () => number;
  #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(sandboxUrl: string, seed: number) {
    this.#sandboxUrl = sandboxUrl;
    this.#random = randomFrom(seed);
  }

  start(): void {
    this.#ending = new AbortController();
    this.#running = this.#misbehave(this.#ending.signal);
  }

  /** The receivers behave from now on. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    for (const receiver of RECEIVERS) await this.#tell(receiver, {});
  }

  async #misbehave(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const receiver of RECEIVERS) {
        const failure = FAILURES[Math.floor(this.#random() * FAILURES.length)];
        // One that cannot be told goes on as before; the ledger does not depend on it.
        await this.#tell(receiver, { ...failure, delayMs: ANSWER_AFTER_MS }).catch(() => undefined);
      }
      await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #tell(receiver: string, behaviour: object): Promise<void> {
    const response = await fetch(`${this.#sandboxUrl}/admin/receivers/${receiver}/behaviour`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(behaviour),
    });
    if (!response.ok) throw new Error(`the sandbox answered ${response.status} to a behaviour`);
  }
}
