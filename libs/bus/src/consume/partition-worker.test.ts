/** One partition's worker with a broker in memory: nothing is committed before its work is done, and nothing is skipped. */
import { getEventListeners } from 'node:events';
import { encodeEvent } from '@tributary/contracts';
import { createLogger, DependencyFailure, processMetrics } from '@tributary/runtime';
import { aRefusal } from '@tributary/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BatchAnswer, PartitionBatch } from '../records.ts';
import { type FetchedRecord, PartitionWorker, type PartitionWorkerOptions } from './partition-worker.ts';

const TOPIC = 'postback.refused.v1';
const away = new DependencyFailure('kafka_unavailable', 'away');

let handled: number[][];
let commits: number[];
let deadLetters: [offset: number, reasonCode: string, detail: string | null][];
let pressure: boolean[];
let fatal: string[];
let handle: (offsets: number[], batch: PartitionBatch) => Promise<BatchAnswer>;
let worker: Feed;

/** The worker as a client feeds it: what it is given is all that stands in the partition. */
class Feed extends PartitionWorker {
  override push(fetched: readonly FetchedRecord[], highWatermark = (fetched.at(-1)?.offset ?? -1) + 1): void {
    super.push(fetched, highWatermark);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  handled = [];
  commits = [];
  deadLetters = [];
  pressure = [];
  fatal = [];
  handle = async (offsets) => offsets.length;
});

afterEach(async () => {
  const retired = worker.retire();
  await vi.advanceTimersByTimeAsync(0);
  await retired;
  vi.useRealTimers();
});

function optionsOf(changes: Partial<PartitionWorkerOptions> = {}): PartitionWorkerOptions {
  return {
    topic: TOPIC,
    partition: 0,
    ready: Promise.resolve(),
    handle: (batch) => {
      const offsets = batch.events.map(({ offset }) => offset);
      handled.push(offsets);
      return handle(offsets, batch);
    },
    deadLetter: async ({ offset }, reasonCode, detail) => {
      deadLetters.push([offset, reasonCode, detail]);
    },
    commit: async (nextOffset) => {
      commits.push(nextOffset);
    },
    onPressure: (isFull) => pressure.push(isFull),
    onFatal: ({ message }) => fatal.push(message),
    handlerLimitMs: 300_000,
    logger: createLogger('worker-test', 'silent'),
    maxBatch: 4,
    ...changes,
  };
}

function start(changes: Partial<PartitionWorkerOptions> = {}): Feed {
  worker = new Feed(optionsOf(changes));
  return worker;
}

function record(offset: number, value: Buffer = encodeEvent(TOPIC, aRefusal())): FetchedRecord {
  return { topic: TOPIC, partition: 0, offset, key: Buffer.from('k'), value, headers: {}, writtenAt: 1_000 };
}

const records = (...offsets: number[]) => offsets.map((offset) => record(offset));
const broken = (offset: number) => record(offset, Buffer.from('not an event'));
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

/** Work that ends when told. */
function held() {
  let end: (done: number) => void = () => undefined;
  const done = new Promise<number>((resolve) => {
    end = resolve;
  });
  return { end, done };
}

describe('work', () => {
  it('is done in order and in batches, and committed as the next offset to read', async () => {
    start().push(records(10, 11, 12, 13, 14));
    await settle();
    expect(handled).toEqual([[10, 11, 12, 13], [14]]);
    expect(commits).toEqual([14, 15]);
  });

  it('begins when the assignment is prepared', async () => {
    let prepared: () => void = () => undefined;
    start({
      ready: new Promise((resolve) => {
        prepared = resolve;
      }),
    }).push(records(1));
    await settle();
    expect(handled).toEqual([]);
    prepared();
    await settle();
    expect([handled, commits]).toEqual([[[1]], [2]]);
  });

  it('is committed as far as it is done, and the rest comes again', async () => {
    handle = async (offsets) => Math.min(offsets.length, 2);
    start().push(records(1, 2, 3, 4));
    await settle();
    expect(handled).toEqual([
      [1, 2, 3, 4],
      [3, 4],
    ]);
    expect(commits).toEqual([3, 5]);
  });

  it('carries the record as it came', async () => {
    let seen: PartitionBatch | undefined;
    handle = async (offsets, batch) => {
      seen = batch;
      return offsets.length;
    };
    const [one] = records(7);
    start().push(one ? [one] : []);
    await settle();
    expect(seen).toMatchObject({ topic: TOPIC, partition: 0 });
    expect(seen?.events).toEqual([
      {
        topic: TOPIC,
        partition: 0,
        offset: 7,
        key: 'k',
        writtenAt: 1_000,
        headers: {},
        event: aRefusal(),
        value: one?.value,
      },
    ]);
  });

  it('goes on after a commit that was refused', async () => {
    start({ commit: () => Promise.reject(new Error('rebalanced')) }).push(records(1));
    await settle();
    worker.push(records(2));
    await settle();
    expect(handled).toEqual([[1], [2]]);
  });
});

