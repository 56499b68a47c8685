/** Where the fault scenarios of fan-out run: engines on a folder and ports of their own, one fan-out process, and receivers on this machine that behave as they are told. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import { createLogger } from '@tributary/runtime';
import { storingGroupsOf } from '@tributary/store';
import { JARS_DIRECTORY } from '@tributary/testing';
import { DUE_TOPICS } from '../../../apps/fan-out/src/timer.ts';
import type { Addresses } from '../../../apps/launcher/src/system/addresses.ts';
import { SupervisedService } from '../../../apps/launcher/src/system/supervised-service.ts';
import { TributarySystem } from '../../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../../free-addresses.ts';
import type { Keeping, Report } from '../../receivers/behaviour.ts';
import {
  type AskedDelivery,
  type ConfiguredReceiver,
  changesOf,
  SECRETS_KEY,
  saleFor,
} from '../../receivers/configured-receivers.ts';
import { DeliveryBook } from '../../receivers/delivery-book.ts';
import { LocalReceivers } from '../../receivers/local-receivers.ts';
import { GroupProgress } from '../group-progress.ts';

export interface FanOutBedOptions {
  readonly log: (message: string) => void;
  readonly seed: number;
  /** What is told of each receiver beside where it listens. */
  readonly receivers: readonly Omit<ConfiguredReceiver, 'index' | 'origin'>[];
  /** Total time of an attempt. */
  readonly deliveryTimeoutMs: number;
}

const DECISIONS = 'conversion.decided.v1';
const ATTEMPTS = 'delivery.attempted.v1';
const GROUP = 'fan-out';
const SEND_AT_ONCE = 2_000;
const PAGE_BYTES = 4_096;
const POLL_MS = 100;
const TELL_EVERY_MS = 15_000;

export class FanOutBed {
  readonly kafka: KafkaConnection;
  readonly system: TributarySystem;
  readonly local: LocalReceivers;
  readonly receivers: readonly ConfiguredReceiver[];
  readonly book = new DeliveryBook();
  /** How far fan-out is with the decisions, and with all that comes again by the timer wheel. */
  readonly decisions: GroupProgress;
  readonly log: (message: string) => void;
  readonly #progress: readonly GroupProgress[];
  readonly #stored: readonly GroupProgress[];
  readonly #home: string;
  readonly #addresses: Addresses;
  readonly #options: FanOutBedOptions;
  readonly #producer: KafkaEventProducer;
  #fanOut: SupervisedService | undefined;
  #sales = 0;
  #isEvidence = false;

