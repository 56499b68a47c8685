/** Where the fault scenarios of attribution run: engines on a folder and ports of their own, real attribution processes, and a load that writes to the log itself. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import { createLogger } from '@tributary/runtime';
import { type ClickhouseConnection, storingGroupsOf } from '@tributary/store';
import { eventually, JARS_DIRECTORY } from '@tributary/testing';
import type { RulesInForce } from '../../../apps/attribution/src/rules-in-force.ts';
import type { Addresses } from '../../../apps/launcher/src/system/addresses.ts';
import { SupervisedService } from '../../../apps/launcher/src/system/supervised-service.ts';
import { TributarySystem } from '../../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../../free-addresses.ts';
import { GroupProgress } from '../group-progress.ts';
import { type ComparedLedger, compared, shownIn } from './attribution-ledger.ts';
import { documents, IMPATIENT_MS } from './configuration.ts';
import { CrashOrders } from './crash-orders.ts';
import { configuredRules, expectedOf, type Standings } from './expected-ledger.ts';
import { StoryLoad } from './story-load.ts';
import { ToldFacts } from './told-facts.ts';

export interface AttributionBedOptions {
  readonly log: (message: string) => void;
  readonly seed: number;
  /** Partners of each offer with a first-come rule: enough for the length of the run. */
  readonly partners: number;
  readonly storiesPerSecond: number;
}

/** Topics that ClickHouse reads and attribution looks at there. */
const STORED = [
  'click.recorded.v1',
  'postback.received.v1',
  'conversion.decided.v1',
  'postback.judged.v1',
] as const;
/** Instances listen this far above Kafka's port. */
const INSTANCES_ABOVE_KAFKA = 200;
const VISIBLE_BOUND_MS = 60_000;
const DRAIN_BOUND_MS = 300_000;
/** The last look for a late click comes five minutes after the one before. */
const SETTLE_BOUND_MS = 360_000;
const SETTLE_POLL_MS = 1_000;
const SETTLED_AFTER_MS = 1_000;

export class AttributionBed {
  readonly system: TributarySystem;
  readonly kafka: KafkaConnection;
  /** Attribution's own progress. */
  readonly group: GroupProgress;
  /** How far ClickHouse is with each topic. */
  readonly stored: readonly GroupProgress[];
  readonly crashOrders: CrashOrders;
  readonly log: (message: string) => void;
  readonly instances: SupervisedService[] = [];
  readonly #home: string;
  readonly #addresses: Addresses;
  readonly #options: AttributionBedOptions;
  readonly #producer: KafkaEventProducer;
  readonly #facts: ToldFacts;
  #load: StoryLoad | undefined;
  #rules: RulesInForce | undefined;
  #isEvidence = false;

  private constructor(home: string, addresses: Addresses, options: AttributionBedOptions) {
    const { log } = options;
    this.system = new TributarySystem({
      home,
      addresses,
      onProgress: log,
      without: ['sandbox', 'console', 'ingestion', 'attribution', 'fan-out'],
    });
    this.log = log;
    this.#home = home;
    this.#addresses = addresses;
    this.#options = options;
    this.crashOrders = new CrashOrders(home);
    this.kafka = new KafkaConnection({
      brokers: this.system.brokers.split(','),
      clientId: 'attribution-faults',
      logger: createLogger('attribution-faults', 'silent'),
    });
    this.#producer = new KafkaEventProducer({ connection: this.kafka });
    this.#facts = new ToldFacts(this.#producer);
    this.group = new GroupProgress(this.kafka, 'attribution', 'postback.received.v1');
    this.stored = STORED.flatMap((topic) =>
      storingGroupsOf('tributary', topic).map((group) => new GroupProgress(this.kafka, group, topic)),
    );
  }

