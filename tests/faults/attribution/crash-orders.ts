/** Orders one crash at a time: the instance of attribution that comes to the point first takes the order and dies. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from '@tributary/testing';
import { CRASH_ORDER_FILE, type CrashPoint, type CrashReport } from './crash-points.ts';

const CHILD = join(import.meta.dirname, 'crash-points.child.ts');
const REACHED_BOUND_MS = 120_000;

export class CrashOrders {
  readonly #order: string;
  readonly #report: string;

  constructor(home: string) {
    this.#order = join(home, 'crash-order');
    this.#report = `${this.#order}.report`;
  }

  /** What a process needs that is to obey. */
  get environment(): Readonly<Record<string, string>> {
    return {
      NODE_OPTIONS: `--import=${pathToFileURL(CHILD).href}`,
      [CRASH_ORDER_FILE]: this.#order,
    };
  }

  give(point: CrashPoint): void {
    rmSync(this.#report, { force: true });
    writeFileSync(this.#order, point);
  }

  /** Waits until a process has died at the point. @throws Error when none comes there. */
  async obeyed(): Promise<CrashReport> {
    await eventually(() => existsSync(this.#report), Boolean, REACHED_BOUND_MS);
    return JSON.parse(readFileSync(this.#report, 'utf8')) as CrashReport;
  }
}