  private constructor(
    home: string,
    system: TributarySystem,
    local: LocalReceivers,
    addresses: Addresses,
    options: FanOutBedOptions,
  ) {
    this.system = system;
    this.local = local;
    this.log = options.log;
    this.#home = home;
    this.#addresses = addresses;
    this.#options = options;
    this.receivers = options.receivers.map((told, index) => ({
      ...told,
      index,
      origin: local.origins[index] ?? '',
    }));
    this.kafka = new KafkaConnection({
      brokers: system.brokers.split(','),
      clientId: 'fan-out-faults',
      logger: createLogger('fan-out-faults', 'silent'),
    });
    this.#producer = new KafkaEventProducer({ connection: this.kafka });
    this.decisions = new GroupProgress(this.kafka, GROUP, DECISIONS);
    this.#progress = [
      this.decisions,
      ...DUE_TOPICS.map((topic) => new GroupProgress(this.kafka, GROUP, topic)),
    ];
    this.#stored = [DECISIONS, ATTEMPTS].flatMap((topic) =>
      storingGroupsOf('tributary', topic).map((group) => new GroupProgress(this.kafka, group, topic)),
    );
  }

  /** With fan-out running. @throws Error for a person; nothing is left running. */
  static async start(options: FanOutBedOptions): Promise<FanOutBed> {
    process.env['KAFKA_JARS'] ||= JARS_DIRECTORY;
    const home = mkdtempSync(join(tmpdir(), 'tributary-fan-out-'));
    const addresses = await freeAddresses();
    const system = new TributarySystem({
      home,
      addresses,
      onProgress: options.log,
      without: ['sandbox', 'console', 'ingestion', 'attribution', 'fan-out'],
    });
    const local = await LocalReceivers.start(options.receivers.length, options.seed);
    const bed = new FanOutBed(home, system, local, addresses, options);
    try {
      await system.start();
      for (const change of bed.receivers.flatMap((receiver) => changesOf(receiver)))
        await bed.#producer.produce([outgoing('configuration.changed.v1', change.entityId, change)]);
      await bed.startFanOut();
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.stopFanOut();
    await this.#producer.close();
    await this.system.stop();
    await this.kafka.close();
    await this.local.stop();
    if (this.#isEvidence) this.log(`logs and data are kept in ${this.#home}`);
    else rmSync(this.#home, { recursive: true, force: true });
  }

  /** Something is off: what the run leaves is looked at before it is removed. */
  keepEvidence(): void {
    this.#isEvidence = true;
  }

  get fanOut(): SupervisedService {
    if (this.#fanOut === undefined) throw new Error('fan-out does not run');
    return this.#fanOut;
  }

  /** A fresh process. */
  async startFanOut(): Promise<void> {
    const port = this.#addresses.ports.fanOut;
    this.#fanOut = new SupervisedService({
      name: 'fan-out',
      port,
      logFile: join(this.#home, 'logs', 'fan-out.log'),
      onProgress: () => undefined,
      environment: {
        KAFKA_BROKERS: this.system.brokers,
        CLICKHOUSE_URL: this.system.clickhouseUrl,
        SCHEMA_REGISTRY_URL: this.system.schemaRegistryUrl,
        FAN_OUT_PORT: String(port),
        SECRETS_KEYS: SECRETS_KEY,
        DELIVERY_TIMEOUT_MS: String(this.#options.deliveryTimeoutMs),
        DELIVERY_ALLOWED_NETWORKS: '127.0.0.0/8',
        DRAIN_DELAY_MS: '0',
        LOG_LEVEL: 'warn',
      },
    });
    this.#fanOut.start();
    await this.#fanOut.ready();
  }

  async stopFanOut(): Promise<void> {
    await this.#fanOut?.stop();
    this.#fanOut = undefined;
  }

  /** Resident memory of fan-out, bytes. @throws Error while it does not run. */
  memory(): number {
    return Number(readFileSync(`/proc/${this.fanOut.pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  }

  /** A sale of now that one receiver is to be told. */
  sale(receiver: ConfiguredReceiver): AskedDelivery {
    return saleFor(receiver, `fault-${this.#sales++}`, Date.now());
  }

  async send(asked: readonly AskedDelivery[]): Promise<void> {
    for (const each of asked) this.book.ask(each);
    for (let start = 0; start < asked.length; start += SEND_AT_ONCE)
      await this.#producer.produce(asked.slice(start, start + SEND_AT_ONCE).map(({ record }) => record));
  }

  /** The receivers count anew; what came so far is in the book. */
  async read(keeping?: Keeping): Promise<Report> {
    const report = await this.local.begin(keeping);
    this.book.note(report);
    return report;
  }

  /** Records that fan-out has not committed. @throws DependencyFailure */
  uncommitted(): Promise<number> {
    return sumOf(this.#progress);
  }

  /** Decisions that fan-out has not met yet, or not committed. @throws DependencyFailure */
  unmet(): Promise<number> {
    return sumOf(this.#progress.filter(({ topic }) => topic === 'conversion.decided.v1'));
  }

  /** Records that ClickHouse has not stored. @throws DependencyFailure */
  unstored(): Promise<number> {
    return sumOf(this.#stored);
  }

  /** Waits until fan-out has nothing to do and ClickHouse shows all of it. @throws Error after `boundMs`. */
  async workedOff(boundMs: number): Promise<void> {
    const deadline = performance.now() + boundMs;
    let toldAt = performance.now();
    for (;;) {
      const left = await leftIn([...this.#progress, ...this.#stored]);
      if (left.length === 0) return;
      if (performance.now() > deadline) throw new Error(`still not worked off: ${left.join(', ')}`);
      if (performance.now() - toldAt > TELL_EVERY_MS) {
        toldAt = performance.now();
        this.log(`waiting for ${left.join(', ')}`);
      }
      await delay(POLL_MS);
    }
  }

  /** Has the group read everything again, of the decisions and of the timer wheel. While no fan-out runs. */
  async rewind(): Promise<void> {
    const admin = this.kafka.kafka.admin();
    await admin.connect();
    try {
      for (const { groupId, topic } of this.#progress)
        await admin.resetOffsets({ groupId, topic, earliest: true });
    } finally {
      await admin.disconnect();
    }
  }
}

/** What each has not committed, for a person; those that have nothing left are left out. */
async function leftIn(progress: readonly GroupProgress[]): Promise<readonly string[]> {
  const counts = await Promise.all(progress.map(async (each) => each.uncommitted(await each.ends())));
  return progress.flatMap(({ groupId, topic }, index) =>
    counts[index] === 0 ? [] : [`${counts[index]} records of ${topic} by ${groupId}`],
  );
}

async function sumOf(progress: readonly GroupProgress[]): Promise<number> {
  const counts = await Promise.all(progress.map(async (each) => each.uncommitted(await each.ends())));
  return counts.reduce((sum, count) => sum + count, 0);
}
