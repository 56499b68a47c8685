/** What the pipeline benchmark runs against: the whole system, ten advertisers and partners, and twenty destinations that are receivers on this machine. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import type { ConfigurationChanged, TopicName } from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { storingGroupsOf } from '@tributary/store';
import { aClick, eventually, JARS_DIRECTORY } from '@tributary/testing';
import { DUE_TOPICS } from '../../../apps/fan-out/src/timer.ts';
import { TributarySystem } from '../../../apps/launcher/src/system/tributary-system.ts';
import { GroupProgress } from '../../faults/group-progress.ts';
import { freeAddresses } from '../../free-addresses.ts';
import { type ConfiguredReceiver, changesOf, SECRETS_KEY } from '../../receivers/configured-receivers.ts';
import { LocalReceivers } from '../../receivers/local-receivers.ts';
import { cpuSecondsOf } from '../cpu-seconds.ts';
import { ADVERTISERS, PIPELINE_TOKEN, RECORDED_CLICKS, recordedClickId } from './pipeline-requests.ts';

const CLICKS_AT_ONCE = 2_000;
const STORED_BOUND_MS = 120_000;
/** What ClickHouse reads of a conversion on its way. */
const STORED: readonly TopicName[] = [
  'click.recorded.v1',
  'postback.received.v1',
  'postback.judged.v1',
  'conversion.decided.v1',
  'delivery.attempted.v1',
];
const SERVICES = ['ingestion', 'attribution', 'fan-out', 'console'] as const;
const ENGINES = ['clickhouse', 'kafka'] as const;

/** Records that a reader has not committed, by reader. */
export type Lags = Readonly<Record<string, number>>;

export class PipelineSystem {
  readonly system: TributarySystem;
  readonly local: LocalReceivers;
  /** When the recorded clicks were made, epoch ms. */
  readonly clickedAt = Date.now() - 3_600_000;
  readonly #home: string;
  readonly #connection: KafkaConnection;
  readonly #producer: KafkaEventProducer;
  readonly #receivers: readonly ConfiguredReceiver[];
  readonly #progress: ReadonlyMap<string, readonly GroupProgress[]>;

