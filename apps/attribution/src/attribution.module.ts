/** Composition of attribution: what is made of what, and in which order it starts and drains. */
import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import {
  BatchStrategy,
  KafkaConfigurationLog,
  KafkaConnection,
  KafkaEventProducer,
  SchemaRegistryClient,
} from '@tributary/bus';
import { ConfigurationFollower } from '@tributary/configuration';
import {
  answers,
  configurationCheck,
  configurationObserver,
  crashOn,
  groupCheck,
  HealthController,
  type Logger,
  MetricsController,
  READINESS_CHECKS,
  type ReadinessCheck,
  type Settings,
  systemClock,
  undecodedCheck,
} from '@tributary/runtime';
import {
  type ClickhouseConnection,
  clickhouseOf,
  FactsStore,
  SignalStore,
  StoredOffsets,
  UndecodedStore,
} from '@tributary/store';
import { AttributionController } from './attribution.controller.ts';
import { Attribution } from './attribution.ts';

export interface AttributionParts {
  readonly settings: Settings<
    | 'KAFKA_BROKERS'
    | 'CLICKHOUSE_URL'
    | 'CLICKHOUSE_USER'
    | 'CLICKHOUSE_PASSWORD'
    | 'CLICKHOUSE_DATABASE'
    | 'SCHEMA_REGISTRY_URL'
  >;
  readonly logger: Logger;
}

const PARTS = Symbol('PARTS');
const GROUP_ID = 'attribution';

@Injectable()
class AttributionResources implements OnModuleInit, OnModuleDestroy, OnApplicationShutdown {
  readonly attribution: Attribution;
  readonly strategy: BatchStrategy;
  readonly #connection: KafkaConnection;
  readonly #producer: KafkaEventProducer;
  readonly #follower: ConfigurationFollower;
  readonly #clickhouse: ClickhouseConnection;
  readonly #schemas: SchemaRegistryClient;
  readonly #undecoded: UndecodedStore;

  constructor(@Inject(PARTS) { settings, logger }: AttributionParts) {
    const onFatal = crashOn(logger);
    const connection = new KafkaConnection({
      brokers: settings.KAFKA_BROKERS,
      clientId: 'attribution',
      logger,
    });
    const producer = new KafkaEventProducer({ connection });
    const clickhouse = clickhouseOf(settings);
    this.#connection = connection;
    this.#producer = producer;
    this.#clickhouse = clickhouse;
    this.#schemas = new SchemaRegistryClient({ url: settings.SCHEMA_REGISTRY_URL });
    this.#undecoded = new UndecodedStore(clickhouse, this.#schemas);
    this.#follower = new ConfigurationFollower(
      new KafkaConfigurationLog({ connection, schemas: this.#schemas, onFatal }),
      configurationObserver(logger),
    );
    this.attribution = new Attribution({
      follower: this.#follower,
      store: new FactsStore(clickhouse, this.#schemas),
      signals: new SignalStore(clickhouse),
      offsets: new StoredOffsets(connection, settings.CLICKHOUSE_DATABASE, this.#undecoded),
      committed: () => connection.committedOffsets(GROUP_ID, 'postback.received.v1'),
      producer,
      isOwner: () => this.strategy.groupStatus.isMember,
      clock: systemClock,
      logger,
    });
    this.strategy = new BatchStrategy({
      connection,
      groupId: GROUP_ID,
      producer,
      schemas: this.#schemas,
      assignment: this.attribution,
      onFatal,
    });
  }

  get checks(): readonly ReadinessCheck[] {
    return [
      answers('kafka', this.#connection),
      answers('clickhouse', this.#clickhouse),
      groupCheck(() => this.strategy.groupStatus),
      configurationCheck({
        version: () => this.#follower.current.version,
        endOffset: () => this.#connection.endOffset('configuration.changed.v1'),
      }),
      // ClickHouse reads schemas there, and sets good records aside while it cannot.
      answers('schema_registry', this.#schemas, { isNeeded: false }),
      undecodedCheck(() => this.#undecoded.count()),
    ];
  }

  /** Before the strategy listens: nothing is decided without the configuration. */
  async onModuleInit(): Promise<void> {
    await Promise.all([this.#producer.connect(), this.#follower.start()]);
    this.attribution.start();
  }

  /** Before the strategy finishes and leaves: the clock decides while the partitions are owned here. */
  async onModuleDestroy(): Promise<void> {
    await this.attribution.stop();
  }

  /** After the strategy has finished and committed what was in hand. */
  async onApplicationShutdown(): Promise<void> {
    await this.#follower.stop();
    await this.#producer.close();
    await this.#connection.close();
    await this.#clickhouse.close();
  }
}

@Module({})
class AttributionModule {}

export function composeAttribution(parts: AttributionParts): DynamicModule {
  return {
    module: AttributionModule,
    controllers: [HealthController, MetricsController, AttributionController],
    providers: [
      { provide: PARTS, useValue: parts },
      AttributionResources,
      {
        provide: Attribution,
        inject: [AttributionResources],
        useFactory: (r: AttributionResources) => r.attribution,
      },
      {
        provide: BatchStrategy,
        inject: [AttributionResources],
        useFactory: (r: AttributionResources) => r.strategy,
      },
      {
        provide: READINESS_CHECKS,
        inject: [AttributionResources],
        useFactory: (r: AttributionResources) => r.checks,
      },
    ],
  };
}