  /** With one instance. @throws Error for a person; nothing is left running. */
  static async start(options: AttributionBedOptions): Promise<AttributionBed> {
    process.env['KAFKA_JARS'] ||= JARS_DIRECTORY;
    const home = mkdtempSync(join(tmpdir(), 'tributary-attribution-'));
    const bed = new AttributionBed(home, await freeAddresses(), options);
    try {
      await bed.system.start();
      await bed.#configure();
      await bed.addInstance();
      return bed;
    } catch (error) {
      await bed.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.stop()));
    await this.#producer.close();
    await this.system.stop();
    await this.kafka.close();
    if (this.#isEvidence) this.log(`logs and data are kept in ${this.#home}`);
    else rmSync(this.#home, { recursive: true, force: true });
  }

  /** One more process of attribution, in the group of the others. */
  async addInstance(): Promise<SupervisedService> {
    const number = this.instances.length;
    const port = this.#addresses.ports.kafka + INSTANCES_ABOVE_KAFKA + number;
    const instance = new SupervisedService({
      name: 'attribution',
      port,
      logFile: this.#logFile(number),
      onProgress: () => undefined,
      environment: {
        KAFKA_BROKERS: this.system.brokers,
        CLICKHOUSE_URL: this.system.clickhouseUrl,
        SCHEMA_REGISTRY_URL: this.system.schemaRegistryUrl,
        ATTRIBUTION_PORT: String(port),
        DRAIN_DELAY_MS: '0',
        ...this.crashOrders.environment,
      },
    });
    this.instances.push(instance);
    instance.start();
    await instance.ready();
    return instance;
  }

  /** How often a line of that name stands in the logs of all instances. */
  logged(name: string): number {
    return this.instances
      .map((_, number) => this.#logFile(number))
      .filter((file) => existsSync(file))
      .reduce((sum, file) => sum + readFileSync(file, 'utf8').split(`"${name}"`).length - 1, 0);
  }

  /** Records that ClickHouse has not stored yet. @throws DependencyFailure */
  async unstored(): Promise<number> {
    const counts = await Promise.all(
      this.stored.map(async (progress) => progress.uncommitted(await progress.ends())),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Steady load while `strike` does its damage; then everything is waited for and held to the ledger, that of earlier rounds too. */
  async round(strike: () => Promise<void>): Promise<ComparedLedger> {
    const load = await this.#prepared();
    const ending = new AbortController();
    const telling = load.steadily(this.#options.storiesPerSecond, ending.signal);
    // Whichever fails first ends the round; the other is still waited for.
    const struck = strike().finally(() => ending.abort());
    const outcomes = await Promise.allSettled([struck, telling]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    this.log(`${load.told} stories told in ${this.#facts.size} postbacks; waiting until they are worked off`);
    const ledger = await this.#settled();
    if (ledger.difference !== 0) this.#keepEvidence(ledger);
    return ledger;
  }

  /** What is to stand by now, and what stands, for tests of the ledger itself. */
  async standings(): Promise<{
    readonly expected: Standings;
    readonly shown: Awaited<ReturnType<typeof shownIn>>;
  }> {
    const clickhouse = this.system.connectClickhouse();
    try {
      return { expected: this.#expected(), shown: await shownIn(clickhouse) };
    } finally {
      await clickhouse.close();
    }
  }

  #expected(): Standings {
    if (this.#rules === undefined) throw new Error('the bed is not configured');
    return expectedOf(this.#facts, this.#rules, Date.now());
  }

  #keepEvidence({ examples }: ComparedLedger): void {
    this.#isEvidence = true;
    for (const example of examples) this.log(`  ${example}`);
  }

  async #settled(): Promise<ComparedLedger> {
    const toldAt = performance.now();
    await this.#workedOff();
    // Deadlines of impatient lanes have passed, and somebody has looked at them.
    await delay(Math.max(0, toldAt + IMPATIENT_MS + SETTLED_AFTER_MS - performance.now()));
    const expected = this.#expected();
    const clickhouse = this.system.connectClickhouse();
    try {
      return await this.#balanced(expected, clickhouse);
    } finally {
      await clickhouse.close();
    }
  }

  async #balanced(expected: Standings, clickhouse: ClickhouseConnection): Promise<ComparedLedger> {
    const deadline = performance.now() + SETTLE_BOUND_MS;
    for (;;) {
      const ledger = compared(expected, await shownIn(clickhouse));
      if (ledger.difference === 0 || performance.now() > deadline) return ledger;
      await delay(SETTLE_POLL_MS);
    }
  }

  async #workedOff(): Promise<void> {
    await eventually(
      async () => (await this.group.uncommitted(await this.group.ends())) + (await this.unstored()),
      (count) => count === 0,
      DRAIN_BOUND_MS,
    );
  }

  async #configure(): Promise<void> {
    let version = 0;
    for (const [entityType, document] of documents()) {
      const record = outgoing('configuration.changed.v1', document.id, aChange(entityType, document));
      const [place] = await this.#producer.produce([record]);
      version = place?.offset ?? version;
    }
    this.#rules = await configuredRules();
    const { seed, partners } = this.#options;
    this.#load = new StoryLoad({ facts: this.#facts, seed, partners, configurationVersion: version });
  }

  /** Ready to be told: the clicks of first-come offers are shown. */
  async #prepared(): Promise<StoryLoad> {
    const load = this.#load;
    if (load === undefined) throw new Error('the bed is not configured');
    if (load.told > 0) return load;
    await load.prepare();
    await eventually(
      () => this.unstored(),
      (count) => count === 0,
      VISIBLE_BOUND_MS,
    );
    return load;
  }

  #logFile(number: number): string {
    return join(this.#home, 'logs', `attribution-${number}.log`);
  }
}
