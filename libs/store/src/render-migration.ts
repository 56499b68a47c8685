/** Turns a migration file into the statements one host runs: placeholders filled, tables spread over the shards on a cluster. */
import { REPUBLISHED_FROM } from '@tributary/contracts';
import { bytesGroupOf, decodingGroupOf } from './queue-groups.ts';

/** What the placeholders in the files stand for. */
export interface MigrationSettings {
  /** As ClickHouse reaches them. */
  readonly kafkaBrokers: readonly string[];
  readonly schemaRegistryUrl: string;
  /** How long a queue collects records before it writes them. */
  readonly flushMs: number;
  /** The same for a queue that feeds reports, whose tables are wide: what a row costs falls with the rows written at once. */
  readonly reportFlushMs: number;
  /** Absent on a single server. */
  readonly cluster?: ClusterSettings;
}

export interface ClusterSettings {
  /** As `remote_servers` in ClickHouse's configuration names it. */
  readonly name: string;
  /** Tables are copied between the hosts of a shard: needs Keeper and the macros `{shard}` and `{replica}` on each. */
  readonly isReplicated: boolean;
}

// The place a row is known by is where its record stood first: published again, it must not come after what was
// written in between, since the first record of an id counts.
const ARRIVAL = `_topic, _partition, _offset, _key, _raw_message, _error,
  _headers.value[indexOf(_headers.name, '${REPUBLISHED_FROM}')] AS _republished_from,
  match(_republished_from, '^[0-9]{1,5}/[0-9]{1,19}$') AS _is_republished,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[1]), _partition) AS _record_partition,
  if(_is_republished, toUInt64OrZero(splitByChar('/', _republished_from)[2]), _offset) AS _record_offset`;

/** The statements of a file, in order. @throws Error on a placeholder nobody knows. */
export function statementsOfMigration(text: string, database: string, settings: MigrationSettings): string[] {
  const { cluster } = settings;
  const statements = statementsOf(text);
  const placed =
    cluster === undefined
      ? statements
      : statements.flatMap((statement) => onCluster(statement, database, cluster));
  return placed.map((statement) => renderMigration(statement, database, settings));
}

/** Fills the placeholders. @throws Error on a placeholder nobody knows. */
export function renderMigration(text: string, database: string, settings: MigrationSettings): string {
  const values = new Map([
    ['database', database],
    ['kafka_brokers', settings.kafkaBrokers.join(',')],
    ['schema_registry_url', settings.schemaRegistryUrl],
    ['flush_ms', String(settings.flushMs)],
    ['report_flush_ms', String(settings.reportFlushMs)],
    ['arrival', ARRIVAL],
  ]);
  return text
    .replace(/\{\{kafka\(([\w.-]+)\)\}\}/g, (_, topic: string) => decodingQueue(topic, 'flush_ms'))
    .replace(/\{\{kafka_of_reports\(([\w.-]+)\)\}\}/g, (_, topic: string) =>
      decodingQueue(topic, 'report_flush_ms'),
    )
    .replace(/\{\{kafka_of_bytes\(([\w.-]+)\)\}\}/g, (_, topic: string) => queueOfBytes(topic))
    .replace(/\{\{replacing\((\w*)\)\}\}/g, (_, version: string) => replacing(version, settings.cluster))
    .replace(/\{\{local\((\w+)\)\}\}/g, (_, table: string) =>
      settings.cluster === undefined ? table : localOf(table),
    )
    .replace(/\{\{(.*?)\}\}/g, (_, name: string) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`migration has an unknown placeholder: ${name}`);
      return value;
    });
}

/** Columns may be fewer than the schema's fields; those of a record within it have its name and a dot in front. */
function decodingQueue(topic: string, flush: 'flush_ms' | 'report_flush_ms'): string {
  const format = `kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = '{{schema_registry_url}}',
  input_format_avro_allow_missing_fields = 1`;
  return queue(topic, decodingGroupOf('{{database}}', topic), format, flush);
}

function queueOfBytes(topic: string): string {
  return queue(topic, bytesGroupOf('{{database}}', topic), "kafka_format = 'RawBLOB'", 'flush_ms');
}

function queue(topic: string, group: string, format: string, flush: string): string {
  return `Kafka
SETTINGS
  kafka_broker_list = '{{kafka_brokers}}',
  kafka_topic_list = '${topic}',
  kafka_group_name = '${group}',
  ${format},
  kafka_handle_error_mode = 'stream',
  kafka_flush_interval_ms = {{${flush}}},
  kafka_poll_timeout_ms = 50,
  kafka_thread_per_consumer = 1`;
}

/** Without a version all rows of a key are equal, and any of them stays. */
function replacing(version: string, cluster: ClusterSettings | undefined): string {
  const parameters = cluster?.isReplicated
    ? ["'/clickhouse/tables/{shard}/{database}/{table}'", "'{replica}'"]
    : [];
  if (version !== '') parameters.push(version);
  return `${cluster?.isReplicated ? 'Replicated' : ''}ReplacingMergeTree(${parameters.join(', ')})`;
}

/** The part of a table that lies on the host itself. */
function localOf(table: string): string {
  return `${table}_local`;
}

const STORED_TABLE = /CREATE TABLE IF NOT EXISTS (\w+)\s*\([\s\S]*ENGINE = \{\{replacing\(\w*\)\}\}/;
/** The first column of the key, also within a function: every row of one id lies on one shard, or FINAL counts it twice. */
const SHARDING_COLUMN = /\nORDER BY \(?(?:\w+\()?(\w+)/;
const ALTERATION = /^((?:(?:--.*)?\n)*)ALTER TABLE (\w+)\s+(\w+)/;
/** Alterations of the rows themselves, which only the local table has. */
const ROW_ALTERATIONS = new Set(['UPDATE', 'DELETE', 'MATERIALIZE']);

/** A table that stores rows becomes a local one and, under its name, one spread over all; the rest is the same on each host. */
function onCluster(statement: string, database: string, { name }: ClusterSettings): string[] {
  const [, table] = STORED_TABLE.exec(statement) ?? [];
  if (table !== undefined) {
    const [, column] = SHARDING_COLUMN.exec(statement) ?? [];
    if (column === undefined) throw new Error(`table ${table} has no key to shard by`);
    const local = localOf(table);
    return [
      statement.replace(`IF NOT EXISTS ${table}`, `IF NOT EXISTS ${local}`),
      `CREATE TABLE IF NOT EXISTS ${table} AS ${local}\nENGINE = Distributed('${name}', '${database}', '${local}', cityHash64(${column}))`,
    ];
  }
  const [, , altered, verb = ''] = ALTERATION.exec(statement) ?? [];
  if (altered === undefined) return [statement];
  const local = statement.replace(ALTERATION, `$1ALTER TABLE ${localOf(altered)}\n$3`);
  return ROW_ALTERATIONS.has(verb) ? [local] : [local, statement];
}

/** The end of a statement: a semicolon at a line's end that neither a comment nor a text of that line holds. */
const LAST_LINE = /^(?:[^'-]|'[^']*'|-(?!-))*;\s*$/;

/** Statements end with a semicolon at a line's end; lines of comments alone are not statements. */
function statementsOf(text: string): string[] {
  const statements: string[] = [];
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const isLast = LAST_LINE.test(line);
    lines.push(isLast ? line.replace(/;\s*$/, '') : line);
    if (!isLast) continue;
    statements.push(lines.join('\n'));
    lines = [];
  }
  return [...statements, lines.join('\n')]
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^\s*--.*$/gm, '').trim() !== '');
}
