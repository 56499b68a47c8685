/** CPU time that a process has used since it started, all its threads together. */
import { readFileSync } from 'node:fs';

/** Of Linux' clock ticks, in which /proc counts CPU time. */
const TICKS_PER_SECOND = 100;

/** @throws Error when there is no such process. */
export function cpuSecondsOf(pid: number | undefined): number {
  const [utime, stime] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program may hold blanks.
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 13);
  return (Number(utime) + Number(stime)) / TICKS_PER_SECOND;
}
