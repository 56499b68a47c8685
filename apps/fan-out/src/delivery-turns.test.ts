/** Turns: the same delivery waits, another one does not, and a failure passes the turn on. */
import { expect, it } from 'vitest';
import { DeliveryTurns } from './delivery-turns.ts';

it('lets one delivery work once at a time and others beside it', async () => {
  const turns = new DeliveryTurns();
  const done: string[] = [];
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = turns.run('a', async () => {
    await held;
    done.push('a1');
  });
  const second = turns.run('a', async () => {
    done.push('a2');
  });
  await turns.run('b', async () => {
    done.push('b');
  });
  release();
  await Promise.all([first, second]);
  expect(done).toEqual(['b', 'a1', 'a2']);
});

it('passes the turn on after a failure, and the failure to whom it belongs', async () => {
  const turns = new DeliveryTurns();
  const failing = turns.run('a', () => Promise.reject(new Error('down')));
  const next = turns.run('a', () => Promise.resolve());
  await expect(failing).rejects.toThrow('down');
  await expect(next).resolves.toBeUndefined();
});