describe('an outage', () => {
  it('is waited out with the same batch; nothing is set aside', async () => {
    let failures = 5;
    handle = async (offsets) => {
      if (failures-- > 0) throw away;
      return offsets.length;
    };
    start().push(records(1, 2));
    await settle(100 + 200 + 400 + 800);
    expect([handled.length, commits, deadLetters]).toEqual([5, [], []]);
    await settle(1_600);
    expect([handled.at(-1), commits, deadLetters]).toEqual([[1, 2], [3], []]);
  });

  it('that lasts leaves no listeners behind', async () => {
    let listeners = 0;
    handle = async (_offsets, { signal }) => {
      listeners = getEventListeners(signal, 'abort').length;
      throw away;
    };
    start().push(records(1));
    await settle(60_000);
    expect(handled.length).toBeGreaterThan(10);
    expect(listeners).toBe(0);
  });
});

describe('a record nobody can read', () => {
  it('is set aside, and the others are handled', async () => {
    start().push([record(1), broken(2), record(3)]);
    await settle();
    expect(deadLetters).toEqual([[2, 'not_wire_format', null]]);
    expect([handled, commits]).toEqual([
      [[1], [3]],
      [2, 3, 4],
    ]);
  });

  it('is set aside once, however often the one before it has to wait', async () => {
    let calls = 0;
    handle = async () => (++calls < 5 ? 0 : 1);
    start().push([record(1), broken(2)]);
    await settle(1_000);
    expect([calls, deadLetters.length, commits]).toEqual([5, 1, [2, 3]]);
  });

  it('is committed also where nothing else is', async () => {
    start().push([broken(1)]);
    await settle();
    expect([deadLetters.length, handled, commits]).toEqual([1, [], [2]]);
  });

  it('at the head is committed although the one after it has to wait', async () => {
    handle = (_offsets, { signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(0)));
    start().push([broken(1), record(2)]);
    await settle();
    expect([handled, commits]).toEqual([[[2]], [2]]);
  });

  it('is kept until it could be set aside', async () => {
    let failures = 3;
    const deadLetter: PartitionWorkerOptions['deadLetter'] = async ({ offset }, reasonCode, detail) => {
      if (failures-- > 0) throw away;
      deadLetters.push([offset, reasonCode, detail]);
    };
    start({ deadLetter }).push([broken(1), record(2)]);
    await settle(100 + 200);
    expect([handled, commits]).toEqual([[], []]);
    await settle(400);
    expect([deadLetters.length, handled, commits]).toEqual([1, [[2]], [2, 3]]);
  });

  it('is never committed when the service drains before it could be set aside', async () => {
    start({ deadLetter: () => Promise.reject(away) }).push([broken(1), record(2)]);
    await settle();
    const drained = worker.drain();
    await settle();
    await drained;
    expect(commits).toEqual([]);
  });
});

describe('a record the handler cannot take', () => {
  it('is found and set aside alone, by the name of the error only', async () => {
    handle = async (offsets) => {
      if (offsets.includes(3)) throw new TypeError('personal detail');
      return offsets.length;
    };
    start().push(records(1, 2, 3, 4));
    await settle(10_000);
    expect(deadLetters).toEqual([[3, 'handler_failed', 'TypeError']]);
    expect(handled.filter((offsets) => offsets.includes(1) && !offsets.includes(3))).toEqual([[1, 2]]);
    expect(handled.at(-1)).toEqual([4]);
    expect(commits).toEqual([5]);
  });

  it('is tried three times: a defect may have been a race', async () => {
    let failures = 2;
    handle = async (offsets) => {
      if (failures-- > 0) throw new Error('once');
      return offsets.length;
    };
    start().push(records(1));
    await settle(1_000);
    expect([handled.length, deadLetters, commits]).toEqual([3, [], [2]]);
  });

  it('is never committed when the service drains before it could be set aside', async () => {
    handle = () => Promise.reject(new Error('always'));
    start({ deadLetter: () => Promise.reject(away) }).push(records(1));
    await settle(1_000);
    const drained = worker.drain();
    await settle();
    await drained;
    expect(commits).toEqual([]);
  });
});

