/** One service as a child process: started, waited for, started again when it dies, drained at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { REPOSITORY } from './home.ts';

export interface ServiceCommand {
  /** Folder in apps/. */
  readonly name: string;
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly onProgress: (message: string) => void;
}

/** kafkajs schedules a timer with a negative delay (its issue 1751); Node would print a warning for each process. */
const NODE_OPTIONS = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];
const READY_BOUND_MS = 60_000;
const POLL_MS = 50;
const STOP_BOUND_MS = 28_000;
const FIRST_RESTART_MS = 200;
const LONGEST_RESTART_MS = 5_000;
/** A service that ran this long had recovered; the next death is a new one. */
const STEADY_MS = 30_000;

export class SupervisedService {
  readonly name: string;
  readonly #command: ServiceCommand;
  #child: ChildProcess | undefined;
  #isStopping = false;
  #restartMs = FIRST_RESTART_MS;
  #restarts = 0;

  constructor(command: ServiceCommand) {
    this.name = command.name;
    this.#command = command;
  }

  /** How often the service died and was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { name, environment, logFile, onProgress } = this.#command;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'a');
    const startedAt = performance.now();
    // A session of its own: Ctrl-C reaches the launcher alone, which then drains the services in order.
    const child = spawn(process.execPath, [...NODE_OPTIONS, join(REPOSITORY, 'apps', name, 'dist/main.js')], {
      env: { ...process.env, ...environment, EXIT_WITH_PARENT: 'true' },
      stdio: ['pipe', log, log],
      detached: true,
    });
    closeSync(log);
    child.stdin?.on('error', () => undefined);
    child.once('error', (error) => onProgress(`${name} cannot be run: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (this.#isStopping) return;
      onProgress(`${name} ended (${signal ?? `code ${code}`}), starting it again; its log is ${logFile}`);
      if (performance.now() - startedAt > STEADY_MS) this.#restartMs = FIRST_RESTART_MS;
      this.#restarts += 1;
      setTimeout(() => {
        if (!this.#isStopping) this.start();
      }, this.#restartMs);
      this.#restartMs = Math.min(this.#restartMs * 2, LONGEST_RESTART_MS);
    });
    this.#child = child;
  }

  /** @throws Error for a person when the service does not become ready. */
  async ready(): Promise<void> {
    const { name, port, logFile } = this.#command;
    const deadline = performance.now() + READY_BOUND_MS;
    while (!(await answersReady(port))) {
      if (performance.now() > deadline)
        throw new Error(`${name} is not ready after ${READY_BOUND_MS / 1000} s; see ${logFile}`);
      await delay(POLL_MS);
    }
  }

  /** SIGKILL, as a crash would; the service is then started again, soon: a kill on purpose says nothing of how it fares. */
  kill(): void {
    this.#restartMs = FIRST_RESTART_MS;
    this.#child?.kill('SIGKILL');
  }

  /** SIGTERM, and SIGKILL when the drain takes longer than orchestrators grant. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const bound = setTimeout(() => child.kill('SIGKILL'), STOP_BOUND_MS);
    await exited;
    clearTimeout(bound);
  }
}

async function answersReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
      signal: AbortSignal.timeout(2_500),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
