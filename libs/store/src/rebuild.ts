/** Rebuilds a table from its topic beside the live one, through a second queue, and swaps the two while everybody goes on. */
import { setTimeout as delay } from 'node:timers/promises';
import { DependencyFailure } from '@tributary/runtime';
import { type ClickhouseConnection, loadQuery } from './connection.ts';
import { schemaLockOf } from './migrate.ts';
import { type Comparison, compareTables } from './rebuild-comparison.ts';
import {
  type CatalogueTable,
  dropWhole,
  keptTables,
  planRebuild,
  type RebuildPlan,
  type RebuildRefusal,
  type Refused,
  type RunNames,
  rebuildableTables,
  refused,
  remainsOf,
} from './rebuild-plan.ts';
import { hasReached, type LogOffsets, type Watermark } from './stored-offsets.ts';

/** What a rebuild needs of Kafka; satisfied by the bus. */
export interface RebuildLog extends LogOffsets {
  /** Offset of the first record there still is, by partition; where there is none, of the next. */
  firstOffsets(topic: string): Promise<Watermark>;
  /** Forgets a group that nobody is in any more. */
  deleteGroup(groupId: string): Promise<void>;
}

export interface RebuildOptions {
  readonly table: string;
  /** Names what is made: the time of this run. Epoch ms. */
  readonly startedAt: number;
  /** What the topic no longer holds is taken from the raw table. */
  readonly isFedFromTable?: boolean;
  /** Swaps even when rows of the live table are not in the rebuilt one. */
  readonly isLossAccepted?: boolean;
  /** Takes one line per step. */
  readonly print: (line: string) => void;
  /** Ends the run, which then removes what it has made. */
  readonly signal?: AbortSignal;
}

export type RebuildOutcome =
  | { readonly kind: 'rebuilt'; readonly keptAs: string; readonly comparison: Comparison }
  | Refused;

const CATALOGUE = loadQuery('catalogue');
const UNDECODED_ANEW = loadQuery('undecoded-anew');
const LAST_EXCEPTIONS = loadQuery('last-queue-exceptions');
/** A rebuild reads a whole topic; nothing in it is waited for longer. */
export const REBUILD_BOUND_MS = 86_400_000;
const POLL_MS = 200;
const PROGRESS_MS = 5_000;
/** Longer than a group takes to form, than ClickHouse or Kafka take to come back, and than a large batch is written. */
const NO_PROGRESS_MS = 300_000;
/** Beyond the time in which the live queue collects a batch. */
const BATCH_MARGIN_MS = 1_000;
const GROUP_ENDS_MS = 10_000;
/** The fresh table, and as much again for its merges. */
const SPACE_FACTOR = 2;

/** Ends the steps before the swap with an answer that is no defect. */
class Refusal extends Error {
  readonly answer: Refused;

  constructor(code: RebuildRefusal, detail: string) {
    super(detail);
    this.answer = refused(code, detail);
  }
}

export class TableRebuild {
  readonly #clickhouse: ClickhouseConnection;
  readonly #log: RebuildLog;

  /** @param clickhouse with a request timeout that fits statements over whole tables ({@link REBUILD_BOUND_MS}). */
  constructor(clickhouse: ClickhouseConnection, log: RebuildLog) {
    this.#clickhouse = clickhouse;
    this.#log = log;
  }

  /** The tables that can be rebuilt. @throws DependencyFailure */
  async tables(): Promise<readonly string[]> {
    return rebuildableTables(await this.#catalogue());
  }

  /**
   * Rebuilds one table. Until the swap, which is one atomic statement, the live table is only read; unless the outcome is
   * `rebuilt`, everything made is removed again. What a run that was killed has left is removed first.
   * @throws DependencyFailure also when another rebuild or a migration is running; then nothing has been touched.
   */
  run(options: RebuildOptions): Promise<RebuildOutcome> {
    return this.#alone(async (assertHeld) => {
      const plan = planRebuild(await this.#catalogue(), options.table, stampOf(options.startedAt));
      if (plan.kind === 'refused') return plan;
      return new Run(this.#clickhouse, this.#log, plan, options, assertHeld).run();
    });
  }

  /** Drops the tables that swaps of `table` have replaced. @returns their names. @throws DependencyFailure */
  dropKept(table: string): Promise<readonly string[]> {
    return this.#alone(async () => {
      const kept = keptTables(await this.#catalogue(), table);
      for (const name of kept) await this.#clickhouse.run(dropWhole(name));
      return kept;
    });
  }

