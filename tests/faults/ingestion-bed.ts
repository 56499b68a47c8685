/** Where the fault scenarios of ingestion run: engines, console and ingestion on a folder and ports of their own, and nothing that reads what comes but ClickHouse. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { KafkaConnection } from '@tributary/bus';
import { createLogger } from '@tributary/runtime';
import { eventually, JARS_DIRECTORY } from '@tributary/testing';
import { applyDemoConfiguration, DEMO } from '../../apps/launcher/src/demo/demo-configuration.ts';
import { TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../free-addresses.ts';
import { type Check, checkAcknowledged } from './scenarios/acknowledged-check.ts';
import { AcknowledgedLoad } from './scenarios/acknowledged-load.ts';

export interface IngestionBedOptions {
  readonly log: (message: string) => void;
}

export interface Pace {
  readonly postbacksPerSecond: number;
  readonly redirectsPerSecond: number;
}

const CONFIGURED_BOUND_MS = 30_000;
const EMPTY_BOUND_MS = 180_000;

export class IngestionBed {
  readonly system: TributarySystem;
  readonly kafka: KafkaConnection;
  readonly log: (message: string) => void;
  readonly #home: string;

  private constructor(system: TributarySystem, home: string, log: (message: string) => void) {
    this.system = system;
    this.log = log;
    this.#home = home;
    this.kafka = new KafkaConnection({
      brokers: system.brokers.split(','),
      clientId: 'ingestion-faults',
      logger: createLogger('ingestion-faults', 'silent'),
    });
  }

  /** @throws Error for a person; nothing is left running. */
  static async start({ log }: IngestionBedOptions): Promise<IngestionBed> {
    process.env['KAFKA_JARS'] ||= JARS_DIRECTORY;
    const home = mkdtempSync(join(tmpdir(), 'tributary-ingestion-'));
    const system = new TributarySystem({
      home,
      addresses: await freeAddresses(),
      onProgress: log,
      settings: { LOG_LEVEL: 'warn' },
      without: ['attribution', 'fan-out', 'sandbox'],
    });
    const bed = new IngestionBed(system, home, log);
    try {
      await system.start();
      await applyDemoConfiguration(system.urlOf('console'), system.consoleApiKey, system.urlOf('sandbox'));
      await eventually(
        async () => (await fetch(`${bed.#ingestionUrl}/c/${DEMO.campaignId}`, { redirect: 'manual' })).status,
        (status) => status === 302,
        CONFIGURED_BOUND_MS,
      );
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.system.stop();
    await this.kafka.close();
    rmSync(this.#home, { recursive: true, force: true });
  }

  load(pace: Pace): AcknowledgedLoad {
    const { campaignId, sourceId, token } = DEMO;
    const run = Date.now().toString(36);
    return new AcknowledgedLoad({
      ...pace,
      run,
      campaignId,
      sourceId,
      token,
      ingestionUrl: this.#ingestionUrl,
    });
  }

  /** A metric of ingestion, summed over its labels; null while it does not answer. */
  async metric(name: string): Promise<number | null> {
    const signal = AbortSignal.timeout(5_000);
    const text = await fetch(`${this.#ingestionUrl}/metrics`, { signal })
      .then((response) => response.text())
      .catch(() => null);
    if (text === null) return null;
    const lines = text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Waits until the spool is drained. @returns after how many ms. @throws Error when it is not in time. */
  async spoolEmpty(): Promise<number> {
    const startedAt = performance.now();
    const records = await eventually(
      () => this.metric('tributary_spool_records'),
      (count) => count === 0,
      EMPTY_BOUND_MS,
    );
    if (records !== 0) throw new Error(`the spool still has ${records} records`);
    return Math.round(performance.now() - startedAt);
  }

  async check(load: AcknowledgedLoad): Promise<Check> {
    const clickhouse = this.system.connectClickhouse();
    try {
      return await checkAcknowledged(load, this.kafka, clickhouse);
    } finally {
      await clickhouse.close();
    }
  }

  get #ingestionUrl(): string {
    return this.system.urlOf('ingestion');
  }
}
