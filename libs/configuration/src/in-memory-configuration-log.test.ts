/** The in-memory log keeps every promise of a configuration log. */
import { expect, it } from 'vitest';
import { aChange } from './a-change.ts';
import { configurationLogConformance } from './conformance.ts';
import { InMemoryConfigurationLog } from './in-memory-configuration-log.ts';

const log = new InMemoryConfigurationLog();

it.each(configurationLogConformance(log, 'memory').map(({ name, run }) => [name, run] as const))(
  '%s',
  (_name, run) => run(),
);

it('hands a change over after the append, never within it', async () => {
  const fresh = new InMemoryConfigurationLog();
  const seen: number[] = [];
  await fresh.follow((offset) => seen.push(offset));

  const appended = fresh.append(aChange('partner', { id: 'a', name: 'a' }));
  expect(seen).toEqual([]);
  await appended;
  await new Promise(setImmediate);

  expect(seen).toEqual([0]);
});

it('hands over null for what cannot be decoded', async () => {
  const fresh = new InMemoryConfigurationLog();
  const seen: unknown[] = [];
  fresh.appendUndecodable();

  await fresh.follow((offset, change) => seen.push([offset, change]));

  expect(seen).toEqual([[0, null]]);
});
