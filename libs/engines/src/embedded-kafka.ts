/** Starts a real Kafka broker for a developer's machine or a test: KRaft, one node, loopback only. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type EmbeddedKafka, EngineStartError, type OnProgress } from './embedded-engine.ts';
import { runEngine } from './engine-process.ts';
import { LOOPBACK } from './free-port.ts';
import { kafkaJarsDirectory, provideKafkaJars } from './kafka-jars.ts';
import { isKafkaServing } from './kafka-probe.ts';
import { type KafkaLayout, loggingProperties, serverProperties } from './kafka-settings.ts';
import { endLeftover } from './leftover.ts';
import { requireFreePorts } from './ports-in-use.ts';
import { lastLines, runCommand } from './run-command.ts';

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
  const layout: KafkaLayout = {
    dataDirectory: join(directory, 'data'),
    logFile: join(home, 'logs', 'kafka.log'),
    port,
    controllerPort,
  };
  const serverFile = join(directory, 'server.properties');
  const loggingFile = join(directory, 'log4j.properties');
  const temporary = join(directory, 'tmp');
  mkdirSync(layout.dataDirectory, { recursive: true });
  mkdirSync(join(home, 'logs'), { recursive: true });
  // Compression libraries unpack themselves here and, after a SIGKILL, never clean up.
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  writeFileSync(serverFile, serverProperties(layout));
  writeFileSync(loggingFile, loggingProperties(layout));

  const java = [
    '-cp',
    join(jarsDirectory, '*'),
    `-Dlog4j.configuration=file:${loggingFile}`,
    // Kafka also looks for a log4j 2 configuration, which is not what it logs through here, and complains.
    '-Dlog4j2.statusLoggerLevel=OFF',
    `-Djava.io.tmpdir=${temporary}`,
    '-Djava.net.preferIPv4Stack=true',
  ];
  await formatOnce(javaCommand, java, layout.dataDirectory, serverFile, onProgress);

  onProgress(`Starting Kafka on ${LOOPBACK}:${port}`);
  const engine = await runEngine({
    name: 'kafka',
    home,
    ...(await endingWithParent(javaCommand, [
      ...java,
      '-Xmx512m',
      '-XX:+ExitOnOutOfMemoryError',
      `-XX:ErrorFile=${join(home, 'logs', 'kafka-crash-%p.log')}`,
      'kafka.Kafka',
      serverFile,
    ])),
    cwd: directory,
    log: layout.logFile,
    consoleLog: join(home, 'logs', 'kafka-console.log'),
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
  dataDirectory: string,
  serverFile: string,
  onProgress: OnProgress,
): Promise<void> {
  if (existsSync(join(dataDirectory, 'meta.properties'))) return;
  onProgress('Formatting the storage of Kafka');
  // Sixteen random bytes; the leading zero bits keep the base64 text from beginning with a dash, which the
  // command line would take for an option.
  const bytes = randomBytes(16);
  bytes.writeUInt8(bytes.readUInt8(0) & 0x7f, 0);
  const clusterId = bytes.toString('base64url');
  const args = [...java, 'kafka.tools.StorageTool', 'format', '--ignore-formatted'];
  const outcome = await runCommand(
    javaCommand,
    [...args, '--cluster-id', clusterId, '--config', serverFile],
    FORMAT_BOUND_MS,
  );
  if (outcome.kind === 'missing') {
    throw new EngineStartError('kafka', 'cannot_spawn', `Kafka cannot be run: there is no ${javaCommand}.`);
  }
  if (outcome.code !== 0) {
    const words = lastLines(outcome.output, 5);
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
