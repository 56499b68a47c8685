/** Starts a real ClickHouse server, HTTP and native protocol, from the npm package alone: Linux x64, loopback only. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findClickhouseLibrary } from './clickhouse-library.ts';
import { isClickhouseServing } from './clickhouse-probe.ts';
import {
  CLICKHOUSE_LOG,
  CLICKHOUSE_SERVICE_USER,
  CLICKHOUSE_USERS_FILE,
  configXml,
  usersXml,
} from './clickhouse-settings.ts';
import { type EmbeddedClickhouse, EngineStartError, type OnProgress } from './embedded-engine.ts';
import { runEngine } from './engine-process.ts';
import { LOOPBACK } from './free-port.ts';
import { endLeftover } from './leftover.ts';
import { requireFreePorts } from './ports-in-use.ts';
import { checkPlatform } from './preflight.ts';

/** Loading the tables of a large home takes longest. */
const READY_BOUND_MS = 60_000;
const STOP_BOUND_MS = 20_000;

export interface EmbeddedClickhouseOptions {
  /** Directory of all embedded state, as TRIBUTARY_HOME names it; created when missing. */
  readonly home: string;
  readonly httpPort: number;
  readonly tcpPort: number;
  /** Of the user `tributary`, who may do everything. May differ from the last start's. */
  readonly password: string;
  /** Of the user `analyst`, who may only read. */
  readonly analystPassword: string;
  /** Native ports of all shards of a cluster this server is one of. */
  readonly cluster?: { readonly name: string; readonly shardTcpPorts: readonly number[] };
  /** Whose tables `analyst` reads; `tributary` when left out. */
  readonly analystDatabase?: string;
  readonly onProgress?: OnProgress;
}

/**
 * Resolves once queries are answered on both ports. Starting again on the same home, on whatever ports and after
 * whatever end, finds every acknowledged row. No database is created; migrations do that, with `ENGINE = Atomic`.
 *
 * The server stops by itself when this process ends, because its stdin then does.
 * @throws EngineStartError with the failure; no process is left behind.
 */
export async function startEmbeddedClickhouse(
  options: EmbeddedClickhouseOptions,
): Promise<EmbeddedClickhouse> {
  const { httpPort, tcpPort, password, analystPassword, onProgress = () => {} } = options;
  const home = resolve(options.home);

  await endLeftover(home, 'clickhouse', STOP_BOUND_MS, onProgress);
  await requireFreePorts('clickhouse', [httpPort, tcpPort]);
  const library = findClickhouseLibrary();
  if (library === undefined) {
    const message = checkPlatform()?.message ?? 'ClickHouse cannot be run: its library is not installed.';
    throw new EngineStartError('clickhouse', 'cannot_spawn', message);
  }

  const directory = join(home, 'clickhouse');
  const usersFile = join(directory, CLICKHOUSE_USERS_FILE);
  const logs = join(home, 'logs');
  mkdirSync(directory, { recursive: true });
  mkdirSync(logs, { recursive: true });
  const cluster = options.cluster && { ...options.cluster, password };
  // It holds the password when the server is one of a cluster.
  writeFileSync(join(directory, 'config.xml'), configXml(cluster), { mode: 0o600 });
  writeFileSync(usersFile, usersXml(password, analystPassword, options.analystDatabase), { mode: 0o600 });
  // The mode above counts only for a new file.
  chmodSync(usersFile, 0o600);

  onProgress(`Starting ClickHouse on ${LOOPBACK}:${httpPort}`);
  const engine = await runEngine({
    name: 'clickhouse',
    home,
    command: process.execPath,
    args: [childScript(), `--library=${library}`, `--http-port=${httpPort}`, `--tcp-port=${tcpPort}`],
    cwd: directory,
    // As in production, whatever the developer's time zone is; the configuration's own `timezone` is ignored here.
    env: { TZ: 'UTC' },
    log: join(directory, CLICKHOUSE_LOG),
    consoleLog: join(logs, 'clickhouse-console.log'),
    isReady: () => isClickhouseServing({ httpPort, tcpPort, user: CLICKHOUSE_SERVICE_USER, password }),
    readyBoundMs: READY_BOUND_MS,
    stopBoundMs: STOP_BOUND_MS,
    onProgress,
  });
  return { ...engine, name: 'clickhouse', url: `http://${LOOPBACK}:${httpPort}`, tcpPort };
}

/** The compiler rewrites the endings of imports, not of other URLs. */
function childScript(): string {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./clickhouse-process.${ending}`, import.meta.url));
}
