/** Runs one engine as a child process: spawn, wait until it answers, stop within a bound, kill. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type EmbeddedEngine,
  ENGINE_TITLES,
  type EngineExit,
  type EngineName,
  EngineStartError,
  type OnProgress,
} from './embedded-engine.ts';
import { faultLine } from './fault-line.ts';
import { pidFilePath, removePidFile, writePidFile } from './pid-file.ts';
import { identifyProcess } from './process-identity.ts';

const POLL_MS = 50;

export interface EngineCommand {
  readonly name: EngineName;
  readonly home: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Variables on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** The log that the engine writes by itself. */
  readonly log: string;
  /** File that receives what the process prints. */
  readonly consoleLog: string;
  /** One attempt to see that the engine does its work; must settle within about a second and not reject. */
  readonly isReady: () => Promise<boolean>;
  readonly readyBoundMs: number;
  readonly stopBoundMs: number;
  readonly onProgress: OnProgress;
}

/**
 * Starts the process and resolves once `isReady` says so.
 *
 * The child gets a session of its own: Ctrl-C in a terminal reaches every process of the foreground group at once,
 * and the engines must outlive the services that still flush to them. Its stdin is a pipe that only this process
 * holds, so its end tells the child that this process is gone, however it went.
 * @throws EngineStartError `cannot_spawn`, `exited_early` or `not_ready_in_time`; the process is then gone.
 */
export async function runEngine(engine: EngineCommand): Promise<EmbeddedEngine> {
  const logsBefore = [engine.log, engine.consoleLog].map((path) => ({ path, size: sizeOf(path) }));
  const child = spawnChild(engine);
  // Registered before the first await can let an exit pass unseen.
  const exited = new Promise<EngineExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const pid = await spawned(engine, child);

  try {
    rememberProcess(engine, child, pid);
    await untilReady(engine, child, () => faultIn(logsBefore));
  } catch (error) {
    child.kill('SIGKILL');
    await exited;
    throw error;
  }
  return {
    name: engine.name,
    pid,
    exited,
    stop: () => stop(engine, child, exited),
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

function spawnChild(engine: EngineCommand): ChildProcess {
  mkdirSync(dirname(engine.consoleLog), { recursive: true });
  // A file and not a pipe: a pipe's reader dies with this process, and then the engine dies of its own log line.
  const log = openSync(engine.consoleLog, 'a');
  try {
    return spawn(engine.command, [...engine.args], {
      cwd: engine.cwd,
      env: { ...process.env, ...engine.env },
      detached: true,
      stdio: ['pipe', log, log],
    });
  } finally {
    closeSync(log);
  }
}

function spawned(engine: EngineCommand, child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      const message = `${ENGINE_TITLES[engine.name]} cannot be run: ${error.message}`;
      reject(new EngineStartError(engine.name, 'cannot_spawn', message));
    });
    // A child that is gone breaks the pipe; its exit event says so already.
    child.stdin?.on('error', () => {});
    const { pid } = child;
    if (pid !== undefined) resolve(pid);
  });
}

function rememberProcess({ home, name }: EngineCommand, child: ChildProcess, pid: number): void {
  const identity = identifyProcess(pid);
  const owner = identifyProcess(process.pid);
  // Either it ended at once, or this is not Linux: then there is nothing to recognise a leftover by.
  if (identity === undefined || owner === undefined) return;
  const path = pidFilePath(home, name);
  writePidFile(path, { engine: identity, owner });
  child.once('exit', () => removePidFile(path, identity));
}

async function untilReady(engine: EngineCommand, child: ChildProcess, fault: () => string): Promise<void> {
  const title = ENGINE_TITLES[engine.name];
  const deadline = performance.now() + engine.readyBoundMs;
  for (;;) {
    const isReady = await engine.isReady();
    // Asked first: if the process is gone, it was another one that answered.
    if (hasEnded(child)) {
      const how = child.exitCode === null ? `by ${child.signalCode}` : `with code ${child.exitCode}`;
      throw new EngineStartError(
        engine.name,
        'exited_early',
        `${title} ended ${how} before it was ready; see ${engine.log}: ${fault()}`,
      );
    }
    if (isReady) return;
    if (performance.now() >= deadline) {
      throw new EngineStartError(
        engine.name,
        'not_ready_in_time',
        `${title} did not answer within ${engine.readyBoundMs / 1000} s; see ${engine.log}: ${fault()}`,
      );
    }
    await delay(POLL_MS);
  }
}

async function stop(engine: EngineCommand, child: ChildProcess, exited: Promise<EngineExit>): Promise<void> {
  if (hasEnded(child)) return;
  child.kill('SIGTERM');
  const timer = new AbortController();
  const late = delay(engine.stopBoundMs, 'late' as const, { signal: timer.signal }).catch(
    () => 'ended' as const,
  );
  const outcome = await Promise.race([exited, late]);
  timer.abort();
  if (outcome !== 'late') return;
  engine.onProgress(
    `${ENGINE_TITLES[engine.name]} did not stop within ${engine.stopBoundMs / 1000} s: killing it`,
  );
  child.kill('SIGKILL');
  await exited;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Why it failed, out of what the logs gained since they were measured. */
function faultIn(logs: readonly { readonly path: string; readonly size: number }[]): string {
  const gained = logs.map(({ path, size }) => {
    if (!existsSync(path)) return '';
    const content = readFileSync(path);
    // Shorter than before: the engine has begun a new file.
    return (content.length < size ? content : content.subarray(size)).toString('utf8');
  });
  return faultLine(gained.join('\n'));
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
