/** What stands in the way of `npm start` is told at once, in a line each, before anything is started. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, it } from 'vitest';

const LAUNCHER = join(import.meta.dirname, '../../apps/launcher/dist/main.js');
const BOUND_MS = 30_000;

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tributary-start-'));
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

function launch(environment: Readonly<Record<string, string>>): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [LAUNCHER, '--once', '--port-offset', '6000'],
    {
      env: { ...process.env, TRIBUTARY_HOME: home, ...environment },
      encoding: 'utf8',
      timeout: BOUND_MS,
    },
  );
  return { status, output: `${stdout}${stderr}`.trim() };
}

it('settings that are wrong, all of them, without their values', () => {
  const { status, output } = launch({
    KAFKA_RF: 'canary',
    CLICKHOUSE_FLUSH_MS: '1',
    CLICKHOUSE_REPORT_FLUSH_MS: '1',
    INGESTION_PORT: '70000',
    METRICS_TOKEN: 'short-canary',
  });
  expect(status).toBe(1);
  expect(output.split('\n').map((line) => line.trim().split(':')[0])).toEqual([
    'these settings are missing or wrong',
    'KAFKA_RF',
    'CLICKHOUSE_FLUSH_MS',
    'CLICKHOUSE_REPORT_FLUSH_MS',
    'INGESTION_PORT',
    'METRICS_TOKEN',
  ]);
  expect(output).not.toContain('canary');
  expect(readdirSync(home)).toEqual([]);
});

it.runIf(process.platform === 'linux')('a state folder that the kernel keeps', () => {
  const { status, output } = launch({ TRIBUTARY_HOME: '/proc/tributary' });
  expect(status).toBe(1);
  expect(output).toMatch(/^\/proc\/tributary cannot be written to .*TRIBUTARY_HOME/);
  expect(output.split('\n')).toHaveLength(1);
});
