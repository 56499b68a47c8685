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
import type { ReplayMemory } from './access/replay-memory.ts';
import { SIGNATURE_WINDOW_MS } from './access/signature.ts';
import { ClickEndpoint } from './click/click-endpoint.ts';
import { ClickRecorder } from './click/click-recorder.ts';
import type { HttpEdge } from './edge/http-edge.ts';
import { PostbackEndpoint } from './postback/postback-endpoint.ts';
import { ReceiptEndpoint } from './receipt/receipt-endpoint.ts';
import { VerdictWatch } from './receipt/verdict-watch.ts';
import { SPOOL_FOLDER, Spool, type SpoolStatus } from './spool/spool.ts';
import { SpoolingProducer } from './spool/spooling-producer.ts';

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
    | 'SPOOL_MAX_BYTES'
  >;
  readonly logger: Logger;
  readonly edge: HttpEdge;
}

const PARTS = Symbol('PARTS');
/** Measured best with many connections: the first record of a flush waits this long for company. */
const LINGER_MS = 3;
const HOUR_MS = 3_600_000;

@Injectable()
export class Ingestion implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #parts: IngestionParts;
  readonly #connection: KafkaConnection;
  readonly #kafka: KafkaEventProducer;
  readonly #spool: Spool;
  readonly #producer: SpoolingProducer;
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
    this.#kafka = new KafkaEventProducer({ connection: this.#connection, lingerMs: LINGER_MS });
    this.#spool = Spool.open({
      folder: join(settings.INGESTION_STATE, SPOOL_FOLDER),
      maxBytes: settings.SPOOL_MAX_BYTES,
    });
    this.#producer = new SpoolingProducer({
      kafka: this.#kafka,
      spool: this.#spool,
      ping: () => this.#connection.ping(),
      logger,
    });
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
      // Not needed: without Kafka the spool takes what comes.
      answers('kafka', this.#connection, { isNeeded: false }),
      // Not needed: only receipts are asked for there.
      answers('clickhouse', this.#clickhouse, { isNeeded: false }),
      { name: 'open', check: () => ({ ready: this.#isOpen }) },
      configurationCheck({
        version: () => this.#follower.current.version,
        endOffset: () => this.#connection.endOffset('configuration.changed.v1'),
      }),
      { name: 'spool', isNeeded: false, check: () => this.#checkSpool() },
    ];
  }

  async onApplicationBootstrap(): Promise<void> {
    const { settings, logger, edge } = this.#parts;
    await Promise.all([this.#kafka.connect(), this.#follower.start()]);
    this.#producer.start();
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
        proxyDepth: settings.TRUSTED_PROXIES,
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
    await this.#memory?.close();
    await this.#follower.stop();
    await this.#producer.close(() => this.#kafka.close());
    await this.#connection.close();
    await this.#clickhouse.close();
  }

  #checkSpool(): CheckResult {
    this.#producer.observe();
    return spoolResult(this.#spool.status());
  }
}

/** What ingestion has seen of nonces and keys, as far as it is remembered. */
function replayMemory(
  { INGESTION_STATE: folder, IDEMPOTENCY_KEY_HOURS: hours }: IngestionParts['settings'],
  logger: Logger,
): ReplayMemory {
  const retentionMs = { nonce: 2 * SIGNATURE_WINDOW_MS, idempotency_key: hours * HOUR_MS };
  return new KeptReplayMemory({ folder: join(folder, 'access'), now: systemClock.now, retentionMs, logger });
}

/** Degraded while anything is in it: those records are in no topic and no table yet. */
function spoolResult({ records, bytes, oldestAt, damaged, isFull }: SpoolStatus): CheckResult {
  const age = oldestAt === null ? '' : `, oldest ${Math.round(Math.max(0, Date.now() - oldestAt) / 1_000)} s`;
  const faults = `${damaged > 0 ? `, ${damaged} damaged` : ''}${isFull ? ', full' : ''}`;
  const detail = `${records} records, ${bytes} bytes${age}${faults}`;
  return { ready: true, degraded: records > 0 || damaged > 0 || isFull, detail };
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