  /** Nobody else changes a table meanwhile, nor migrates the database. */
  #alone<T>(work: (assertHeld: () => void) => Promise<T>): Promise<T> {
    const bounds = { heldMs: REBUILD_BOUND_MS, waitMs: 0 };
    return this.#clickhouse.exclusively(
      schemaLockOf(this.#clickhouse.database),
      async (assertHeld) => {
        await removeRemains(this.#clickhouse, this.#log);
        return work(assertHeld);
      },
      bounds,
    );
  }

  #catalogue(): Promise<readonly CatalogueTable[]> {
    return catalogueOf(this.#clickhouse);
  }
}

function catalogueOf(clickhouse: ClickhouseConnection): Promise<readonly CatalogueTable[]> {
  return clickhouse.rows<CatalogueTable>(CATALOGUE, { database: clickhouse.database });
}

/** @param run names of one run; without it, of all that have ever been. */
async function removeRemains(
  clickhouse: ClickhouseConnection,
  log: RebuildLog,
  run?: RunNames,
): Promise<void> {
  const { statements, groups } = remainsOf(await catalogueOf(clickhouse), run);
  if (statements.length === 0) return;
  // A statement over a whole table outlives whoever asked for it, and its table cannot be dropped before it ends.
  await clickhouse.run(
    `KILL QUERY WHERE current_database = '${clickhouse.database}' AND match(query, '${run?.fresh ?? '_rebuild_[0-9]{14}'}') AND query_kind IN ('Insert', 'Select') SYNC`,
  );
  for (const statement of statements) await clickhouse.run(statement);
  for (const group of groups) await forgetGroup(log, group);
}

/** Its member leaves a moment after the queue is gone. A group that stays is forgotten by Kafka after a week. */
async function forgetGroup(log: RebuildLog, group: string): Promise<void> {
  const deadline = performance.now() + GROUP_ENDS_MS;
  for (;;) {
    try {
      await log.deleteGroup(group);
      return;
    } catch (error) {
      if (!(error instanceof DependencyFailure)) throw error;
      if (performance.now() > deadline) return;
      await delay(POLL_MS);
    }
  }
}

/** One rebuild, from the first question to the swap. */
class Run {
  readonly #clickhouse: ClickhouseConnection;
  readonly #log: RebuildLog;
  readonly #plan: RebuildPlan;
  readonly #options: RebuildOptions;
  readonly #assertHeld: () => void;

  constructor(
    clickhouse: ClickhouseConnection,
    log: RebuildLog,
    plan: RebuildPlan,
    options: RebuildOptions,
    assertHeld: () => void,
  ) {
    this.#clickhouse = clickhouse;
    this.#log = log;
    this.#plan = plan;
    this.#options = options;
    this.#assertHeld = assertHeld;
  }

