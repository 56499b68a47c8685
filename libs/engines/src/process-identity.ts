/** Names a process in a way that a recycled pid cannot imitate. */
import { readFileSync } from 'node:fs';

/** A pid alone is reused; together with its start time and the boot it belongs to it is unique. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between the machine's boot and the process's start, as the kernel prints them. */
  readonly startTicks: string;
  /** Start times begin again at every boot. */
  readonly bootId: string;
}

/** The identity of the process that has this pid now; undefined when there is none or it is only a zombie. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readOptional(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTicks = fields[19];
  if (startTicks === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTicks, bootId: (readOptional('/proc/sys/kernel/random/boot_id') ?? '').trim() };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const current = identifyProcess(identity.pid);
  return current !== undefined && isSameProcess(current, identity);
}

export function isSameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTicks === b.startTicks && a.bootId === b.bootId;
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // A process may end between two reads, and there is no /proc outside Linux: both mean "unknown".
    return undefined;
  }
}
