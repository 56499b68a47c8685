/** The one place that makes ClickHouse clients: addresses, limits, and failures turned into ours. */
import { readFileSync } from 'node:fs';
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { DependencyFailure, type Settings } from '@tributary/runtime';

export interface ClickhouseOptions {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

const REQUEST_TIMEOUT_MS = 30_000;
const QUERIES = new URL('../queries/', import.meta.url);

/** The settings of a service that say where its ClickHouse is. */
export function clickhouseOf(
  settings: Settings<'CLICKHOUSE_URL' | 'CLICKHOUSE_USER' | 'CLICKHOUSE_PASSWORD' | 'CLICKHOUSE_DATABASE'>,
): ClickhouseConnection {
  return new ClickhouseConnection({
    url: settings.CLICKHOUSE_URL,
    user: settings.CLICKHOUSE_USER,
    password: settings.CLICKHOUSE_PASSWORD,
    database: settings.CLICKHOUSE_DATABASE,
  });
}

export class ClickhouseConnection {
  readonly database: string;
  readonly #client: ClickHouseClient;

  constructor({ url, user, password, database }: ClickhouseOptions) {
    this.database = database;
    this.#client = createClient({
      url,
      username: user,
      password,
      database,
      application: 'tributary',
      request_timeout: REQUEST_TIMEOUT_MS,
      // Its log lines go past ours and carry queries; every failure reaches the caller as an error anyway.
      log: { level: ClickHouseLogLevel.OFF },
      clickhouse_settings: {
        // Sixty-four-bit integers as strings: JSON numbers would round them.
        output_format_json_quote_64bit_integers: 1,
        date_time_output_format: 'unix_timestamp',
      },
    });
  }

  /** Rows of a query; parameters are bound, never pasted. @throws DependencyFailure when ClickHouse does not answer. */
  async rows<Row>(sql: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<readonly Row[]> {
    return this.#ask(async () => {
      const result = await this.#client.query({
        query: sql,
        query_params: { ...parameters },
        format: 'JSONEachRow',
      });
      return result.json<Row>();
    });
  }

  /** Runs a statement without a result. @throws DependencyFailure when ClickHouse does not answer. */
  async run(sql: string): Promise<void> {
    await this.#ask(async () => {
      // The database may not exist yet when it is being created.
      await this.#client.command({ query: sql });
    });
  }

  /** Resolves when the server answers. @throws DependencyFailure */
  async ping(): Promise<void> {
    const result = await this.#client.ping({ select: true });
    if (!result.success) {
      throw new DependencyFailure('clickhouse_unavailable', 'ClickHouse does not answer', {
        cause: result.error,
      });
    }
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** An error with a server code about our SQL is a defect and passes as it is; everything else is an outage. */
  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof ClickHouseError && !isOutage(error)) throw error;
      throw new DependencyFailure('clickhouse_unavailable', 'ClickHouse did not answer a query', {
        cause: error,
      });
    }
  }
}

/** Server errors that pass by themselves: too many queries, memory, timeouts, a table that is being loaded, shutting down. */
const PASSING_ERRORS = new Set([
  '159',
  '202',
  '209',
  '210',
  '236',
  '241',
  '242',
  '319',
  '394',
  '425',
  '439',
  '745',
]);

function isOutage(error: ClickHouseError): boolean {
  return PASSING_ERRORS.has(error.code);
}

/** The text of a query file in libs/store/queries, named after the method that runs it. */
export function loadQuery(name: string): string {
  return readFileSync(new URL(`${name}.sql`, QUERIES), 'utf8');
}
