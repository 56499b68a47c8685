/** Marks a state folder as in use by this launcher, so that the next one knows of a run that is alive or did not stop cleanly. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { identifyProcess, isAlive, type ProcessIdentity } from '@tributary/engines';

export type EarlierRun = 'none' | 'alive' | 'crashed';

export class RunMarker {
  readonly #file: string;

  constructor(home: string) {
    this.#file = join(home, 'run', 'launcher.json');
  }

  /** What is known of the run before this one. */
  earlierRun(): EarlierRun {
    const identity = this.#read();
    if (identity === null) return 'none';
    return isAlive(identity) ? 'alive' : 'crashed';
  }

  /** @throws Error when the folder cannot be written. */
  set(): void {
    mkdirSync(join(this.#file, '..'), { recursive: true });
    writeFileSync(this.#file, JSON.stringify(identifyProcess(process.pid) ?? {}));
  }

  clear(): void {
    rmSync(this.#file, { force: true });
  }

  #read(): ProcessIdentity | null {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8')) as ProcessIdentity;
    } catch {
      return null;
    }
  }
}
