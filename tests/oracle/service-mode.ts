/** Service mode: the attribution service decides the log over real Kafka and ClickHouse, and the oracle reads the tables it has left. */
import { setTimeout as delay } from 'node:timers/promises';
import { compare, differencesOf } from './compare.ts';
import { configurationOf, type Report } from './core-mode.ts';
import { generateLog, type LogOptions, type Recorded } from './generate.ts';
import { consultOracle } from './oracle.ts';
import { configurationLog } from './programme.ts';
import { ServiceBed } from './service-bed.ts';

/** The service looks for a click that did not come at once, and last after five minutes. */
const SETTLE_BOUND_MS = 660_000;
const SETTLE_POLL_MS = 5_000;

/**
 * Facts are told in three parts. A conversion with a short wait has waited in vain when it is told today, and a postback
 * that names a click of somebody else is refused only when the click is there: so all clicks come first, but those that a
 * long wait is for. These come when everything has been decided without them, and change it.
 *
 * @returns how many conversions differ.
 */
export async function compareWithService(options: LogOptions, report: Report): Promise<number> {
  const bed = await ServiceBed.start(configurationLog(options.startsAt), report);
  try {
    report(`${await bed.tell(recordsOf(options, isInTime))} clicks told`);
    await bed.isStored('click.recorded.v1');
    await bed.startAttribution();
    report(`${await bed.tell(recordsOf(options, isPostback))} postbacks told`);
    await bed.isDecided();
    report('every postback is judged');
    report(`${await bed.tell(recordsOf(options, isLate))} late clicks told`);
    await bed.isStored('click.recorded.v1');
    const difference = await comparedIn(bed, options, report);
    if (difference > 0) report(`logs and data are kept in ${bed.keepEvidence()}`);
    return difference;
  } finally {
    await bed.stop();
  }
}

async function comparedIn(bed: ServiceBed, options: LogOptions, report: Report): Promise<number> {
  const database = bed.connectDatabase();
  try {
    await consultOracle(database, { configuration: configurationOf(options), now: Date.now() }, report);
    const deadline = performance.now() + SETTLE_BOUND_MS;
    for (;;) {
      await bed.isDecided();
      const difference = await differencesOf(database, 'conversions');
      report(`difference ${difference} by now`);
      if (difference === 0 || performance.now() > deadline) break;
      await delay(SETTLE_POLL_MS);
    }
    return await compare(database, 'conversions');
  } finally {
    await database.close();
  }
}

function* recordsOf(options: LogOptions, isPart: (record: Recorded) => boolean): Generator<Recorded> {
  for (const record of generateLog(options)) if (isPart(record)) yield record;
}

function isInTime(record: Recorded): boolean {
  return record.kind === 'click' && !record.isAwaited;
}

function isPostback(record: Recorded): boolean {
  return record.kind === 'postback';
}

function isLate(record: Recorded): boolean {
  return record.kind === 'click' && record.isAwaited;
}
