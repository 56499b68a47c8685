/** Runs one load in a process of its own and hands back what it measured. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { FromChild, LoadOrder } from './generator.child.ts';
import type { LoadResult } from './generator.ts';

const PROGRAM = join(import.meta.dirname, 'generator.child.ts');

/**
 * @param onStart called when everything is prepared, just before the first request leaves.
 * @throws Error when the server stops answering or cuts a connection.
 */
export async function load(order: LoadOrder, onStart: () => void = () => undefined): Promise<LoadResult> {
  const child = fork(PROGRAM, [], { execArgv: process.execArgv });
  try {
    child.send(order);
    await answerOf(child, 'prepared');
    onStart();
    child.send('go');
    return (await answerOf(child, 'done')).result;
  } finally {
    child.kill('SIGKILL');
  }
}

function answerOf<T extends FromChild['type']>(
  child: ChildProcess,
  type: T,
): Promise<Extract<FromChild, { readonly type: T }>> {
  return new Promise((resolve, reject) => {
    child.once('message', (message: FromChild) => {
      if (message.type === type) resolve(message as Extract<FromChild, { readonly type: T }>);
      else reject(new Error(message.type === 'failed' ? message.message : `unexpected ${message.type}`));
    });
    child.once('exit', (code) => reject(new Error(`the load generator ended with ${code}`)));
  });
}
