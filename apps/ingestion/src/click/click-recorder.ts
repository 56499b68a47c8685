/** Writes clicks, into Kafka or the spool; a redirect goes on whatever happens to its click. */
import { outgoing } from '@tributary/bus';
import type { ClickRecorded } from '@tributary/contracts';
import { type Clock, type Logger, systemClock } from '@tributary/runtime';
import { acceptSeconds, clicksLost, clicksRecorded } from '../ingestion-metrics.ts';
import type { SafeProducer } from '../spool/safe-producer.ts';

export interface ClickRecorderOptions {
  /** In [0, 1]: the share of clicks that get a line in the log; all when absent. */
  readonly loggedShare?: number;
  readonly clock?: Clock;
}

/** A person waits at most this long; the spool takes a click within a fraction of it. */
const PATIENCE_MS = 1_500;
/** Values of the last four hex digits of a click id, which are random. */
const ID_TAILS = 0x10000;

export class ClickRecorder {
  readonly #producer: SafeProducer;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #loggedTails: number;

  constructor(
    producer: SafeProducer,
    logger: Logger,
    { loggedShare = 1, clock = systemClock }: ClickRecorderOptions = {},
  ) {
    this.#producer = producer;
    this.#logger = logger;
    this.#clock = clock;
    this.#loggedTails = loggedShare * ID_TAILS;
  }

  /** Resolves when the click is safe, for senders that can send again. @throws DependencyFailure */
  async write(click: ClickRecorded, deadlineMs: number): Promise<void> {
    await this.#producer.produce([outgoing('click.recorded.v1', click.clickId, click)], deadlineMs);
    this.#recorded(click);
  }

  /** Resolves when the click is safe, or lost because neither Kafka nor the spool took it in time; never rejects. */
  async record(click: ClickRecorded): Promise<void> {
    try {
      await this.write(click, PATIENCE_MS);
    } catch (error) {
      clicksLost.inc();
      this.#logger.error({ err: error, clickId: click.clickId }, 'click.lost');
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
