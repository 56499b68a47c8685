/** Lanes: one piece of work at a time per partition, in order, whatever fails. */
import { expect, it } from 'vitest';
import { Lanes } from './lanes.ts';

const turns = () => new Promise((resolve) => setImmediate(resolve));

it('never runs two pieces of one partition at once, and keeps their order', async () => {
  const lanes = new Lanes();
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await turns();
    seen.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all(['a', 'b', 'c'].map((name) => lanes.run(1, work(name))));
  expect(results).toEqual(['a', 'b', 'c']);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

it('lets no partition wait for another', async () => {
  const lanes = new Lanes();
  void lanes.run(1, () => new Promise(() => undefined));
  expect(await lanes.run(2, async () => 'done')).toBe('done');
});

it('goes on after work that failed, and tells who gave it', async () => {
  const lanes = new Lanes();
  const failing = lanes.run(1, () => Promise.reject(new Error('broken')));
  const next = lanes.run(1, async () => 'done');
  await expect(failing).rejects.toThrow('broken');
  expect(await next).toBe('done');
});
