/** The spool: records that Kafka could not take yet, on this machine's disk, oldest first. Nothing is in it that was not synced. */
import { statfs } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { OutgoingRecord } from '@tributary/bus';
import type { TopicName } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { type Database, open, type RootDatabase } from 'lmdb';
import { OwnerLock } from './owner-lock.ts';

export interface SpoolOptions {
  /** Made when it is not there; one process at a time. */
  readonly folder: string;
  /** What the records may take on disk. */
  readonly maxBytes: number;
  /** Left free on the disk for whatever else lives there. */
  readonly minFreeBytes?: number;
}

export interface SpoolStatus {
  readonly records: number;
  /** On disk, in whole pages. */
  readonly bytes: number;
  /** When the oldest record was spooled, epoch ms; null while the spool is empty. */
  readonly oldestAt: number | null;
  /** Set aside: they cannot be read, or Kafka would never take them. */
  readonly damaged: number;
  /** It refuses what comes. */
  readonly isFull: boolean;
}

/** A record with its place in the order of spooling. */
export interface SpooledRecord {
  readonly sequence: number;
  readonly record: OutgoingRecord;
}

/** As stored under its sequence number: topic, key, headers, value, when it was spooled, and a checksum of key and value. */
type Stored = readonly [TopicName, string, Readonly<Record<string, string>>, Uint8Array, number, number];

interface Append {
  readonly records: readonly OutgoingRecord[];
  readonly bytes: number;
  resolve(): void;
  reject(error: Error): void;
}

/** Below INGESTION_STATE. */
export const SPOOL_FOLDER = 'spool';

const PAGE_BYTES = 4_096;
/** LMDB keeps values above half a page, less its own 16 bytes, in pages of their own. */
const MAX_INLINE_BYTES = 2_000;
/** What a stored record adds to its value: key, topic, headers, checksum, and LMDB's node. */
const HEAD_BYTES = 120;
const MIN_FREE_BYTES = 64 * 1024 * 1024;
/** After a failed commit or a full disk nothing is tried for so long: every caller is told at once. */
const REST_MS = 500;

export class Spool {
  readonly #options: Required<SpoolOptions>;
  readonly #lock: OwnerLock;
  readonly #environment: RootDatabase<Buffer, number>;
  readonly #records: Database<Stored, number>;
  readonly #damaged: Database<Buffer, number>;
  #nextSequence: number;
  #bytes = 0;
  #count = 0;
  #waiting: Append[] = [];
  #waitingBytes = 0;
  #committing: Promise<void> | undefined;
  /** Refuses until then, performance.now(). */
  #restsUntil = 0;
  #isClosed = false;

