/** What every replay memory does: the same content again, another content, how long it is kept, and how much of it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptReplayMemory } from './kept-replay-memory.ts';
import { InMemoryReplayMemory, type ReplayMemory } from './replay-memory.ts';

const RETENTION_MS = { nonce: 600_000, idempotency_key: 86_400_000 };
const RECEIPT = '5f3c7a30-0000-8000-8000-000000000001';
const OTHER_RECEIPT = '5f3c7a30-0000-8000-8000-000000000002';
const ONE = 'aa'.repeat(32);
const TWO = 'bb'.repeat(32);
const START = Date.UTC(2026, 0, 2, 3, 4, 5);
const logger = createLogger('memory-test', 'silent');

let folder: string;
let now: number;
const opened: ReplayMemory[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-memory-'));
  now = START;
});

afterEach(async () => {
  for (const memory of opened.splice(0)) await memory.close();
  rmSync(folder, { recursive: true, force: true });
});

function kept(changes: { bootId?: string; maxEntries?: number } = {}): KeptReplayMemory {
  const memory = new KeptReplayMemory({
    folder,
    now: () => now,
    retentionMs: RETENTION_MS,
    logger,
    bootId: 'this-start',
    ...changes,
  });
  opened.push(memory);
  return memory;
}

const MAKERS: readonly [string, (maxEntries?: number) => ReplayMemory][] = [
  ['in memory', (maxEntries) => new InMemoryReplayMemory(() => now, RETENTION_MS, maxEntries)],
  ['kept', (maxEntries) => kept(maxEntries === undefined ? {} : { maxEntries })],
];

describe.each(MAKERS)('a replay memory %s', (_name, make) => {
  it('knows the same content again, and another one, at once and later', async () => {
    const memory = make();
    expect(memory.claim('nonce', RECEIPT, ONE)).toBe('first');
    expect(memory.claim('nonce', RECEIPT, ONE)).toBe('same');
    expect(memory.claim('nonce', RECEIPT, TWO)).toBe('other');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(memory.claim('nonce', RECEIPT, ONE)).toBe('same');
    expect(memory.claim('nonce', RECEIPT, TWO)).toBe('other');
  });

  it('tells receipts and kinds apart', () => {
    const memory = make();
    memory.claim('nonce', RECEIPT, ONE);
    expect(memory.claim('nonce', OTHER_RECEIPT, TWO)).toBe('first');
    expect(memory.claim('idempotency_key', RECEIPT, TWO)).toBe('first');
  });

  it.each(['nonce', 'idempotency_key'] as const)(
    'keeps a %s for its retention and forgets it after half as long again',
    (kind) => {
      const memory = make();
      const claimedAt = now;
      memory.claim(kind, RECEIPT, ONE);
      now = claimedAt + RETENTION_MS[kind];
      expect(memory.claim(kind, RECEIPT, TWO)).toBe('other');
      now = claimedAt + 1.5 * RETENTION_MS[kind];
      expect(memory.claim(kind, RECEIPT, TWO)).toBe('first');
      expect(memory.claim(kind, RECEIPT, ONE)).toBe('other');
    },
  );

  it('goes on through many generations', () => {
    const memory = make();
    for (let turn = 0; turn < 20; turn += 1) {
      expect(memory.claim('nonce', RECEIPT, turn % 2 === 0 ? ONE : TWO)).toBe('first');
      now += 1.5 * RETENTION_MS.nonce;
    }
  });

  it('still knows what it was told when the clock is set back', () => {
    const memory = make();
    memory.claim('nonce', RECEIPT, ONE);
    now -= 3_600_000;
    expect(memory.claim('nonce', RECEIPT, TWO)).toBe('other');
  });

  it('remembers no more than it may', () => {
    const memory = make(1);
    memory.claim('nonce', RECEIPT, ONE);
    expect(memory.claim('nonce', OTHER_RECEIPT, ONE)).toBe('first');
    expect(memory.claim('nonce', OTHER_RECEIPT, TWO)).toBe('first');
    expect(memory.claim('nonce', RECEIPT, TWO)).toBe('other');
  });
});

describe('a kept replay memory', () => {
  it('is there after a restart', async () => {
    const before = kept();
    before.claim('nonce', RECEIPT, ONE);
    before.claim('idempotency_key', OTHER_RECEIPT, ONE);
    await before.close();
    opened.length = 0;

    const after = kept();
    expect(after.claim('nonce', RECEIPT, TWO)).toBe('other');
    expect(after.claim('idempotency_key', OTHER_RECEIPT, ONE)).toBe('same');
  });

  it('begins anew after a restart of the machine, which may have torn it', async () => {
    const before = kept();
    before.claim('nonce', RECEIPT, ONE);
    await before.close();
    opened.length = 0;

    expect(kept({ bootId: 'the-next-start' }).claim('nonce', RECEIPT, TWO)).toBe('first');
  });

  it('begins anew after a crash while it was being opened, as a torn file causes', async () => {
    const before = kept();
    expect(readdirSync(folder)).toContain('boot-id');
    before.claim('nonce', RECEIPT, ONE);
    await before.close();
    opened.length = 0;
    // What such a crash leaves: LMDB has ended the process between the mark's removal and its return.
    writeFileSync(join(folder, 'memory', 'data.mdb'), Buffer.alloc(20_000, 'x'));
    rmSync(join(folder, 'boot-id'));

    expect(kept().claim('nonce', RECEIPT, TWO)).toBe('first');
  });
});
