/** Where a fault scenario runs: the whole system on its own folder and ports, several lanes, receivers that sometimes fail, and the ledger of each round. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaConnection } from '@tributary/bus';
import { createLogger } from '@tributary/runtime';
import { JARS_DIRECTORY } from '@tributary/testing';
import { applyDemoConfiguration, DEMO } from '../../apps/launcher/src/demo/demo-configuration.ts';
import { Driver } from '../../apps/launcher/src/demo/driver.ts';
import { Journal } from '../../apps/launcher/src/demo/journal.ts';
import type { Ledger, LedgerLine } from '../../apps/launcher/src/ledger/ledger.ts';
import { sabotage } from '../../apps/launcher/src/ledger/sabotage.ts';
import { readLedger } from '../../apps/launcher/src/ledger/settle.ts';
import { TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../free-addresses.ts';
import { GroupProgress } from './group-progress.ts';
import { Traffic } from './traffic.ts';
import { UnsteadyReceivers } from './unsteady-receivers.ts';

export interface FaultBedOptions {
  readonly log: (message: string) => void;
  /** Makes runs repeatable as far as timing allows. */
  readonly seed: number;
}

/** Every lane is one partition of postback.received, so several are needed for several owners to have work. */
const LANES = 12;
/** Longer than any outage here: a click may reach us only when its sender has tried for a while. */
const PARKED_FOR_MS = 120_000;
/** A conversion whose click came in an outage is looked at again at its deadline at the latest. */
const SETTLE_BOUND_MS = 180_000;
const SETTLE_POLL_MS = 1_000;
/**
 * The fast ladder, and then on: receivers that fail for long enough would otherwise meet some delivery four times in a
 * row (measured: 3 of 2,100), which is a dead letter by the rules and nothing that a crash did.
 */
const SCHEDULE_MS = [1_000, 5_000, 30_000, ...Array.from({ length: 10 }, () => 1_000)];
const EVIDENCE = [
  `SELECT * EXCEPT (clickIpCiphertext, ipCiphertext) FROM decisions FINAL
   WHERE conversionId IN (SELECT conversionId FROM conversions FINAL WHERE match != 'attributed')
   ORDER BY conversionId, revision LIMIT 20`,
  `SELECT clickId, kind, clickedAt, receivedAt, recordPartition, recordOffset FROM clicks FINAL
   WHERE toString(clickId) IN (SELECT clickId FROM postbacks WHERE receiptId IN
     (SELECT receiptId FROM conversions FINAL WHERE match != 'attributed')) LIMIT 20`,
  "SELECT * FROM deliveries FINAL WHERE outcome IS NULL OR outcome != 'delivered' LIMIT 20",
];
/** Conversions a second of the steady traffic. */
const PER_SECOND = 12;
const DUE_TOPICS = ['1s', '5s', '30s', '5m', '1h'].map((level) => `delivery.due.${level}.v1`);

export class FaultBed {
  readonly system: TributarySystem;
  readonly kafka: KafkaConnection;
  readonly attribution: GroupProgress;
  readonly fanOut: GroupProgress;
  readonly log: (message: string) => void;
  readonly #home: string;
  readonly #sourceIds: readonly string[];
  readonly #receivers: UnsteadyReceivers;
  readonly #seed: number;
  #rounds = 0;
  /** A round that did not balance: what it left is looked at before it is removed. */
  #isEvidence = false;

  private constructor(system: TributarySystem, home: string, { log, seed }: FaultBedOptions) {
    this.system = system;
    this.log = log;
    this.#home = home;
    this.#seed = seed;
    this.#sourceIds = Array.from({ length: LANES }, (_, n) => `demo-lane-${n + 1}`);
    this.kafka = new KafkaConnection({
      brokers: system.brokers.split(','),
      clientId: 'fault-loop',
      logger: createLogger('fault-loop', 'silent'),
    });
    this.attribution = new GroupProgress(this.kafka, 'attribution', 'postback.received.v1');
    this.fanOut = new GroupProgress(this.kafka, 'fan-out', 'conversion.decided.v1');
    this.#receivers = new UnsteadyReceivers(system.urlOf('sandbox'), seed);
  }

