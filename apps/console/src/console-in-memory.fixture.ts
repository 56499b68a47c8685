/** The console on an in-memory log, over real HTTP on a free port of this machine, for its tests. */
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type ConfigurationLog, InMemoryConfigurationLog } from '@tributary/configuration';
import type { ConfigurationChanged } from '@tributary/contracts';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import type { ConversionEvidence, RecordedChange } from '@tributary/store';
import { composeConsole } from './console.module.ts';
import type { EvidenceReader } from './explain/conversion-evidence.ts';
import { ReplayRunner } from './replay/replay-runner.ts';
import { ReplaysInMemory } from './replay/replays-in-memory.fixture.ts';

export const API_KEY = 'a-key-of-more-than-16-characters';
export const SECRETS_KEYS = Buffer.alloc(32, 7).toString('base64');
/** Where the console's clock stands until a test moves it. */
export const NOW = Date.UTC(2030, 0, 2, 3, 4, 5);
export const ACME = { name: 'Acme', currency: 'EUR' };

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly text: string;
}

export interface View {
  readonly key?: string;
  readonly version: number;
  readonly document: object;
}

/** The in-memory log with the faults of a real one: a rival writer that comes first, a broker that is away. */
class FaultyLog implements ConfigurationLog {
  /** What console has appended. */
  readonly written: ConfigurationChanged[] = [];
  rival: ConfigurationChanged | null = null;
  failure: Error | null = null;
  readonly #log = new InMemoryConfigurationLog();

  follow(onChange: Parameters<ConfigurationLog['follow']>[0]) {
    return this.#log.follow(onChange);
  }

  async append(change: ConfigurationChanged): Promise<number> {
    if (this.failure !== null) throw this.failure;
    if (this.rival !== null) await this.#log.append(this.rival);
    this.written.push(change);
    return this.#log.append(change);
  }
}

/** What the store would have on record, and a store that is away. */
class EvidenceInMemory implements EvidenceReader {
  readonly conversions = new Map<string, ConversionEvidence>();
  changes: readonly RecordedChange[] = [];
  failure: Error | null = null;

  async evidenceOf(conversionId: string): Promise<ConversionEvidence | null> {
    if (this.failure !== null) throw this.failure;
    return this.conversions.get(conversionId) ?? null;
  }

  async changesAt(versions: readonly number[]): Promise<readonly RecordedChange[]> {
    return this.changes.filter(({ version }) => versions.includes(version));
  }
}

export class ConsoleInMemory {
  readonly log: FaultyLog;
  readonly evidence = new EvidenceInMemory();
  readonly replays = new ReplaysInMemory();
  isBrokerUp = true;
  now = NOW;
  /** Every log line, for what must not be in one. */
  readonly lines: string[] = [];
  readonly #secretsKeys: string;
  base = '';
  #app: NestFastifyApplication | undefined;

  /** @param log another console's, whose changes this one then follows too. */
  constructor(secretsKeys = SECRETS_KEYS, log = new FaultyLog()) {
    this.#secretsKeys = secretsKeys;
    this.log = log;
  }

  async start(): Promise<this> {
    const module = composeConsole({
      settings: { CONSOLE_API_KEY: API_KEY, SECRETS_KEYS: this.#secretsKeys },
      logger: createLogger('console', 'trace', { write: (line) => void this.lines.push(line) }),
      clock: { now: () => this.now },
      bus: {
        log: this.log,
        connect: async () => undefined,
        ping: async () => {
          if (!this.isBrokerUp) throw new DependencyFailure('kafka_unavailable', 'away');
        },
        endOffset: async () => 0,
        close: async () => undefined,
      },
      evidence: { reader: this.evidence, close: async () => undefined },
      replays: this.replays,
    });
    this.#app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), {
      logger: false,
      abortOnError: false,
    });
    await this.#app.listen(0, '127.0.0.1');
    this.base = await this.#app.getUrl();
    return this;
  }

  async stop(): Promise<void> {
    await this.#app?.close();
  }

  /** Has the runs of replays carried on, instead of waiting for their time. */
  async replayRounds(count: number): Promise<void> {
    for (let round = 0; round < count; round += 1) await this.#app?.get(ReplayRunner).round();
  }

  /** @param key another API key than the process's own. */
  get(path: string, key = API_KEY): Promise<Answer> {
    return this.call('GET', `/api/v1/${path}`, undefined, { authorization: `Bearer ${key}` });
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.call('PUT', `/api/v1/${path}`, body);
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.call('POST', `/api/v1/${path}`, body);
  }

  remove(path: string): Promise<Answer> {
    return this.call('DELETE', `/api/v1/${path}`);
  }

  /** Writes what must be accepted. */
  async putWell(path: string, body: object): Promise<View> {
    const { status, body: view, text } = await this.put(path, body);
    if (status !== 200) throw new Error(`PUT ${path} was answered ${status}: ${text}`);
    return view as View;
  }

  /** Makes an API key and answers it in clear. */
  async makeKey(id: string, document: object): Promise<string> {
    const { key } = await this.putWell(`api-keys/${id}`, { document: { name: id, ...document } });
    if (key === undefined) throw new Error(`no key was made for ${id}`);
    return key;
  }

  putAcme(): Promise<View> {
    return this.putWell('advertisers/acme', { document: ACME });
  }

  /** A text goes as it is, anything else as JSON. */
  async call(method: string, path: string, body?: unknown, headers: object = {}): Promise<Answer> {
    const response = await fetch(`${this.base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${API_KEY}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text), text };
  }
}

/** Where the problems of a refused document are. */
export function problemPaths({ body }: Answer): readonly string[] {
  return (body as { problems: { path: string }[] }).problems.map(({ path }) => path);
}
