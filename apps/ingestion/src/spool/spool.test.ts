/** The spool on a real disk: what it has acknowledged survives SIGKILL, its order, its bounds, and one owner at a time. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type OutgoingRecord, outgoing } from '@tributary/bus';
import { decodeEvent } from '@tributary/contracts';
import { aRefusal } from '@tributary/testing';
import { open } from 'lmdb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Spool } from './spool.ts';

const TOPIC = 'postback.refused.v1';
const MIB = 1024 * 1024;

let folder: string;
let spools: Spool[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-spool-'));
  spools = [];
});

afterEach(async () => {
  for (const spool of spools) await spool.close();
  rmSync(folder, { recursive: true, force: true });
});

function opened(maxBytes = 64 * MIB, minFreeBytes = 0): Spool {
  const spool = Spool.open({ folder, maxBytes, minFreeBytes });
  spools.push(spool);
  return spool;
}

async function closed(spool: Spool): Promise<void> {
  spools = spools.filter((each) => each !== spool);
  await spool.close();
}

function recordOf(n: number, bytes = 600): OutgoingRecord {
  return {
    topic: TOPIC,
    key: `key-${n}`,
    value: Buffer.alloc(bytes, n % 251),
    headers: { traceparent: `t-${n}` },
  };
}

async function all(spool: Spool): Promise<OutgoingRecord[]> {
  return (await spool.oldest(100_000, Number.POSITIVE_INFINITY)).map(({ record }) => record);
}

describe('what was appended', () => {
  it('comes out oldest first and byte for byte the same, also from another process’s life', async () => {
    const records = [0, 1, 10, 600, 1_999, 2_000, 4_096, 100_000, 1_000_000].map((bytes, n) =>
      recordOf(n, bytes),
    );
    const before = opened();
    for (const record of records) await before.append([record]);
    await closed(before);
    const after = opened();
    expect(await all(after)).toEqual(records);
    await after.append([recordOf(99)]);
    expect((await all(after)).at(-1)).toEqual(recordOf(99));
  });

  it('is told by number, size and age, and forgotten record by record', async () => {
    const spool = opened();
    expect(spool.status()).toEqual({ records: 0, bytes: 0, oldestAt: null, damaged: 0, isFull: false });
    const startedAt = Date.now();
    await spool.append(Array.from({ length: 100 }, (_, n) => recordOf(n)));
    const { records, bytes, oldestAt } = spool.status();
    expect(records).toBe(100);
    expect(bytes).toBeGreaterThan(100 * 600);
    expect(bytes).toBeLessThan(100 * 1_200);
    expect(oldestAt).toBeGreaterThanOrEqual(startedAt);
    const batch = await spool.oldest(60, Number.POSITIVE_INFINITY);
    await spool.remove(batch);
    expect((await all(spool)).map(({ key }) => key)).toEqual(
      Array.from({ length: 40 }, (_, n) => `key-${n + 60}`),
    );
    await spool.remove(await spool.oldest(60, Number.POSITIVE_INFINITY));
    expect(spool.status()).toMatchObject({ records: 0, bytes: 0, oldestAt: null });
    expect(spool.isEmpty).toBe(true);
  });

  it('is handed out in batches bounded by number and by bytes, at least one', async () => {
    const spool = opened();
    await spool.append(Array.from({ length: 10 }, (_, n) => recordOf(n, 1_000)));
    expect(await spool.oldest(3, 100_000)).toHaveLength(3);
    expect(await spool.oldest(10, 2_500)).toHaveLength(2);
    expect(await spool.oldest(10, 1)).toHaveLength(1);
  });
});

describe('a group commit', () => {
  it('takes what comes while the disk is at work, so that a thousand writers need few syncs', async () => {
    const spool = opened();
    let isFirstDone = false;
    const first = spool.append([recordOf(0)]).then(() => {
      isFirstDone = true;
    });
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => spool.append([recordOf(n + 1)])));
    await first;
    expect(isFirstDone).toBe(true);
    expect(spool.status().records).toBe(1_001);
    // A sync each would take seconds on any disk that syncs.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe('SIGKILL in the middle of writes', () => {
  let child: ChildProcess | undefined;

  afterEach(() => {
    child?.kill('SIGKILL');
  });

  it('loses nothing that was acknowledged, and leaves nothing torn', async () => {
    const acknowledged: number[] = [];
    let next = 0;
    for (let kill = 0; kill < 4; kill++) {
      child = spawn(
        process.execPath,
        [join(import.meta.dirname, 'spool-writer.fixture.ts'), folder, String(next)],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const { stdout } = child;
      if (stdout === null) throw new Error('the writer has no output');
      const lines = createInterface(stdout);
      lines.on('line', (line) => line !== 'open' && acknowledged.push(Number(line)));
      await once(lines, 'line');
      await delay(150 + 37 * kill);
      child.kill('SIGKILL');
      await once(lines, 'close');
      next = 1_000_000 * (kill + 1);
    }
    const spool = opened();
    const found = (await all(spool)).map(({ key, value }) => {
      const decoded = decodeEvent(TOPIC, value);
      if (!decoded.ok) throw new Error(decoded.problem);
      expect(`key-${decoded.value.rawCall}`).toBe(key);
      return Number(decoded.value.rawCall);
    });
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(new Set(found).size).toBe(found.length);
    expect(acknowledged.filter((n) => !new Set(found).has(n))).toEqual([]);
    expect(spool.status().damaged).toBe(0);
  });
});

describe('a spool without room', () => {
  it('refuses above its bound, keeps what it has, and takes again when it was drained', async () => {
    const spool = opened(MIB);
    let taken = 0;
    const refusals: unknown[] = [];
    for (let n = 0; n < 3_000; n++)
      await spool.append([recordOf(n)]).then(
        () => {
          taken += 1;
        },
        (error: unknown) => refusals.push(error),
      );
    expect(taken).toBeGreaterThan(900);
    expect(refusals[0]).toMatchObject({ code: 'spool_full' });
    expect(taken + refusals.length).toBe(3_000);
    expect(spool.status().bytes).toBeLessThanOrEqual(MIB);
    expect(statSync(join(folder, 'data.mdb')).size).toBeLessThan(2 * MIB);
    expect(await all(spool)).toHaveLength(taken);
    await spool.remove(await spool.oldest(500, Number.POSITIVE_INFINITY));
    await spool.append([recordOf(1)]);
    expect(spool.hasRoom).toBe(true);
  });

  it('leaves the disk its free space', async () => {
    const spool = opened(64 * MIB, Number.MAX_SAFE_INTEGER);
    await expect(spool.append([recordOf(1)])).rejects.toMatchObject({ code: 'spool_full' });
    expect(spool.status()).toMatchObject({ records: 0, isFull: true });
    // Told at once for a moment, then tried again.
    await expect(spool.append([recordOf(1)])).rejects.toMatchObject({ code: 'spool_full' });
  });
});

/** A disk of one MiB at `folder`; false where this process may not mount one. */
function mountSmallDisk(): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0;
}

