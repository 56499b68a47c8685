/** Real engines for a test run: Kafka, ClickHouse and the schema registry on free ports, in a folder that is thrown away. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePorts, startEmbeddedClickhouse, startEmbeddedKafka } from '@tributary/engines';

export interface TestEngines {
  readonly brokers: string;
  readonly clickhouseUrl: string;
  readonly schemaRegistryUrl: string;
  readonly pids: { readonly kafka: number; readonly clickhouse: number };
  stop(): Promise<void>;
}

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const PASSWORD = 'tributary';
const REGISTRY_BOUND_MS = 20_000;

/** Kafka's jars are fetched once per checkout. */
export const JARS_DIRECTORY = join(
  process.env['TRIBUTARY_HOME'] || join(REPOSITORY, '.tributary'),
  'kafka/jars',
);

export async function startTestEngines(): Promise<TestEngines> {
  const home = mkdtempSync(join(tmpdir(), 'tributary-test-'));
  const [port = 0, controllerPort = 0, httpPort = 0, tcpPort = 0, registryPort = 0] = await findFreePorts(5);
  const [kafka, clickhouse] = await Promise.all([
    startEmbeddedKafka({ home, port, controllerPort, jarsDirectory: JARS_DIRECTORY }),
    startEmbeddedClickhouse({ home, httpPort, tcpPort, password: PASSWORD, analystPassword: PASSWORD }),
  ]);
  const registry = await startRegistry(registryPort);
  return {
    brokers: kafka.brokers.join(','),
    clickhouseUrl: clickhouse.url,
    schemaRegistryUrl: `http://127.0.0.1:${registryPort}`,
    pids: { kafka: kafka.pid, clickhouse: clickhouse.pid },
    stop: async () => {
      await clickhouse.stop();
      registry.kill('SIGTERM');
      await kafka.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function startRegistry(port: number): Promise<ChildProcess> {
  const registry = spawn(process.execPath, [join(REPOSITORY, 'apps/schema-registry/dist/main.js')], {
    env: { ...process.env, SCHEMA_REGISTRY_PORT: String(port), LOG_LEVEL: 'error' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const deadline = performance.now() + REGISTRY_BOUND_MS;
  for (;;) {
    const isUp = await fetch(`http://127.0.0.1:${port}/subjects`).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return registry;
    if (performance.now() > deadline) throw new Error('the schema registry did not start');
    await delay(50);
  }
}
