/** What a rebuild of a table makes, found out from ClickHouse's own catalogue, so that a table's shape and feeds exist once. */
import type { Watermark } from './stored-offsets.ts';

/** An object of the database, as queries/catalogue.sql reads it. */
export interface CatalogueTable {
  readonly name: string;
  readonly engine: string;
  /** The statement that makes it, names with their database. */
  readonly definition: string;
  /** What a view selects. */
  readonly query: string;
  readonly sortingKey: string;
  /** The materialized views that read from it. */
  readonly views: readonly string[];
  readonly comment: string;
  readonly bytes: string;
  readonly columns: readonly string[];
}

/** Why a table cannot be rebuilt; see docs/runbooks/rebuild-a-table.md. */
export type RebuildRefusal =
  | 'unknown_table'
  | 'not_fed'
  | 'several_topics'
  | 'feeds_views'
  | 'on_a_cluster'
  | 'hidden_settings'
  | 'no_raw_table'
  | 'disk_too_small'
  | 'topic_truncated'
  | 'no_progress'
  | 'undecoded'
  | 'rows_missing'
  | 'interrupted';

export interface Refused {
  readonly kind: 'refused';
  readonly code: RebuildRefusal;
  readonly detail: string;
}

export interface RebuildPlan {
  readonly kind: 'plan';
  readonly table: string;
  readonly topic: string;
  /** Consumer groups of the live queue and of the second one. */
  readonly liveGroup: string;
  readonly group: string;
  /** How long the live queue collects records before it writes them. */
  readonly flushMs: number;
  /** The live views into the table. */
  readonly feeds: readonly string[];
  readonly sortingKey: string;
  readonly columns: readonly string[];
  readonly bytes: number;
  /** Name of the fresh table, and after the swap of the one it replaces. */
  readonly fresh: string;
  readonly kept: string;
  /** Tables of the second reading beside the fresh one. */
  readonly undecoded: string;
  readonly republished: string;
  readonly differences: string;
  /** The fresh table and the views into it. */
  readonly build: readonly string[];
  /** What begins the second reading; the last statement starts it. */
  readonly attach: readonly string[];
  /** What ends it. */
  readonly detach: readonly string[];
  /** From then on the live queue fills the fresh table too. */
  readonly join: readonly string[];
  /** One atomic statement; what is then left of the run is told by {@link remainsOf}. */
  readonly swap: string;
  /** Puts what the topic has lost into the second reading's stream, from the raw table; null where there is none. */
  fill(first: Watermark): string | null;
}

/** Comment of a fresh table: one without it under such a name was exchanged, and is kept. */
const UNFINISHED = 'being rebuilt, not for reading';
/** ClickHouse's own, of stream_flush_interval_ms. */
const STANDARD_FLUSH_MS = 7_500;
const SIDE_TABLES = ['undecoded_records', 'republished_records'] as const;
const MADE_BY_A_REBUILD = /^(\w+)_rebuild_(\d{14})(_\w+)?$/;
const KEPT = /^(\w+)_before_(\d{14})$/;

/** The tables of a database that can be rebuilt. */
export function rebuildableTables(catalogue: readonly CatalogueTable[]): readonly string[] {
  return catalogue
    .map(({ name }) => name)
    .filter((name) => !MADE_BY_A_REBUILD.test(name) && !KEPT.test(name))
    .filter((name) => planRebuild(catalogue, name, '').kind === 'plan');
}

/** @param stamp fourteen digits that make the names of this run, its time by the second. */
export function planRebuild(
  catalogue: readonly CatalogueTable[],
  table: string,
  stamp: string,
): RebuildPlan | Refused {
  const live = catalogue.find(({ name }) => name === table);
  if (live === undefined) return refused('unknown_table', `there is no table ${table}`);
  const chain = chainOf(catalogue, live);
  if (chain.kind === 'refused') return chain;
  const { stream, queue, feeds } = chain;
  const topic = settingOf(queue, 'kafka_topic_list');
  const liveGroup = settingOf(queue, 'kafka_group_name');
  const second = secondOf(catalogue, chain, `${table}_rebuild_${stamp}`);
  const { fresh } = second;
  const [undecoded, republished] = SIDE_TABLES.map((name) => second.nameOf(name));
  const group = `${liveGroup}.rebuild.${stamp}`;
  return {
    kind: 'plan',
    table,
    topic,
    liveGroup,
    group,
    flushMs: Number(settingOf(queue, 'kafka_flush_interval_ms') || STANDARD_FLUSH_MS),
    feeds: feeds.map(({ name }) => name),
    sortingKey: live.sortingKey,
    columns: live.columns,
    bytes: Number(live.bytes),
    fresh,
    kept: `${table}_before_${stamp}`,
    undecoded: undecoded ?? '',
    republished: republished ?? '',
    differences: `${fresh}_differences`,
    build: [
      withComment(second.copyOf(live), UNFINISHED),
      ...second.side.map(second.copyOf),
      second.copyOf(stream),
      ...second.views.map(second.viewOf),
    ],
    attach: [withGroup(second.copyOf(queue), group), second.viewOf(chain.intake)],
    detach: [
      `DROP TABLE IF EXISTS ${second.nameOf(queue.name)} SYNC`,
      ...[chain.intake, ...second.views].map(({ name }) => `DROP VIEW IF EXISTS ${second.nameOf(name)} SYNC`),
      `DROP TABLE IF EXISTS ${second.nameOf(stream.name)} SYNC`,
    ],
    join: feeds.map(({ query }, index) => viewInto(`${fresh}_join_${index + 1}`, fresh, query)),
    swap: `EXCHANGE TABLES ${table} AND ${fresh}`,
    fill: (first) => fillOf(catalogue, stream, second.nameOf(stream.name), topic, first),
  };
}