  private constructor(home: string, system: TributarySystem, local: LocalReceivers) {
    this.#home = home;
    this.system = system;
    this.local = local;
    this.#receivers = local.origins.map((origin, index) => ({
      index,
      origin,
      kind: index < ADVERTISERS ? 'partner-postback' : 'meta',
      partner: index % ADVERTISERS,
    }));
    this.#connection = new KafkaConnection({
      brokers: system.brokers.split(','),
      clientId: 'bench',
      logger: createLogger('bench', 'silent'),
    });
    this.#producer = new KafkaEventProducer({ connection: this.#connection });
    const of = (group: string, topic: string) => new GroupProgress(this.#connection, group, topic);
    this.#progress = new Map([
      ['attribution', [of('attribution', 'postback.received.v1')]],
      ['fan-out', [of('fan-out', 'conversion.decided.v1')]],
      ['timer', DUE_TOPICS.map((topic) => of('fan-out', topic))],
      ...STORED.map(
        (topic) =>
          [
            `clickhouse ${topic}`,
            storingGroupsOf('tributary', topic).map((group) => of(group, topic)),
          ] as const,
      ),
    ]);
  }

  /** @throws Error for a person; nothing is left running. */
  static async start(): Promise<PipelineSystem> {
    process.env['KAFKA_JARS'] ||= JARS_DIRECTORY;
    const home = mkdtempSync(join(tmpdir(), 'tributary-pipeline-'));
    const system = new TributarySystem({
      home,
      addresses: await freeAddresses(),
      onProgress: (message) => console.log(message),
      settings: { LOG_LEVEL: 'error', SECRETS_KEYS: SECRETS_KEY },
      without: ['sandbox'],
    });
    const pipeline = new PipelineSystem(home, system, await LocalReceivers.start(2 * ADVERTISERS));
    try {
      await system.start();
      await pipeline.#configure();
      await pipeline.#recordClicks();
      return pipeline;
    } catch (error) {
      await pipeline.stop();
      throw error;
    }
  }

  get ingestionPort(): number {
    return Number(new URL(this.system.urlOf('ingestion')).port);
  }

  /** Deliveries of one conversion. */
  get perConversion(): number {
    return this.#receivers.length / ADVERTISERS;
  }

  /** @throws DependencyFailure */
  async lags(): Promise<Lags> {
    const entries = [...this.#progress].map(async ([name, progress]) => {
      const counts = await Promise.all(progress.map(async (each) => each.uncommitted(await each.ends())));
      return [name, counts.reduce((sum, count) => sum + count, 0)] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  /** CPU time of each process so far. */
  cpuSeconds(): Readonly<Record<string, number>> {
    const pids: readonly (readonly [string, number | undefined])[] = [
      ...SERVICES.map((name) => [name, this.system.service(name).pid] as const),
      ...ENGINES.map((name) => [name, this.system.enginePid(name)] as const),
      ['receivers', this.local.pid],
    ];
    return Object.fromEntries(pids.map(([name, pid]) => [name, cpuSecondsOf(pid)]));
  }

  async stop(): Promise<void> {
    await this.#producer.close();
    await this.system.stop();
    await this.#connection.close();
    await this.local.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }

  async #configure(): Promise<void> {
    const tokenHashes = [createHash('sha256').update(PIPELINE_TOKEN).digest('hex')];
    const ofAdvertiser = (n: number): readonly ConfigurationChanged[] => [
      aChange('advertiser', { id: `advertiser-${n}`, name: `Advertiser ${n}`, currency: 'EUR' }),
      aChange('partner', { id: `partner-${n}`, name: `Partner ${n}` }),
      aChange('offer', {
        id: `offer-${n}`,
        advertiserId: `advertiser-${n}`,
        name: `Offer ${n}`,
        payouts: [{ eventType: 'sale', kind: 'percent', percent: '30' }],
      }),
      aChange('campaign', {
        id: `campaign-${n}`,
        offerId: `offer-${n}`,
        partnerId: `partner-${n}`,
        name: `Campaign ${n}`,
        status: 'active',
        landingUrl: 'https://shop.example/landing?cid={click_id}',
      }),
      aChange('source', { id: `source-${n}`, advertiserId: `advertiser-${n}`, name: 'Backend', tokenHashes }),
    ];
    const changes = [
      ...Array.from({ length: ADVERTISERS }, (_, n) => ofAdvertiser(n)).flat(),
      ...this.#receivers.flatMap((receiver) => changesOf(receiver)),
    ];
    for (const change of changes)
      await this.#producer.produce([outgoing('configuration.changed.v1', change.entityId, change)]);
  }

  async #recordClicks(): Promise<void> {
    for (let start = 0; start < RECORDED_CLICKS; start += CLICKS_AT_ONCE)
      await this.#producer.produce(
        Array.from({ length: CLICKS_AT_ONCE }, (_, index) => this.#recordedClick(start + index)),
      );
    await eventually(
      () => this.lags(),
      (lags) => Object.values(lags).every((lag) => lag === 0),
      STORED_BOUND_MS,
    );
  }

  #recordedClick(nth: number) {
    const n = nth % ADVERTISERS;
    const clickId = recordedClickId(nth, this.clickedAt);
    const click = aClick({
      clickId,
      advertiserId: `advertiser-${n}`,
      offerId: `offer-${n}`,
      campaignId: `campaign-${n}`,
      partnerId: `partner-${n}`,
      partnerClickId: `network-${clickId.slice(-12)}`,
      clickedAt: this.clickedAt,
      receivedAt: this.clickedAt,
      adPlatformIds: [{ name: 'fbclid', value: `IwAR-${clickId.slice(-12)}`, firstSeenAt: this.clickedAt }],
      consentAdUserData: 'granted',
      consentAdPersonalization: 'granted',
      ipCiphertext: null,
    });
    return outgoing('click.recorded.v1', clickId, click);
  }
}
