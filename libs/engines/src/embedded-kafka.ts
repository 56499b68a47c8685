/** Starts a real Kafka broker for a developer's machine or a test: KRaft, one node, loopback only. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type EmbeddedKafka, EngineStartError, type OnProgress } from './embedded-engine.ts';
import { runEngine } from './engine-process.ts';
import { faultLine } from './fault-line.ts';
import { LOOPBACK } from './free-port.ts';
import { kafkaJarsDirectory, provideKafkaJars } from './kafka-jars.ts';
import { isKafkaServing } from './kafka-probe.ts';
import { KAFKA_DATA, KAFKA_LOG, loggingProperties, serverProperties } from './kafka-settings.ts';
import { endLeftover } from './leftover.ts';
import { requireFreePorts } from './ports-in-use.ts';
import { runCommand } from './run-command.ts';

const SERVER_FILE = 'server.properties';
const LOGGING_FILE = 'log4j.properties';
const FORMAT_BOUND_MS = 60_000;
/** After a crash the broker reads back every unflushed segment before it answers. */
const READY_BOUND_MS = 120_000;
const STOP_BOUND_MS = 20_000;

export interface EmbeddedKafkaOptions {
  /** Directory of all embedded state, as TRIBUTARY_HOME names it; created when missing. */
  readonly home: string;
  readonly port: number;
  readonly controllerPort: number;
  /** Where Kafka's jars are or shall be; by default `<home>/kafka/jars`. Homes may share one directory. */
  readonly jarsDirectory?: string;
  /** The Java program, 17 or newer; by default the one on the PATH. */
  readonly javaCommand?: string;
  readonly onProgress?: OnProgress;
}

/**
 * Resolves once clients can create topics and produce. Starting again on the same home, on whatever ports and after
 * whatever end, finds every acknowledged record.
 *
 * Java does not watch its stdin, so the kernel is asked to send SIGTERM when the thread that called start ends (through
 * setpriv, which then becomes Java: the pid is the broker's). Where setpriv is missing, the next start on the home
 * ends the leftover.
 * @throws EngineStartError with the failure; no process is left behind.
 */
export async function startEmbeddedKafka(options: EmbeddedKafkaOptions): Promise<EmbeddedKafka> {
  const { port, controllerPort, javaCommand = 'java', onProgress = () => {} } = options;
  const home = resolve(options.home);
  const jarsDirectory = resolve(options.jarsDirectory ?? kafkaJarsDirectory(home));

  await endLeftover(home, 'kafka', STOP_BOUND_MS, onProgress);
  await requireFreePorts('kafka', [port, controllerPort]);
  await provideKafkaJars(jarsDirectory, onProgress);

  const directory = join(home, 'kafka');
  const logs = join(home, 'logs');
  mkdirSync(join(directory, KAFKA_DATA), { recursive: true });
  mkdirSync(logs, { recursive: true });
  // Compression libraries unpack themselves here and, after a SIGKILL, never clean up.
  rmSync(join(directory, 'tmp'), { recursive: true, force: true });
  mkdirSync(join(directory, 'tmp'));
  writeFileSync(join(directory, SERVER_FILE), serverProperties({ port, controllerPort }));
  writeFileSync(join(directory, LOGGING_FILE), loggingProperties());

  const java = [
    '-cp',
    join(relative(directory, jarsDirectory), '*'),
    `-Dlog4j.configuration=file:${LOGGING_FILE}`,
    // Kafka also looks for a log4j 2 configuration, which is not what it logs through here, and complains.
    '-Dlog4j2.statusLoggerLevel=OFF',
    '-Djava.io.tmpdir=tmp',
    '-Djava.net.preferIPv4Stack=true',
  ];
  await formatOnce(javaCommand, java, directory, onProgress);

  onProgress(`Starting Kafka on ${LOOPBACK}:${port}`);
  const engine = await runEngine({
    name: 'kafka',
    home,
    ...(await endingWithParent(javaCommand, [
      ...java,
      '-Xmx512m',
      '-XX:+ExitOnOutOfMemoryError',
      '-XX:ErrorFile=../logs/kafka-crash-%p.log',
      'kafka.Kafka',
      SERVER_FILE,
    ])),
    cwd: directory,
    log: join(directory, KAFKA_LOG),
    consoleLog: join(logs, 'kafka-console.log'),
    isReady: () => isKafkaServing(port),
    readyBoundMs: READY_BOUND_MS,
    stopBoundMs: STOP_BOUND_MS,
    onProgress,
  });
  return { ...engine, name: 'kafka', brokers: [`${LOOPBACK}:${port}`] };
}

/** StorageTool writes meta.properties last, so the file's presence means that formatting was completed. */
async function formatOnce(
  javaCommand: string,
  java: readonly string[],
  directory: string,
  onProgress: OnProgress,
): Promise<void> {
  if (existsSync(join(directory, KAFKA_DATA, 'meta.properties'))) return;
  onProgress('Formatting the storage of Kafka');
  // Sixteen random bytes; the leading zero bits keep the base64 text from beginning with a dash, which the
  // command line would take for an option.
  const bytes = randomBytes(16);
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0);
  const clusterId = bytes.toString('base64url');
  const args = [...java, 'kafka.tools.StorageTool', 'format', '--ignore-formatted'];
  const outcome = await runCommand(
    javaCommand,
    [...args, '--cluster-id', clusterId, '--config', SERVER_FILE],
    FORMAT_BOUND_MS,
    directory,
  );
  if (outcome.kind === 'missing') {
    throw new EngineStartError('kafka', 'cannot_spawn', `Kafka cannot be run: there is no ${javaCommand}.`);
  }
  if (outcome.code !== 0) {
    const words = faultLine(outcome.output);
    throw new EngineStartError('kafka', 'exited_early', `The storage of Kafka cannot be formatted: ${words}`);
  }
}

async function endingWithParent(
  command: string,
  args: readonly string[],
): Promise<{ command: string; args: readonly string[] }> {
  const wrapped = ['--pdeathsig', 'TERM', '--'];
  const trial = await runCommand('setpriv', [...wrapped, 'true'], 5_000);
  if (trial.kind === 'missing' || trial.code !== 0) return { command, args };
  return { command: 'setpriv', args: [...wrapped, command, ...args] };
}
