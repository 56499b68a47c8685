/** Finds the highest rate at which the whole pipeline keeps up: every lag as small at the end of a trial as at its start. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@tributary/testing';
import type { LoadResult } from '../load/generator.ts';
import { load } from '../load/load-process.ts';
import { median } from '../results.ts';
import type { Lags, PipelineSystem } from './pipeline-system.ts';

const CONNECTIONS = 256;
const CLICK_CONNECTIONS = 64;
const SAMPLE_MS = 1_000;
const DRAIN_BOUND_MS = 900_000;
const PROBE_S = 60;
/**
 * Every trial begins with nothing waiting. What works in batches does so at less cost the more waits for it, so lags rise until
 * the batches are as large as the rate asks for; until then they are not looked at.
 */
const RISE_S = 60;
/** Until the first probe fails each is faster by this factor; after that the middle is tried, so often. */
const STEP = 1.5;
const BISECTIONS = 3;
/** After a trial of full length that was not flat. */
const STEP_BACK = 0.93;
const LEAST_PER_SECOND = 50;
/** More than a pipeline of two cores takes in. */
const MOST_PER_SECOND = 25_000;
/** A lag may grow by so many seconds' worth of what its topic gets, between the first and the last third of a trial: it wavers by as much. */
const GROWTH_S = 5;
/** What a conversion leads to, where it is more than a record: two deliveries, each intended and ended. */
const RECORDS_PER_CONVERSION: Readonly<Record<string, number>> = {
  timer: 2,
  'clickhouse delivery.attempted.v1': 4,
};
/** Requests that a generator must have sent of what was due. */
const SENT_SHARE = 0.98;

export interface Trial {
  readonly perSecond: number;
  readonly isFlat: boolean;
  /** What was not flat, for a person. */
  readonly problem: string | null;
  readonly accepted: number;
  readonly lags: Lags;
  /** By process, per million conversions. */
  readonly cpuSecondsPerMillion: Readonly<Record<string, number>>;
}

export class PipelineBench {
  readonly #system: PipelineSystem;
  #runs = 0;
  #accepted = 0;

  constructor(system: PipelineSystem) {
    this.#system = system;
  }

  /** @param from the first rate that is tried, conversions a second. @throws Error when not even the lowest rate is kept up with. */
  async highest(from: number, seconds: number): Promise<Trial> {
    let perSecond = await this.#probed(from);
    while (perSecond >= LEAST_PER_SECOND) {
      const trial = await this.#trial(perSecond, seconds);
      if (trial.isFlat) return trial;
      perSecond = Math.floor(perSecond * STEP_BACK);
    }
    throw new Error(`the pipeline does not keep up with ${LEAST_PER_SECOND} conversions a second`);
  }

  /** As fast as answers come: what the edge takes while everything behind it runs. Requests a second. */
  async intakePeak(seconds: number): Promise<number> {
    const sent = await this.#load('sale', MOST_PER_SECOND * seconds, seconds, null, CONNECTIONS);
    this.#accepted += sent.accepted.length;
    return (sent.accepted.length / sent.elapsedMs) * 1_000;
  }

  /** Waits for all that was accepted. @throws Error where the receivers or ClickHouse have another number of deliveries. */
  async verify(): Promise<number> {
    const expected = this.#accepted * this.#system.perConversion;
    await this.#drained();
    const { receptions } = await this.#system.local.begin();
    const taken = receptions.reduce((sum, { takes }) => sum + takes.size, 0);
    const clickhouse = this.#system.system.connectClickhouse();
    const [row] = await clickhouse.rows<{ n: string }>(
      "SELECT count() AS n FROM deliveries FINAL WHERE phase = 'ended' AND ifNull(outcome, '') = 'delivered'",
    );
    await clickhouse.close();
    const delivered = Number(row?.n ?? 0);
    if (taken !== expected || delivered !== expected)
      throw new Error(
        `${expected} deliveries expected: the receivers took ${taken}, ClickHouse has ${delivered}`,
      );
    return expected;
  }

  async #probed(from: number): Promise<number> {
    let good = 0;
    let bad = from;
    while ((await this.#trial(bad, PROBE_S)).isFlat) [good, bad] = [bad, Math.floor(bad * STEP)];
    for (let nth = 0; nth < BISECTIONS; nth += 1) {
      const middle = Math.floor((good + bad) / 2);
      if ((await this.#trial(middle, PROBE_S)).isFlat) good = middle;
      else bad = middle;
    }
    return good > 0 ? good : bad;
  }

  async #trial(perSecond: number, seconds: number): Promise<Trial> {
    await this.#drained();
    const samples: Lags[] = [];
    const ending = new AbortController();
    const before = this.#system.cpuSeconds();
    const loadS = RISE_S + seconds;
    const due = perSecond * loadS;
    const sampling = this.#sample(samples, ending.signal);
    const loads = await Promise.all([
      this.#load('sale', Math.ceil(due), loadS, perSecond, CONNECTIONS),
      this.#load('pipeline-click', Math.ceil(due), loadS, perSecond, CLICK_CONNECTIONS),
    ]).finally(() => ending.abort());
    await sampling;
    const [sales] = loads;
    const accepted = sales.accepted.length;
    this.#accepted += accepted;
    const after = this.#system.cpuSeconds();
    const problem =
      problemOf(samples, perSecond) ??
      loads.map((each) => shortfall(each, due)).find((each) => each !== null) ??
      null;
    console.log(`${perSecond} conversions/s for ${seconds} s: ${problem ?? 'flat'}`);
    return {
      perSecond,
      isFlat: problem === null,
      problem,
      accepted,
      lags: samples.at(-1) ?? {},
      cpuSecondsPerMillion: Object.fromEntries(
        Object.entries(after).map(([name, cpu]) => [name, ((cpu - (before[name] ?? 0)) / accepted) * 1e6]),
      ),
    };
  }

  #load(
    kind: 'sale' | 'pipeline-click',
    prepared: number,
    seconds: number,
    perSecond: number | null,
    connections: number,
  ): Promise<LoadResult> {
    return load({
      kind,
      run: `run-${this.#runs++}@${this.#system.clickedAt}`,
      port: this.#system.ingestionPort,
      connections,
      prepared,
      durationMs: seconds * 1_000,
      perSecond,
    });
  }

  async #sample(samples: Lags[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(SAMPLE_MS, undefined, { signal }).catch(() => undefined);
      samples.push(await this.#system.lags());
    }
  }

  async #drained(): Promise<void> {
    await eventually(
      () => this.#system.lags(),
      (lags) => Object.values(lags).every((lag) => lag === 0),
      DRAIN_BOUND_MS,
    );
  }
}

function problemOf(all: readonly Lags[], perSecond: number): string | null {
  const samples = all.slice((RISE_S * 1_000) / SAMPLE_MS);
  const third = Math.floor(samples.length / 3);
  for (const name of Object.keys(samples[0] ?? {})) {
    const of = (part: readonly Lags[]) => median(part.map((lags) => lags[name] ?? 0));
    const [first, last] = [of(samples.slice(0, third)), of(samples.slice(-third))];
    const growth = perSecond * (RECORDS_PER_CONVERSION[name] ?? 1) * GROWTH_S;
    if (last - first > growth) return `the lag of ${name} grew from ${first} to ${last}`;
  }
  return null;
}

function shortfall({ accepted }: LoadResult, due: number): string | null {
  if (accepted.length >= due * SENT_SHARE) return null;
  return `${accepted.length} of ${Math.round(due)} requests were accepted in time`;
}