describe('a disk that is full', () => {
  it('fails the commit and nothing else: what was there stays, and it takes again when there is room', async ({
    skip,
  }) => {
    if (!mountSmallDisk()) skip('needs the right to mount a tmpfs');
    try {
      // Not asked for its free space first: the commit itself meets the end of the disk.
      const spool = opened(64 * MIB, Number.NEGATIVE_INFINITY);
      let taken = 0;
      const refusals: unknown[] = [];
      for (let n = 0; n < 100 && refusals.length < 3; n++) {
        const group = Array.from({ length: 50 }, (_, each) => recordOf(n * 50 + each));
        await spool.append(group).then(
          () => {
            taken += group.length;
          },
          async (error: unknown) => {
            refusals.push(error);
            // Past the time in which nothing is tried.
            await delay(600);
          },
        );
      }
      expect(refusals).toMatchObject([
        { code: 'spool_failed' },
        { code: 'spool_failed' },
        { code: 'spool_failed' },
      ]);
      expect(taken).toBeGreaterThan(500);
      expect(await all(spool)).toHaveLength(taken);
      await spool.remove(await spool.oldest(300, Number.POSITIVE_INFINITY));
      await spool.append([recordOf(1)]);
      await closed(spool);
      expect(opened().status()).toMatchObject({ records: taken - 299, damaged: 0 });
    } finally {
      for (const spool of spools.splice(0)) await spool.close();
      spawnSync('umount', [folder]);
    }
  });
});

describe('a record that cannot be read', () => {
  it('is set aside and holds nothing up', async () => {
    const spool = opened();
    await spool.append([recordOf(1), recordOf(2), recordOf(3)]);
    await closed(spool);
    // A disk that returns something else than was written.
    const raw = open({ path: folder, encoding: 'binary', maxDbs: 2, overlappingSync: false });
    const records = raw.openDB<Buffer, number>('records', { encoding: 'binary' });
    const bytes = Buffer.from(records.get(2) ?? []);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await records.put(2, bytes);
    await records.put(4, Buffer.from([0xc1]));
    await raw.close();

    const after = opened();
    expect((await all(after)).map(({ key }) => key)).toEqual(['key-1', 'key-3']);
    expect(after.status()).toMatchObject({ records: 2, damaged: 2 });
  });
});

describe('the owner', () => {
  it('is one process: another is told whose the folder is, and gets it when that one is gone, however it went', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'spool-writer.fixture.ts'), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    expect(() => opened()).toThrow(new RegExp(`${folder} is in use by process ${child.pid}`));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const spool = opened();
    expect(() => opened()).toThrow(`process ${process.pid}`);
    expect(readFileSync(join(folder, 'owner.lock'), 'utf8')).toBe(`process ${process.pid}\n`);
    await spool.append([outgoing(TOPIC, 'k', aRefusal())]);
  });
});
