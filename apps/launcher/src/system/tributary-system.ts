/** The whole pipeline on one machine: engines, schemas, topics, tables, then the services, in the order of a deploy. */
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CLICKHOUSE_SERVICE_USER,
  type EmbeddedClickhouse,
  type EmbeddedEngine,
  type EmbeddedKafka,
  type EngineName,
  startEmbeddedClickhouse,
  startEmbeddedKafka,
} from '@tributary/engines';
import { ClickhouseConnection } from '@tributary/store';
import type { Addresses } from './addresses.ts';
import { readKeys } from './home.ts';
import { runMigrate } from './migrate.ts';
import { SupervisedService } from './supervised-service.ts';

export interface SystemOptions {
  readonly home: string;
  readonly addresses: Addresses;
  readonly onProgress: (message: string) => void;
  /** Settings every service gets beside those the system makes. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Services that are not started, for a scenario that needs none of their work; none when absent. */
  readonly without?: readonly ServiceName[];
}

export const SERVICE_NAMES = [
  'schema-registry',
  'sandbox',
  'console',
  'ingestion',
  'attribution',
  'fan-out',
] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** The setting that tells each service its port. */
const PORT_SETTINGS: Readonly<Record<ServiceName, string>> = {
  'schema-registry': 'SCHEMA_REGISTRY_PORT',
  sandbox: 'SANDBOX_PORT',
  console: 'CONSOLE_PORT',
  ingestion: 'INGESTION_PORT',
  attribution: 'ATTRIBUTION_PORT',
  'fan-out': 'FAN_OUT_PORT',
};

const DATABASE = process.env['CLICKHOUSE_DATABASE'] || 'tributary';
/** The embedded server listens on this machine alone; a shared one has passwords of its own. */
const STANDARD_PASSWORD = 'tributary';
const ANALYST_PASSWORD = 'analyst';

export class TributarySystem {
  readonly #options: SystemOptions;
  readonly #services = new Map<ServiceName, SupervisedService>();
  readonly #instances: SupervisedService[] = [];
  readonly #restarts = new Map<EngineName, Promise<void>>();
  /** Engines that were crashed for a while: until then they are not started again. */
  readonly #outages = new Map<EngineName, Promise<void>>();
  #kafka: EmbeddedKafka | undefined;
  #clickhouse: EmbeddedClickhouse | undefined;
  #isStopping = false;

  constructor(options: SystemOptions) {
    this.#options = options;
  }

  get brokers(): string {
    const { ownKafka, ports } = this.#options.addresses;
    return ownKafka ?? `127.0.0.1:${ports.kafka}`;
  }

  get clickhouseUrl(): string {
    const { ownClickhouse, ports } = this.#options.addresses;
    return ownClickhouse ?? `http://127.0.0.1:${ports.clickhouseHttp}`;
  }

  get schemaRegistryUrl(): string {
    const { ownSchemaRegistry, ports } = this.#options.addresses;
    return ownSchemaRegistry ?? `http://127.0.0.1:${ports.schemaRegistry}`;
  }

