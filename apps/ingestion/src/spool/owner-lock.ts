/** One owner per folder: a lock of the operating system, which ends with the process that holds it, however that ends. */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { tryLock } from 'fs-native-extensions';

const LOCK_FILE = 'owner.lock';

export class OwnerLock {
  readonly #file: number;

  private constructor(file: number) {
    this.#file = file;
  }

  /** @throws Error for a person when a living process, of this or another container on this machine, owns the folder. */
  static take(folder: string): OwnerLock {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, LOCK_FILE);
    const file = openSync(path, 'a+');
    if (!tryLock(file)) {
      const owner = readFileSync(path, 'utf8').trim();
      closeSync(file);
      throw new Error(
        `${folder} is in use by ${owner || 'another process'}: every instance of ingestion needs an INGESTION_STATE of its own`,
      );
    }
    ftruncateSync(file);
    writeSync(file, `process ${process.pid}\n`);
    return new OwnerLock(file);
  }

  release(): void {
    closeSync(this.#file);
  }
}
