/** Sends prepared HTTP requests over keep-alive connections, in a closed loop or at an even pace, and notes how long each took. */
import { connect, type Socket } from 'node:net';

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** At most; the load ends when they are used up. */
  readonly requests: readonly Buffer[];
  readonly durationMs: number;
  /** Requests a second, evenly; as fast as answers come when null. A late send counts from when it was due. */
  readonly perSecond: number | null;
}

export interface LoadResult {
  readonly sent: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Indices of the requests that were answered 2xx or 3xx, in the order of the answers. */
  readonly accepted: readonly number[];
  readonly elapsedMs: number;
  /** Sorted, milliseconds. */
  readonly latenciesMs: readonly number[];
}

const TICK_MS = 1;
/** A server that stops answering ends the load. */
const ANSWER_BOUND_MS = 30_000;

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const load = new Load(options);
  return load.run();
}

/** One connection with at most one request under way; parses just as much HTTP as our servers speak. */
class Connection {
  #socket: Socket | undefined;
  #received = '';
  #onAnswer: ((status: number) => void) | undefined;

  async open(port: number, onLost: (error: Error) => void): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.setEncoding('latin1');
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.on('data', (text: string) => this.#read(text));
      socket.on('close', () => onLost(new Error('the server closed a connection')));
      this.#socket = socket;
    });
  }

  ask(request: Buffer, onAnswer: (status: number) => void): void {
    this.#onAnswer = onAnswer;
    this.#socket?.write(request);
  }

  close(): void {
    this.#socket?.removeAllListeners('close').destroy();
  }

  #read(text: string): void {
    this.#received += text;
    const head = this.#received.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < head + 4 + length) return;
    const status = Number(this.#received.slice(9, 12));
    this.#received = this.#received.slice(head + 4 + length);
    this.#onAnswer?.(status);
  }
}

class Load {
  readonly #options: LoadOptions;
  readonly #idle: Connection[] = [];
  readonly #statuses: Record<string, number> = {};
  readonly #accepted: number[] = [];
  readonly #latenciesMs: number[] = [];
  #startedAt = 0;
  #next = 0;
  #underWay = 0;
  #finish: (() => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  async run(): Promise<LoadResult> {
    const { connections, port, perSecond } = this.#options;
    const done = new Promise<void>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    done.catch(() => undefined);
    const all = Array.from({ length: connections }, () => new Connection());
    await Promise.all(all.map((connection) => connection.open(port, (error) => this.#fail?.(error))));
    const bound = setTimeout(
      () => this.#fail?.(new Error('the server stopped answering')),
      this.#options.durationMs + ANSWER_BOUND_MS,
    );
    this.#idle.push(...all);
    this.#startedAt = performance.now();
    const pace = perSecond === null ? undefined : setInterval(() => this.#sendDue(perSecond), TICK_MS);
    if (perSecond === null) for (const connection of this.#idle.splice(0)) this.#sendNext(connection);
    try {
      await done;
    } finally {
      clearInterval(pace);
      clearTimeout(bound);
      for (const connection of all) connection.close();
    }
    return {
      sent: this.#next,
      statuses: this.#statuses,
      accepted: this.#accepted,
      elapsedMs: performance.now() - this.#startedAt,
      latenciesMs: this.#latenciesMs.sort((a, b) => a - b),
    };
  }

  get #isOver(): boolean {
    const { durationMs, requests } = this.#options;
    return performance.now() - this.#startedAt >= durationMs || this.#next >= requests.length;
  }

  #sendDue(perSecond: number): void {
    const dueByNow = Math.floor(((performance.now() - this.#startedAt) / 1_000) * perSecond);
    while (this.#next < dueByNow && this.#idle.length > 0 && !this.#isOver) {
      // The one that has rested longest: one that is never used would be cut as a slow client.
      const connection = this.#idle.shift();
      const dueAt = this.#startedAt + ((this.#next + 1) / perSecond) * 1_000;
      if (connection) this.#send(connection, dueAt);
    }
    if (this.#isOver && this.#underWay === 0) this.#finish?.();
  }

  #sendNext(connection: Connection): void {
    if (!this.#isOver) this.#send(connection, performance.now());
    else if (this.#underWay === 0) this.#finish?.();
  }

  #send(connection: Connection, dueAt: number): void {
    const index = this.#next++;
    const request = this.#options.requests[index];
    if (request === undefined) return;
    this.#underWay += 1;
    connection.ask(request, (status) => {
      this.#latenciesMs.push(performance.now() - dueAt);
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
      if (status < 400) this.#accepted.push(index);
      this.#underWay -= 1;
      if (this.#options.perSecond === null) this.#sendNext(connection);
      else this.#idle.push(connection);
    });
  }
}
