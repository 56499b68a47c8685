/** The one place that makes ClickHouse clients: addresses, limits, and failures turned into ours. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { DependencyFailure, type Settings } from '@tributary/runtime';

export interface ClickhouseOptions {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** How long an answer is waited for; half a minute by itself. */
  readonly requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 30_000;
/** How long something is held exclusively at most, and how long another is waited for. */
export interface ExclusiveBounds {
  readonly heldMs: number;
  /** 0 is for one who does not wait. */
  readonly waitMs: number;
}

const EXCLUSIVE_BOUNDS: ExclusiveBounds = { heldMs: 1_200_000, waitMs: 600_000 };
const EXCLUSIVE_POLL_MS = 100;
const QUERY_ID_IN_USE = '216';
const QUERIES = new URL('../queries/', import.meta.url);

/** The settings of a service that say where its ClickHouse is. */
export function clickhouseOf(
  settings: Settings<'CLICKHOUSE_URL' | 'CLICKHOUSE_USER' | 'CLICKHOUSE_PASSWORD' | 'CLICKHOUSE_DATABASE'>,
  options: Pick<ClickhouseOptions, 'requestTimeoutMs'> = {},
): ClickhouseConnection {
  return new ClickhouseConnection({
    url: settings.CLICKHOUSE_URL,
    user: settings.CLICKHOUSE_USER,
    password: settings.CLICKHOUSE_PASSWORD,
    database: settings.CLICKHOUSE_DATABASE,
    ...options,
  });
}

export class ClickhouseConnection {
  readonly database: string;
  readonly #options: ClickhouseOptions;
  readonly #client: ClickHouseClient;

  constructor(options: ClickhouseOptions) {
    this.database = options.database;
    this.#options = options;
    this.#client = this.#connect(options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
  }

  #connect(requestTimeoutMs: number): ClickHouseClient {
    const { url, user, password, database } = this.#options;
    return createClient({
      url,
      username: user,
      password,
      database,
      application: 'tributary',
      request_timeout: requestTimeoutMs,
      // Its log lines go past ours and carry queries; every failure reaches the caller as an error anyway.
      log: { level: ClickHouseLogLevel.OFF },
      clickhouse_settings: {
        // Sixty-four-bit integers as strings: JSON numbers would round them.
        output_format_json_quote_64bit_integers: 1,
        date_time_output_format: 'unix_timestamp',
        // Known to lose rows silently (ClickHouse issues 111363, 117203); decisions hang on these answers.
        use_query_condition_cache: 0,
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

  /** Adds rows to a table, cells by the names of its columns. @throws DependencyFailure; part of the rows may be there then. */
  async insert(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    await this.#ask(() => this.#client.insert({ table, values: [...rows], format: 'JSONEachRow' }));
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

  /**
   * Does work that nobody else does under the same name meanwhile; whoever comes second waits, if it may.
   *
   * ClickHouse has no locks, but it refuses a second query of one id while the first runs: that query is the lock, and
   * it ends with its connection, so a crash leaves nothing behind. `assertHeld` throws once it has ended early.
   * @throws DependencyFailure when ClickHouse does not answer, or another has not finished in time.
   */
  async exclusively<T>(
    name: string,
    work: (assertHeld: () => void) => Promise<T>,
    bounds: ExclusiveBounds = EXCLUSIVE_BOUNDS,
  ): Promise<T> {
    const client = this.#connect(bounds.heldMs);
    const nonce = randomUUID();
    try {
      const lock = await this.#hold(client, name, nonce, bounds);
      const result = await work(lock.assertHeld);
      lock.assertHeld();
      return result;
    } finally {
      await this.run(`KILL QUERY WHERE query_id = '${name}' AND query LIKE '%${nonce}%' SYNC`).catch(
        () => undefined,
      );
      await client.close();
    }
  }

  async #hold(
    client: ClickHouseClient,
    name: string,
    nonce: string,
    { heldMs, waitMs }: ExclusiveBounds,
  ): Promise<{ assertHeld: () => void }> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      let end: unknown;
      client
        .command({
          query: `SELECT sleepEachRow(1) FROM numbers(${heldMs / 1_000}) FORMAT Null /* ${nonce} */`,
          query_id: name,
          clickhouse_settings: {
            max_block_size: '1',
            max_execution_time: 0,
            function_sleep_max_microseconds_per_block: '3000000',
            // Only a query that is declared to read ends with its connection; one in a POST is not by itself.
            readonly: '2',
            cancel_http_readonly_queries_on_client_close: 1,
          },
        })
        .then(
          () => {
            end = 'ended';
          },
          (error: unknown) => {
            end = error;
          },
        );
      const assertHeld = () => {
        if (end !== undefined)
          throw new DependencyFailure('clickhouse_unavailable', `${name} is no longer held`, { cause: end });
      };
      while (end === undefined) {
        const [row] = await this.rows(
          `SELECT 1 FROM system.processes WHERE query_id = '${name}' AND query LIKE '%/* ${nonce} */%'`,
        );
        if (row !== undefined) return { assertHeld };
        await delay(EXCLUSIVE_POLL_MS);
      }
      if (!(end instanceof ClickHouseError && end.code === QUERY_ID_IN_USE))
        throw new DependencyFailure('clickhouse_unavailable', `${name} could not be held`, { cause: end });
      if (performance.now() >= deadline)
        throw new DependencyFailure('clickhouse_unavailable', `${name} is held by another`);
      await delay(EXCLUSIVE_POLL_MS);
    }
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
