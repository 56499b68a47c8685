/** Turns: one piece of work at a time per key, in order, whatever fails; other keys go on beside it. */
import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

it('never runs two pieces of one key at once, and keeps their order', async () => {
  const turns = new Turns<number>();
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await nextTurn();
    seen.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all(['a', 'b', 'c'].map((name) => turns.run(1, work(name))));
  expect(results).toEqual(['a', 'b', 'c']);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

it('lets no key wait for another', async () => {
  const turns = new Turns<number>();
  void turns.run(1, () => new Promise(() => undefined));
  expect(await turns.run(2, async () => 'done')).toBe('done');
});

it('goes on after work that failed, and tells who gave it', async () => {
  const turns = new Turns<number>();
  const failing = turns.run(1, () => Promise.reject(new Error('broken')));
  const next = turns.run(1, async () => 'done');
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('done');
});

it('lets one key work once at a time and others beside it', async () => {
  const turns = new Turns<string>();
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
  const turns = new Turns<string>();
  const failing = turns.run('a', () => Promise.reject(new Error('down')));
  const next = turns.run('a', () => Promise.resolve());
  await expect(failing).rejects.toThrow('down');
  await expect(next).resolves.toBeUndefined();
});

it('is idle when all that was begun has ended, well or not', async () => {
  const turns = new Turns<string>();
  let finish: () => void = () => undefined;
  const long = turns.run('a', () => new Promise<void>((resolve) => (finish = resolve)));
  const failing = turns.run('b', async () => {
    throw new Error('no');
  });
  let isIdle = false;
  const idle = turns.idle().then(() => {
    isIdle = true;
  });
  await expect(failing).rejects.toThrow('no');
  expect(isIdle).toBe(false);
  finish();
  await Promise.all([long, idle]);
  expect(isIdle).toBe(true);
});
