/** Work of one name at a time, and what becomes of a failure that nobody waits for. */
import type { Logger } from '@tributary/runtime';
import { beforeEach, describe, expect, it } from 'vitest';
import { OneAtATime } from './one-at-a-time.ts';
import type { Place } from './underway.ts';

let told: unknown[];
let oneAtATime: OneAtATime;

beforeEach(() => {
  told = [];
  const logger = { error: (fields: unknown, message: string) => told.push([message, fields]) };
  oneAtATime = new OneAtATime({
    clock: { now: () => 1_000 },
    guardMs: 40_000,
    logger: logger as unknown as Logger,
  });
});

async function failing(place: Place, isEarly: boolean): Promise<null> {
  if (isEarly) place.early.resolve(41_000);
  await Promise.resolve();
  throw new RangeError('said with what was sent');
}

describe('a second work of one name', () => {
  it('comes back while the first is under way', async () => {
    const first = Promise.withResolvers<null>();
    const open = oneAtATime.run('a', () => first.promise);
    expect(await oneAtATime.run('a', async () => null).answer).toBe(2_000);
    expect(await oneAtATime.run('b', async () => null).answer).toBeNull();
    first.resolve(null);
    expect(await open.answer).toBeNull();
    expect(await oneAtATime.run('a', async () => null).answer).toBeNull();
  });
});

describe('a failure', () => {
  it('is thrown to whoever waits, and not told besides', async () => {
    await expect(oneAtATime.run('a', (place) => failing(place, false)).answer).rejects.toThrow(RangeError);
    await oneAtATime.idle();
    expect(told).toEqual([]);
  });

  it.each(['let go', 'answered early'])('of what was %s is told by its type alone', async (how) => {
    const work = oneAtATime.run('a', (place) => failing(place, how === 'answered early'));
    if (how === 'let go') work.detach();
    await work.answer.catch(() => undefined);
    await oneAtATime.idle();
    await Promise.resolve();
    expect(told).toEqual([['delivery.failed_unwatched', { work: 'a', errorType: 'RangeError' }]]);
  });
});