  private constructor(options: Required<SpoolOptions>, lock: OwnerLock) {
    this.#options = options;
    this.#lock = lock;
    this.#environment = open<Buffer, number>({
      path: options.folder,
      pageSize: PAGE_BYTES,
      encoding: 'binary',
      maxDbs: 2,
      // A promise then resolves when the pages and after them the meta page are synced (strace: fdatasync, then a write by
      // O_DSYNC). LMDB never writes over a page in use, so a commit that is cut anywhere leaves the one before it.
      overlappingSync: false,
      // With it lmdb 3.5.6 makes a promise that nobody holds: a commit that fails would end the process.
      eventTurnBatching: false,
    });
    this.#records = this.#environment.openDB<Stored, number>('records', { encoding: 'msgpack' });
    this.#damaged = this.#environment.openDB<Buffer, number>('damaged', { encoding: 'binary' });
    const [last = 0] = this.#records.getKeys({ reverse: true, limit: 1 });
    this.#nextSequence = last + 1;
    this.#measure();
  }

  /** @throws Error for a person when a living process has it open. */
  static open({ folder, maxBytes, minFreeBytes = MIN_FREE_BYTES }: SpoolOptions): Spool {
    const lock = OwnerLock.take(folder);
    try {
      return new Spool({ folder, maxBytes, minFreeBytes }, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** It would take a record now, as far as is known. */
  get hasRoom(): boolean {
    return this.#bytes + this.#waitingBytes < this.#options.maxBytes && performance.now() >= this.#restsUntil;
  }

  status(): SpoolStatus {
    const { bytes, records } = this.#measure();
    const [oldest] = this.#records.getKeys({ limit: 1 });
    return {
      records,
      bytes,
      oldestAt: oldest === undefined ? null : this.#spooledAt(oldest),
      damaged: entriesOf(this.#damaged),
      isFull: !this.hasRoom,
    };
  }

  /**
   * Resolves when all records are synced to disk; those that come while a commit is under way share the next one.
   * @throws DependencyFailure `spool_full` for the bound or the disk's free space, `spool_failed` when the disk refuses;
   * nothing of the call is in the spool then.
   */
  append(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new DependencyFailure('spool_failed', 'the spool is closed'));
    const bytes = records.reduce((sum, record) => sum + footprintOf(record), 0);
    if (this.#bytes + this.#waitingBytes + bytes > this.#options.maxBytes)
      return Promise.reject(new DependencyFailure('spool_full', 'the spool has reached its bound'));
    if (performance.now() < this.#restsUntil)
      return Promise.reject(new DependencyFailure('spool_full', 'the disk has just refused'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      this.#committing ??= this.#commitAll();
    });
  }

  /** The oldest records; those that cannot be read are set aside. */
  async oldest(maxRecords: number, maxBytes: number): Promise<readonly SpooledRecord[]> {
    const found: SpooledRecord[] = [];
    const unreadable: number[] = [];
    let bytes = 0;
    for (const sequence of [...this.#records.getKeys({ limit: maxRecords })]) {
      const record = this.#read(sequence);
      if (record === null) {
        unreadable.push(sequence);
        continue;
      }
      bytes += record.value.length;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push({ sequence, record });
    }
    if (unreadable.length > 0) await this.setAside(unreadable);
    return found;
  }

  /** Forgets records that Kafka has acknowledged. @throws DependencyFailure `spool_failed`; they are still there then. */
  async remove(records: readonly SpooledRecord[]): Promise<void> {
    await this.#transaction(() => {
      for (const { sequence } of records) void this.#records.remove(sequence);
    });
    this.#measure();
  }

  /** Takes records out of the order, so that they hold nothing up, and keeps them as they are. @throws DependencyFailure */
  async setAside(sequences: readonly number[]): Promise<void> {
    await this.#transaction(() => {
      for (const sequence of sequences) {
        const bytes = this.#records.getBinary(sequence);
        if (bytes !== undefined) void this.#damaged.put(sequence, bytes);
        void this.#records.remove(sequence);
      }
    });
    this.#measure();
  }

  /** Commits what was begun, then lets go of the folder. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#committing;
    await this.#environment.close();
    this.#lock.release();
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      const bytes = group.reduce((sum, append) => sum + append.bytes, 0);
      try {
        await this.#assertFreeDisk(bytes);
        await this.#transaction(() => this.#put(group));
        for (const { resolve } of group) resolve();
      } catch (error) {
        this.#restsUntil = performance.now() + REST_MS;
        for (const { reject } of group) reject(error as Error);
      }
      this.#waitingBytes -= bytes;
      this.#measure();
    }
    // At once: whoever was told may append again before this promise has resolved.
    this.#committing = undefined;
  }

  #put(group: readonly Append[]): void {
    const spooledAt = Date.now();
    for (const { topic, key, headers = {}, value } of group.flatMap(({ records }) => records)) {
      const stored: Stored = [topic, key, headers, value, spooledAt, checksumOf(key, value)];
      void this.#records.put(this.#nextSequence++, stored);
    }
  }

  /** What `write` puts and removes is one transaction. @throws DependencyFailure `spool_failed`; nothing of it is done then. */
  async #transaction(write: () => void): Promise<void> {
    try {
      await this.#environment.batch(write);
    } catch (error) {
      // The cause comes in a second promise, which nobody else awaits.
      const cause: unknown = await (error as { commitError?: Promise<unknown> }).commitError?.catch(
        (reason: unknown) => reason,
      );
      throw new DependencyFailure('spool_failed', 'the spool could not be written', {
        cause: cause ?? error,
      });
    }
  }

  async #assertFreeDisk(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#options.folder);
    if (bavail * bsize < this.#options.minFreeBytes + bytes)
      throw new DependencyFailure('spool_full', 'the disk of the spool is full');
  }

  #read(sequence: number): OutgoingRecord | null {
    try {
      const stored = this.#records.get(sequence);
      if (stored === undefined) return null;
      const [topic, key, headers, bytes, , checksum] = stored;
      const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return checksumOf(key, value) === checksum ? { topic, key, headers, value } : null;
    } catch {
      return null;
    }
  }

  #spooledAt(sequence: number): number | null {
    try {
      return this.#records.get(sequence)?.[4] ?? null;
    } catch {
      return null;
    }
  }

  #measure(): { readonly records: number; readonly bytes: number } {
    const { entryCount, treeBranchPageCount, treeLeafPageCount, overflowPages } = statsOf(this.#records);
    this.#count = entryCount;
    this.#bytes = (treeBranchPageCount + treeLeafPageCount + overflowPages) * PAGE_BYTES;
    return { records: this.#count, bytes: this.#bytes };
  }
}

interface DatabaseStats {
  readonly entryCount: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** Counted by LMDB itself, in constant time. */
function statsOf(database: Database<Stored, number> | Database<Buffer, number>): DatabaseStats {
  return database.getStats() as DatabaseStats;
}

function entriesOf(database: Database<Buffer, number>): number {
  return statsOf(database).entryCount;
}

function checksumOf(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}

/** What a record takes on disk at most, in LMDB's pages. */
function footprintOf({ key, value }: OutgoingRecord): number {
  const bytes = value.length + key.length + HEAD_BYTES;
  return bytes <= MAX_INLINE_BYTES ? bytes : Math.ceil((bytes + 16) / PAGE_BYTES) * PAGE_BYTES + HEAD_BYTES;
}
