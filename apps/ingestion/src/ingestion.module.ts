/** Composition of ingestion: what is made of what, and in which order it starts and drains. */
import { join } from 'node:path';
import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  KafkaConfigurationLog,
  KafkaConnection,
  KafkaEventProducer,
  SchemaRegistryClient,
} from '@tributary/bus';
import { ConfigurationFollower } from '@tributary/configuration';
import {
  answers,
  type CheckResult,
  configurationCheck,
  configurationObserver,
  crashOn,
  Encryption,
  HealthController,
  type Logger,
  MetricsController,
  READINESS_CHECKS,
  type ReadinessCheck,
  type Settings,
  systemClock,
} from '@tributary/runtime';
import { type ClickhouseConnection, clickhouseOf, ReceiptStore } from '@tributary/store';
import { Access } from './access/access.ts';
import { KeptReplayMemory } from './access/kept-replay-memory.ts';
import { InMemoryReplayMemory, type ReplayMemory } from './access/replay-memory.ts';
import { SIGNATURE_WINDOW_MS } from './access/signature.ts';
import { ClickEndpoint } from './click/click-endpoint.ts';
import { ClickRecorder } from './click/click-recorder.ts';
import type { HttpEdge } from './edge/http-edge.ts';
import { PostbackEndpoint } from './postback/postback-endpoint.ts';
import { ReceiptEndpoint } from './receipt/receipt-endpoint.ts';
import { VerdictWatch } from './receipt/verdict-watch.ts';

export interface IngestionParts {
  readonly settings: Settings<
    | 'KAFKA_BROKERS'
    | 'SCHEMA_REGISTRY_URL'
    | 'CLICKHOUSE_URL'
    | 'CLICKHOUSE_USER'
    | 'CLICKHOUSE_PASSWORD'
    | 'CLICKHOUSE_DATABASE'
    | 'SECRETS_KEYS'
    | 'ACCEPT_DEADLINE_MS'
    | 'CLICK_LOG_SHARE'
    | 'TRUSTED_PROXIES'
    | 'INGESTION_INSTANCES'
    | 'INGESTION_STATE'
    | 'IDEMPOTENCY_KEY_HOURS'
    | 'CLICK_FALLBACK_URL'
    | 'COUNTRY_HEADER'
  >;
  readonly logger: Logger;
  readonly edge: HttpEdge;
}

const PARTS = Symbol('PARTS');
/** Measured best with many connections: the first record of a flush waits this long for company. */
const LINGER_MS = 3;
/** More clicks under way than a healthy Kafka leaves at any rate one process reaches. */
const MANY_PENDING = 1_000;
const HOUR_MS = 3_600_000;

@Injectable()
export class Ingestion implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #parts: IngestionParts;
  readonly #connection: KafkaConnection;
  readonly #producer: KafkaEventProducer;
  readonly #follower: ConfigurationFollower;
  readonly #recorder: ClickRecorder;
  readonly #clickhouse: ClickhouseConnection;
  #memory: ReplayMemory | undefined;
  #isOpen = false;

  constructor(@Inject(PARTS) parts: IngestionParts) {
    const { settings, logger } = parts;
    const onFatal = crashOn(logger);
    this.#parts = parts;
    this.#connection = new KafkaConnection({
      brokers: settings.KAFKA_BROKERS,
      clientId: 'ingestion',
      logger,
    });
    this.#producer = new KafkaEventProducer({ connection: this.#connection, lingerMs: LINGER_MS });
    this.#follower = new ConfigurationFollower(
      new KafkaConfigurationLog({
        connection: this.#connection,
        schemas: new SchemaRegistryClient({ url: settings.SCHEMA_REGISTRY_URL }),
        onFatal,
      }),
      configurationObserver(logger),
    );
    this.#clickhouse = clickhouseOf(settings);
    this.#recorder = new ClickRecorder(this.#producer, logger, { loggedShare: settings.CLICK_LOG_SHARE });
  }

  get checks(): readonly ReadinessCheck[] {
    return [
      // Not needed: without Kafka a redirect still redirects, and a postback is told truthfully to come again.
      answers('kafka', this.#connection, { isNeeded: false }),
      // Not needed: only receipts are asked for there.
      answers('clickhouse', this.#clickhouse, { isNeeded: false }),
      { name: 'open', check: () => ({ ready: this.#isOpen }) },
      configurationCheck({
        version: () => this.#follower.current.version,
        endOffset: () => this.#connection.endOffset('configuration.changed.v1'),
      }),
      { name: 'clicks_pending', check: () => pendingResult(this.#recorder.pending) },
    ];
  }

  async onApplicationBootstrap(): Promise<void> {
    const { settings, logger, edge } = this.#parts;
    await Promise.all([this.#producer.connect(), this.#follower.start()]);
    const shared = {
      configuration: () => this.#follower.current,
      encryption: new Encryption(settings.SECRETS_KEYS),
      clock: systemClock,
      logger,
      acceptDeadlineMs: settings.ACCEPT_DEADLINE_MS,
    };
    this.#memory = replayMemory(settings, logger);
    const access = new Access({
      ...shared,
      memory: this.#memory,
      proxyDepth: settings.TRUSTED_PROXIES,
      instances: settings.INGESTION_INSTANCES,
    });
    edge.open({
      clicks: new ClickEndpoint({
        ...shared,
        recorder: this.#recorder,
        fallbackUrl: settings.CLICK_FALLBACK_URL,
        countryHeader: settings.COUNTRY_HEADER,
      }),
      postbacks: new PostbackEndpoint({ ...shared, access, producer: this.#producer }),
      receipts: new ReceiptEndpoint({
        verdicts: new VerdictWatch(new ReceiptStore(this.#clickhouse)),
        source: (sourceId) => this.#follower.current.source(sourceId, systemClock.now()),
        access,
        clock: systemClock,
      }),
    });
    this.#isOpen = true;
  }

  /** After the HTTP server has closed: nothing new can come, what came is written. */
  async onApplicationShutdown(): Promise<void> {
    await this.#recorder.settled();
    await this.#memory?.close();
    await this.#follower.stop();
    await this.#producer.close();
    await this.#connection.close();
    await this.#clickhouse.close();
  }
}

/** Without a folder of its own an instance begins every start without a memory, as it would on another machine. */
function replayMemory(
  { INGESTION_STATE: folder, IDEMPOTENCY_KEY_HOURS: hours }: IngestionParts['settings'],
  logger: Logger,
): ReplayMemory {
  const retentionMs = { nonce: 2 * SIGNATURE_WINDOW_MS, idempotency_key: hours * HOUR_MS };
  return folder === ''
    ? new InMemoryReplayMemory(systemClock.now, retentionMs)
    : new KeptReplayMemory({ folder: join(folder, 'access'), now: systemClock.now, retentionMs, logger });
}

/** Clicks in memory die with the process, so one that has waited past its person's patience is worth a look. */
function pendingResult(pending: number): CheckResult {
  return { ready: true, degraded: pending > MANY_PENDING, detail: `${pending} clicks` };
}

@Module({})
class IngestionModule {}

export function composeIngestion(parts: IngestionParts): DynamicModule {
  return {
    module: IngestionModule,
    controllers: [HealthController, MetricsController],
    providers: [
      { provide: PARTS, useValue: parts },
      Ingestion,
      {
        provide: READINESS_CHECKS,
        inject: [Ingestion],
        useFactory: (ingestion: Ingestion) => ingestion.checks,
      },
    ],
  };
}
