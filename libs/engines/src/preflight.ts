/** Checks what embedded engines need before anything is started; each problem is one line that says what to do. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findClickhouseLibrary } from './clickhouse-library.ts';
import { ENGINE_TITLES, type EngineName } from './embedded-engine.ts';
import { LOOPBACK, portObstacle } from './free-port.ts';
import { runCommand } from './run-command.ts';

export const PREFLIGHT_PROBLEMS = [
  'java_missing',
  'java_too_old',
  'maven_missing',
  'platform_unsupported',
  'clickhouse_library_missing',
  'port_taken',
  'directory_not_writable',
] as const;
export type PreflightProblemCode = (typeof PREFLIGHT_PROBLEMS)[number];

/** `message` is one line for a person: what is wrong and what to do about it. */
export interface PreflightProblem {
  readonly code: PreflightProblemCode;
  readonly message: string;
}

/** The facts that decide whether the ClickHouse library can be loaded. */
export interface Machine {
  readonly platform: string;
  readonly architecture: string;
  /** Undefined where the C library is not glibc. */
  readonly glibcVersion: string | undefined;
  readonly clickhouseLibrary: string | undefined;
}

const OLDEST_JAVA = 17;
/** proc, sysfs, cgroup 1 and 2, as statfs(2) numbers them: they hold no files of ours. */
const KERNEL_FILE_SYSTEMS = new Set([0x9fa0, 0x62656572, 0x27e0eb, 0x63677270]);
const COMMAND_BOUND_MS = 30_000;

/** The ways that need nothing on this machine, per engine. */
const WAYS_OUT: Record<EngineName, string> = {
  kafka: 'run "docker compose up" instead, or set KAFKA_BROKERS to a Kafka of your own',
  clickhouse: 'run "docker compose up" instead, or set CLICKHOUSE_URL to a ClickHouse of your own',
};

/** Kafka needs Java to run. */
export async function checkJava(command = 'java'): Promise<PreflightProblem | undefined> {
  const outcome = await runCommand(command, ['-version'], COMMAND_BOUND_MS);
  const major = outcome.kind === 'ended' && outcome.code === 0 ? javaMajor(outcome.output) : undefined;
  if (major === undefined) {
    const message = `Kafka needs Java ${OLDEST_JAVA} or newer and none was found: install it, ${WAYS_OUT.kafka}.`;
    return { code: 'java_missing', message };
  }
  if (major < OLDEST_JAVA) {
    const message = `Kafka needs Java ${OLDEST_JAVA} or newer and found Java ${major}: install a newer one, ${WAYS_OUT.kafka}.`;
    return { code: 'java_too_old', message };
  }
  return undefined;
}

/** The major version in what `java -version` prints; undefined when it is not recognised. Java 8 calls itself 1.8. */
export function javaMajor(output: string): number | undefined {
  const match = /version "(\d+)(?:\.(\d+))?/.exec(output);
  if (match === null) return undefined;
  const [, first, second] = match;
  return Number(first === '1' && second !== undefined ? second : first);
}

/** Needed only while Kafka's jars are not complete; see `areKafkaJarsComplete`. */
export async function checkMaven(command = 'mvn'): Promise<PreflightProblem | undefined> {
  const outcome = await runCommand(command, ['-version'], COMMAND_BOUND_MS);
  if (outcome.kind === 'ended' && outcome.code === 0) return undefined;
  const message = `Maven (mvn) fetches Kafka and was not found: install it, ${WAYS_OUT.kafka}.`;
  return { code: 'maven_missing', message };
}

/** The embedded ClickHouse exists for Linux x64 with glibc only. */
export function checkPlatform(machine: Machine = thisMachine()): PreflightProblem | undefined {
  const { platform, architecture, glibcVersion, clickhouseLibrary } = machine;
  if (platform !== 'linux' || architecture !== 'x64' || glibcVersion === undefined) {
    const libc = platform === 'linux' && glibcVersion === undefined ? ' without glibc' : '';
    const message = `The embedded ClickHouse needs Linux x64 with glibc, and this is ${platform} ${architecture}${libc}: ${WAYS_OUT.clickhouse}.`;
    return { code: 'platform_unsupported', message };
  }
  if (clickhouseLibrary === undefined) {
    const message = `The ClickHouse library is an optional npm package and is not installed: run "npm install --include=optional", ${WAYS_OUT.clickhouse}.`;
    return { code: 'clickhouse_library_missing', message };
  }
  return undefined;
}

export function thisMachine(): Machine {
  return {
    platform: process.platform,
    architecture: process.arch,
    glibcVersion: glibcVersion(),
    clickhouseLibrary: findClickhouseLibrary(),
  };
}

/** Whether 127.0.0.1:`port` can be listened on now. `engine` adds the ways out to the message. */
export async function checkPortFree(
  port: number,
  engine?: EngineName,
): Promise<PreflightProblem | undefined> {
  const obstacle = await portObstacle(port);
  if (obstacle === undefined) return undefined;
  const what =
    obstacle === 'taken'
      ? `is taken: stop the program that listens there`
      : `may not be listened on by this user: choose one above 1023`;
  const whose = engine === undefined ? '' : ` (for ${ENGINE_TITLES[engine]})`;
  const wayOut = engine === undefined ? 'choose another port' : WAYS_OUT[engine];
  return { code: 'port_taken', message: `Port ${port} on ${LOOPBACK}${whose} ${what}, or ${wayOut}.` };
}

/** Whether the directory can be written to or, while it is missing, created; nothing is created by asking. */
export function checkWritable(directory: string): PreflightProblem | undefined {
  let existing = resolve(directory);
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    if (!statSync(existing).isDirectory()) return notWritable(directory, `${existing} is not a directory`);
    // Root may write there by its permissions, and Node's recursive mkdir then tries for ever.
    if (KERNEL_FILE_SYSTEMS.has(statfsSync(existing).type))
      return notWritable(directory, `${existing} belongs to the kernel`);
    accessSync(existing, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return notWritable(directory, (error as NodeJS.ErrnoException).code ?? String(error));
  }
}

function notWritable(directory: string, why: string): PreflightProblem {
  const message = `${directory} cannot be written to (${why}): give this user the right, or set TRIBUTARY_HOME to another directory.`;
  return { code: 'directory_not_writable', message };
}

function glibcVersion(): string | undefined {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime;
}
