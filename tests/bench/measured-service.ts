/** A service of ours as a benchmark runs it: one process of its build, its CPU time, and a profile where one is wanted. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePorts } from '@tributary/engines';
import { cpuSecondsOf } from './cpu-seconds.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const READY_BOUND_MS = 120_000;
/** A profile is written by a process that may end itself. */
const STOP_BOUND_MS = 30_000;

export interface MeasuredServiceOptions {
  /** Folder in apps/. */
  readonly name: string;
  /** The setting that tells it its port. */
  readonly portSetting: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Directory for a CPU profile, written when the process ends; null: none. */
  readonly profileTo: string | null;
}

export class MeasuredService {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when it is ready. @throws Error when it does not become ready. */
  static async start({
    name,
    portSetting,
    environment,
    profileTo,
  }: MeasuredServiceOptions): Promise<MeasuredService> {
    const [port = 0] = await findFreePorts(1);
    const profile = profileTo === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileTo}`];
    const program = join(REPOSITORY, `apps/${name}/dist/main.js`);
    const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', ...profile, program], {
      cwd: REPOSITORY,
      env: {
        ...process.env,
        LOG_LEVEL: 'error',
        EXIT_WITH_PARENT: 'true',
        ...environment,
        [portSetting]: String(port),
      },
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    const service = new MeasuredService(child);
    const deadline = performance.now() + READY_BOUND_MS;
    const isReady = async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
    while (!(await isReady().catch(() => false))) {
      if (performance.now() > deadline || child.exitCode !== null) {
        await service.stop();
        throw new Error(`${name} did not start`);
      }
      await delay(100);
    }
    return service;
  }

  /** User and system time so far, seconds. @throws Error when it has ended. */
  get cpuSeconds(): number {
    return cpuSecondsOf(this.#child.pid);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await Promise.race([ended, delay(STOP_BOUND_MS, undefined, { ref: false })]);
    child.kill('SIGKILL');
    await ended;
  }
}