  get consoleApiKey(): string {
    return readKeys(this.#options.home).consoleApiKey;
  }

  /** Address of a service on this machine. */
  urlOf(name: 'ingestion' | 'console' | 'sandbox'): string {
    return `http://127.0.0.1:${this.#options.addresses.ports[name]}`;
  }

  /** A connection to read the tables with; the caller closes it. */
  connectClickhouse(database = DATABASE): ClickhouseConnection {
    return new ClickhouseConnection({
      url: this.clickhouseUrl,
      user: process.env['CLICKHOUSE_USER'] || CLICKHOUSE_SERVICE_USER,
      password: clickhousePassword(),
      database,
    });
  }

  /** Starts everything. @throws Error for a person; what was started is stopped by {@link stop}. */
  async start(): Promise<void> {
    const { addresses, onProgress } = this.#options;
    // Schemas before ClickHouse: a Kafka table that finds no registry sets good records aside.
    const registry =
      addresses.ownSchemaRegistry === null ? this.#startServices(['schema-registry']) : Promise.resolve();
    await Promise.all([this.#startKafka(), registry.then(() => this.#startClickhouse())]);
    await runMigrate(this.#environment(), onProgress);
    onProgress('Starting the services');
    const { without = [] } = this.#options;
    const names = ['sandbox', 'console', 'ingestion', 'attribution', 'fan-out'] as const;
    await this.#startServices(names.filter((name) => !without.includes(name)));
  }

  service(name: ServiceName): SupervisedService {
    const service = this.#services.get(name);
    if (service === undefined) throw new Error(`${name} was not started`);
    return service;
  }

  /** Starts one more instance of a service beside the first; it stops with the system. */
  async addInstance(name: 'ingestion' | 'attribution' | 'fan-out', port: number): Promise<SupervisedService> {
    const instance = this.#supervise(name, port, `${name}-${port}`);
    this.#instances.push(instance);
    instance.start();
    await instance.ready();
    return instance;
  }

  /** SIGKILL to an embedded engine, started again after `awayMs`; resolves when the same engine runs again on its data. */
  async crash(name: EngineName, awayMs = 0): Promise<void> {
    const engine = this.#engine(name);
    this.#outages.set(name, delay(awayMs));
    engine.kill();
    await engine.exited;
    await this.#restarts.get(name);
  }

  /** Process of an embedded engine. */
  enginePid(name: EngineName): number {
    return this.#engine(name).pid;
  }

  #engine(name: EngineName): EmbeddedKafka | EmbeddedClickhouse {
    const engine = name === 'kafka' ? this.#kafka : this.#clickhouse;
    if (engine === undefined) throw new Error(`${name} is not embedded here`);
    return engine;
  }

  /** Drains in the direction of the data, so that what was accepted is worked off; engines last. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const name of ['ingestion', 'console', 'attribution', 'fan-out', 'sandbox'] as const) {
      await this.#services.get(name)?.stop();
      await Promise.all(this.#instances.filter((each) => each.name === name).map((each) => each.stop()));
    }
    await this.#clickhouse?.stop();
    await this.#services.get('schema-registry')?.stop();
    await this.#kafka?.stop();
  }

  async #startKafka(): Promise<void> {
    const { home, addresses, onProgress } = this.#options;
    if (addresses.ownKafka !== null) return;
    const { kafka: port, kafkaController: controllerPort } = addresses.ports;
    const jarsDirectory = process.env['KAFKA_JARS'];
    this.#kafka = await startEmbeddedKafka({
      home,
      port,
      controllerPort,
      onProgress,
      ...(jarsDirectory && { jarsDirectory }),
    });
    this.#watch(this.#kafka, () => this.#startKafka());
  }

  async #startClickhouse(): Promise<void> {
    const { home, addresses, onProgress } = this.#options;
    if (addresses.ownClickhouse !== null) return;
    const { clickhouseHttp: httpPort, clickhouseTcp: tcpPort } = addresses.ports;
    this.#clickhouse = await startEmbeddedClickhouse({
      home,
      httpPort,
      tcpPort,
      password: clickhousePassword(),
      analystPassword: ANALYST_PASSWORD,
      analystDatabase: DATABASE,
      onProgress,
    });
    this.#watch(this.#clickhouse, () => this.#startClickhouse());
  }

  /** An engine that ends on its own is started again, as an operator would. */
  #watch({ name, exited }: EmbeddedEngine, start: () => Promise<void>): void {
    const { onProgress } = this.#options;
    void exited.then(({ code, signal }) => {
      if (this.#isStopping) return;
      onProgress(`${name} ended (${signal ?? `code ${code}`}), starting it again`);
      const restart = (this.#outages.get(name) ?? Promise.resolve()).then(() =>
        this.#isStopping ? undefined : start(),
      );
      restart.catch((error: Error) => onProgress(error.message));
      this.#restarts.set(name, restart);
    });
  }

  async #startServices(names: readonly ServiceName[]): Promise<void> {
    const services = names.map((name) => {
      const service = this.#supervise(name, this.#portOf(name), name);
      this.#services.set(name, service);
      service.start();
      return service;
    });
    await Promise.all(services.map((service) => service.ready()));
  }

  #supervise(name: ServiceName, port: number, logName: string): SupervisedService {
    const { home, onProgress } = this.#options;
    const logFile = join(home, 'logs', `${logName}.log`);
    return new SupervisedService({
      name,
      port,
      logFile,
      onProgress,
      environment: {
        ...this.#environment(),
        [PORT_SETTINGS[name]]: String(port),
        // Of the instance and not of the system: each has a spool of its own, and remembers what it has seen itself.
        ...(name === 'ingestion' && { INGESTION_STATE: join(home, logName) }),
      },
    });
  }

  #portOf(name: ServiceName): number {
    const { ports } = this.#options.addresses;
    if (name === 'fan-out') return ports.fanOut;
    return name === 'schema-registry' ? ports.schemaRegistry : ports[name];
  }

  #environment(): Record<string, string> {
    const { home, settings = {} } = this.#options;
    const keys = readKeys(home);
    return {
      KAFKA_BROKERS: this.brokers,
      CLICKHOUSE_URL: this.clickhouseUrl,
      CLICKHOUSE_PASSWORD: clickhousePassword(),
      SCHEMA_REGISTRY_URL: this.schemaRegistryUrl,
      SANDBOX_STATE: join(home, 'sandbox'),
      SECRETS_KEYS: keys.secretsKeys,
      CONSOLE_API_KEY: keys.consoleApiKey,
      // Nothing balances load here that would have to notice.
      DRAIN_DELAY_MS: process.env['DRAIN_DELAY_MS'] ?? '0',
      // The demo's receivers are the sandbox on this machine.
      DELIVERY_ALLOW_PRIVATE: process.env['DELIVERY_ALLOW_PRIVATE'] ?? 'true',
      ...settings,
    };
  }
}

function clickhousePassword(): string {
  return process.env['CLICKHOUSE_PASSWORD'] ?? STANDARD_PASSWORD;
}
