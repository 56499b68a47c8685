/** One lane: places, rate, batches, and that whoever finds no room is told when to come back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DestinationLane, type Health, type LaneLimits } from './destination-lane.ts';

interface Item {
  readonly name: string;
  readonly envelope: string;
}

const LIMITS: LaneLimits = {
  concurrency: 2,
  ratePerSecond: undefined,
  maxBatch: 1,
  disableAfterMs: 3_600_000,
};

let requests: string[][];
/** How the requests end, in their order; one that is not there never does. */
let ends: PromiseWithResolvers<Health>[];
let changes: number;
/** Whether it is our own records that take the time. */
let isOurs: boolean;
let ownLagMs: number;

beforeEach(() => {
  isOurs = false;
  ownLagMs = 0;
  vi.useFakeTimers({ now: 1_000_000 });
  requests = [];
  ends = [];
  changes = 0;
});

afterEach(() => {
  vi.useRealTimers();
});

function laneOf(limits: Partial<LaneLimits> = {}): DestinationLane<Item> {
  return new DestinationLane<Item>({
    limits: { ...LIMITS, ...limits },
    clock: { now: () => Date.now() },
    random: () => 0,
    ownLagMs: () => ownLagMs,
    send: (items, flight) => {
      requests.push(items.map(({ name }) => name));
      const end = Promise.withResolvers<Health>();
      ends.push(end);
      return isOurs ? end.promise : flight.over(() => end.promise);
    },
    onChange: () => {
      changes += 1;
    },
  });
}

const item = (name: string, envelope = '') => ({ name, envelope });
const settle = () => vi.advanceTimersByTimeAsync(0);

async function end(nth: number, health: Health = 'up'): Promise<void> {
  ends[nth]?.resolve(health);
  await settle();
}

