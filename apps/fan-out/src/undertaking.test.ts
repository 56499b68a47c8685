/** A batch's work: begun as there is room, waited for, and let go where a destination keeps it waiting. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Room } from './room.ts';
import { type Startable, Undertaking } from './undertaking.ts';
import type { StepAnswer } from './underway.ts';

class Piece implements Startable {
  readonly size = 1;
  readonly end = Promise.withResolvers<StepAnswer>();
  isBegun = false;
  isHeldUp = false;
  /** Whether a request has left: such a one goes on when it is let go. */
  hasLeft = true;

  begin() {
    this.isBegun = true;
    const piece = this;
    return {
      answer: this.end.promise,
      get isHeldUp() {
        return piece.isHeldUp;
      },
      detach: () => ({ hasBegun: piece.hasLeft, comeBackAt: 7 }),
    };
  }
}

let control: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  control = new AbortController();
});

afterEach(() => {
  vi.useRealTimers();
});

function undertaken(pieces: readonly Piece[], room = new Room(10)) {
  const undertaking = new Undertaking<Piece>(room, control.signal);
  const begun = undertaking.begin(pieces);
  const settled = begun.then(() => undertaking.settled());
  settled.catch(() => undefined);
  return { begun, settled };
}

const pieces = (count: number) => Array.from({ length: count }, () => new Piece());
const tick = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

it('begins no more than there is room for, and is settled when all has ended', async () => {
  const [first, second] = pieces(2);
  const { settled } = undertaken([first as Piece, second as Piece], new Room(1));
  await tick();
  expect([first?.isBegun, second?.isBegun]).toEqual([true, false]);
  first?.end.resolve(null);
  await tick();
  expect(second?.isBegun).toBe(true);
  second?.end.resolve(9);
  expect([...(await settled)]).toEqual([[second, 9]]);
});

it('waits for what only takes its time, and lets go what a destination keeps waiting; its room is free then', async () => {
  const [slow, held, next] = pieces(3) as [Piece, Piece, Piece];
  const { settled } = undertaken([slow, held, next], new Room(2));
  await tick(60_000);
  expect(next.isBegun).toBe(false);
  held.isHeldUp = true;
  await tick(50);
  expect(next.isBegun).toBe(true);
  slow.end.resolve(null);
  next.end.resolve(null);
  expect([...(await settled)]).toEqual([[held, 7]]);
});

describe('what fails', () => {
  it('has nothing more begun, and is told when nothing is under way any more', async () => {
    const [failing, other, never] = pieces(3) as [Piece, Piece, Piece];
    const { settled } = undertaken([failing, other, never], new Room(2));
    await tick();
    failing.end.reject(new Error('away'));
    await tick();
    let isSettled = false;
    settled.catch(() => {
      isSettled = true;
    });
    await tick();
    expect([isSettled, never.isBegun]).toEqual([false, false]);
    other.end.resolve(null);
    await expect(settled).rejects.toThrow('away');
  });
});

describe('given up', () => {
  it('waits for what has left, and begins nothing more', async () => {
    const [left, waiting] = pieces(2) as [Piece, Piece];
    const { settled } = undertaken([left, waiting], new Room(1));
    await tick();
    control.abort(new Error('drained'));
    await tick();
    left.end.resolve(null);
    await expect(settled).rejects.toThrow('drained');
    expect(waiting.isBegun).toBe(false);
  });

  it('is done when all had begun and ends', async () => {
    const [left] = pieces(1) as [Piece];
    const { settled } = undertaken([left]);
    await tick();
    control.abort(new Error('drained'));
    await tick();
    left.end.resolve(null);
    expect([...(await settled)]).toEqual([]);
  });

  it('does not wait for what only stands in a queue', async () => {
    const [queued] = pieces(1) as [Piece];
    queued.hasLeft = false;
    const { settled } = undertaken([queued]);
    await tick();
    control.abort(new Error('drained'));
    await expect(settled).rejects.toThrow('drained');
  });
});
