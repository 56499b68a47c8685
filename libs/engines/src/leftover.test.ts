/** Ends what a crashed run left, kills what does not listen, and never touches a process that merely has the pid. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endLeftover } from './leftover.ts';
import { pidFilePath, writePidFile } from './pid-file.ts';
import { identifyProcess, type ProcessIdentity } from './process-identity.ts';

const STOPS_WHEN_ASKED = 'setInterval(() => {}, 1000); console.log("up")';
const NEVER_STOPS = `process.on('SIGTERM', () => {}); ${STOPS_WHEN_ASKED}`;
const NOBODY: ProcessIdentity = { pid: 2 ** 22 + 1, startTicks: '1', bootId: 'another boot' };

let home: string;
let path: string;
let child: ChildProcess | undefined;
let messages: string[];

const end = (stopBoundMs = 10_000) =>
  endLeftover(home, 'kafka', stopBoundMs, (message) => messages.push(message));

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tributary-leftover-'));
  path = pidFilePath(home, 'kafka');
  messages = [];
});

afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
  rmSync(home, { recursive: true, force: true });
});

describe('endLeftover', () => {
  it('ends a leftover that stops when asked', async () => {
    const { identity, exited } = await run(STOPS_WHEN_ASKED);
    writePidFile(path, { engine: identity, owner: NOBODY });
    await end();
    expect(await exited).toBe('SIGTERM');
    expect(messages).toEqual([
      `Ending Kafka (process ${identity.pid}), left over from a run that did not stop`,
    ]);
    expect(existsSync(path)).toBe(false);
  });

  it('kills a leftover that does not stop within the bound', async () => {
    const { identity, exited } = await run(NEVER_STOPS);
    writePidFile(path, { engine: identity, owner: NOBODY });
    await end(200);
    expect(await exited).toBe('SIGKILL');
    expect(messages.at(-1)).toBe(`Kafka (process ${identity.pid}) did not stop within 0.2 s: killing it`);
  });

  it.each([
    ['started at another time', { startTicks: '1' }],
    ['belongs to another boot', { bootId: 'another boot' }],
  ])('leaves a process alone that %s', async (_, difference) => {
    const { identity } = await run(STOPS_WHEN_ASKED);
    writePidFile(path, { engine: { ...identity, ...difference }, owner: NOBODY });
    await end();
    expect(identifyProcess(identity.pid)).toEqual(identity);
    expect(messages).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  it('refuses while the owner lives', async () => {
    const { identity } = await run(STOPS_WHEN_ASKED);
    const parent = identifyProcess(process.ppid);
    if (parent === undefined) throw new Error('this process has no parent');
    writePidFile(path, { engine: identity, owner: parent });
    await expect(end()).rejects.toMatchObject({ engine: 'kafka', failure: 'home_in_use' });
    expect(identifyProcess(identity.pid)).toEqual(identity);
  });

  it.each(['', '{}', '[', '{"engine":{"pid":1,"startTicks":"1","bootId":""},"owner":null}'])(
    'takes a pid file that holds %j for none',
    async (content) => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      await end();
      expect(messages).toEqual([]);
    },
  );
});

async function run(script: string): Promise<{ identity: ProcessIdentity; exited: Promise<unknown> }> {
  const started = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  child = started;
  const exited = once(started, 'exit').then(([, signal]) => signal);
  await once(started.stdout, 'data');
  const identity = identifyProcess(started.pid ?? 0);
  if (identity === undefined) throw new Error('the process has no identity');
  return { identity, exited };
}