describe('a handler that does nothing', () => {
  it('is asked again ever more slowly, and at once again after progress', async () => {
    let idle = 8;
    handle = async (offsets) => (idle-- > 0 ? 0 : offsets.length);
    start().push(records(1));
    await settle(0);
    expect(handled).toHaveLength(1);
    await settle(10 + 20 + 40 + 80 + 160 + 320 + 640);
    expect(handled).toHaveLength(8);
    await settle(999);
    expect(commits).toEqual([]);
    await settle(1);
    expect(commits).toEqual([2]);
    idle = 1;
    worker.push(records(2));
    await settle(10);
    expect(commits).toEqual([2, 3]);
  });

  it('costs at most one call a second, for ever', async () => {
    handle = async () => 0;
    start().push(records(1));
    await settle(600_000);
    expect(handled.length).toBeLessThan(610);
    expect(handled.length).toBeGreaterThan(500);
  });

  it('until an instant is asked at that instant, and gives the partition up at once', async () => {
    const dueAt = Date.now() + 3_600_000;
    handle = async (offsets) => (Date.now() < dueAt ? { done: 0, resumeAt: dueAt } : offsets.length);
    start().push(records(1));
    await settle(3_599_999);
    expect(handled).toHaveLength(1);
    expect(worker.status).toEqual({ isPrepared: true, lag: 1, isStalled: false });
    await settle(1);
    expect([handled.length, commits]).toEqual([2, [2]]);
    handle = async () => ({ done: 0, resumeAt: Date.now() + 3_600_000 });
    worker.push(records(2));
    await settle(500);
    await worker.drain();
    expect([commits, vi.getTimerCount()]).toEqual([[2], 0]);
  });

  it('for the rest of a batch commits the head first', async () => {
    const dueAt = Date.now() + 5_000;
    handle = async (offsets) => (Date.now() < dueAt ? { done: 1, resumeAt: dueAt } : offsets.length);
    start().push(records(1, 2));
    await settle(4_999);
    expect(commits).toEqual([2]);
    await settle(1);
    expect(commits).toEqual([2, 3]);
  });
});

describe('a handler that never answers', () => {
  it('ends the process after its limit, and nothing is committed', async () => {
    handle = () => new Promise(() => undefined);
    const hung = new PartitionWorker(optionsOf({ handlerLimitMs: 60_000 }));
    hung.push(records(1), 2);
    await settle(59_999);
    expect(fatal).toEqual([]);
    await settle(1);
    expect([fatal, commits]).toEqual([[`the handler of ${TOPIC}/0 has not answered for 60000 ms`], []]);
  });

  it.each([
    ['undefined, as one does that forgets to return', undefined],
    ['null', null],
    ['no number', 'done'],
    ['NaN', Number.NaN],
    ['a negative number', -1],
    ['a fraction', 0.5],
    ['an error, as a filter does that swallows it', new Error('swallowed')],
    ['nothing until no instant', { done: 0, resumeAt: Number.NaN }],
    ['something until no instant', { done: 1, resumeAt: '2026-01-01' }],
  ])(
    'how much it has done but %s ends the process; nothing is committed or set aside',
    async (_name, answer) => {
      handle = async () => answer as never;
      start().push(records(1, 2));
      await settle(10_000);
      expect(fatal).toEqual([`the handler of ${TOPIC} answered no number of its 2 events`]);
      expect([handled.length, commits, deadLetters]).toEqual([1, [], []]);
    },
  );
});

describe('a record of an unknown schema', () => {
  const unknown = (offset: number) => record(offset, Buffer.from([0, 0, 1, 2, 3, 4, 5]));

  it('is set aside at once where nobody can be asked', async () => {
    start().push([unknown(1), record(2)]);
    await settle();
    expect([deadLetters, handled, commits]).toEqual([[[1, 'unknown_schema_id', null]], [[2]], [2, 3]]);
  });

  it('is set aside when the registry does not know it either', async () => {
    const asked: number[] = [];
    const learn = async (id: number) => {
      asked.push(id);
      return 'unknown' as const;
    };
    start({ schemas: { learn } }).push([record(1), unknown(2), record(3)]);
    await settle();
    expect(asked).toEqual([0x010203]);
    expect([deadLetters, handled]).toEqual([[[2, 'unknown_schema_id', null]], [[1], [3]]]);
  });

  it('waits while the registry is away, sets nothing aside, and is handled once its schema is learnt', async () => {
    // The codec learns elsewhere; here the id becomes one it knows.
    const value = encodeEvent(TOPIC, aRefusal());
    const id = value.readInt32BE(1);
    value.writeInt32BE(0x010203, 1);
    let outages = 5;
    const learn = async () => {
      if (outages-- > 0) throw new DependencyFailure('kafka_unavailable', 'no registry answers');
      value.writeInt32BE(id, 1);
      return 'learnt' as const;
    };
    start({ schemas: { learn } }).push([record(1, value), record(2)]);
    await settle(100 + 200 + 400 + 800);
    expect([handled, commits, deadLetters]).toEqual([[], [], []]);
    expect(worker.status.isStalled).toBe(false);
    await settle(1_600);
    expect([handled, commits, deadLetters]).toEqual([[[1], [2]], [2, 3], []]);
  });
});

