/** Where the service decides a generated log: engines and ports of its own, one real attribution process, and facts written to the log itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { type EventProducer, KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import type { ConfigurationChanged, TopicName } from '@tributary/contracts';
import { CLICKHOUSE_SERVICE_USER, findFreePorts } from '@tributary/engines';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import { storingGroupsOf } from '@tributary/store';
import { JARS_DIRECTORY } from '@tributary/testing';
import { type Addresses, readAddresses } from '../../apps/launcher/src/system/addresses.ts';
import { TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import { GroupProgress } from '../faults/group-progress.ts';
import { OracleDatabase } from './database.ts';
import type { Recorded } from './generate.ts';

/** What ClickHouse reads of it before anything is compared. */
const STORED = ['click.recorded.v1', 'postback.received.v1', 'conversion.decided.v1'] as const;
/** One send; large ones are split by the producer. */
const SEND_RECORDS = 2_000;
/** A million postbacks, at the pace of a machine that does other work as well. */
const WORKED_OFF_BOUND_MS = 4 * 3_600_000;
const POLL_MS = 500;

export class ServiceBed {
  readonly #home: string;
  readonly #system: TributarySystem;
  readonly #kafka: KafkaConnection;
  readonly #producer: EventProducer & { close(): Promise<void> };
  #configurationVersion = 0;
  #isEvidence = false;

  private constructor(home: string, addresses: Addresses, log: (message: string) => void) {
    this.#home = home;
    this.#system = new TributarySystem({
      home,
      addresses,
      onProgress: log,
      without: ['sandbox', 'console', 'ingestion', 'attribution', 'fan-out'],
      // A line per decision would be gigabytes.
      settings: { LOG_LEVEL: 'warn' },
    });
    this.#kafka = new KafkaConnection({
      brokers: this.#system.brokers.split(','),
      clientId: 'oracle',
      logger: createLogger('oracle', 'silent'),
    });
    this.#producer = new KafkaEventProducer({ connection: this.#kafka });
  }

  /** Engines, topics, tables and the configuration; nobody decides yet. @throws Error for a person; nothing is left running. */
  static async start(
    changes: readonly ConfigurationChanged[],
    log: (message: string) => void,
  ): Promise<ServiceBed> {
    process.env['KAFKA_JARS'] ||= JARS_DIRECTORY;
    const bed = new ServiceBed(mkdtempSync(join(tmpdir(), 'tributary-oracle-')), await freeAddresses(), log);
    try {
      await bed.#system.start();
      await bed.#configure(changes);
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#producer.close();
    await this.#system.stop();
    await this.#kafka.close();
    if (!this.#isEvidence) rmSync(this.#home, { recursive: true, force: true });
  }

  /** Logs and data outlive the bed. @returns the folder. */
  keepEvidence(): string {
    this.#isEvidence = true;
    return this.#home;
  }

  /** One process, which decides from now on. */
  async startAttribution(): Promise<void> {
    const [port = 0] = await findFreePorts(1);
    await this.#system.addInstance('attribution', port);
  }

  /** Writes clicks and postbacks to their topics in the order given. @throws DependencyFailure */
  async tell(records: Iterable<Recorded>): Promise<number> {
    let told = 0;
    let batch: ReturnType<typeof outgoing>[] = [];
    const send = async () => {
      await this.#producer.produce(batch);
      told += batch.length;
      batch = [];
    };
    for (const record of records) if (batch.push(this.#outgoing(record)) >= SEND_RECORDS) await send();
    if (batch.length > 0) await send();
    return told;
  }

  /** Waits until ClickHouse shows everything that was written to a topic. */
  async isStored(...topics: readonly TopicName[]): Promise<void> {
    const groups = topics.flatMap((topic) =>
      storingGroupsOf('tributary', topic).map((group) => new GroupProgress(this.#kafka, group, topic)),
    );
    await workedOff(groups);
  }

  /** Waits until every postback is judged, and ClickHouse shows what was decided. */
  async isDecided(): Promise<void> {
    await workedOff([new GroupProgress(this.#kafka, 'attribution', 'postback.received.v1')]);
    await this.isStored(...STORED);
  }

  /** The tables of the service, with room for the oracle's own; the caller closes it. */
  connectDatabase(): OracleDatabase {
    return new OracleDatabase({
      url: this.#system.clickhouseUrl,
      user: CLICKHOUSE_SERVICE_USER,
      password: process.env['CLICKHOUSE_PASSWORD'] ?? 'tributary',
      database: 'tributary',
    });
  }

  #outgoing(record: Recorded): ReturnType<typeof outgoing> {
    const configurationVersion = this.#configurationVersion;
    if (record.kind === 'click')
      return outgoing('click.recorded.v1', record.click.clickId, { ...record.click, configurationVersion });
    const { postback } = record;
    return outgoing('postback.received.v1', postback.lane, { ...postback, configurationVersion });
  }

  async #configure(changes: readonly ConfigurationChanged[]): Promise<void> {
    for (const change of changes) {
      const [place] = await this.#producer.produce([
        outgoing('configuration.changed.v1', change.entityId, change),
      ]);
      this.#configurationVersion = place?.offset ?? this.#configurationVersion;
    }
  }
}

/** @throws Error when something is left after hours. */
async function workedOff(groups: readonly GroupProgress[]): Promise<void> {
  const deadline = performance.now() + WORKED_OFF_BOUND_MS;
  for (;;) {
    const left = await leftOf(groups);
    if (left === 0) return;
    if (performance.now() > deadline) throw new Error(`${left} records are not worked off`);
    await delay(POLL_MS);
  }
}

/** An engine on a busy machine is away for a moment now and then; not knowing is not being done. */
async function leftOf(groups: readonly GroupProgress[]): Promise<number> {
  try {
    const counts = await Promise.all(groups.map(async (group) => group.uncommitted(await group.ends())));
    return counts.reduce((sum, count) => sum + count, 0);
  } catch (error) {
    if (error instanceof DependencyFailure) return Number.NaN;
    throw error;
  }
}

async function freeAddresses(): Promise<Addresses> {
  const standard = readAddresses(0, {});
  const names = Object.keys(standard.ports);
  const free = await findFreePorts(names.length);
  return {
    ...standard,
    ports: Object.fromEntries(
      names.map((name, place) => [name, free[place]]),
    ) as unknown as Addresses['ports'],
  };
}
