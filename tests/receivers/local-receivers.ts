/** Receivers on this machine, in a process of their own: told how to behave, asked what came. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import type { Answer, Answers, Behaviour, Counts, Keeping, OrderName, Orders, Report } from './behaviour.ts';

const PROGRAM = join(import.meta.dirname, 'receivers.child.ts');
const NOTHING: Keeping = { requests: 0, arrivals: false };

export class LocalReceivers {
  /** Each receiver's own. */
  readonly origins: readonly string[];
  readonly #child: ChildProcess;
  readonly #ask: Ask;

  private constructor(child: ChildProcess, ask: Ask, ports: readonly number[]) {
    this.#child = child;
    this.#ask = ask;
    this.origins = ports.map((port) => `http://127.0.0.1:${port}`);
  }

  /** @param seed of what they fail at random. */
  static async start(receivers: number, seed = 1): Promise<LocalReceivers> {
    // Maps and half a million ids go over the wire.
    const child = fork(PROGRAM, [], { serialization: 'advanced', execArgv: nodeOptions() });
    const ask = asking(child);
    try {
      return new LocalReceivers(child, ask, await ask({ order: 'listen', receivers, seed }));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Counts and keeps anew. @returns what came so far. */
  begin(keeping: Keeping = NOTHING): Promise<Report> {
    return this.#ask({ order: 'begin', keeping });
  }

  async behave(receivers: readonly number[], behaviour: Behaviour): Promise<void> {
    await this.#ask({ order: 'behave', receivers, behaviour });
  }

  count(): Promise<Counts> {
    return this.#ask({ order: 'count' });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }
}

type Ask = <Name extends OrderName>(order: Orders[Name] & { readonly order: Name }) => Promise<Answers[Name]>;

/** Under vitest this process has options that are none of the child's. */
function nodeOptions(): string[] {
  return process.execArgv.filter((option) => option.startsWith('--disable-warning'));
}

function asking(child: ChildProcess): Ask {
  const waiting = new Map<number, PromiseWithResolvers<never>>();
  let asked = 0;
  let ended: Error | undefined;
  child.on('message', ({ id, answer }: Answer) => {
    waiting.get(id)?.resolve(answer as never);
    waiting.delete(id);
  });
  child.once('exit', (code, signal) => {
    ended = new Error(`the receivers ended (${signal ?? code})`);
    for (const { reject } of waiting.values()) reject(ended);
  });
  return (order) => {
    if (ended !== undefined) return Promise.reject(ended);
    const answer = Promise.withResolvers<never>();
    waiting.set(++asked, answer);
    child.send({ id: asked, order });
    return answer.promise;
  };
}
