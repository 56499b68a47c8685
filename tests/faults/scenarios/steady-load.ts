/** A steady flow of clicks and postbacks into ingestion, with a list of what was accepted. */
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { mintClickId } from '../../../apps/launcher/src/demo/sample.ts';

export interface LoadOptions {
  readonly ingestionUrl: string;
  readonly campaignId: string;
  readonly sourceId: string;
  readonly token: string;
  readonly eventsPerSecond: number;
}

const TICK_MS = 50;
/** Of all events; postbacks travel in one batch per tick. */
const SHARE_OF_POSTBACKS = 0.2;
const CONNECTIONS = 64;

interface Reply {
  readonly status: number;
  readonly text: string;
}

export class SteadyLoad {
  readonly accepted = { clickIds: new Set<string>(), receiptIds: new Set<string>() };
  readonly sentClickIds = new Set<string>();
  /** Events whose answer was lost or was no acceptance: they may be there or not. */
  ambiguous = 0;
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #unused: string[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  #isFlowing = true;
  #postbacks = 0;
  readonly #ended: Promise<void>;
  readonly #startedAt = performance.now();
  #endedAt: number | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#ended = this.#flow();
  }

  get total(): number {
    return this.accepted.clickIds.size + this.accepted.receiptIds.size;
  }

  get wantedRate(): number {
    return this.#options.eventsPerSecond;
  }

  /** Accepted events per second while it flowed. */
  get rate(): number {
    return Math.round((this.total * 1_000) / ((this.#endedAt ?? performance.now()) - this.#startedAt));
  }

  /** Resolves when everything sent has been answered. */
  async stop(): Promise<void> {
    this.#isFlowing = false;
    await this.#ended;
    await Promise.all(this.#inFlight);
    this.#endedAt = performance.now();
    this.#agent.destroy();
  }

  async #flow(): Promise<void> {
    const { eventsPerSecond } = this.#options;
    let sent = 0;
    while (this.#isFlowing) {
      const wanted = ((performance.now() - this.#startedAt) * eventsPerSecond) / 1_000 - sent;
      // What cannot be sent in time is left out: the load stays what was asked for and never becomes a burst.
      const count = Math.min(
        Math.max(0, Math.floor(wanted)),
        Math.ceil((eventsPerSecond * TICK_MS * 4) / 1_000),
      );
      sent += wanted > count * 4 ? Math.floor(wanted) : count;
      const postbacks = Math.round(count * SHARE_OF_POSTBACKS);
      for (let n = 0; n < count - postbacks; n++) this.#track(this.#click(), 1);
      if (postbacks > 0) this.#track(this.#batch(postbacks), postbacks);
      await delay(TICK_MS);
    }
  }

  #track(sending: Promise<void>, events: number): void {
    const tracked = sending
      .catch(() => {
        this.ambiguous += events;
      })
      .finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }

  async #click(): Promise<void> {
    const clickId = mintClickId(new Date());
    this.sentClickIds.add(clickId);
    const body = { campaign: this.#options.campaignId, click_id: clickId };
    const { status } = await this.#post('/v1/clicks', body);
    if (status !== 200) throw new Error(`a click was answered ${status}`);
    this.accepted.clickIds.add(clickId);
    this.#unused.push(clickId);
  }

  async #batch(count: number): Promise<void> {
    const { sourceId, token } = this.#options;
    const rows = Array.from({ length: count }, () => ({
      token,
      event_type: 'sale',
      transaction_id: `t-${this.#postbacks++}`,
      revenue: '10.00',
      click_id: this.#unused.shift() ?? mintClickId(new Date()),
    }));
    const { status, text } = await this.#post(`/v1/postbacks?source=${sourceId}`, rows);
    const answer = JSON.parse(text) as { rows?: Receipt[] } & Receipt;
    for (const { receiptId } of answer.rows ?? [answer]) {
      if (receiptId === undefined)
        throw new Error(`a postback was answered ${status}: ${text.slice(0, 200)}`);
      this.accepted.receiptIds.add(receiptId);
    }
  }

  #post(path: string, body: unknown): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const url = `${this.#options.ingestionUrl}${path}`;
      const headers = { 'content-type': 'application/json' };
      const outgoing = request(
        url,
        { method: 'POST', agent: this.#agent, timeout: 30_000, headers },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
          response.once('error', reject);
        },
      );
      outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')));
      outgoing.once('error', reject);
      outgoing.end(JSON.stringify(body));
    });
  }
}

interface Receipt {
  readonly receiptId?: string;
}
