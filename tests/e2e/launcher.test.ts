/** `npm start -- --once` as a stranger meets it: the demo balances, twice on the same state, and a sabotage is noticed. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { JARS_DIRECTORY } from '@tributary/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const LAUNCHER = join(import.meta.dirname, '../../apps/launcher/dist/main.js');
// Any, so that suites may run beside each other; above 2000, since port 10080 is one that fetch refuses to talk to.
const PORT_OFFSET = String(randomInt(2_001, 20_000));
const SECOND_START_MS = 60_000;

let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'tributary-e2e-'));
});

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
  readonly lastLedgerLine: string | undefined;
  readonly durationMs: number;
}

function launch(...args: string[]): Promise<Ended> {
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', LAUNCHER, '--port-offset', PORT_OFFSET, ...args],
    {
      env: { ...process.env, TRIBUTARY_HOME: home, KAFKA_JARS: JARS_DIRECTORY },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve) => {
    child.once('exit', (exitCode) => {
      const lastLedgerLine = output.split('\n').findLast((line) => line.startsWith('difference'));
      resolve({ exitCode, output, lastLedgerLine, durationMs: performance.now() - startedAt });
    });
  });
}

describe('npm start -- --once', () => {
  it('balances on a fresh state', async () => {
    const run = await launch('--once');
    expect(run.output).toContain('unattributed');
    expect(run.lastLedgerLine, run.output).toBe('difference 0');
    expect(run.exitCode).toBe(0);
  });

  it('balances again on the same state, within a minute', async () => {
    const run = await launch('--once');
    expect(run.lastLedgerLine, run.output).toBe('difference 0');
    expect(run.exitCode).toBe(0);
    expect(run.durationMs).toBeLessThan(SECOND_START_MS);
  });

  // The other kinds of damage are done to the ledger in tests/faults/loops.test.ts, without a start of their own.
  it('notices a sabotage', async () => {
    const run = await launch('--once', '--sabotage=double-row');
    expect(run.output).toContain('Sabotage: double-row');
    expect(run.lastLedgerLine, run.output).toMatch(/^difference [1-9]/);
    expect(run.exitCode).toBe(1);
  });

  it('says in one line which port is taken', async () => {
    const blocker = await import('node:http').then(({ createServer }) => createServer());
    await new Promise<void>((resolve) => blocker.listen(8080 + Number(PORT_OFFSET), '127.0.0.1', resolve));
    const run = await launch('--once');
    await new Promise((resolve) => blocker.close(resolve));
    expect(run.exitCode).toBe(1);
    expect(run.output.trim()).toMatch(new RegExp(`^Port ${8080 + Number(PORT_OFFSET)} .*taken`));
    expect(run.output.trim().split('\n')).toHaveLength(1);
  });
});
