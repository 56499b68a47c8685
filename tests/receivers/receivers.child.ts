/** Receivers as a process of their own: each a bare server on a port of its own that takes deliveries, keeps their ids, and behaves as it is told. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { randomFrom } from '../faults/random.ts';
import {
  type Answers,
  type Behaviour,
  type Counts,
  type Keeping,
  type KeptRequest,
  type OrderName,
  type Orders,
  type Question,
  type Reception,
  WELL,
} from './behaviour.ts';

const KEEP_ALIVE_MS = 60_000;
const OK = Buffer.from('OK');
const OK_HEAD = { 'content-type': 'text/plain', 'content-length': OK.length };
/** Meta's events say their id in the body, what has no body says it in a header. */
const EVENT_ID = /"event_id":"([^"]+)"/g;
const SENDERS_OWN: readonly string[] = ['host', 'connection', 'content-length', 'transfer-encoding'];

let kept: KeptRequest[] = [];
let keeping: Keeping = { requests: 0, arrivals: false };
let random = randomFrom(1);

class Receiver {
  readonly #index: number;
  readonly #server: Server;
  behaviour: Behaviour = WELL;
  /** Requests that get no answer while it behaves as it does. */
  readonly #unanswered = new Set<ServerResponse>();
  #open = 0;
  #requests = 0;
  #taken = 0;
  #bodyBytes = 0;
  #lost = 0;
  #takes = new Map<string, number>();
  #arrivals = new Map<string, number>();
  #refused = new Set<string>();
  #seconds = new Map<number, { requests: number; mostAtOnce: number }>();