describe('status', () => {
  it('tells what stands in the partition and is not done', async () => {
    const { end, done } = held();
    handle = () => done;
    start().push(records(5, 6), 100);
    await settle();
    expect(worker.status.lag).toBe(95);
    end(2);
    await settle();
    expect(worker.status.lag).toBe(93);
    const lines = await processMetrics.getSingleMetricAsString('tributary_bus_consumer_lag_records');
    expect(lines).toContain(`{topic="${TOPIC}",partition="0"} 93`);
    await worker.retire();
    expect(await processMetrics.getSingleMetricAsString('tributary_bus_consumer_lag_records')).not.toContain(
      TOPIC,
    );
  });

  it('is stalled when nothing was finished for a minute, and not after it was', async () => {
    const { end, done } = held();
    handle = () => done;
    start().push(records(1));
    await settle(60_000);
    expect(worker.status.isStalled).toBe(false);
    await settle(1);
    expect(worker.status.isStalled).toBe(true);
    end(1);
    await settle();
    expect(worker.status.isStalled).toBe(false);
  });

  it('is stalled too when a handler does nothing again and again', async () => {
    handle = async () => 0;
    start().push(records(1));
    await settle(61_001);
    expect(worker.status.isStalled).toBe(true);
  });

  it('is not stalled in an outage, nor within a minute after it', async () => {
    let isAway = true;
    const { end, done } = held();
    handle = () => (isAway ? Promise.reject(away) : done);
    start().push(records(1));
    await settle(300_000);
    expect(worker.status.isStalled).toBe(false);
    isAway = false;
    await settle(5_000);
    expect(worker.status.isStalled).toBe(false);
    end(1);
  });

  it('is not stalled by lag that no consumer sees, such as control records', async () => {
    start().push(records(1), 3);
    await settle(120_000);
    expect(worker.status).toEqual({ isPrepared: true, lag: 1, isStalled: false });
  });
});

describe('giving the partition up', () => {
  it('retired: what is in hand is finished and not committed, what waits is dropped', async () => {
    const { end, done } = held();
    handle = () => done;
    start().push(records(1, 2, 3, 4, 5, 6));
    await settle();
    let ended = false;
    const retired = worker.retire().then(() => {
      ended = true;
    });
    await settle();
    expect(ended).toBe(false);
    end(4);
    await retired;
    worker.push(records(7));
    await settle();
    expect([handled, commits]).toEqual([[[1, 2, 3, 4]], []]);
  });

  it('drained: what is in hand is finished and committed, what waits is dropped', async () => {
    const { end, done } = held();
    handle = () => done;
    start().push(records(1, 2, 3, 4, 5, 6));
    await settle();
    const drained = worker.drain();
    end(3);
    await drained;
    await settle();
    expect([handled, commits]).toEqual([[[1, 2, 3, 4]], [4]]);
  });

  it('ends a wait, and a pause after a failure', async () => {
    let aborted = false;
    handle = (_offsets, { signal }) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          resolve(0);
        }),
      );
    start().push(records(1));
    await settle();
    await worker.retire();
    expect([aborted, commits]).toEqual([true, []]);
    handle = () => Promise.reject(away);
    start().push(records(1));
    await settle(3_000);
    await worker.drain();
    expect([vi.getTimerCount(), commits]).toEqual([0, []]);
  });

  it('with nothing in hand ends at once', async () => {
    start();
    await settle();
    await worker.drain();
    expect(handled).toEqual([]);
  });
});

describe('pressure', () => {
  it('stops the fetching when much waits, and starts it when little does', async () => {
    const work = [held(), held(), held(), held(), held()];
    let next = 0;
    handle = async (offsets) => {
      await work[next++]?.done;
      return offsets.length;
    };
    start().push(records(...Array.from({ length: 16 }, (_, n) => n)));
    await settle();
    expect(pressure).toEqual([]);
    worker.push(records(16, 17, 18, 19, 20));
    expect(pressure).toEqual([true]);
    for (const { end } of work.slice(0, 4)) {
      end(0);
      await settle();
    }
    expect(pressure).toEqual([true]);
    work[4]?.end(0);
    await settle();
    expect(pressure).toEqual([true, false]);
    expect(commits.at(-1)).toBe(21);
  });
});
