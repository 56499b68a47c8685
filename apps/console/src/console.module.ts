/** Composition of console: what is made of what, and in which order it starts and drains. */
import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { ConfigurationFollower, type ConfigurationLog } from '@tributary/configuration';
import {
  answers,
  type Clock,
  Encryption,
  HealthController,
  type Logger,
  READINESS_CHECKS,
  type ReadinessCheck,
  type Settings,
} from '@tributary/runtime';
import { ApiExceptionFilter } from './api-exception.filter.ts';
import { API_KEY } from './api-key.guard.ts';
import { ConfigurationController } from './configuration.controller.ts';
import { ConfigurationWriter } from './configuration-writer.ts';

/** Where the configuration log lives, and whether it can be reached. */
export interface ConsoleBus {
  readonly log: ConfigurationLog;
  connect(): Promise<void>;
  /** Resolves when the broker answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface ConsoleParts {
  readonly settings: Settings<'CONSOLE_API_KEY' | 'SECRETS_KEYS'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly bus: ConsoleBus;
  /** Absent where there is no ClickHouse. */
  readonly undecoded?: UndecodedWatch;
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
  readonly #follower: ConfigurationFollower;
  readonly #undecoded: UndecodedWatch | undefined;
  #isFollowing = false;

  constructor(
    @Inject(PARTS) { bus, undecoded }: ConsoleParts,
    @Inject(ConfigurationFollower) follower: ConfigurationFollower,
  ) {
    this.#bus = bus;
    this.#follower = follower;
    this.#undecoded = undecoded;
  }

  get checks(): readonly ReadinessCheck[] {
    return [
      answers('kafka', this.#bus),
      {
        name: 'configuration',
        check: () => ({ ready: this.#isFollowing, detail: `version ${this.#follower.current.version}` }),
      },
      ...(this.#undecoded === undefined ? [] : [this.#undecoded.check]),
    ];
  }

  /** Before the API listens: a write must know what is there. */
  async onModuleInit(): Promise<void> {
    await Promise.all([this.#bus.connect(), this.#follower.start()]);
    this.#isFollowing = true;
    this.#undecoded?.start();
  }

  /** After the HTTP server has closed: whoever waited for a version has been answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.#undecoded?.stop();
    await this.#follower.stop();
    await this.#bus.close();
  }
}

@Module({})
class ConsoleModule {}

export function composeConsole(parts: ConsoleParts): DynamicModule {
  const { settings, logger, clock, bus } = parts;
  return {
    module: ConsoleModule,
    controllers: [HealthController, ConfigurationController],
    providers: [
      { provide: PARTS, useValue: parts },
      { provide: CONFIGURATION_LOG, useValue: bus.log },
      {
        provide: ConfigurationFollower,
        inject: [CONFIGURATION_LOG],
        useFactory: (log: ConfigurationLog) => follow(log, logger),
      },
      {
        provide: ConfigurationWriter,
        inject: [CONFIGURATION_LOG, ConfigurationFollower],
        useFactory: (log: ConfigurationLog, follower: ConfigurationFollower) =>
          new ConfigurationWriter({
            log,
            follower,
            encryption: new Encryption(settings.SECRETS_KEYS),
            clock,
            logger,
          }),
      },
      ConsoleLifecycle,
      { provide: API_KEY, useValue: settings.CONSOLE_API_KEY },
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
  return new ConfigurationFollower(log, (offset, result, change) => {
    if (result.outcome === 'applied') return;
    const about = {
      offset,
      reason: result.reason,
      entityType: change?.entityType,
      entityId: change?.entityId,
    };
    logger.warn(about, 'configuration.voided');
  });
}
