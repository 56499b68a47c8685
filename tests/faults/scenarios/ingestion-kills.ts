/** SIGKILL of ingestion again and again with requests in flight, at times while it is spooling: nothing acknowledged is missing. */
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@tributary/testing';
import type { IngestionBed, Pace } from '../ingestion-bed.ts';
import { randomFrom } from '../random.ts';
import { type ScenarioResult, spreadOf } from '../totals.ts';
import { printCheck } from './acknowledged-check.ts';
import { type AcknowledgedLoad, statusesOf } from './acknowledged-load.ts';

export interface IngestionKillsOptions extends Pace {
  readonly kills: number;
  readonly seed: number;
}

/** One kill in so many meets ingestion while Kafka is away. */
const SPOOLING_EVERY = 5;
const OUTAGE_MS = 3_000;
const LONGEST_PEACE_MS = 1_000;
const IN_FLIGHT_BOUND_MS = 10_000;

export async function ingestionKills(
  bed: IngestionBed,
  { kills, seed, ...pace }: IngestionKillsOptions,
): Promise<ScenarioResult> {
  const random = randomFrom(seed);
  const load = bed.load(pace);
  const inFlight: number[] = [];
  const backAfterMs: number[] = [];
  const spooledThen: number[] = [];
  while (inFlight.length < kills) {
    const isSpooling = inFlight.length % SPOOLING_EVERY === SPOOLING_EVERY - 1;
    const kafka = isSpooling ? bed.system.crash('kafka', OUTAGE_MS) : Promise.resolve();
    await delay(random() * LONGEST_PEACE_MS);
    if (isSpooling) spooledThen.push(await spooling(bed));
    inFlight.push(await kill(bed, load));
    const killedAt = performance.now();
    await kafka;
    await answersAgain(load);
    backAfterMs.push(Math.round(performance.now() - killedAt));
    if (inFlight.length % 10 === 0) bed.log(`${inFlight.length} of ${kills} times ingestion killed`);
  }
  await load.stop();
  await bed.spoolEmpty();
  const { lines, example, repeatedPostbacks, repeatedClicks } = await bed.check(load);
  return {
    lines: [
      `${inFlight.length} SIGKILLs of ingestion, each with requests in flight`,
      `  requests without an answer at the kill: ${spreadOf(inFlight)}; with none: ${inFlight.filter((n) => n === 0).length}`,
      `  of these, while Kafka was away: ${spooledThen.length}, records in the spool shortly before: ${spreadOf(spooledThen)}; with none seen: ${spooledThen.filter((n) => n === 0).length}`,
      `  ms until requests were answered again: ${spreadOf(backAfterMs)}`,
      `  postbacks: ${statusesOf(load.postbacks)}; redirects: ${statusesOf(load.redirects)}`,
      `  repeats in the topics: ${repeatedPostbacks} postbacks, ${repeatedClicks} clicks`,
      ...printCheck(lines, example),
    ],
    difference: lines.reduce((sum, { off }) => sum + Math.abs(off), 0),
  };
}

/** Waits, as long as Kafka is away, until something is in the spool. @returns how many records; 0 where none were seen in that time. */
async function spooling(bed: IngestionBed): Promise<number> {
  const records = eventually(
    () => bed.metric('tributary_spool_records'),
    (count) => count !== null && count > 0,
    OUTAGE_MS,
  );
  return records.then(
    (count) => count ?? 0,
    () => 0,
  );
}

/** @returns how many requests were without an answer then. */
async function kill(bed: IngestionBed, load: AcknowledgedLoad): Promise<number> {
  const givenUpAt = performance.now() + IN_FLIGHT_BOUND_MS;
  while (load.inFlight === 0) {
    if (performance.now() > givenUpAt) throw new Error('no request was in flight');
    await delay(1);
  }
  const { inFlight } = load;
  bed.system.service('ingestion').kill();
  return inFlight;
}

async function answersAgain(load: AcknowledgedLoad): Promise<void> {
  const before = load.receipts.size + load.inFlight;
  await eventually(
    () => load.receipts.size,
    (count) => count > before,
    120_000,
  );
}