  /** @throws Error for a person; nothing is left running. */
  static async start(options: FaultBedOptions): Promise<FaultBed> {
    process.env['KAFKA_JARS'] ||= JARS_DIRECTORY;
    const home = mkdtempSync(join(tmpdir(), 'tributary-faults-'));
    const addresses = await freeAddresses();
    const system = new TributarySystem({ home, addresses, onProgress: options.log });
    const bed = new FaultBed(system, home, options);
    try {
      await system.start();
      await bed.#configure();
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.system.stop();
    await this.kafka.close();
    if (this.#isEvidence) this.log(`logs and data are kept in ${this.#home}`);
    else rmSync(this.#home, { recursive: true, force: true });
  }

  /** The log files of every instance of a service. */
  logFile(name: string): string {
    return join(this.#home, 'logs', `${name}.log`);
  }

  /**
   * One round: steady traffic while `strike` does its damage, then everything is waited for and held to the ledger.
   * @param damage damages the data after it has settled, so that a test sees the ledger notice.
   */
  async round(
    strike: (traffic: Traffic) => Promise<void>,
    damage: Parameters<typeof sabotage>[0] | null = null,
  ): Promise<Ledger> {
    this.#rounds += 1;
    const journal = new Journal(Date.now(), this.#sourceIds);
    const driver = new Driver({ ingestionUrl: this.system.urlOf('ingestion'), journal });
    const traffic = new Traffic(
      driver,
      journal,
      `${this.#seed.toString(36)}-${journal.startedAt.toString(36)}`,
    );
    await this.#underTraffic(traffic, () => strike(traffic));
    this.log(`${traffic.sent} conversions sent; waiting for all of it to arrive`);
    const ledger = await this.#settled(journal, damage);
    if (damage === null && ledger.difference !== 0) await this.#keepEvidence(ledger);
    return ledger;
  }

  /** Prints what is off, with every revision of the conversions and every delivery that did not end as expected. */
  async #keepEvidence({ lines }: Ledger): Promise<void> {
    this.#isEvidence = true;
    for (const { label, expected, actual, difference } of lines)
      if (difference !== 0) this.log(`  ${label}: ${expected} expected, ${actual} found`);
    const clickhouse = this.system.connectClickhouse();
    for (const query of EVIDENCE)
      for (const row of await clickhouse.rows(query)) this.log(JSON.stringify(row));
    await clickhouse.close();
  }

  async #underTraffic(traffic: Traffic, strike: () => Promise<void>): Promise<void> {
    const ending = new AbortController();
    this.#receivers.start();
    const flowing = traffic.steadily(PER_SECOND, ending.signal);
    // Whichever fails first ends the round; the other is still waited for.
    const struck = strike().finally(() => ending.abort());
    const outcomes = await Promise.allSettled([struck, flowing]);
    await this.#receivers.stop();
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #settled(journal: Journal, damage: Parameters<typeof sabotage>[0] | null): Promise<Ledger> {
    const clickhouse = this.system.connectClickhouse();
    const sources = { journal, clickhouse, sandboxUrl: this.system.urlOf('sandbox') };
    const read = async () => {
      const ledger = await readLedger(sources);
      const lines = [...ledger.lines, ...(await this.#ownLines(journal, clickhouse))];
      return { lines, difference: lines.reduce((sum, { difference }) => sum + difference, 0) };
    };
    const deadline = performance.now() + SETTLE_BOUND_MS;
    try {
      for (;;) {
        const isLast = performance.now() > deadline;
        // A side that is being restarted is asked again.
        const ledger = await read().catch((error: unknown) => {
          if (isLast) throw error;
        });
        if (ledger !== undefined && (ledger.difference === 0 || isLast)) {
          if (damage === null) return ledger;
          await sabotage(damage, journal, clickhouse, sources.sandboxUrl);
          return await read();
        }
        await delay(SETTLE_POLL_MS);
      }
    } finally {
      await clickhouse.close();
    }
  }

  /** What the demo's ledger does not ask: dead letters, and whether every consumer is at the end of its topics. */
  async #ownLines(
    journal: Journal,
    clickhouse: ReturnType<TributarySystem['connectClickhouse']>,
  ): Promise<readonly LedgerLine[]> {
    const [dead] = await clickhouse.rows<{ n: string }>(
      'SELECT count() AS n FROM dead_letters FINAL WHERE deadLetteredAt >= fromUnixTimestamp64Milli({since:Int64})',
      { since: journal.startedAt },
    );
    const deadLetters = Number(dead?.n ?? 0);
    const timers = DUE_TOPICS.map((topic) => new GroupProgress(this.kafka, 'fan-out', topic));
    const lags = await Promise.all(
      [this.attribution, this.fanOut, ...timers].map(async (group) => group.uncommitted(await group.ends())),
    );
    const lag = lags.reduce((sum, each) => sum + each, 0);
    return [
      { label: 'dead letters', expected: 0, actual: deadLetters, difference: deadLetters },
      { label: 'uncommitted records', expected: 0, actual: lag, difference: lag },
    ];
  }

  async #configure(): Promise<void> {
    const { system } = this;
    await applyDemoConfiguration(
      system.urlOf('console'),
      system.consoleApiKey,
      system.urlOf('sandbox'),
      PARKED_FOR_MS,
    );
    for (const id of this.#sourceIds) {
      const profile = { defaultCurrency: DEMO.currency };
      const document = { id, advertiserId: DEMO.advertiserId, name: `Shop ${id}`, lane: id, profile };
      await this.#ask('PUT', `sources/${id}`, { document, tokens: [DEMO.token] });
    }
    for (const id of [DEMO.partnerDestinationId, DEMO.metaDestinationId]) {
      const { document } = (await this.#ask('GET', `destinations/${id}`)) as { document: object };
      await this.#ask('PUT', `destinations/${id}`, { document: { ...document, scheduleMs: SCHEDULE_MS } });
    }
  }

  async #ask(method: 'GET' | 'PUT', path: string, body?: object): Promise<unknown> {
    const { system } = this;
    const response = await fetch(`${system.urlOf('console')}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${system.consoleApiKey}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`console refused ${path}: ${await response.text()}`);
    return response.json();
  }
}
