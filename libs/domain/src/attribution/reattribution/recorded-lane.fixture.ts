/** A lane as attribution runs it, for tests of its replay: clicks show late, batches and looks take turns, and all of it goes on record. */
import { DAY_MS, HOUR_MS, NOON } from '../attribution.fixture.ts';
import type { CandidateClick, Conversion } from '../conversion.ts';
import { randomOf } from '../deliveries.fixture.ts';
import type { History } from '../histories.fixture.ts';
import { deadlineIn, InMemoryLedger } from '../in-memory-ledger.ts';
import type { ConfiguredRules } from '../known-facts.ts';
import type { Moment } from '../moment.ts';
import { compareText } from '../ordering.ts';
import { type Command, type Input, reduce } from '../reducer.ts';
import type { Report } from '../report.ts';
import type { RecordedLane, RecordedPostback } from './schedule.ts';

/** After every deadline there is. */
export const AFTERWARDS = NOON + 400 * DAY_MS;

interface Shown {
  readonly click: CandidateClick;
  readonly visibleAt: number;
}

interface Arrival {
  readonly report: Report;
  readonly at: number;
}

/** An input of a turn that has not begun. */
type Asked = { readonly [Kind in Input['kind']]: Omit<Extract<Input, { kind: Kind }>, 'at'> }[Input['kind']];

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
  readonly #arrivals: readonly Arrival[];
  readonly #postbacks: RecordedPostback[] = [];
  readonly #revisions: Conversion[] = [];
  /** Clicks that a look for late ones has given. */
  readonly #touched = new Set<string>();
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
    for (let next = 0; next < this.#arrivals.length; ) {
      const batch = this.#arrivals.slice(next, next + 1 + Math.floor(this.#random() * 3));
      const at = batch.at(-1)?.at ?? 0;
      this.#lookUntil(at);
      this.#decide(batch, at);
      if (this.#random() < 0.5) this.#look(at);
      if (this.#random() < 0.3) this.#lookForTouches(at);
      if (this.#random() < 0.1) this.#command(at);
      next += batch.length;
    }
    this.#lookUntil(AFTERWARDS);
    // What a look left out before the last postback came.
    for (let looked = -1; looked !== this.#revisions.length; ) {
      looked = this.#revisions.length;
      this.#look(AFTERWARDS);
    }
    return {
      ledger: this.#ledger,
      recorded: {
        lane: 'acme',
        before: [],
        postbacks: this.#postbacks,
        revisions: this.#revisions,
        clicks: this.#clicks.map(({ click }) => click),
      },
    };
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
      if (this.#random() < 0.3) this.#lookForTouches(next);
    }
  }

  #decide(batch: readonly Arrival[], at: number): void {
    const placed = batch.map(({ report }, index) => ({
      ...report,
      position: { partition: 0, offset: this.#offset + 1 + index },
    }));
    const asked = placed.map((report): Asked => ({ kind: 'postback', report }));
    this.#turn(asked, at);
    this.#offset += batch.length;
    for (const report of placed) this.#postbacks.push({ report, configurationVersion: 1 });
    this.#readUntil = Math.max(this.#readUntil, ...placed.map(({ receivedAt }) => receivedAt));
  }

  /** All that comes up in one look is decided in log order; what waits is not looked at every time. */
  #look(at: number): void {
    this.#begin(at);
    this.#readUntil = Math.max(this.#readUntil, this.#now);
    const asked = this.#ledger.conversions
      .toSorted(
        (a, b) =>
          a.facts.position.offset - b.facts.position.offset || compareText(a.conversionId, b.conversionId),
      )
      .flatMap((conversion) => {
        const input = this.#random() < 0.9 || this.#isOver(at) ? this.#askedFor(conversion) : null;
        return input === null ? [] : [input];
      });
    this.#turn(asked, at);
  }

  #isOver(at: number): boolean {
    return at >= (this.#arrivals.at(-1)?.at ?? 0);
  }

  #askedFor(conversion: Conversion): Asked | null {
    const { conversionId, lane, outcome, passed, facts } = conversion;
    const deadlineAt = deadlineIn(conversion);
    if (deadlineAt === null) return null;
    const { clickId } = facts;
    const isMissing = outcome.candidates.some(
      (candidate) => candidate.clickId === clickId && candidate.outcome === 'missing',
    );
    if (clickId !== null && isMissing && passed.gaveUpClickId !== clickId && this.#isVisible(clickId))
      return { kind: 'click', clickId, lane };
    const isPast = deadlineAt <= this.#now;
    const since = isPast ? deadlineAt : facts.receivedAt;
    const hasSeen = this.#clicks.every(
      ({ click, visibleAt }) => click.receivedAt > since || visibleAt <= this.#now,
    );
    const isLooking = outcome.match === 'parked' && !passed.hasSeenClicks;
    return (isPast || isLooking) && hasSeen ? { kind: 'instant', conversionId } : null;
  }

  #lookForTouches(at: number): void {
    const fresh = this.#clicks.filter(
      ({ click, visibleAt }) => visibleAt <= Math.max(at, this.#now) && !this.#touched.has(click.clickId),
    );
    const ids = fresh.map(({ click }) => click.clickId).toSorted(compareText);
    for (const clickId of ids) this.#touched.add(clickId);
    this.#turn(
      ids.map((clickId) => ({ kind: 'click', clickId, lane: 'acme' })),
      at,
    );
  }

  #command(at: number): void {
    const [conversion] = this.#ledger.conversions;
    if (conversion === undefined) return;
    const { conversionId, advertiserId, isTest } = conversion;
    const kinds = ['reattribute', 'release', 'reject', 'approve', 'erase'] as const;
    const command: Command = {
      command: kinds[Math.floor(this.#random() * kinds.length)] ?? 'release',
      advertiserId,
      isTest,
      conversionId,
      expectedRevision: null,
      clickId: null,
      model: this.#random() < 0.5 ? 'first_click' : null,
      terms: null,
      reasonCode: `order_${this.#commands}`,
    };
    this.#commands += 1;
    this.#turn([{ kind: 'command', command }], at);
  }

  #isVisible(clickId: string): boolean {
    return this.#clicks.some(({ click, visibleAt }) => click.clickId === clickId && visibleAt <= this.#now);
  }

  #begin(at: number): void {
    this.#now = Math.max(this.#now + 1, at);
  }

  /** One instant for all of it, and one sight of the clicks. */
  #turn(all: readonly Asked[], at: number): void {
    this.#begin(at);
    for (const { click, visibleAt } of this.#clicks)
      if (visibleAt <= this.#now) this.#ledger.showClick(click);
    for (const asked of all) {
      const moment: Moment = {
        now: this.#now,
        watermarkReached: asked.kind === 'instant',
        laneReadUntil: this.#readUntil,
        position: {
          partition: 0,
          offset: asked.kind === 'postback' ? asked.report.position.offset : this.#offset,
        },
        configurationVersion: 1,
      };
      const result = reduce(this.#ledger, { ...asked, at: moment });
      this.#ledger.apply(result);
      this.#revisions.push(...result.revisions);
    }
  }
}
