/** Provides the jars of the embedded Kafka broker: Maven copies what kafka/pom.xml names, once per version. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineStartError, type OnProgress } from './embedded-engine.ts';
import { faultLine } from './fault-line.ts';
import { runCommand } from './run-command.ts';

// The same place seen from src/ and from dist/.
const POM = fileURLToPath(new URL('../kafka/pom.xml', import.meta.url));
const MARKER = 'complete';
const MAVEN_BOUND_MS = 15 * 60_000;
const REMINDER_MS = 15_000;

export function kafkaJarsDirectory(home: string): string {
  return join(home, 'kafka', 'jars');
}

/** True when the directory holds every jar of the version that kafka/pom.xml asks for: then Maven is not needed. */
export function areKafkaJarsComplete(directory: string): boolean {
  const marker = join(directory, MARKER);
  return existsSync(marker) && readFileSync(marker, 'utf8').trim() === kafkaVersion();
}

/**
 * Fills `directory` with Kafka's jars unless it is complete: 43 MB, about a minute with an empty Maven cache.
 * An interrupted run leaves nothing that a later one would take for complete.
 * @throws EngineStartError `jars_unavailable` with what Maven reports.
 */
export async function provideKafkaJars(directory: string, onProgress: OnProgress = () => {}): Promise<void> {
  if (areKafkaJarsComplete(directory)) return;
  const version = kafkaVersion();
  onProgress(`Fetching Kafka ${version} with Maven (43 MB, about a minute; once)`);
  const started = performance.now();
  const reminder = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000);
    onProgress(`Still fetching Kafka ${version} (${seconds} s)`);
  }, REMINDER_MS);

  const partial = `${directory}.partial-${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true });
  try {
    await copyJars(partial);
    writeFileSync(join(partial, MARKER), `${version}\n`);
    // Another process may have finished first; its jars are as good and may be in use already.
    if (areKafkaJarsComplete(directory)) return;
    rmSync(directory, { recursive: true, force: true });
    renameSync(partial, directory);
  } finally {
    clearInterval(reminder);
    rmSync(partial, { recursive: true, force: true });
  }
}

async function copyJars(directory: string): Promise<void> {
  const args = ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${directory}`];
  const outcome = await runCommand('mvn', args, MAVEN_BOUND_MS);
  if (outcome.kind === 'missing') {
    throw new EngineStartError('kafka', 'jars_unavailable', 'Kafka cannot be fetched: mvn is not installed.');
  }
  if (outcome.code !== 0) {
    const words = faultLine(outcome.output);
    throw new EngineStartError('kafka', 'jars_unavailable', `Kafka cannot be fetched with Maven: ${words}`);
  }
}

/** The pom is the one place that names the version. */
function kafkaVersion(): string {
  const version = /<kafka\.version>([^<]+)<\/kafka\.version>/.exec(readFileSync(POM, 'utf8'))?.[1];
  if (version === undefined) throw new Error(`${POM} names no kafka.version`);
  return version;
}
