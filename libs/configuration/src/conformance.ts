/** What every configuration log promises, as checks that run against the in-memory one and the real one alike. */
import assert from 'node:assert/strict';
import type { ConfigurationChanged } from '@tributary/contracts';
import { aChange } from './a-change.ts';
import type { ConfigurationLog } from './follower.ts';

export interface ConformanceCheck {
  readonly name: string;
  /** Rejects with what is broken. */
  run(): Promise<void>;
}

type Seen = { readonly offset: number; readonly change: ConfigurationChanged | null };

const DELIVERY_TIMEOUT_MS = 10_000;
const POLL_MS = 5;

/**
 * @param log may hold earlier records and may be shared by all checks.
 * @param runId tells the changes of this run from those of others, in letters that an id may have.
 */
export function configurationLogConformance(
  log: ConfigurationLog,
  runId: string,
): readonly ConformanceCheck[] {
  const change = (index: number) =>
    aChange(
      'destination',
      { id: `${runId}-${index}`, name: `ä ${index}`, definition: 'meta', status: 'active' },
      { secrets: { accessToken: Buffer.from([0, index, 255]) } },
    );
  return [
    {
      name: 'append answers ascending offsets, under which each change comes back as it was',
      run: async () => {
        const seen = await following(log);
        const offsets = [
          await log.append(change(0)),
          await log.append(change(1)),
          await log.append(change(2)),
        ];
        await seen.upTo(offsets[2] ?? 0);
        await seen.stop();
        assert.deepEqual(
          offsets.map((offset) => seen.at(offset)),
          [change(0), change(1), change(2)],
        );
        assert.deepEqual(offsets, offsets.toSorted(ascending));
      },
    },
    {
      name: 'follow resolves once everything that was there is handed over, in order and each record once',
      run: async () => {
        const offset = await log.append(change(3));
        const seen = await following(log);
        await seen.stop();
        const offsets = seen.records.map((record) => record.offset);
        assert.deepEqual(seen.at(offset), change(3));
        assert.deepEqual(offsets, [...new Set(offsets)].toSorted(ascending));
      },
    },
    {
      name: 'every reader is handed the same',
      run: async () => {
        const [first, second] = [await following(log), await following(log)];
        const offset = await log.append(change(4));
        await Promise.all([first.upTo(offset), second.upTo(offset)]);
        await Promise.all([first.stop(), second.stop()]);
        assert.deepEqual(first.records, second.records);
      },
    },
    {
      name: 'whoever follows knows up to which instant the log is known',
      run: async () => {
        const before = Date.now();
        const { lastHeardAt, stop } = await log.follow(() => undefined);
        await stop();
        assert.ok(lastHeardAt >= before && lastHeardAt <= Date.now(), 'the log was never heard');
      },
    },
    {
      name: 'after stop nothing is handed over',
      run: async () => {
        const stopped = await following(log);
        await stopped.stop();
        const count = stopped.records.length;
        const other = await following(log);
        await other.upTo(await log.append(change(5)));
        await other.stop();
        assert.equal(stopped.records.length, count);
      },
    },
  ];
}

async function following(log: ConfigurationLog) {
  const records: Seen[] = [];
  const { stop } = await log.follow((offset, change) => records.push({ offset, change }));
  return {
    records,
    stop,
    // A decoded record is of a class of the codec; only its fields matter.
    at: (wanted: number) => ({ ...records.find(({ offset }) => offset === wanted)?.change }),
    upTo: async (wanted: number) => {
      const deadline = performance.now() + DELIVERY_TIMEOUT_MS;
      while ((records.at(-1)?.offset ?? -1) < wanted) {
        assert.ok(performance.now() < deadline, `offset ${wanted} was not handed over`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}

function ascending(left: number, right: number): number {
  return left - right;
}
