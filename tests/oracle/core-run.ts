/** Decides a generated log by the core alone: everything in memory, clicks and postbacks at their places, deadlines at the end. */
import type { Configuration } from '@tributary/configuration';
import type { ClickRecorded } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import { candidateClickOf } from '../../apps/attribution/src/candidate-click.ts';
import { reportOf } from '../../apps/attribution/src/report-of-postback.ts';
import { RulesInForce } from '../../apps/attribution/src/rules-in-force.ts';
import type { Recorded } from './generate.ts';

/** A passed deadline may bring another one about; no conversion has more than its wait and its condition, so this is ample. */
const MAX_ROUNDS = 10;

/** What decides: the core as it is built, or a mutant of it. */
export type Core = Pick<typeof attribution, 'InMemoryLedger' | 'reduce'>;

export class CoreRun {
  readonly #core: Core;
  readonly #ledger: attribution.InMemoryLedger;
  readonly #version: number;
  /** Last place of each lane. */
  readonly #positions = new Map<string, attribution.Position>();
  /** Lanes whose postbacks named a click that nobody had seen. */
  readonly #awaited = new Map<string, Set<string>>();

  constructor(configuration: Configuration, core: Core = attribution) {
    this.#core = core;
    this.#ledger = new core.InMemoryLedger(new RulesInForce(configuration));
    this.#version = configuration.version;
  }

  get conversions(): readonly attribution.Conversion[] {
    return this.#ledger.conversions;
  }

  take(record: Recorded): void {
    if (record.kind === 'click') this.#takeClick(record.click);
    else this.#takePostback(record);
  }

  finish(now: number): void {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const due = this.#ledger.due(now);
      if (due.length === 0) return;
      for (const { conversionId, lane } of due)
        this.#decide({ kind: 'instant', conversionId, at: this.#moment(lane, now) });
    }
    throw new Error('deadlines that have passed keep coming back');
  }

  #takePostback({ postback, partition, offset }: Recorded & { kind: 'postback' }): void {
    const { lane, clickId, receivedAt } = postback;
    const position = { partition, offset };
    this.#positions.set(lane, position);
    if (clickId !== null && this.#ledger.click(clickId) === undefined) {
      const lanes = this.#awaited.get(clickId) ?? new Set();
      this.#awaited.set(clickId, lanes.add(lane));
    }
    this.#decide({
      kind: 'postback',
      report: reportOf(postback, position),
      at: this.#moment(lane, receivedAt),
    });
  }

  #takeClick(click: ClickRecorded): void {
    const { clickId, advertiserId, receivedAt } = click;
    this.#ledger.showClick(candidateClickOf(click));
    const lanes = new Set([advertiserId, ...(this.#awaited.get(clickId) ?? [])]);
    this.#awaited.delete(clickId);
    for (const lane of lanes)
      if (this.#positions.has(lane))
        this.#decide({ kind: 'click', clickId, lane, at: this.#moment(lane, receivedAt) });
  }

  #decide(input: attribution.Input): void {
    this.#ledger.apply(this.#core.reduce(this.#ledger, input));
  }

  #moment(lane: string, now: number): attribution.Moment {
    const position = this.#positions.get(lane) ?? { partition: 0, offset: 0 };
    return { now, watermarkReached: true, laneReadUntil: now, position, configurationVersion: this.#version };
  }
}