/** The feed of the live table once more, under names of its own. */
interface SecondFeed {
  readonly fresh: string;
  /** Tables that note what was undecoded, and of what the repeat was decoded. */
  readonly side: readonly CatalogueTable[];
  /** The views on the stream that lead into the live table, or into a side table. */
  readonly views: readonly CatalogueTable[];
  nameOf(name: string): string;
  copyOf(table: CatalogueTable): string;
  viewOf(view: CatalogueTable): string;
}

function secondOf(catalogue: readonly CatalogueTable[], chain: Chain, fresh: string): SecondFeed {
  const { live, queue, stream, feeds } = chain;
  const side = catalogue.filter(({ name }) => SIDE_TABLES.some((each) => each === name));
  const notes = catalogue.filter(
    (view) => stream.views.includes(view.name) && side.some(({ name }) => name === targetOf(view)),
  );
  const nameOf = (name: string) => (name === live.name ? fresh : `${fresh}_${name}`);
  const names = new Map([live, queue, stream, ...side].map(({ name }) => [name, nameOf(name)]));
  return {
    fresh,
    side,
    views: [...feeds, ...notes],
    nameOf,
    copyOf: ({ definition }) => renamed(definition, names),
    viewOf: (view) => viewInto(nameOf(view.name), nameOf(targetOf(view) ?? ''), renamed(view.query, names)),
  };
}

function viewInto(name: string, target: string, query: string): string {
  return `CREATE MATERIALIZED VIEW ${name} TO ${target} AS ${query}`;
}

function withGroup(definition: string, group: string): string {
  return definition.replace(/kafka_group_name = '[^']*'/, () => `kafka_group_name = '${group}'`);
}

interface Chain {
  readonly kind: 'chain';
  readonly live: CatalogueTable;
  readonly queue: CatalogueTable;
  readonly intake: CatalogueTable;
  readonly stream: CatalogueTable;
  readonly feeds: readonly CatalogueTable[];
}

/** queue ── intake ──► stream ── feeds ──► table, as migrations/clickhouse/0003 lays them out. */
function chainOf(catalogue: readonly CatalogueTable[], live: CatalogueTable): Chain | Refused {
  const { name: table, engine, views, definition } = live;
  if (engine === 'Distributed')
    return refused('on_a_cluster', `${table} is spread over a cluster, which this command does not know`);
  const into = (target: string) => catalogue.filter((view) => targetOf(view) === target);
  const sourceOf = (view: CatalogueTable) => catalogue.find((each) => each.views.includes(view.name));
  const feeds = into(table).filter(({ name }) => !MADE_BY_A_REBUILD.test(name));
  const streams = new Set(feeds.map(sourceOf));
  const [stream] = streams;
  const [intake] = stream === undefined ? [] : into(stream.name);
  const queue = intake === undefined ? undefined : sourceOf(intake);
  if (streams.size > 1) return refused('several_topics', `${table} is fed from more than one topic`);
  if (stream === undefined || intake === undefined || queue?.engine !== 'Kafka' || stream.engine !== 'Null')
    return refused('not_fed', `${table} is not fed from a topic`);
  if (views.length > 0)
    return refused('feeds_views', `${table} feeds ${views.join(', ')}, which would lose it at the swap`);
  if ([definition, queue.definition].some((each) => each.includes('[HIDDEN]')))
    return refused('hidden_settings', `${queue.name} has settings that ClickHouse does not show`);
  return { kind: 'chain', live, queue, intake, stream, feeds };
}

/** Name of the table a materialized view writes to. */
function targetOf({ engine, definition }: CatalogueTable): string | undefined {
  if (engine !== 'MaterializedView') return undefined;
  return /^CREATE MATERIALIZED VIEW \S+ TO (?:`?\w+`?\.)?`?(\w+)`?/.exec(definition)?.[1];
}

function settingOf({ definition }: CatalogueTable, setting: string): string {
  const [, text, number] = new RegExp(`\\b${setting} = (?:'([^']*)'|(\\d+))`).exec(definition) ?? [];
  return text ?? number ?? '';
}

