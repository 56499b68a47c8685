/** Stored offsets: when everything below a watermark is stored, and how long that is waited for. */
import { DependencyFailure } from '@tributary/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hasReached, StoredOffsets } from './stored-offsets.ts';

describe('hasReached', () => {
  it.each<[string, [number, number][], [number, number][], boolean]>([
    ['nothing asked', [], [], true],
    [
      'empty partitions ask for nothing',
      [],
      [
        [0, 0],
        [1, 0],
      ],
      true,
    ],
    ['nothing committed in an empty partition', [[0, -1]], [[0, 0]], true],
    ['nothing committed', [[0, -1]], [[0, 1]], false],
    ['unknown partition', [[1, 5]], [[0, 1]], false],
    ['one short', [[0, 4]], [[0, 5]], false],
    ['exactly', [[0, 5]], [[0, 5]], true],
    ['beyond', [[0, 6]], [[0, 5]], true],
    [
      'one partition behind',
      [
        [0, 5],
        [1, 4],
      ],
      [
        [0, 5],
        [1, 5],
      ],
      false,
    ],
  ])('%s', (_name, stored, watermark, expected) => {
    expect(hasReached(new Map(stored), new Map(watermark))).toBe(expected);
  });
});

describe('waitFor', () => {
  let committed: number;
  const groups: string[] = [];
  const offsets = new StoredOffsets(
    {
      endOffsets: async () => new Map([[0, 5]]),
      committedOffsets: async (groupId) => {
        groups.push(groupId);
        return new Map([[0, committed]]);
      },
    },
    'tributary',
  );

  beforeEach(() => {
    vi.useFakeTimers();
    committed = 4;
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("asks for the offsets of the table's own group", async () => {
    await offsets.storedOf('click.recorded.v1');
    expect(groups.at(-1)).toBe('clickhouse.tributary.click.recorded.v1');
  });

  it('counts as read what every queue of a topic has read', async () => {
    const committed = new Map([
      [
        'clickhouse.tributary.conversion.decided.v1',
        new Map([
          [0, 9],
          [1, 4],
          [2, 7],
        ]),
      ],
      [
        'clickhouse.tributary.conversion.decided.v1.bytes',
        new Map([
          [0, 5],
          [1, 6],
        ]),
      ],
    ]);
    const log = {
      endOffsets: async () => new Map(),
      committedOffsets: async (groupId: string) => committed.get(groupId) ?? new Map(),
    };
    const asked: unknown[] = [];
    const some = new StoredOffsets(log, 'tributary', {
      firstOpen: async (_topic, read) => {
        asked.push(read);
        return new Map();
      },
    });
    const least = new Map([
      [0, 5],
      [1, 4],
      [2, -1],
    ]);
    expect(await some.readOf('conversion.decided.v1')).toEqual(least);
    expect(await some.storedOf('conversion.decided.v1')).toEqual(least);
    expect(asked).toEqual([least]);
  });

  it('counts as stored only what comes before the first record that is not decoded', async () => {
    const some = new StoredOffsets(
      {
        endOffsets: async () => new Map(),
        committedOffsets: async () =>
          new Map([
            [0, 9],
            [1, 9],
            [2, -1],
          ]),
      },
      'tributary',
      { firstOpen: async () => new Map([[1, 4]]) },
    );
    expect([...(await some.storedOf('click.recorded.v1')).values()]).toEqual([9, 4, -1]);
    expect([...(await some.readOf('click.recorded.v1')).values()]).toEqual([9, 9, -1]);
    const waiting = some
      .waitFor('click.recorded.v1', new Map([[1, 5]]), 1_000)
      .catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(await waiting).toMatchObject({
      code: 'clickhouse_behind',
      message:
        'ClickHouse has not stored click.recorded.v1 in 1000 ms: partition 1 up to 4 of 5, where a record is not decoded',
    });
    await some.waitFor('click.recorded.v1', new Map([[1, 4]]), 1_000);
  });

  it('resolves as soon as everything is stored', async () => {
    let isStored = false;
    const waiting = offsets.waitFor('click.recorded.v1', new Map([[0, 5]]), 1_000).then(() => {
      isStored = true;
    });
    await vi.advanceTimersByTimeAsync(300);
    expect(isStored).toBe(false);
    committed = 5;
    await vi.advanceTimersByTimeAsync(100);
    expect(isStored).toBe(true);
    await waiting;
  });

  it('gives up in time, as an outage', async () => {
    const waiting = offsets
      .waitFor('click.recorded.v1', new Map([[0, 5]]), 1_000)
      .catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1_200);
    expect(await waiting).toBeInstanceOf(DependencyFailure);
    expect(await waiting).toMatchObject({
      code: 'clickhouse_behind',
      message: 'ClickHouse has not stored click.recorded.v1 in 1000 ms: partition 0 up to 4 of 5',
    });
  });

  it('asks Kafka once each time, and ClickHouse only when it has read far enough', async () => {
    let looks = 0;
    const some = new StoredOffsets(
      { endOffsets: async () => new Map(), committedOffsets: async () => new Map([[0, committed]]) },
      'tributary',
      {
        firstOpen: async () => {
          looks += 1;
          return new Map();
        },
      },
    );
    const asked = vi.spyOn(some, 'readOf');
    const waiting = some.waitFor('click.recorded.v1', new Map([[0, 5]]), 1_000);
    await vi.advanceTimersByTimeAsync(250);
    expect([asked.mock.calls.length, looks]).toEqual([3, 0]);
    committed = 5;
    await vi.advanceTimersByTimeAsync(100);
    await waiting;
    expect([asked.mock.calls.length, looks]).toEqual([4, 1]);
  });
});