  constructor(index: number) {
    this.#index = index;
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) =>
      this.#receive(request, response),
    );
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  begin(): void {
    this.#requests = 0;
    this.#taken = 0;
    this.#bodyBytes = 0;
    this.#lost = 0;
    this.#takes = new Map();
    this.#arrivals = new Map();
    this.#refused = new Set();
    this.#seconds = new Map();
  }

  /** Whoever still waits for an answer of before is cut. */
  behave(behaviour: Behaviour): void {
    this.behaviour = behaviour;
    for (const response of this.#unanswered) response.destroy();
    this.#unanswered.clear();
  }

  get counts(): Counts {
    return {
      requests: this.#requests,
      taken: this.#taken,
      bodyBytes: this.#bodyBytes,
      open: this.#open,
      lost: this.#lost,
    };
  }

  get reception(): Reception {
    return {
      requests: this.#requests,
      takes: this.#takes,
      arrivals: this.#arrivals,
      refused: this.#refused,
      seconds: this.#seconds,
    };
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    this.#requests += 1;
    this.#open += 1;
    response.once('close', () => {
      this.#open -= 1;
      this.#unanswered.delete(response);
    });
    this.#noteSecond();
    if (request.method === 'GET') {
      this.#answer(request, response, null);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A sender that dies in the middle has sent nothing.
    request.on('error', () => undefined);
    request.on('end', () => this.#answer(request, response, Buffer.concat(chunks)));
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
    const { answerAfterMs, failing, losing, refusing } = this.behaviour;
    if (answerAfterMs === null) {
      this.#unanswered.add(response);
      return;
    }
    const text = body?.toString('utf8') ?? null;
    const ids = idsOf(request, text);
    const isFailing = failing > 0 && random() < failing;
    const isRefused = refusing > 0 && ids.every((id) => shareOf(id) < refusing);
    const isLost = losing > 0 && random() < losing;
    if (isFailing) reply(response, 503, 'away', answerAfterMs);
    else if (isRefused) {
      for (const id of ids) this.#refused.add(id);
      reply(response, 400, 'refused', answerAfterMs);
    } else {
      this.#take(ids, body?.length ?? 0);
      this.#keep(request, text, ids.length);
      if (isLost) {
        this.#lost += 1;
        setTimeout(() => response.destroy(), answerAfterMs);
      } else accept(request, response, ids.length, answerAfterMs);
    }
  }

  #take(ids: readonly string[], bodyBytes: number): void {
    this.#bodyBytes += bodyBytes;
    this.#taken += ids.length;
    const now = keeping.arrivals ? performance.timeOrigin + performance.now() : 0;
    for (const id of ids) {
      const times = this.#takes.get(id) ?? 0;
      this.#takes.set(id, times + 1);
      if (keeping.arrivals && times === 0) this.#arrivals.set(id, now);
    }
  }

  #keep(request: IncomingMessage, body: string | null, deliveries: number): void {
    if (kept.length >= keeping.requests) return;
    const headers = Object.fromEntries(
      Object.entries(request.headers).flatMap(([name, value]) =>
        SENDERS_OWN.includes(name) ? [] : [[name, String(value)]],
      ),
    );
    const { method = 'GET', url: path = '/' } = request;
    kept.push({ receiver: this.#index, method, path, headers, body, deliveries });
  }

  #noteSecond(): void {
    const second = Math.floor(Date.now() / 1_000);
    const noted = this.#seconds.get(second);
    if (noted === undefined) this.#seconds.set(second, { requests: 1, mostAtOnce: this.#open });
    else {
      noted.requests += 1;
      noted.mostAtOnce = Math.max(noted.mostAtOnce, this.#open);
    }
  }
}

function accept(
  request: IncomingMessage,
  response: ServerResponse,
  deliveries: number,
  afterMs: number,
): void {
  const isMeta = request.method === 'POST' && request.url?.endsWith('/events') === true;
  if (isMeta) reply(response, 200, `{"events_received":${deliveries},"messages":[]}`, afterMs);
  else if (afterMs > 0) reply(response, 200, 'OK', afterMs);
  else response.writeHead(200, OK_HEAD).end(OK);
}

function reply(response: ServerResponse, status: number, text: string, afterMs: number): void {
  const send = () => {
    if (!response.destroyed)
      response.writeHead(status, { 'content-length': Buffer.byteLength(text) }).end(text);
  };
  if (afterMs > 0) setTimeout(send, afterMs);
  else send();
}

function idsOf(request: IncomingMessage, body: string | null): readonly string[] {
  const key = request.headers['idempotency-key'];
  if (typeof key === 'string') return [key];
  return Array.from(body?.matchAll(EVENT_ID) ?? [], ([, id = '']) => id);
}

/** In [0, 1), by the id alone. */
function shareOf(id: string): number {
  return Number.parseInt(id.slice(0, 8), 16) / 2 ** 32;
}

let receivers: readonly Receiver[] = [];

const HANDLERS: { readonly [Name in OrderName]: (order: Orders[Name]) => Promise<Answers[Name]> } = {
  listen: async ({ receivers: count, seed }) => {
    random = randomFrom(seed);
    receivers = Array.from({ length: count }, (_, index) => new Receiver(index));
    return Promise.all(receivers.map((receiver) => receiver.listen()));
  },
  begin: async (order) => {
    keeping = order.keeping;
    const report = { receptions: receivers.map(({ reception }) => reception), kept };
    kept = [];
    for (const receiver of receivers) receiver.begin();
    return report;
  },
  behave: async ({ receivers: chosen, behaviour }) => {
    for (const index of chosen) receivers[index]?.behave(behaviour);
    return null;
  },
  count: async () => {
    const counts = receivers.map((receiver) => receiver.counts);
    const sum = (name: keyof Counts) => counts.reduce((total, each) => total + each[name], 0);
    return {
      requests: sum('requests'),
      taken: sum('taken'),
      bodyBytes: sum('bodyBytes'),
      open: sum('open'),
      lost: sum('lost'),
    };
  },
};

process.on('message', ({ id, order }: Question) => {
  const handle = HANDLERS[order.order] as (order: Question['order']) => Promise<Answers[OrderName]>;
  void handle(order).then((answer) => process.send?.({ id, answer }));
});
// Whoever started it is gone.
process.on('disconnect', () => process.exit(0));
