/** A lane as attribution runs it, for tests of its replay: clicks show late, the clock looks at what waits, and all of it goes on record. */
import { DAY_MS, HOUR_MS, NOON } from '../attribution.fixture.ts';
import type { CandidateClick, Conversion } from '../conversion.ts';
import { randomOf } from '../deliveries.fixture.ts';
import type { History } from '../histories.fixture.ts';
import { deadlineIn, InMemoryLedger } from '../in-memory-ledger.ts';
import type { ConfiguredRules } from '../known-facts.ts';
import type { Moment } from '../moment.ts';
import { type Command, type Input, reduce } from '../reducer.ts';
import type { Report } from '../report.ts';
import type { RecordedLane, RecordedPostback } from './schedule.ts';

/** After every deadline there is. */
export const AFTERWARDS = NOON + 400 * DAY_MS;

interface Shown {
  readonly click: CandidateClick;
  readonly visibleAt: number;
}

/** What became of the lane, and what is on record of it. */
export interface Ran {
  readonly ledger: InMemoryLedger;
  readonly recorded: RecordedLane;
}

/** Runs a history in the order of its receipts, more or less; a seed names one order for ever. */
export function run(history: History, rules: ConfiguredRules, seed: number): Ran {
  return new RunningLane(history, rules, seed).run();
}

class RunningLane {
  readonly #ledger: InMemoryLedger;
  readonly #random: () => number;
  readonly #clicks: readonly Shown[];
  readonly #arrivals: readonly { readonly report: Report; readonly at: number }[];
  readonly #postbacks: RecordedPostback[] = [];
  readonly #revisions: Conversion[] = [];
  #now = 0;
  #offset = -1;
  #readUntil = 0;
  #commands = 0;

  constructor({ clicks, reports }: History, rules: ConfiguredRules, seed: number) {
    this.#ledger = new InMemoryLedger(rules);
    this.#random = randomOf(seed);
    this.#clicks = clicks.map((click) => ({ click, visibleAt: click.receivedAt + this.#delay() }));
    this.#arrivals = reports
      .map((report) => ({ report, at: report.receivedAt + (this.#random() < 0.2 ? HOUR_MS : 20) }))
      .toSorted((a, b) => a.at - b.at);
  }

  run(): Ran {
    for (const { report, at } of this.#arrivals) {
      this.#lookUntil(at);
      this.#decide(report, at);
      if (this.#random() < 0.5) this.#look(at + 500);
      if (this.#random() < 0.1) this.#command();
    }
    this.#lookUntil(AFTERWARDS);
    const { clicks, ...recorded } = {
      lane: 'acme',
      before: [],
      postbacks: this.#postbacks,
      revisions: this.#revisions,
      clicks: this.#clicks.map(({ click }) => click),
    };
    return { ledger: this.#ledger, recorded: { ...recorded, clicks } };
  }

  #delay(): number {
    const chance = this.#random();
    if (chance < 0.6) return 0;
    return chance < 0.9 ? 700 : 3 * HOUR_MS;
  }

  /** Looks whenever something may have come up since the last look. */
  #lookUntil(end: number): void {
    for (;;) {
      const shown = this.#clicks.map(({ visibleAt }) => visibleAt);
      const deadlines = this.#ledger.conversions.flatMap((conversion) => deadlineIn(conversion) ?? []);
      const next = Math.min(...[...shown, ...deadlines].filter((instant) => instant > this.#now));
      if (next >= end) return;
      this.#look(next);
    }
  }

  #decide(report: Report, at: number): void {
    this.#offset += 1;
    this.#now = Math.max(this.#now + 1, at);
    const placed = { ...report, position: { partition: 0, offset: this.#offset } };
    this.#give({ kind: 'postback', report: placed, at: this.#moment(false) });
    this.#postbacks.push({ report: placed, configurationVersion: 1 });
    // A batch learns how far the lane is read when it ends.
    if (this.#random() < 0.7) this.#readUntil = Math.max(this.#readUntil, report.receivedAt);
  }

  /** All that comes up in one look is decided at one instant. */
  #look(at: number): void {
    this.#now = Math.max(this.#now + 1, at);
    this.#readUntil = Math.max(this.#readUntil, this.#now);
    for (const { conversionId } of this.#ledger.conversions) {
      const conversion = this.#ledger.conversion(conversionId);
      if (conversion === undefined) continue;
      const input = this.#inputFor(conversion);
      if (input !== null) this.#give(input);
    }
  }

  #inputFor(conversion: Conversion): Input | null {
    const { conversionId, lane, outcome, passed, facts } = conversion;
    const deadlineAt = deadlineIn(conversion);
    if (deadlineAt === null) return null;
    const { clickId } = facts;
    const isMissing = outcome.candidates.some(
      (candidate) => candidate.clickId === clickId && candidate.outcome === 'missing',
    );
    if (clickId !== null && isMissing && passed.gaveUpClickId !== clickId && this.#isVisible(clickId))
      return { kind: 'click', clickId, lane, at: this.#moment(true) };
    const isPast = deadlineAt <= this.#now;
    const since = isPast ? deadlineAt : facts.receivedAt;
    const hasSeen = this.#clicks.every(
      ({ click, visibleAt }) => click.receivedAt > since || visibleAt <= this.#now,
    );
    const isLooking = outcome.match === 'parked' && !passed.hasSeenClicks;
    return (isPast || isLooking) && hasSeen
      ? { kind: 'instant', conversionId, at: this.#moment(true) }
      : null;
  }

  #command(): void {
    const [conversion] = this.#ledger.conversions;
    if (conversion === undefined) return;
    const { conversionId, advertiserId, isTest } = conversion;
    const kinds = ['reattribute', 'release', 'reject', 'approve'] as const;
    const command: Command = {
      command: kinds[Math.floor(this.#random() * 4)] ?? 'release',
      advertiserId,
      isTest,
      conversionId,
      expectedRevision: null,
      clickId: null,
      model: this.#random() < 0.5 ? 'first_click' : null,
      terms: null,
      reasonCode: `order_${this.#commands}`,
    };
    this.#now += 1;
    this.#commands += 1;
    this.#give({ kind: 'command', command, at: this.#moment(false) });
  }

  #isVisible(clickId: string): boolean {
    return this.#ledger.click(clickId) !== undefined;
  }

  #give(input: Input): void {
    for (const { click, visibleAt } of this.#clicks)
      if (visibleAt <= this.#now) this.#ledger.showClick(click);
    const result = reduce(this.#ledger, input);
    this.#ledger.apply(result);
    this.#revisions.push(...result.revisions);
  }

  #moment(watermarkReached: boolean): Moment {
    return {
      now: this.#now,
      watermarkReached,
      laneReadUntil: this.#readUntil,
      position: { partition: 0, offset: this.#offset },
      configurationVersion: 1,
    };
  }
}
