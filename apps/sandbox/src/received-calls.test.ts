/** The record over real HTTP: what can be asked of it, and that a restart forgets nothing. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StartedSandbox, startSandbox } from './sandbox.fixture.ts';

let parent: string;
let stateFolder: string;
let started: StartedSandbox[];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'sandbox-'));
  stateFolder = join(parent, 'made', 'when', 'missing');
  started = [];
});

afterEach(async () => {
  for (const sandbox of started) await sandbox.close();
  await rm(parent, { recursive: true });
});

async function start(): Promise<StartedSandbox> {
  const sandbox = await startSandbox({ stateFolder });
  started.push(sandbox);
  return sandbox;
}

const call = async ({ address }: StartedSandbox, path: string) =>
  (await fetch(`${address}/partner/${path}`)).status;
const recordFile = () => join(stateFolder, 'received-calls.jsonl');

describe('a restart', () => {
  it('finds every call that was answered, even when the process before it never stopped cleanly', async () => {
    const killed = await start();
    await killed.behave({ kind: 'partner', name: 'north' }, { failNext: 1, resetNext: 1 });
    for (const delivery of ['1', '2', '3'])
      await call(killed, `north?delivery=${delivery}`).catch(() => null);
    const known = await killed.received();
    expect(known).toHaveLength(3);

    const next = await start();

    expect(await next.received()).toEqual(known);
    expect(await next.summary()).toEqual(await killed.summary());
    await call(next, 'north?delivery=4');
    expect((await next.received()).map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
  });

  it('still tells repeats of what the process before it received', async () => {
    await call(await start(), 'north?delivery=1&payout=2&currency=EUR');

    const next = await start();
    await call(next, 'north?delivery=1&payout=2&currency=EUR');

    expect(await next.summary()).toMatchObject([
      { calls: 2, distinctKeys: 1, valueByCurrency: { EUR: '2' } },
    ]);
  });

  it('cuts off a line that was never finished', async () => {
    await call(await start(), 'north?delivery=%C3%A9');
    await appendFile(recordFile(), '{"sequence":2,"kind":"par');

    const next = await start();
    await call(next, 'north?delivery=2');

    const lines = (await readFile(recordFile(), 'utf8')).split('\n');
    expect(lines.slice(0, -1).map((line) => JSON.parse(line))).toEqual(await next.received());
    expect(await next.received()).toHaveLength(2);
  });

  it('refuses to start over a file that is broken in the middle', async () => {
    await start();
    await writeFile(recordFile(), 'no call\n');

    await expect(start()).rejects.toThrow('line 1');
  });
});

describe('asking', () => {
  it('gives everything in order, or one kind, or one receiver', async () => {
    const sandbox = await start();
    await call(sandbox, 'north?n=1');
    await call(sandbox, 'south?n=2');
    await fetch(`${sandbox.address}/meta/v25.0/north/events`, { method: 'POST', body: '{}' });
    const sequences = async (query: string) =>
      (await sandbox.received(query)).map(({ sequence }) => sequence);

    expect(await sequences('')).toEqual([1, 2, 3]);
    expect(await sequences('?kind=partner')).toEqual([1, 2]);
    expect(await sequences('?name=north')).toEqual([1, 3]);
    expect(await sequences('?kind=partner&name=north')).toEqual([1]);
    expect(await sandbox.summary('?kind=meta')).toMatchObject([{ kind: 'meta', name: 'north', calls: 1 }]);
    expect((await fetch(`${sandbox.address}/admin/received?kind=myspace`)).status).toBe(400);
  });

  it('is live and ready', async () => {
    const sandbox = await start();

    expect((await fetch(`${sandbox.address}/health/live`)).status).toBe(200);
    expect((await fetch(`${sandbox.address}/health/ready`)).status).toBe(200);
  });
});

it('clears the record for good', async () => {
  const sandbox = await start();
  await call(sandbox, 'north?delivery=1');

  expect((await fetch(`${sandbox.address}/admin/received`, { method: 'DELETE' })).status).toBe(204);

  expect(await sandbox.received()).toEqual([]);
  expect(await sandbox.summary()).toEqual([]);
  await call(sandbox, 'north?delivery=2');
  expect(await (await start()).received()).toMatchObject([{ sequence: 1, query: [['delivery', '2']] }]);
});

it('loses the last call of one receiver on request, also after a restart', async () => {
  const sandbox = await start();
  for (const path of ['north?delivery=1', 'north?delivery=2', 'south?delivery=3']) await call(sandbox, path);
  const lose = () => fetch(`${sandbox.address}/admin/received/partner/north/last`, { method: 'DELETE' });
  expect((await lose()).status).toBe(204);
  expect((await (await start()).received()).map(({ sequence }) => sequence)).toEqual([1, 3]);
  await lose();
  expect((await lose()).status).toBe(404);
});
