/** Remembers, per home and engine, which process runs the engine and which process started it. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EngineName } from './embedded-engine.ts';
import { isSameProcess, type ProcessIdentity } from './process-identity.ts';

export interface PidRecord {
  readonly engine: ProcessIdentity;
  /** The process that called start; while it lives, the engine is not a leftover. */
  readonly owner: ProcessIdentity;
}

export function pidFilePath(home: string, engine: EngineName): string {
  return join(home, 'run', `${engine}.json`);
}

/** Undefined when there is no file or it holds something else: then nothing is known and nothing may be ended. */
export function readPidFile(path: string): PidRecord | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isPidRecord(content) ? content : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces the file in one step, so that a crash never leaves half a record. */
export function writePidFile(path: string, record: PidRecord): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, `${JSON.stringify(record)}\n`);
  renameSync(partial, path);
}

/** Removes the file unless it already speaks of another process. */
export function removePidFile(path: string, engine: ProcessIdentity): void {
  const record = readPidFile(path);
  if (record !== undefined && isSameProcess(record.engine, engine)) rmSync(path, { force: true });
}

function isPidRecord(value: unknown): value is PidRecord {
  if (typeof value !== 'object' || value === null) return false;
  return 'engine' in value && 'owner' in value && isIdentity(value.engine) && isIdentity(value.owner);
}

function isIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const identity = value as Partial<Record<keyof ProcessIdentity, unknown>>;
  return (
    Number.isSafeInteger(identity.pid) &&
    Number(identity.pid) > 1 &&
    typeof identity.startTicks === 'string' &&
    typeof identity.bootId === 'string'
  );
}
