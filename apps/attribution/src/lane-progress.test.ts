/** The place and the instant of decisions: one instant for a turn, later than every turn before, whoever's. */
import { expect, it } from 'vitest';
import { LaneProgress } from './lane-progress.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 6);
const clock = { at: NOW, now: () => clock.at };

function aProgress(): LaneProgress {
  clock.at = NOW;
  return new LaneProgress(clock);
}

it('gives all of a turn one instant, however long it takes', () => {
  const turn = aProgress().turn(3, 7);
  const first = turn({ offset: 5 });
  clock.at += 40;
  expect(turn({ watermarkReached: true })).toEqual({ ...first, watermarkReached: true, position: at(0) });
  expect(first).toEqual({
    now: NOW,
    watermarkReached: false,
    laneReadUntil: 0,
    position: at(5),
    configurationVersion: 7,
  });
});

it.each([
  { name: 'that begins in the same millisecond', passes: 0, later: 1 },
  { name: 'after the clock was set back', passes: -60_000, later: 1 },
  { name: 'that begins later', passes: 25, later: 25 },
])('gives a turn $name an instant of its own', ({ passes, later }) => {
  const progress = aProgress();
  const { now } = progress.turn(3, 7)();
  clock.at += passes;
  expect(progress.turn(3, 7)().now - now).toBe(later);
  expect(progress.turn(4, 7)().now).toBe(NOW + passes);
});

it.each([
  { name: 'is behind', last: NOW - 10, first: NOW },
  { name: 'is a little ahead', last: NOW + 400, first: NOW + 401 },
  { name: 'is wrong', last: NOW + 3_600_000, first: NOW + 5_001 },
  { name: 'has decided nothing', last: undefined, first: NOW },
])('goes on behind an owner before that $name', ({ last, first }) => {
  const progress = aProgress();
  progress.takenOver(3, 12, last);
  expect(progress.turn(3, 7)()).toMatchObject({ now: first, position: at(11) });
});

function at(offset: number) {
  return { partition: 3, offset };
}