describe('places', () => {
  it('are as many as configured; the next is taken in turn when one becomes free', async () => {
    const lane = laneOf();
    const tickets = ['a', 'b', 'c', 'd'].map((name) => lane.submit(item(name)));
    expect(requests).toEqual([['a'], ['b']]);
    await end(1);
    expect(requests).toEqual([['a'], ['b'], ['c']]);
    expect(await tickets[1]?.answer).toEqual({ kind: 'sent' });
  });

  it('are given up by whoever leaves the queue, and by nobody who is being sent', async () => {
    const lane = laneOf({ concurrency: 1 });
    const [first, second] = [lane.submit(item('a')), lane.submit(item('b'))];
    expect(first.leave()).toBeNull();
    expect(second.leave()).toBe(1_001_100);
    expect(await second.answer).toMatchObject({ kind: 'no_room' });
    await end(0);
    expect(requests).toEqual([['a']]);
    expect(lane.isIdle).toBe(true);
  });

  it('of a slow destination are waited for by nobody', async () => {
    const lane = laneOf({ concurrency: 1 });
    lane.submit(item('a'));
    vi.advanceTimersByTime(300);
    expect(await lane.submit(item('b')).answer).toEqual({ kind: 'no_room', until: 1_001_400 });
  });

  it('are waited for while only our own records take time', async () => {
    isOurs = true;
    const lane = laneOf({ concurrency: 1 });
    const [sent, queued] = [lane.submit(item('a')), lane.submit(item('b'))];
    await vi.advanceTimersByTimeAsync(2_000);
    expect([lane.isSlow, sent.isHeldUp, queued.isHeldUp]).toEqual([false, false, false]);
    expect(lane.submit(item('c')).isHeldUp).toBe(false);
    await end(0);
    expect(requests).toEqual([['a'], ['b']]);
  });

  it('of a destination that takes its time hold up whoever waits for one', async () => {
    const lane = laneOf({ concurrency: 1 });
    const [sent, queued] = [lane.submit(item('a')), lane.submit(item('b'))];
    await vi.advanceTimersByTimeAsync(200);
    expect([sent.isHeldUp, queued.isHeldUp]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(100);
    expect([sent.isHeldUp, queued.isHeldUp]).toEqual([true, true]);
  });

  it('are waited for while this process is so busy that it notices every answer late', async () => {
    ownLagMs = 100;
    const lane = laneOf({ concurrency: 1 });
    const [sent, queued] = [lane.submit(item('a')), lane.submit(item('b'))];
    await vi.advanceTimersByTimeAsync(600);
    expect([lane.isSlow, sent.isHeldUp, queued.isHeldUp]).toEqual([false, false, false]);
    await vi.advanceTimersByTimeAsync(100);
    expect([lane.isSlow, sent.isHeldUp, queued.isHeldUp]).toEqual([true, true, true]);
    await end(0);
    expect(lane.isSlow).toBe(false);
  });

  it('become free also where a request fails by a defect or an outage of ours', async () => {
    const lane = laneOf({ concurrency: 1 });
    const [first] = [lane.submit(item('a')), lane.submit(item('b'))];
    ends[0]?.reject(new Error('kafka is away'));
    await expect(first?.answer).rejects.toThrow('kafka is away');
    await settle();
    expect(requests).toEqual([['a'], ['b']]);
    expect(lane.breaker.state).toBe('closed');
  });
});

it('those that find no room come back one after the other, as fast as the destination takes them', async () => {
  const lane = laneOf({ concurrency: 2 });
  for (const name of ['a', 'b']) lane.submit(item(name));
  await vi.advanceTimersByTimeAsync(300);
  const answers = await Promise.all(Array.from({ length: 4 }, (_, n) => lane.submit(item(String(n))).answer));
  expect(answers.map((answer) => answer.kind === 'no_room' && answer.until - 1_001_300)).toEqual([
    50, 100, 150, 200,
  ]);
  lane.welcomeBack();
  expect(await lane.submit(item('again')).answer).toEqual({ kind: 'no_room', until: 1_001_500 });
});

describe('a rate', () => {
  it('spaces the requests, and sends back what would wait for long', async () => {
    const lane = laneOf({ concurrency: 100, ratePerSecond: 10 });
    for (let n = 0; n < 12; n += 1) lane.submit(item(String(n)));
    expect(requests).toHaveLength(10);
    await vi.advanceTimersByTimeAsync(100);
    expect(requests).toHaveLength(11);
    const slow = laneOf({ ratePerSecond: 1 });
    slow.submit(item('a'));
    expect(await slow.submit(item('b')).answer).toMatchObject({ kind: 'no_room' });
  });
});

describe('a batch', () => {
  it('is what waits under one envelope when a place is free, after a short linger', async () => {
    const lane = laneOf({ maxBatch: 3 });
    for (const name of ['a', 'b']) lane.submit(item(name, 'live'));
    lane.submit(item('t', 'test'));
    expect(requests).toEqual([]);
    await vi.advanceTimersByTimeAsync(20);
    expect(requests).toEqual([['a', 'b']]);
    await vi.advanceTimersByTimeAsync(20);
    expect(requests).toEqual([['a', 'b'], ['t']]);
  });

  it('waits longer for company while others are under way, and not for ever', async () => {
    const lane = laneOf({ maxBatch: 100, concurrency: 50 });
    for (let n = 0; n < 20; n += 1) {
      lane.submit(item(String(n)));
      await vi.advanceTimersByTimeAsync(200);
      expect(requests).toHaveLength(n + 1);
    }
    lane.submit(item('first'));
    await vi.advanceTimersByTimeAsync(150);
    lane.submit(item('later'));
    await vi.advanceTimersByTimeAsync(50);
    expect(requests[20]).toEqual(['first', 'later']);
  });

  it('that is full leaves at once, and is never larger than the platform takes', async () => {
    const lane = laneOf({ maxBatch: 3 });
    for (const name of ['a', 'b', 'c', 'd']) lane.submit(item(name));
    expect(requests).toEqual([['a', 'b', 'c']]);
    await vi.advanceTimersByTimeAsync(40);
    expect(requests[1]).toEqual(['d']);
  });

  it('of one envelope keeps those of another no longer waiting than its own', async () => {
    const lane = laneOf({ maxBatch: 2, concurrency: 1 });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) lane.submit(item(name, 'x'));
    lane.submit(item('y', 'y'));
    await vi.advanceTimersByTimeAsync(20);
    await end(0);
    await end(1);
    await end(2);
    expect(requests).toEqual([['a', 'b'], ['c', 'd'], ['y'], ['e', 'f']]);
  });
});

