/** Composition of fan-out: what is made of what, and in which order it starts and drains. */
import { randomUUID } from 'node:crypto';
import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import {
  BatchStrategy,
  KafkaConfigurationLog,
  KafkaConnection,
  KafkaEventProducer,
  LatestRecords,
  SchemaRegistryClient,
} from '@tributary/bus';
import { ConfigurationFollower } from '@tributary/configuration';
import type { OutwardRequest } from '@tributary/destinations';
import {
  answers,
  configurationCheck,
  configurationObserver,
  crashOn,
  Encryption,
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
  DeliveryStore,
  StoredOffsets,
  UndecodedStore,
} from '@tributary/store';
import { AccessTokens } from './access-tokens.ts';
import { AddressGuard } from './address-guard.ts';
import { Attempter } from './attempter.ts';
import { DeliveryController } from './delivery.controller.ts';
import { CONCURRENCY, DestinationLanes } from './destination-lanes.ts';
import { DestinationStates } from './destination-states.ts';
import { Dispatch } from './dispatch.ts';
import { DroppedDeliveries } from './dropped-deliveries.ts';
import { FanOut } from './fan-out.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { OutlierGuards } from './outlier-guards.ts';
import { OwnLag } from './own-lag.ts';
import { Questions } from './questions.ts';
import { type Receiver, Receivers } from './receivers.ts';
import { ReplayOrders } from './replay-orders.ts';
import { SendLedger } from './send-ledger.ts';
import { Sender } from './sender.ts';
import { Steps } from './steps.ts';

export interface FanOutParts {
  readonly settings: Settings<
    | 'KAFKA_BROKERS'
    | 'CLICKHOUSE_URL'
    | 'CLICKHOUSE_USER'
    | 'CLICKHOUSE_PASSWORD'
    | 'CLICKHOUSE_DATABASE'
    | 'SCHEMA_REGISTRY_URL'
    | 'SECRETS_KEYS'
    | 'DELIVERY_TIMEOUT_MS'
    | 'DELIVERY_ALLOW_PRIVATE'
    | 'DELIVERY_ALLOWED_NETWORKS'
  >;
  readonly logger: Logger;
}

const PARTS = Symbol('PARTS');
const GROUP_ID = 'fan-out';
/** Long enough for a look at the ledger to be worth it, short enough for a crash to repeat little. */
const MAX_BATCH = 200;
/** An attempt may ask for a token first and be made again with another one; after that its end is missing for good. */
const GUARDED_TIMEOUTS = 4;

@Injectable()
class FanOutResources implements OnModuleInit, OnApplicationShutdown {
  readonly fanOut: FanOut;
  readonly strategy: BatchStrategy;
  readonly #connection: KafkaConnection;
  readonly #producer: KafkaEventProducer;
  readonly #follower: ConfigurationFollower;
  readonly #clickhouse: ClickhouseConnection;
  readonly #schemas: SchemaRegistryClient;
  readonly #undecoded: UndecodedStore;
  readonly #sender: Sender;
  readonly #states: DestinationStates;
  readonly #stateRecords: LatestRecords<'destination.state.v1'>;
  #followedStates: { stop(): Promise<void> } | undefined;
  readonly #ownLag = new OwnLag();