/** The statement with other tables in it; ClickHouse writes each name with its database in front. */
function renamed(statement: string, names: ReadonlyMap<string, string>): string {
  return [...names].reduce(
    (text, [from, to]) =>
      text.replace(new RegExp(`(\\w\\.)${from}\\b`, 'g'), (_, before) => `${before}${to}`),
    statement,
  );
}

function withComment(definition: string, comment: string): string {
  return `${definition.replace(/\s+COMMENT '(?:[^'\\]|\\.)*'$/, '')} COMMENT '${comment}'`;
}

/**
 * The rows of the raw table take the way of the topic's records, so that every table comes out of its own views. The raw
 * table of a stream is the one of its name: it keeps every record of the topic.
 */
function fillOf(
  catalogue: readonly CatalogueTable[],
  stream: CatalogueTable,
  target: string,
  topic: string,
  first: Watermark,
): string | null {
  const raw = catalogue.find(({ name }) => `${name}_stream` === stream.name);
  const fields = stream.columns.filter((name) => !name.startsWith('_'));
  const isWhole = [...fields, 'recordPartition', 'recordOffset'].every((name) => raw?.columns.includes(name));
  if (raw === undefined || !isWhole) return null;
  const columns = fields.map((name) => `\`${name}\``).join(', ');
  const lost = [...first].filter(([, offset]) => offset > 0);
  const below = lost.map(
    ([partition, offset]) => `recordPartition = ${partition} AND recordOffset < ${offset}`,
  );
  return `INSERT INTO ${target} (${columns}, _topic, _partition, _offset, _record_partition, _record_offset)
SELECT ${columns}, '${topic}', recordPartition, recordOffset, recordPartition, recordOffset
FROM ${raw.name} FINAL
WHERE ${below.map((each) => `(${each})`).join(' OR ') || 'false'}`;
}

/** What one run is known by. */
export type RunNames = Pick<RebuildPlan, 'table' | 'fresh'>;

/**
 * What rebuilds have left, ended or not: the statements that remove it, and consumer groups of it. A table that a swap has
 * replaced is kept under its new name.
 * @param run of this run alone; without it of every one.
 */
export function remainsOf(
  catalogue: readonly CatalogueTable[],
  run?: RunNames,
): { readonly statements: readonly string[]; readonly groups: readonly string[] } {
  const isOfRun = (name: string) =>
    run === undefined || name === run.fresh || name.startsWith(`${run.fresh}_`);
  const remains = catalogue.filter(({ name }) => MADE_BY_A_REBUILD.test(name) && isOfRun(name));
  const swapped = catalogue.filter(
    ({ name, comment }) =>
      comment === UNFINISHED && !MADE_BY_A_REBUILD.test(name) && (run?.table ?? name) === name,
  );
  const views = remains.filter(({ engine }) => engine === 'MaterializedView');
  const queues = remains.filter(({ engine }) => engine === 'Kafka');
  const tables = remains.filter((each) => !views.includes(each) && !queues.includes(each));
  const joint = views.filter(({ name }) => /_join_\d+$/.test(name));
  return {
    statements: [
      // Views of the live stream first: without their table they would stop the live queue. A queue before its intake: what
      // it reads while only some of its views are left would be committed.
      ...joint.map(drop),
      ...queues.map(drop),
      ...views.filter((each) => !joint.includes(each)).map(drop),
      ...tables.map(removalOf),
      ...swapped.map(({ name }) => `ALTER TABLE ${name} MODIFY COMMENT ''`),
    ],
    groups: queues.map((queue) => settingOf(queue, 'kafka_group_name')),
  };
}

function drop({ name, engine }: CatalogueTable): string {
  return `DROP ${engine === 'MaterializedView' ? 'VIEW' : 'TABLE'} IF EXISTS ${name} SYNC`;
}

/** Drops a table of rows, however large: ClickHouse by itself refuses beyond 50 GB. */
export function dropWhole(name: string): string {
  return `DROP TABLE IF EXISTS ${name} SYNC SETTINGS max_table_size_to_drop = 0`;
}

/** A run that ended between the exchange and the new name has left the live table of before. */
function removalOf(table: CatalogueTable): string {
  const [, live = '', stamp = '', part] = MADE_BY_A_REBUILD.exec(table.name) ?? [];
  if (part !== undefined || table.comment === UNFINISHED) return dropWhole(table.name);
  return `RENAME TABLE ${table.name} TO ${live}_before_${stamp}`;
}

/** The tables that swaps have replaced, of one table. */
export function keptTables(catalogue: readonly CatalogueTable[], table: string): readonly string[] {
  return catalogue.map(({ name }) => name).filter((name) => KEPT.exec(name)?.[1] === table);
}

export function refused(code: RebuildRefusal, detail: string): Refused {
  return { kind: 'refused', code, detail };
}
