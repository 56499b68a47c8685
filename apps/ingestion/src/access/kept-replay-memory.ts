/** The replay memory in LMDB: read in microseconds, written behind the answer, still there after a crash of the process. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@tributary/runtime';
import { type Database, open, type RootDatabase } from 'lmdb';
import { notRemembered } from '../ingestion-metrics.ts';
import {
  type Claim,
  GENERATIONS,
  generationAt,
  MAX_ENTRIES,
  type MemoryKind,
  type ReplayMemory,
  type RetentionMs,
} from './replay-memory.ts';

export interface KeptReplayMemoryOptions {
  /** Folder of this instance alone; made when it is not there. */
  readonly folder: string;
  readonly now: () => number;
  readonly retentionMs: RetentionMs;
  readonly logger: Logger;
  /** Names this start of the machine. */
  readonly bootId?: string;
  readonly maxEntries?: number;
}

/** One generation, and what is on its way into it: a write is seen by readers only once it is committed. */
interface Slot {
  readonly database: Database<Buffer, Buffer>;
  /** By receipt id: to be written next, and under way. */
  pending: Map<string, Buffer>;
  writing: ReadonlyMap<string, Buffer>;
  generation: number;
  size: number;
}

const KINDS: readonly MemoryKind[] = ['nonce', 'idempotency_key'];
/** Claims are written together: one by one each costs a commit promise, measured at more than the hash of a call. */
const WRITE_EVERY_MS = 10;
const NONE: ReadonlyMap<string, Buffer> = new Map();
const GENERATION_BYTES = 6;
/** Of the content digest: 128 bits tell two contents apart as surely as 256. */
const DIGEST_BYTES = 16;
const DIGEST_DIGITS = 2 * DIGEST_BYTES;

/**
 * `noSync`: nothing here waits for the disk, and nothing makes it busy. A crash of the process loses what was claimed in
 * the last hundredths of a second, as what is committed is the kernel's. A crash of the machine could leave pages of a
 * later commit without those of an earlier one, so a memory of an earlier start of the machine is thrown away;
 * {@link ReplayMemory} says why that is harmless.
 */
export class KeptReplayMemory implements ReplayMemory {
  readonly #options: KeptReplayMemoryOptions;
  readonly #root: RootDatabase;
  readonly #kinds: Readonly<Record<MemoryKind, readonly Slot[]>>;
  #nextWrite: NodeJS.Timeout | undefined;

