/** Calls of the time machine: what is read of them, and which are refused before anything is read. */
import { expect, it } from 'vitest';
import { callIn } from './call.ts';

const TIME = ['--from', '2026-01-01', '--to', '2026-02-01'];
const RUN = '019b7d00-0000-7000-8000-000000000004';

it.each([
  { name: 'a time', argv: TIME, from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 1, 1) },
  {
    name: 'instants of another zone, and of none',
    argv: ['--from', '2026-01-01T02:00:00+02:00', '--to', '2026-01-01T12:30'],
    from: Date.UTC(2026, 0, 1),
    to: Date.UTC(2026, 0, 1, 12, 30),
  },
])('reads $name', async ({ argv, from, to }) => {
  expect(await callIn(argv)).toEqual({
    kind: 'run',
    period: { from, to },
    rules: { file: null, model: null, windowMs: null },
  });
});

it('reads other rules, and a run to drop', async () => {
  expect(await callIn([...TIME, '--model', 'linear', '--window', '7d'])).toMatchObject({
    rules: { model: 'linear', windowMs: 7 * 86_400_000 },
  });
  expect(await callIn(['--drop', RUN])).toEqual({ kind: 'drop', runId: RUN });
});

it.each([
  { name: 'no time', argv: [], because: '--from must be an instant' },
  { name: 'half a time', argv: ['--from', '2026-01-01'], because: '--to must be an instant' },
  { name: 'a day in words', argv: ['--from', 'yesterday', '--to', '2026-02-01'], because: '--from must be' },
  {
    name: 'a day that is not',
    argv: ['--from', '2026-13-01', '--to', '2026-02-01'],
    because: '--from must be',
  },
  {
    name: 'a time that ends before it begins',
    argv: [...TIME, '--to', '2025-12-31'],
    because: 'before --to',
  },
  { name: 'an empty time', argv: [...TIME, '--to', '2026-01-01'], because: '--from must be before --to' },
  { name: 'an unknown model', argv: [...TIME, '--model', 'best'], because: '--model must be one of' },
  { name: 'a window without a unit', argv: [...TIME, '--window', '7'], because: '--window must be like' },
  { name: 'a window of nothing', argv: [...TIME, '--window', '0d'], because: '--window must be like' },
  { name: 'a file that is not there', argv: [...TIME, '--rules', '/nowhere.yaml'], because: 'ENOENT' },
  { name: 'what is no run', argv: ['--drop', 'conversions'], because: '--drop must name a run' },
  { name: 'an unknown option', argv: [...TIME, '--force'], because: "Unknown option '--force'" },
  { name: 'words without an option', argv: [...TIME, 'now'], because: "Unexpected argument 'now'" },
])('refuses $name', async ({ argv, because }) => {
  await expect(callIn(argv)).rejects.toThrow(because);
});
