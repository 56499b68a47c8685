/** What the attribution benchmark runs against: embedded engines, the tables, twenty advertisers, and one attribution process. */
import { type KafkaConnection, type KafkaEventProducer, outgoing } from '@tributary/bus';
import { aChange } from '@tributary/configuration';
import type { ClickhouseConnection } from '@tributary/store';
import { BenchEngines } from '../bench-engines.ts';
import { MeasuredService } from '../measured-service.ts';
import { ADVERTISERS, advertiserOf } from './bench-history.ts';

/** A click later than this after its postback is no match. */
const PARKED_FOR_MS = 600_000;

export class AttributionSystem {
  readonly connection: KafkaConnection;
  readonly producer: KafkaEventProducer;
  readonly clickhouse: ClickhouseConnection;
  readonly #engines: BenchEngines;
  #attribution: MeasuredService | undefined;

  private constructor(engines: BenchEngines) {
    this.#engines = engines;
    this.connection = engines.connection;
    this.producer = engines.producer;
    this.clickhouse = engines.clickhouse;
  }

  static async start(): Promise<AttributionSystem> {
    const system = new AttributionSystem(await BenchEngines.start());
    await system.#configure();
    return system;
  }

  /** @param profileTo directory for a CPU profile of the process, written when it ends. */
  async startAttribution(profileTo: string | null = null): Promise<void> {
    const { environment } = this.#engines;
    this.#attribution = await MeasuredService.start({
      name: 'attribution',
      portSetting: 'ATTRIBUTION_PORT',
      environment,
      profileTo,
    });
  }

  async stopAttribution(): Promise<void> {
    await this.#attribution?.stop();
    this.#attribution = undefined;
  }

  /** CPU time of each process so far. @throws Error while attribution does not run. */
  cpuSeconds(): Readonly<Record<'attribution' | 'clickhouse' | 'kafka', number>> {
    if (this.#attribution === undefined) throw new Error('attribution does not run');
    return { attribution: this.#attribution.cpuSeconds, ...this.#engines.cpuSeconds() };
  }

  async stop(): Promise<void> {
    await this.stopAttribution();
    await this.#engines.stop();
  }

  async #configure(): Promise<void> {
    for (let n = 0; n < ADVERTISERS; n += 1) {
      const number = advertiserOf(n);
      const advertiserId = `bench-${number}`;
      const offerId = `offer-${number}`;
      const changes = [
        aChange('advertiser', {
          id: advertiserId,
          name: advertiserId,
          currency: 'EUR',
          parkedForMs: PARKED_FOR_MS,
        }),
        aChange('offer', {
          id: offerId,
          advertiserId,
          name: offerId,
          payouts: [
            { eventType: 'sale', kind: 'percent', percent: '30' },
            { eventType: 'renewal', kind: 'fixed', amount: '2.50', currency: 'EUR' },
          ],
        }),
        aChange('campaign', {
          id: `campaign-${number}`,
          offerId,
          name: offerId,
          status: 'active',
          landingUrl: 'https://shop.example/landing?cid={click_id}',
        }),
        aChange('source', { id: `source-${number}`, advertiserId, name: 'Backend' }),
      ];
      for (const change of changes)
        await this.producer.produce([outgoing('configuration.changed.v1', change.entityId, change)]);
    }
  }
}
