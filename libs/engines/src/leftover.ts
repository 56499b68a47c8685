/** Ends an engine that a crashed run left behind on a home, so that the next run can take its place. */
import { setTimeout as delay } from 'node:timers/promises';
import { ENGINE_TITLES, type EngineName, EngineStartError, type OnProgress } from './embedded-engine.ts';
import { pidFilePath, readPidFile, removePidFile } from './pid-file.ts';
import { identifyProcess, isAlive, isSameProcess, type ProcessIdentity } from './process-identity.ts';

// A killed process keeps its address space until the kernel has freed it; with half a gigabyte that is noticeable.
const KILL_BOUND_MS = 10_000;
const POLL_MS = 50;

/**
 * Asks a leftover to stop (SIGTERM) and kills it (SIGKILL) after `stopBoundMs`; resolves when it is gone.
 * @throws EngineStartError `home_in_use` while the process that started the engine is alive: then it is in use.
 */
export async function endLeftover(
  home: string,
  name: EngineName,
  stopBoundMs: number,
  onProgress: OnProgress,
): Promise<void> {
  const path = pidFilePath(home, name);
  const record = readPidFile(path);
  if (record === undefined) return;
  const { engine, owner } = record;
  if (!isAlive(engine)) {
    removePidFile(path, engine);
    return;
  }
  const title = ENGINE_TITLES[name];
  const self = identifyProcess(process.pid);
  const ownedByOther = isAlive(owner) && !(self !== undefined && isSameProcess(owner, self));
  if (ownedByOther) {
    throw new EngineStartError(
      name,
      'home_in_use',
      `${title} in ${home} is already run by process ${owner.pid}: stop that one, or set TRIBUTARY_HOME to another directory.`,
    );
  }

  onProgress(`Ending ${title} (process ${engine.pid}), left over from a run that did not stop`);
  signal(engine, 'SIGTERM');
  if (!(await isGoneWithin(engine, stopBoundMs))) {
    onProgress(`${title} (process ${engine.pid}) did not stop within ${stopBoundMs / 1000} s: killing it`);
    signal(engine, 'SIGKILL');
    if (!(await isGoneWithin(engine, KILL_BOUND_MS))) {
      throw new EngineStartError(
        name,
        'home_in_use',
        `${title} (process ${engine.pid}) in ${home} cannot be ended: end it by hand and start again.`,
      );
    }
  }
  removePidFile(path, engine);
}

async function isGoneWithin(engine: ProcessIdentity, boundMs: number): Promise<boolean> {
  const deadline = performance.now() + boundMs;
  while (isAlive(engine)) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

function signal(engine: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL'): void {
  if (!isAlive(engine)) return;
  try {
    process.kill(engine.pid, name);
  } catch (error) {
    // Ended in between. Anything else (not ours to signal) shows as a process that does not go.
    if (
      (error as NodeJS.ErrnoException).code !== 'ESRCH' &&
      (error as NodeJS.ErrnoException).code !== 'EPERM'
    ) {
      throw error;
    }
  }
}