  constructor(options: KeptReplayMemoryOptions) {
    this.#options = options;
    [this.#root, this.#kinds] = opened(options, (root) => ({
      nonce: slotsOf(root, 'nonce'),
      idempotency_key: slotsOf(root, 'idempotency_key'),
    }));
  }

  claim(kind: MemoryKind, receiptId: string, contentDigest: string): Claim {
    const { now, retentionMs, maxEntries = MAX_ENTRIES } = this.#options;
    const generation = generationAt(now(), retentionMs[kind]);
    const key = keyOf(receiptId);
    const digest = contentDigest.slice(0, DIGEST_DIGITS);
    const slots = this.#kinds[kind];
    for (const slot of slots) {
      if (slot.size === 0) continue;
      const known = slot.pending.get(receiptId) ?? slot.writing.get(receiptId) ?? slot.database.get(key);
      if (known !== undefined && known.readUIntBE(0, GENERATION_BYTES) > generation - GENERATIONS)
        return known.toString('hex', GENERATION_BYTES) === digest ? 'same' : 'other';
    }
    const slot = slots[generation % GENERATIONS];
    if (slot === undefined) return 'first';
    if (slot.generation !== generation) this.#begin(slot, generation);
    if (slot.size >= maxEntries) notRemembered.inc({ kind });
    else this.#remember(slot, receiptId, storedValue(generation, digest));
    return 'first';
  }

  async close(): Promise<void> {
    clearTimeout(this.#nextWrite);
    await this.#write();
    await this.#root.close();
  }

  /** What is still to be cleared is of a generation nobody asks for any more, so this need not be waited for. */
  #begin(slot: Slot, generation: number): void {
    slot.generation = generation;
    slot.size = 0;
    slot.pending.clear();
    void this.#written(slot.database.clearAsync());
  }

  #remember(slot: Slot, receiptId: string, value: Buffer): void {
    slot.size += 1;
    slot.pending.set(receiptId, value);
    this.#nextWrite ??= setTimeout(() => void this.#write(), WRITE_EVERY_MS);
  }

  /** One batch at a time, in the order of the claims; what comes meanwhile is the next. */
  async #write(): Promise<void> {
    const slots = KINDS.flatMap((kind) => this.#kinds[kind]);
    for (const slot of slots) {
      slot.writing = slot.pending;
      slot.pending = new Map();
    }
    const isCommitted = this.#root.batch(() => {
      for (const { database, writing } of slots)
        for (const [receiptId, value] of writing) void database.put(keyOf(receiptId), value);
    });
    await this.#written(isCommitted);
    for (const slot of slots) slot.writing = NONE;
    const isMore = slots.some(({ pending }) => pending.size > 0);
    this.#nextWrite = isMore ? setTimeout(() => void this.#write(), WRITE_EVERY_MS) : undefined;
  }

  /** A full disk must not stop postbacks: what cannot be written is not remembered. */
  async #written(writing: Promise<unknown>): Promise<void> {
    try {
      await writing;
    } catch (error) {
      // The cause is a promise of its own, rejected later; unheard it would end the process.
      (error as { readonly commitError?: Promise<unknown> }).commitError?.catch(() => undefined);
      notRemembered.inc({ kind: 'write_failed' });
      this.#options.logger.warn({ err: error }, 'replay_memory.not_written');
    }
  }
}

function keyOf(receiptId: string): Buffer {
  return Buffer.from(receiptId.replaceAll('-', ''), 'hex');
}

function slotsOf(root: RootDatabase, kind: MemoryKind): readonly Slot[] {
  return Array.from({ length: GENERATIONS }, (_, index) => {
    const database = root.openDB<Buffer, Buffer>({
      name: `${kind}:${index}`,
      keyEncoding: 'binary',
      encoding: 'binary',
    });
    const [first] = database.getRange({ limit: 1 });
    const generation = first?.value.readUIntBE(0, GENERATION_BYTES) ?? -1;
    return { database, pending: new Map(), writing: NONE, generation, size: entriesOf(database) };
  });
}

/** From LMDB's own count, which costs nothing; the binding declares its statistics as an open object. */
function entriesOf(database: Database<Buffer, Buffer>): number {
  const { entryCount } = database.getStats() as { readonly entryCount?: number };
  return entryCount ?? 0;
}

function storedValue(generation: number, digest: string): Buffer {
  const value = Buffer.allocUnsafe(GENERATION_BYTES + DIGEST_BYTES);
  value.writeUIntBE(generation, 0, GENERATION_BYTES);
  value.write(digest, GENERATION_BYTES, 'hex');
  return value;
}

/**
 * LMDB ends the process when it meets a torn file, so the mark that the memory is of this start of the machine is taken
 * away before it is opened and put back once it has been read: after one crash at this place it is thrown away.
 */
function opened<T>(
  { folder, bootId = bootIdOfMachine() }: KeptReplayMemoryOptions,
  read: (root: RootDatabase) => T,
): readonly [RootDatabase, T] {
  const mark = join(folder, 'boot-id');
  const path = join(folder, 'memory');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== bootId)
    rmSync(path, { recursive: true, force: true });
  rmSync(mark, { force: true });
  mkdirSync(path, { recursive: true });
  const maxDbs = KINDS.length * GENERATIONS;
  // Batches are ours; in those that LMDB makes of an event turn, a failed commit also rejects a promise nobody is given.
  const root = open({ path, noSync: true, eventTurnBatching: false, maxDbs });
  const contents = read(root);
  writeFileSync(mark, bootId);
  return [root, contents];
}

/** Changes with every start of the machine; the same for ever where the system does not tell. */
function bootIdOfMachine(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