  async run(): Promise<RebuildOutcome> {
    const { table, kept } = this.#plan;
    try {
      const first = await this.#firstOffsets();
      await this.#refuseSmallDisk();
      await this.#build(first);
      await this.#readAll(first);
      const comparison = await this.#compare();
      await this.#all([this.#plan.swap]);
      this.#print(`swapped: ${table} is the rebuilt table, the one before is ${kept}`);
      return { kind: 'rebuilt', keptAs: kept, comparison };
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    } finally {
      // The same after a swap: the catalogue tells which of the two tables is which. Only its own, since another may be at
      // work once the lock is lost.
      await removeRemains(this.#clickhouse, this.#log, this.#plan);
      await forgetGroup(this.#log, this.#plan.group);
    }
  }

  async #firstOffsets(): Promise<Watermark> {
    const { topic, fill, table, feeds, bytes } = this.#plan;
    this.#print(`${table}: ${bytes} bytes, fed from ${topic} by ${feeds.join(', ')}`);
    const first = await this.#log.firstOffsets(topic);
    const lost = [...first].filter(([, offset]) => offset > 0);
    const [[partition, offset] = []] = lost;
    if (lost.length === 0) {
      this.#print(`${topic} reaches back to its start`);
      return first;
    }
    const detail = `${topic} no longer reaches back to its start: partition ${partition} begins at ${offset}, ${lost.length} partitions in all`;
    if (!this.#options.isFedFromTable)
      throw new Refusal('topic_truncated', `${detail}; --from-table takes what is gone from the raw table`);
    if (fill(first) === null)
      throw new Refusal('no_raw_table', `${detail}, and no table holds all of its records`);
    this.#print(detail);
    return first;
  }

  async #refuseSmallDisk(): Promise<void> {
    const { bytes, table } = this.#plan;
    const [disk] = await this.#clickhouse.rows<{ free: string }>(
      'SELECT max(free_space) AS free FROM system.disks',
    );
    const needed = bytes * SPACE_FACTOR;
    if (Number(disk?.free ?? 0) < needed)
      throw new Refusal('disk_too_small', `${table} once more takes ${needed} bytes, free are ${disk?.free}`);
  }

  async #build(first: Watermark): Promise<void> {
    const { build, fill, attach, fresh, group } = this.#plan;
    await this.#all(build);
    const filling = [...first.values()].some((offset) => offset > 0) ? fill(first) : null;
    if (filling !== null) {
      await this.#all([filling]);
      this.#print('filled from the raw table with what the topic no longer holds');
    }
    await this.#all(attach);
    this.#print(`reading the topic into ${fresh} as group ${group}`);
  }

  /** Until the fresh table holds everything that the live one does, and the live queue fills both. */
  async #readAll(first: Watermark): Promise<void> {
    const { topic, group, liveGroup, join, detach, flushMs } = this.#plan;
    const second = new SecondReading(this.#log, topic, group, first);
    await this.#until(second, await this.#log.endOffsets(topic));
    await this.#until(second, await this.#log.committedOffsets(liveGroup, topic));
    await this.#all(join);
    // A batch that the live queue began without the joint views holds nothing that comes after this.
    await this.#wait(flushMs + BATCH_MARGIN_MS);
    const joint = await this.#log.endOffsets(topic);
    await this.#until(second, joint);
    await this.#untilLive(joint);
    await this.#refuseUndecoded(joint);
    await this.#all(detach);
    this.#print('read all; the live queue fills both tables');
  }

  async #refuseUndecoded(end: Watermark): Promise<void> {
    const { undecoded, republished } = this.#plan;
    const [row] = await this.#clickhouse.rows<{ n: string }>(UNDECODED_ANEW, { undecoded, republished, end });
    if (row?.n !== '0')
      throw new Refusal(
        'undecoded',
        `${row?.n} records could not be decoded this time: is the schema registry up?`,
      );
  }

  async #compare(): Promise<Comparison> {
    const { topic } = this.#plan;
    const comparison = await this.#unlessAborted(
      compareTables(this.#clickhouse, this.#plan, async () =>
        this.#untilLive(await this.#log.endOffsets(topic)),
      ),
    );
    for (const line of comparisonLines(comparison)) this.#print(line);
    if (comparison.vanishing > 0 && !this.#options.isLossAccepted)
      throw new Refusal(
        'rows_missing',
        `${comparison.vanishing} rows of the live table are not in ${topic}; --accept-loss swaps all the same`,
      );
    return comparison;
  }

  #untilLive(end: Watermark): Promise<void> {
    const { topic, liveGroup } = this.#plan;
    return this.#until({ position: () => this.#log.committedOffsets(liveGroup, topic) }, end);
  }

  /** Waits for a reader as long as it gets on. */
  async #until(reader: Reader, end: Watermark): Promise<void> {
    let best = -1;
    let betterAt = performance.now();
    let printedAt = betterAt;
    for (;;) {
      const position = await positionOf(reader);
      if (hasReached(position, end)) return;
      const now = performance.now();
      const read = recordsBelow(position, end);
      if (read > best) {
        best = read;
        betterAt = now;
      }
      if (now - betterAt > NO_PROGRESS_MS) throw new Refusal('no_progress', await this.#standstill(end));
      if (now - printedAt > PROGRESS_MS) {
        printedAt = now;
        this.#print(`offsets read: ${read} of ${recordsBelow(end, end)}`);
      }
      await this.#wait(POLL_MS);
    }
  }

  async #standstill(end: Watermark): Promise<string> {
    const rows = await this.#clickhouse.rows<{ table: string; error: string }>(LAST_EXCEPTIONS, {
      database: this.#clickhouse.database,
    });
    const errors = rows.map(({ table, error }) => `; ${table}: ${error}`).join('');
    return `nothing was read for ${NO_PROGRESS_MS / 1_000} s before ${recordsBelow(end, end)}${errors}`;
  }

  async #all(statements: readonly string[]): Promise<void> {
    for (const statement of statements) {
      this.#assertHeld();
      await this.#unlessAborted(this.#clickhouse.run(statement));
    }
  }

  async #wait(ms: number): Promise<void> {
    this.#assertHeld();
    await this.#unlessAborted(delay(ms));
  }

  async #unlessAborted<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#options;
    if (signal === undefined) return work;
    let stop: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(new Refusal('interrupted', 'interrupted'));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
    });
    // Whoever is not waited for any more may fail without anybody's notice.
    work.catch(() => undefined);
    try {
      return await Promise.race([work, aborted]);
    } finally {
      if (stop !== undefined) signal.removeEventListener('abort', stop);
    }
  }

  #print(line: string): void {
    this.#options.print(line);
  }
}

