/** Composition of console: what is made of what, and in which order it starts and drains. */
import { randomUUID } from 'node:crypto';
import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, HttpAdapterHost } from '@nestjs/core';
import type { EventProducer } from '@tributary/bus';
import { ConfigurationFollower, type ConfigurationLog } from '@tributary/configuration';
import {
  answers,
  type Clock,
  configurationCheck,
  configurationObserver,
  Encryption,
  HealthController,
  type Logger,
  MetricsController,
  READINESS_CHECKS,
  type ReadinessCheck,
  type Settings,
} from '@tributary/runtime';
import type { DeadDeliveryStore, DeliveryStore, ReplayStore, StoredOffsets } from '@tributary/store';
import { ApiExceptionFilter } from './api-exception.filter.ts';
import { ApiKeyGuard } from './api-key.guard.ts';
import { ApiKeys } from './api-keys.ts';
import { CLOCK, ConfigurationController } from './configuration.controller.ts';
import { ConfigurationPlanner } from './configuration-planner.ts';
import { ConfigurationWriter } from './configuration-writer.ts';
import type { EvidenceReader } from './explain/conversion-evidence.ts';
import { ExplainController } from './explain/explain.controller.ts';
import { Explainer } from './explain/explainer.ts';
import { LetterAppraiser } from './replay/appraised-letters.ts';
import { ReplayController } from './replay/replay.controller.ts';
import { ReplayRunner } from './replay/replay-runner.ts';
import { Replays } from './replay/replays.ts';

/** Where the configuration log lives, and whether it can be reached. */
export interface ConsoleBus {
  readonly log: ConfigurationLog;
  connect(): Promise<void>;
  /** Resolves when the broker answers. */
  ping(): Promise<void>;
  /** Offset after the last change in the log. */
  endOffset(): Promise<number>;
  close(): Promise<void>;
}

export interface ConsoleParts {
  readonly settings: Settings<'CONSOLE_API_KEY' | 'SECRETS_KEYS'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly bus: ConsoleBus;
  readonly evidence: ConsoleEvidence;
  readonly replays: ReplayResources;
  /** Absent where there is no ClickHouse. */
  readonly undecoded?: UndecodedWatch;
}

/** What is on record of conversions. */
export interface ConsoleEvidence {
  readonly reader: EvidenceReader;
  close(): Promise<void>;
}

/** What is read of dead letters, and where orders go. */
export interface ReplayResources {
  readonly letters: Pick<DeadDeliveryStore, 'deadDeliveries' | 'attemptsOf'>;
  readonly deliveries: Pick<DeliveryStore, 'holdingsOf' | 'revisionsOf'>;
  readonly runs: Pick<ReplayStore, 'run' | 'runs' | 'unfinished' | 'outcomesOf'>;
  readonly producer: Pick<EventProducer, 'produce'>;
  readonly offsets: Pick<StoredOffsets, 'endOf' | 'waitFor'>;
  close(): Promise<void>;
}

/** Watches the records ClickHouse could not decode, and deals with them in the background. */
export interface UndecodedWatch {
  readonly check: ReadinessCheck;
  start(): void;
  stop(): Promise<void>;
}

export const CONFIGURATION_LOG = Symbol('CONFIGURATION_LOG');
const PARTS = Symbol('PARTS');

@Injectable()
class ConsoleLifecycle implements OnModuleInit, OnApplicationShutdown {
  readonly #bus: ConsoleBus;
  readonly #evidence: ConsoleEvidence;
  readonly #follower: ConfigurationFollower;
  readonly #undecoded: UndecodedWatch | undefined;
  readonly #replays: ReplayResources;
  readonly #runner: ReplayRunner;

  constructor(
    @Inject(PARTS) { bus, evidence, undecoded, replays }: ConsoleParts,
    @Inject(ConfigurationFollower) follower: ConfigurationFollower,
    @Inject(ReplayRunner) runner: ReplayRunner,
  ) {
    this.#bus = bus;
    this.#evidence = evidence;
    this.#follower = follower;
    this.#undecoded = undecoded;
    this.#replays = replays;
    this.#runner = runner;
  }