  constructor(@Inject(PARTS) { settings, logger }: FanOutParts) {
    const onFatal = crashOn(logger);
    const connection = new KafkaConnection({ brokers: settings.KAFKA_BROKERS, clientId: 'fan-out', logger });
    const producer = new KafkaEventProducer({ connection });
    this.#schemas = new SchemaRegistryClient({ url: settings.SCHEMA_REGISTRY_URL });
    const follower = new ConfigurationFollower(
      new KafkaConfigurationLog({ connection, schemas: this.#schemas, onFatal }),
      configurationObserver(logger),
    );
    const clickhouse = clickhouseOf(settings);
    const encryption = new Encryption(settings.SECRETS_KEYS);
    this.#undecoded = new UndecodedStore(clickhouse, this.#schemas);
    const offsets = new StoredOffsets(connection, settings.CLICKHOUSE_DATABASE, this.#undecoded);
    const store = new DeliveryStore(clickhouse, this.#schemas);
    const ledger = new SendLedger(store, offsets);
    const sender = new Sender({
      timeoutMs: settings.DELIVERY_TIMEOUT_MS,
      guard: settings.DELIVERY_ALLOW_PRIVATE ? null : new AddressGuard(settings.DELIVERY_ALLOWED_NETWORKS),
    });
    const shared = {
      producer,
      ledger,
      encryption,
      logger,
      clock: systemClock,
      random: Math.random,
      instanceId: `fan-out-${randomUUID()}`,
      configurationVersion: () => follower.current.version,
      isOwner: () => this.strategy.groupStatus.isMember,
      guardMs: settings.DELIVERY_TIMEOUT_MS * GUARDED_TIMEOUTS,
      sender: {
        send: (request: OutwardRequest, { destination }: Receiver) =>
          sender.send(request, {
            destinationId: destination.id,
            connections: destination.concurrency ?? CONCURRENCY,
          }),
      },
    };
    this.#connection = connection;
    this.#producer = producer;
    this.#follower = follower;
    this.#clickhouse = clickhouse;
    this.#sender = sender;
    const states = new DestinationStates(shared);
    this.#states = states;
    this.#stateRecords = new LatestRecords({
      connection,
      topic: 'destination.state.v1',
      schemas: this.#schemas,
      onFatal,
    });
    const tokens = new AccessTokens(shared);
    const attempter = new Attempter({ ...shared, tokens });
    const lanes = new DestinationLanes({
      ...shared,
      states,
      ownLagMs: () => this.#ownLag.ms,
      send: (attempts, flight) => attempter.send(attempts, flight),
    });
    const receivers = new Receivers(encryption);
    const configuration = () => follower.current;
    const guards = new OutlierGuards({ ...shared, configuration, share: () => lanes.share });
    const oneAtATime = new OneAtATime(shared);
    const dispatch = new Dispatch({ ...shared, guards, attempter, lanes, receivers, configuration });
    const steps = new Steps({ ...shared, dispatch, oneAtATime });
    const replays = new ReplayOrders({
      ...shared,
      decisions: store,
      receivers,
      steps,
      configuration,
    });
    const questions = new Questions({ ...shared, tokens, oneAtATime, lanes, receivers, configuration });
    const dropped = new DroppedDeliveries({ ...shared, attempter, oneAtATime, receivers, configuration });
    this.fanOut = new FanOut({
      ...shared,
      follower,
      receivers,
      lanes,
      oneAtATime,
      steps,
      replays,
      questions,
      dropped,
      schemas: this.#schemas,
    });
    this.strategy = new BatchStrategy({
      connection,
      groupId: GROUP_ID,
      producer,
      schemas: this.#schemas,
      assignment: this.fanOut,
      maxBatch: MAX_BATCH,
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

  /** Before the strategy listens: nothing is sent without the configuration, nor to a destination that was switched off as if it were not. */
  async onModuleInit(): Promise<void> {
    const states = this.#stateRecords.follow((id, state) => this.#states.learn(id, state));
    await Promise.all([this.#producer.connect(), this.#follower.start(), states]);
    this.#followedStates = await states;
    this.#ownLag.start();
    this.fanOut.start();
  }

  /** After the strategy has finished and committed what was in hand. */
  async onApplicationShutdown(): Promise<void> {
    this.fanOut.stop();
    this.#ownLag.stop();
    await this.#sender.close();
    this.#states.stop();
    await this.#followedStates?.stop();
    await this.#follower.stop();
    await this.#producer.close();
    await this.#connection.close();
    await this.#clickhouse.close();
  }
}

@Module({})
class FanOutModule {}

export function composeFanOut(parts: FanOutParts): DynamicModule {
  return {
    module: FanOutModule,
    controllers: [HealthController, MetricsController, DeliveryController],
    providers: [
      { provide: PARTS, useValue: parts },
      FanOutResources,
      { provide: FanOut, inject: [FanOutResources], useFactory: (r: FanOutResources) => r.fanOut },
      { provide: BatchStrategy, inject: [FanOutResources], useFactory: (r: FanOutResources) => r.strategy },
      { provide: READINESS_CHECKS, inject: [FanOutResources], useFactory: (r: FanOutResources) => r.checks },
    ],
  };
}