interface Reader {
  position(): Promise<Watermark>;
}

/** The second queue's position, watched for records that retention removes before they are read. */
class SecondReading implements Reader {
  readonly #log: RebuildLog;
  readonly #topic: string;
  readonly #group: string;
  /** Everything below has been read, or was not there when the reading began. */
  #read: Watermark;

  constructor(log: RebuildLog, topic: string, group: string, first: Watermark) {
    this.#log = log;
    this.#topic = topic;
    this.#group = group;
    this.#read = first;
  }

  async position(): Promise<Watermark> {
    const first = await this.#log.firstOffsets(this.#topic);
    for (const [partition, offset] of first) {
      if (offset > (this.#read.get(partition) ?? 0))
        throw new Refusal(
          'topic_truncated',
          `retention has removed records of ${this.#topic} partition ${partition} below ${offset} while they were read; run again`,
        );
    }
    const committed = await this.#log.committedOffsets(this.#group, this.#topic);
    this.#read = new Map(
      [...this.#read].map(([partition, read]) => [
        partition,
        Math.max(read, committed.get(partition) ?? read),
      ]),
    );
    return committed;
  }
}

/** Where nobody can tell, nothing has been read: the coordinator of a new group may still be on its way. */
async function positionOf(reader: Reader): Promise<Watermark> {
  try {
    return await reader.position();
  } catch (error) {
    if (error instanceof DependencyFailure) return new Map();
    throw error;
  }
}

function recordsBelow(position: Watermark, end: Watermark): number {
  return [...end].reduce(
    (total, [partition, limit]) => total + Math.max(0, Math.min(position.get(partition) ?? 0, limit)),
    0,
  );
}

function comparisonLines(comparison: Comparison): readonly string[] {
  const { liveRows, rebuiltRows, liveChecksum, rebuiltChecksum, missing, vanishing, changed } = comparison;
  const columns = comparison.changedColumns.map(({ column, rows }) => `${column} (${rows} rows)`);
  return [
    `live:    ${liveRows} rows, checksum ${liveChecksum}`,
    `rebuilt: ${rebuiltRows} rows, checksum ${rebuiltChecksum}`,
    `for good, after what was in flight: ${missing} rows were missing in the live table, ${changed} had other values, ${vanishing} are in the live table alone`,
    ...(columns.length === 0 ? [] : [`other values in: ${columns.join(', ')}`]),
  ];
}

/** An instant as fourteen digits. */
function stampOf(instant: number): string {
  return new Date(instant).toISOString().replace(/\D/g, '').slice(0, 14);
}