describe('a breaker', () => {
  async function broken(lane: DestinationLane<Item>): Promise<void> {
    for (let n = 0; n < 10; n += 1) {
      lane.submit(item(`f${n}`));
      await end(n, 'down');
    }
    expect(lane.breaker.state).toBe('open');
  }

  it('that is open sends everything back, what waits included, with no request', async () => {
    const lane = laneOf();
    await broken(lane);
    expect(changes).toBe(1);
    expect(await lane.submit(item('later')).answer).toEqual({ kind: 'no_room', until: 1_005_050 });
    expect(requests).toHaveLength(10);
    expect(lane.refusal()).toMatchObject({ kind: 'no_room' });
  });

  it('thinks nobody away who cannot come back here', async () => {
    const lane = laneOf();
    await broken(lane);
    lane.submit(item('later'));
    expect(lane.away).toBe(1);
    expect(lane.isRefusing).toBe(false);
    expect(lane.away).toBe(1);
    lane.forgetAway();
    expect(lane.away).toBe(0);
  });

  it('is probed by one item alone, and the ramp lets more through each second', async () => {
    const lane = laneOf({ concurrency: 16, maxBatch: 1 });
    await broken(lane);
    vi.advanceTimersByTime(5_000);
    for (const name of ['probe', 'b', 'c']) lane.submit(item(name));
    expect(requests.slice(10)).toEqual([['probe']]);
    await end(10);
    expect(changes).toBe(2);
    for (let n = 0; n < 8; n += 1) lane.submit(item(String(n)));
    expect(requests.slice(11)).toHaveLength(2);
  });

  it('goes by its probe, not by what had left before it opened', async () => {
    const lane = laneOf({ concurrency: 12 });
    for (let n = 0; n < 12; n += 1) lane.submit(item(String(n)));
    for (let n = 0; n < 10; n += 1) await end(n, 'down');
    expect(lane.breaker.state).toBe('open');
    vi.advanceTimersByTime(5_000);
    lane.submit(item('probe'));
    await end(10, 'down');
    await end(11, 'unknown');
    expect([lane.breaker.state, requests.length]).toEqual(['half_open', 13]);
    expect(lane.refusal()).not.toBeNull();
    await end(12);
    expect(lane.breaker.state).toBe('closed');
  });

  it('goes by what a request told of the destination: a refused event is no failure', async () => {
    const lane = laneOf();
    for (let n = 0; n < 30; n += 1) {
      lane.submit(item(String(n)));
      await end(n, 'unknown');
    }
    expect(lane.breaker.state).toBe('closed');
  });
});

describe('a destination that only fails', () => {
  it('is switched off after its time, tried once an hour, and switched on by a success', async () => {
    const lane = laneOf({ disableAfterMs: 60_000 });
    let nth = 0;
    const tries = async (health: Health) => {
      const ticket = lane.submit(item('x'));
      if (requests.length > nth) await end(nth++, health);
      return (await ticket.answer).kind;
    };
    while (lane.switchedOff === null) {
      await tries('down');
      vi.advanceTimersByTime(5_000);
    }
    expect(lane.switchedOff.at).toBeGreaterThanOrEqual(1_060_000);
    expect(lane.switchedOff.reasonCode).toBe('nothing_but_failures');
    expect(await tries('down')).toBe('disabled');
    vi.advanceTimersByTime(3_600_000);
    expect(await tries('down')).toBe('sent');
    expect(await tries('down')).toBe('disabled');
    vi.advanceTimersByTime(3_600_000);
    expect(await tries('up')).toBe('sent');
    expect(lane.switchedOff).toBeNull();
    expect(await tries('up')).toBe('sent');
  });

  it('is told of once it has failed for minutes, and when it no longer does; not at a single failure', async () => {
    const lane = laneOf();
    let nth = 0;
    const told = async (health: Health, afterMs: number) => {
      vi.advanceTimersByTime(afterMs);
      lane.submit(item('x'));
      await end(nth++, health);
      return changes;
    };
    expect([await told('down', 0), await told('up', 60_000)]).toEqual([0, 0]);
    expect([await told('down', 0), await told('down', 299_999), await told('down', 1)]).toEqual([0, 0, 1]);
    expect([await told('down', 600_000), await told('up', 0), await told('up', 0)]).toEqual([1, 2, 2]);
  });

  it('is told of once more when another may have told otherwise, by what a request says of it', async () => {
    const lane = laneOf();
    lane.tellNext();
    for (const [nth, health] of (['unknown', 'up', 'up'] as const).entries()) {
      lane.submit(item('x'));
      await end(nth, health);
      expect(changes).toBe(Math.min(nth, 1));
    }
  });

  it('is switched off at once where it wants nothing any more, and on again where it takes something', async () => {
    const lane = laneOf();
    lane.submit(item('x'));
    await end(0, 'gone');
    expect(lane.switchedOff).toEqual({ at: 1_000_000, reasonCode: 'receiver_gone' });
    expect(changes).toBe(1);
    expect(await lane.submit(item('y')).answer).toEqual({ kind: 'disabled' });
    vi.advanceTimersByTime(3_600_000);
    lane.submit(item('z'));
    await end(1, 'up');
    expect(lane.switchedOff).toBeNull();
    expect(changes).toBe(2);
  });
});
