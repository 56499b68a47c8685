/** Writers that race over one log: whatever the interleaving, every reader folds the same and of two rivals one counts. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { aChange } from './a-change.ts';
import type { Configuration, FoldResult } from './fold.ts';
import { ConfigurationFollower } from './follower.ts';
import { InMemoryConfigurationLog } from './in-memory-configuration-log.ts';

const IDS = ['a', 'b'];
const WRITERS = 4;

/** A writer looks at its own, perhaps stale, view; another time it writes what it then saw, or something else. */
const step = fc.record({
  writer: fc.nat(WRITERS - 1),
  id: fc.constantFrom(...IDS),
  act: fc.constantFrom('look' as const, 'put' as const, 'put' as const, 'remove' as const, 'noise' as const),
  delayMs: fc.nat(50),
});

function view(configuration: Configuration) {
  return {
    version: configuration.version,
    entities: configuration.list('partner'),
    inForce: [0, 25, 50, 100].map((at) => configuration.list('partner', at)),
    histories: IDS.map((id) => configuration.history('partner', id)),
  };
}

it('every reader agrees, and every version has at most one successor', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.scheduler(), async (steps, scheduler) => {
      const log = new InMemoryConfigurationLog();
      const results = new Map<number, FoldResult>();
      const observer = new ConfigurationFollower(log, (offset, result) => results.set(offset, result));
      await observer.start();
      const expected = new Map<number, string>();
      const seen = Array.from({ length: WRITERS }, () => new Map(IDS.map((id) => [id, -1])));

      const acts = steps.map(({ writer, id, act, delayMs }, index) =>
        scheduler.schedule(Promise.resolve(), `${writer} ${act} ${id}`).then(async () => {
          const own = seen[writer];
          if (act === 'look') return void own?.set(id, observer.current.entityVersion('partner', id));
          if (act === 'noise') return void log.appendUndecodable();
          const expectedVersion = own?.get(id) ?? -1;
          const document = { id, name: `${writer}-${index}` };
          const overrides = { operation: act, expectedVersion, effectiveFrom: delayMs } as const;
          const offset = await log.append(aChange('partner', document, overrides));
          expected.set(offset, `${id} after ${expectedVersion}`);
        }),
      );
      await scheduler.waitAll();
      await Promise.all(acts);

      const late = new ConfigurationFollower(log);
      await late.start();
      const end = late.current.version;
      await observer.caughtUpTo(end, 1_000);
      expect(view(observer.current)).toEqual(view(late.current));

      const won = [...expected].filter(([offset]) => results.get(offset)?.outcome === 'applied');
      expect(new Set(won.map(([, place]) => place)).size).toBe(won.length);
      for (const id of IDS) {
        const history = observer.current.history('partner', id).map(({ version }) => version);
        expect(history.map((version) => expected.get(version))).toEqual(
          [-1, ...history].slice(0, -1).map((before) => `${id} after ${before}`),
        );
      }
      await Promise.all([observer.stop(), late.stop()]);
    }),
  );
});
