/** For tests of what must be quick on hostile input: time of the processor, since the machine may be busy with other things. */
import process from 'node:process';

/** @returns milliseconds that the work kept the processor busy. */
export function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  return process.cpuUsage(before).user / 1_000;
}
