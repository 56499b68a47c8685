/** Writes clicks without ever making a person wait for Kafka: what is not acknowledged in time is written on in the background. */
import { type EventProducer, outgoing } from '@tributary/bus';
import type { ClickRecorded } from '@tributary/contracts';
import { type Clock, type Logger, systemClock } from '@tributary/runtime';
import { acceptSeconds, clicksLost, clicksPending, clicksRecorded } from '../ingestion-metrics.ts';

export interface ClickRecorderOptions {
  /** In [0, 1]: the share of clicks that get a line in the log; all when absent. */
  readonly loggedShare?: number;
  readonly clock?: Clock;
}

/** A redirect waits at most this long for the acknowledgement; a click still pending then dies with the process. */
const PATIENCE_MS = 1_500;
/** Clicks kept in memory while Kafka is away; more are lost and counted in the log. */
const MAX_PENDING = 50_000;
const RETRY_MS = 500;
/** Values of the last four hex digits of a click id, which are random. */
const ID_TAILS = 0x10000;

export class ClickRecorder {
  readonly #producer: EventProducer;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #loggedTails: number;
  #pending = 0;

  constructor(
    producer: EventProducer,
    logger: Logger,
    { loggedShare = 1, clock = systemClock }: ClickRecorderOptions = {},
  ) {
    this.#producer = producer;
    this.#logger = logger;
    this.#clock = clock;
    this.#loggedTails = loggedShare * ID_TAILS;
  }

  /** Clicks not yet acknowledged. */
  get pending(): number {
    return this.#pending;
  }

  /** Resolves when the click is acknowledged, for senders that can send again. @throws DependencyFailure */
  async write(click: ClickRecorded, deadlineMs: number): Promise<void> {
    await this.#producer.produce([outgoing('click.recorded.v1', click.clickId, click)], deadlineMs);
    this.#recorded(click);
  }

  /** Resolves when the click is acknowledged or the person has waited long enough; it is then written on in the background. */
  async record(click: ClickRecorded): Promise<void> {
    if (this.#pending >= MAX_PENDING) {
      clicksLost.inc();
      this.#logger.error({ clickId: click.clickId, pending: this.#pending }, 'click.lost');
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([this.#writeUntilDone(click), patience]);
    clearTimeout(timer);
  }

  /** Waits until nothing is pending, for the drain. */
  async settled(): Promise<void> {
    while (this.#pending > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async #writeUntilDone(click: ClickRecorded): Promise<void> {
    const record = outgoing('click.recorded.v1', click.clickId, click);
    this.#pending += 1;
    clicksPending.set(this.#pending);
    try {
      for (;;) {
        try {
          await this.#producer.produce([record]);
          this.#recorded(click);
          return;
        } catch (error) {
          this.#logger.warn({ err: error, clickId: click.clickId }, 'click.retried');
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    } finally {
      this.#pending -= 1;
      clicksPending.set(this.#pending);
    }
  }

  #recorded(click: ClickRecorded): void {
    const durationMs = this.#clock.now() - click.receivedAt;
    clicksRecorded.inc({ kind: click.kind });
    acceptSeconds.observe({ event: 'click' }, durationMs / 1_000);
    if (!this.#isLogged(click.clickId)) return;
    const { clickId, kind, advertiserId, offerId, campaignId, partnerId, configurationVersion, isTest } =
      click;
    this.#logger.info(
      {
        clickId,
        kind,
        advertiserId,
        offerId,
        campaignId,
        partnerId,
        configurationVersion,
        isTest,
        durationMs,
      },
      'click.recorded',
    );
  }

  /** By the id, so that every service and every repeat would choose the same clicks. */
  #isLogged(clickId: string): boolean {
    return this.#loggedTails >= ID_TAILS || Number.parseInt(clickId.slice(-4), 16) < this.#loggedTails;
  }
}
