/** Lanes: sixteen at once to one destination, in order, and no destination waits for another. */
import { expect, it } from 'vitest';
import { DestinationLanes } from './destination-lanes.ts';

const CONCURRENCY = 16;

/** Work that ends when told. */
function workload(lanes: DestinationLanes, destinationId: string) {
  const started: number[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const runs: Promise<number>[] = [];
  const start = () => {
    const index = runs.length;
    const work = () => {
      started.push(index);
      return new Promise<number>((resolve, reject) => {
        ends[index] = (error) => (error ? reject(error) : resolve(index));
      });
    };
    runs.push(lanes.run(destinationId, work));
  };
  return { started, ends, runs, start };
}

const turns = () => new Promise((resolve) => setImmediate(resolve));

it('runs sixteen at once, and the others first come, first served', async () => {
  const { started, ends, runs, start } = workload(new DestinationLanes(), 'a');
  for (let n = 0; n < CONCURRENCY + 2; n++) start();
  await turns();
  expect(started).toHaveLength(CONCURRENCY);
  ends[3]?.();
  await turns();
  expect(started.slice(CONCURRENCY)).toEqual([16]);
  ends[16]?.();
  await turns();
  expect(started.slice(CONCURRENCY)).toEqual([16, 17]);
  for (const end of ends) end?.();
  expect(await Promise.all(runs)).toEqual(Array.from({ length: CONCURRENCY + 2 }, (_, n) => n));
});

it('lets no destination wait for another', async () => {
  const lanes = new DestinationLanes();
  const slow = workload(lanes, 'slow');
  for (let n = 0; n < CONCURRENCY + 5; n++) slow.start();
  const healthy = workload(lanes, 'healthy');
  healthy.start();
  await turns();
  expect(healthy.started).toEqual([0]);
});

it('gives the place back when the work fails', async () => {
  const { started, ends, runs, start } = workload(new DestinationLanes(), 'a');
  for (let n = 0; n < CONCURRENCY + 1; n++) start();
  await turns();
  ends[0]?.(new Error('broken'));
  await expect(runs[0]).rejects.toThrow('broken');
  await turns();
  expect(started).toContain(CONCURRENCY);
});

it('never runs more than sixteen, over many rounds', async () => {
  const lanes = new DestinationLanes();
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await turns();
    running -= 1;
  };
  for (let round = 0; round < 3; round++)
    await Promise.all(Array.from({ length: 50 }, () => lanes.run('a', work)));
  expect([most, running]).toEqual([CONCURRENCY, 0]);
});

it('lets go of those that wait when their signal is aborted, and of no work that has begun', async () => {
  const lanes = new DestinationLanes();
  const { started, ends, runs, start } = workload(lanes, 'a');
  for (let n = 0; n < CONCURRENCY; n++) start();
  const drain = new AbortController();
  const waiting = lanes.run('a', async () => 'sent', drain.signal);
  drain.abort();
  await expect(waiting).rejects.toThrow('aborted');
  await expect(lanes.run('b', async () => 'sent', drain.signal)).rejects.toThrow('aborted');
  start();
  ends[0]?.();
  await turns();
  expect(started).toContain(CONCURRENCY);
  for (const end of ends) end?.();
  expect(await Promise.all(runs)).toHaveLength(CONCURRENCY + 1);
});
