/** The ClickHouse of an oracle run: statements from files, rows in batches. */
import { readFileSync } from 'node:fs';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

const SQL = new URL('./sql/', import.meta.url);
/** A window over a million rows takes longer than a service would ever wait. */
const REQUEST_TIMEOUT_MS = 900_000;
const BATCH_ROWS = 20_000;

export type QueryParameters = Readonly<Record<string, unknown>>;

export class OracleDatabase {
  readonly #client: ClickHouseClient;

  constructor(options: {
    readonly url: string;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  }) {
    const { url, user, password, database } = options;
    this.#client = createClient({
      url,
      username: user,
      password,
      database,
      request_timeout: REQUEST_TIMEOUT_MS,
      log: { level: ClickHouseLogLevel.OFF },
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
    });
  }

  async run(sql: string, parameters: QueryParameters = {}): Promise<void> {
    await this.#client.command({ query: sql, query_params: parameters });
  }

  /** Runs every statement of a file of sql/, in order. */
  async runFile(name: string, parameters: QueryParameters = {}): Promise<void> {
    for (const statement of statementsOf(textOf(name))) await this.run(statement, parameters);
  }

  /** The rows of the one query in a file of sql/. */
  async fileRows<R>(name: string): Promise<readonly R[]> {
    return this.rows<R>(textOf(name));
  }

  async rows<R>(sql: string, parameters: QueryParameters = {}): Promise<readonly R[]> {
    const result = await this.#client.query({ query: sql, query_params: parameters, format: 'JSONEachRow' });
    return result.json<R>();
  }

  /** Inserts in batches; resolves when the last is stored. A bigint goes as text, since JSON numbers would round it. */
  async insert(table: string, rows: Iterable<Readonly<Record<string, unknown>>>): Promise<void> {
    let batch: Readonly<Record<string, unknown>>[] = [];
    const store = async () => {
      const values = batch.map(toJson);
      batch = [];
      if (values.length > 0) await this.#client.insert({ table, values, format: 'JSONEachRow' });
    };
    for (const row of rows) if (batch.push(row) >= BATCH_ROWS) await store();
    await store();
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function textOf(name: string): string {
  return readFileSync(new URL(name, SQL), 'utf8');
}

function toJson(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  );
}

/** Statements end with a semicolon at the end of a line; comments hold none. */
function statementsOf(text: string): readonly string[] {
  return text
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^--.*$/gm, '').trim() !== '');
}