  get checks(): readonly ReadinessCheck[] {
    return [
      answers('kafka', this.#bus),
      configurationCheck({
        version: () => this.#follower.current.version,
        endOffset: () => this.#bus.endOffset(),
      }),
      ...(this.#undecoded === undefined ? [] : [this.#undecoded.check]),
    ];
  }

  /** Before the API listens: a write must know what is there. */
  async onModuleInit(): Promise<void> {
    await Promise.all([this.#bus.connect(), this.#follower.start()]);
    this.#undecoded?.start();
    this.#runner.start();
  }

  /**
   * After the HTTP server has closed: whoever waited for a version has been answered. Side by side, because the times that
   * each may take to leave a broker that does not answer are together longer than a drain may take.
   */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.#runner.close(), this.#undecoded?.stop()]);
    await Promise.all([this.#replays.close(), this.#evidence.close(), this.#follower.stop()]);
    await this.#bus.close();
  }
}

@Module({})
class ConsoleModule {}

export function composeConsole(parts: ConsoleParts): DynamicModule {
  const { settings, logger, clock, bus, evidence, replays } = parts;
  const encryption = new Encryption(settings.SECRETS_KEYS);
  const instanceId = `console-${randomUUID()}`;
  return {
    module: ConsoleModule,
    controllers: [
      HealthController,
      MetricsController,
      ConfigurationController,
      ExplainController,
      ReplayController,
    ],
    providers: [
      { provide: PARTS, useValue: parts },
      { provide: CONFIGURATION_LOG, useValue: bus.log },
      {
        provide: ConfigurationFollower,
        inject: [CONFIGURATION_LOG],
        useFactory: (log: ConfigurationLog) => follow(log, logger),
      },
      { provide: Encryption, useValue: encryption },
      { provide: CLOCK, useValue: clock },
      {
        provide: ApiKeys,
        inject: [ConfigurationFollower],
        useFactory: (follower: ConfigurationFollower) =>
          new ApiKeys({ bootstrapKey: settings.CONSOLE_API_KEY, follower, encryption, clock, logger }),
      },
      {
        provide: ConfigurationWriter,
        inject: [CONFIGURATION_LOG, ConfigurationFollower, ApiKeys],
        useFactory: (log: ConfigurationLog, follower: ConfigurationFollower, apiKeys: ApiKeys) =>
          new ConfigurationWriter({ log, follower, apiKeys, encryption, clock, logger }),
      },
      {
        provide: ConfigurationPlanner,
        inject: [ConfigurationFollower, ApiKeys],
        useFactory: (follower: ConfigurationFollower, apiKeys: ApiKeys) =>
          new ConfigurationPlanner({ follower, apiKeys, encryption, clock }),
      },
      {
        provide: Explainer,
        inject: [ConfigurationFollower],
        useFactory: (follower: ConfigurationFollower) => new Explainer(evidence.reader, follower),
      },
      {
        provide: LetterAppraiser,
        inject: [ConfigurationFollower],
        useFactory: (follower: ConfigurationFollower) =>
          new LetterAppraiser({ ...replays, follower, encryption, clock }),
      },
      {
        provide: ReplayRunner,
        inject: [ConfigurationFollower, LetterAppraiser],
        useFactory: (follower: ConfigurationFollower, appraiser: LetterAppraiser) => {
          const configurationVersion = () => follower.current.version;
          return new ReplayRunner({ ...replays, appraiser, instanceId, configurationVersion, clock, logger });
        },
      },
      {
        provide: Replays,
        inject: [ConfigurationFollower, LetterAppraiser, ReplayRunner],
        useFactory: (follower: ConfigurationFollower, appraiser: LetterAppraiser, runner: ReplayRunner) => {
          const configurationVersion = () => follower.current.version;
          return new Replays({ ...replays, appraiser, runner, instanceId, configurationVersion, clock });
        },
      },
      ConsoleLifecycle,
      ApiKeyGuard,
      { provide: APP_GUARD, useExisting: ApiKeyGuard },
      {
        provide: APP_FILTER,
        inject: [HttpAdapterHost],
        useFactory: ({ httpAdapter }: HttpAdapterHost) => new ApiExceptionFilter(httpAdapter, logger),
      },
      {
        provide: READINESS_CHECKS,
        inject: [ConsoleLifecycle],
        useFactory: ({ checks }: ConsoleLifecycle) => checks,
      },
    ],
  };
}

function follow(log: ConfigurationLog, logger: Logger): ConfigurationFollower {
  return new ConfigurationFollower(log, configurationObserver(logger));
}
