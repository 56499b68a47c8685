/** Room for what is under way: never more than it holds, in turn, and nothing kept by whoever gave up. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Room } from './room.ts';

const NEVER = new AbortController().signal;
const settle = () => new Promise((resolve) => setImmediate(resolve));

it('lets in what fits, and the next in turn when somebody leaves', async () => {
  const room = new Room(2);
  const entered: string[] = [];
  const enter = async (name: string, size: number) => {
    const leave = await room.enter(size, NEVER);
    entered.push(name);
    return leave;
  };
  const first = await enter('a', 1);
  await enter('b', 0.5);
  void enter('large', 1);
  void enter('small', 0.5);
  await settle();
  expect(entered).toEqual(['a', 'b']);
  first();
  await settle();
  expect(entered).toEqual(['a', 'b', 'large', 'small']);
});

it('lets one in alone that is larger than all of it', async () => {
  const room = new Room(1);
  const leave = await room.enter(5, NEVER);
  leave();
  await expect(room.enter(1, NEVER)).resolves.toBeTypeOf('function');
});

it('keeps nothing for whoever gives up while waiting', async () => {
  const room = new Room(1);
  const leave = await room.enter(1, NEVER);
  const given = new AbortController();
  const waiting = room.enter(1, given.signal);
  const behind = room.enter(1, NEVER);
  given.abort(new Error('drained'));
  await expect(waiting).rejects.toThrow('drained');
  await expect(room.enter(1, given.signal)).rejects.toThrow('drained');
  leave();
  await expect(behind).resolves.toBeTypeOf('function');
});

it('property: holds at most its size, and lets everybody in once the others leave', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(1, 0.5, 0.1, 1 / 3), { maxLength: 40 }), async (sizes) => {
      const room = new Room(2);
      let within = 0;
      let most = 0;
      await Promise.all(
        sizes.map(async (size) => {
          const leave = await room.enter(size, NEVER);
          within += size;
          most = Math.max(most, within);
          await settle();
          within -= size;
          leave();
        }),
      );
      expect(most).toBeLessThanOrEqual(2.001);
      expect(within).toBeCloseTo(0);
    }),
  );
});
