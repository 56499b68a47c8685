/** What the ingestion benchmark runs against: an embedded Kafka, one ingestion process with its configuration, and the ceiling. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureTopics, KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import { type EmbeddedKafka, findFreePorts, startEmbeddedKafka } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { JARS_DIRECTORY } from '@tributary/testing';
import { benchChanges } from './bench-configuration.ts';
import { cpuSecondsOf } from './cpu-seconds.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const CEILING = join(import.meta.dirname, 'ceilings/ingestion-ceiling.mjs');
const READY_BOUND_MS = 30_000;
const END_BOUND_MS = 15_000;
const PAGE_BYTES = 4_096;

/** A server under test. */
export interface Server {
  readonly port: number;
  /** User and system time so far, seconds. */
  cpuSeconds(): number;
  /** Resident memory, bytes. */
  memory(): number;
}

export class BenchSystem {
  readonly connection: KafkaConnection;
  readonly #home: string;
  readonly #kafka: EmbeddedKafka;
  readonly #children: ChildProcess[] = [];

  private constructor(home: string, kafka: EmbeddedKafka) {
    this.#home = home;
    this.#kafka = kafka;
    this.connection = new KafkaConnection({
      brokers: [...kafka.brokers],
      clientId: 'bench',
      logger: createLogger('bench', 'silent'),
    });
  }

  static async start(): Promise<BenchSystem> {
    const home = mkdtempSync(join(tmpdir(), 'tributary-bench-'));
    const [port = 0, controllerPort = 0] = await findFreePorts(2);
    const kafka = await startEmbeddedKafka({ home, port, controllerPort, jarsDirectory: JARS_DIRECTORY });
    const system = new BenchSystem(home, kafka);
    await ensureTopics(system.connection, 1);
    return system;
  }

  /**
   * One ingestion process, ready, with the sources and the campaign of the benchmark.
   * @param profileTo directory for a CPU profile of the process, written when it ends.
   */
  async startIngestion(profileTo: string | null): Promise<Server> {
    const secretsKey = Buffer.alloc(32, 7).toString('base64');
    await this.#configure(secretsKey);
    const [port = 0] = await findFreePorts(1);
    const profile = profileTo === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
    const program = join(REPOSITORY, 'apps/ingestion/dist/main.js');
    const child = this.#spawn([...profile, '--enable-source-maps', program], {
      INGESTION_PORT: String(port),
      INGESTION_STATE: join(this.#home, 'ingestion'),
      SECRETS_KEYS: secretsKey,
      LOG_LEVEL: 'error',
    });
    const isReady = async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
    await untilReady('ingestion', isReady);
    return serverOf(child, port);
  }

  /** The bare server that all figures are compared with. */
  async startCeiling(): Promise<Server> {
    const [port = 0] = await findFreePorts(1);
    const child = this.#spawn([CEILING], { PORT: String(port), TOPIC: 'bench-ceiling' });
    const isReady = async () => (await fetch(`http://127.0.0.1:${port}/?click_id=ready`)).ok;
    await untilReady('the ceiling', isReady);
    return serverOf(child, port);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map(ended));
    await this.connection.close();
    await this.#kafka.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #configure(secretsKey: string): Promise<void> {
    const producer = new KafkaEventProducer({ connection: this.connection });
    for (const [entityType, document, secrets] of benchChanges(secretsKey))
      await producer.produce([
        outgoing('configuration.changed.v1', document.id, aChange(entityType, document, { secrets })),
      ]);
    await producer.close();
  }

  #spawn(args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
    const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', ...args], {
      cwd: REPOSITORY,
      env: { ...process.env, KAFKA_BROKERS: this.#kafka.brokers.join(','), ...environment },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#children.push(child);
    return child;
  }
}

/** By SIGTERM first: a profile is written by a process that may end itself. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([exited, delay(END_BOUND_MS, undefined, { ref: false })]);
  child.kill('SIGKILL');
}

async function untilReady(name: string, isReady: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_BOUND_MS;
  while (!(await isReady().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${name} did not start`);
    await delay(50);
  }
}

function serverOf(child: ChildProcess, port: number): Server {
  return {
    port,
    cpuSeconds: () => cpuSecondsOf(child.pid),
    memory: () => Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES,
  };
}
