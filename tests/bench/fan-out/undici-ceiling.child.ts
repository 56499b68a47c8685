/** The ceiling of fan-out, as a process of its own: undici alone, sending requests that fan-out has sent, over as many connections, and doing nothing else. */
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent } from 'undici';
import type { KeptRequest } from '../../receivers/behaviour.ts';

export interface CeilingOrder {
  /** By receiver. */
  readonly origins: readonly string[];
  readonly requests: readonly KeptRequest[];
  /** To each receiver. */
  readonly connections: number;
  readonly forMs: number;
  /** Requests a second, evenly; as fast as answers come when null. */
  readonly perSecond: number | null;
}

export interface CeilingResult {
  readonly deliveriesPerSecond: number;
  /** Sorted, ms: until the answer; a late request counts from when it was due. */
  readonly latenciesMs: readonly number[];
}

const TICK_MS = 2;

class Ceiling {
  readonly #order: CeilingOrder;
  readonly #agents = new Map<number, Agent>();
  readonly #latenciesMs: number[] = [];
  #deliveries = 0;

  constructor(order: CeilingOrder) {
    this.#order = order;
  }

  async run(): Promise<CeilingResult> {
    const startedAt = performance.now();
    const endsAt = startedAt + this.#order.forMs;
    if (this.#order.perSecond === null) await this.#flatOut(endsAt);
    else await this.#paced(startedAt, this.#order.perSecond);
    const elapsedMs = performance.now() - startedAt;
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
    return {
      deliveriesPerSecond: (this.#deliveries / elapsedMs) * 1_000,
      latenciesMs: this.#latenciesMs.toSorted((a, b) => a - b),
    };
  }

  async #flatOut(endsAt: number): Promise<void> {
    const { requests, connections } = this.#order;
    const byReceiver = Map.groupBy(requests, ({ receiver }) => receiver);
    const sender = async (own: readonly KeptRequest[], first: number) => {
      for (let next = first; performance.now() < endsAt; next += connections) {
        const request = own[next % own.length];
        if (request !== undefined) await this.#send(request, performance.now());
      }
    };
    await Promise.all(
      [...byReceiver.values()].flatMap((own) =>
        Array.from({ length: connections }, (_, first) => sender(own, first)),
      ),
    );
  }

  async #paced(startedAt: number, perSecond: number): Promise<void> {
    const { requests, forMs } = this.#order;
    const count = (perSecond * forMs) / 1_000;
    const underWay: Promise<void>[] = [];
    for (let sent = 0; sent < count; await delay(TICK_MS)) {
      const due = ((performance.now() - startedAt) / 1_000) * perSecond;
      for (; sent < Math.min(due, count); sent += 1) {
        const request = requests[sent % requests.length];
        if (request !== undefined) underWay.push(this.#send(request, startedAt + (sent / perSecond) * 1_000));
      }
    }
    await Promise.all(underWay);
  }

  async #send(
    { receiver, method, path, headers, body, deliveries }: KeptRequest,
    dueAt: number,
  ): Promise<void> {
    const { origins } = this.#order;
    const origin = origins[receiver] ?? '';
    const response = await this.#agentOf(receiver).request({ origin, path, method, headers, body });
    await response.body.text();
    if (response.statusCode !== 200) throw new Error(`a receiver answered ${response.statusCode}`);
    this.#latenciesMs.push(performance.now() - dueAt);
    this.#deliveries += deliveries;
  }

  #agentOf(receiver: number): Agent {
    const kept = this.#agents.get(receiver);
    if (kept !== undefined) return kept;
    const agent = new Agent({ connections: this.#order.connections });
    this.#agents.set(receiver, agent);
    return agent;
  }
}

process.once('message', (order: CeilingOrder) => {
  void new Ceiling(order).run().then((result) => {
    process.send?.(result, () => process.exit(0));
  });
});
