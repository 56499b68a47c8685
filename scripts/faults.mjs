/** `npm run faults -- <room>`: prepares what is missing, then runs the fault loops of a room at full length. */
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

await prepare();
const [room] = process.argv.slice(2);
if (room === 'rebuild') process.env.REBUILD_AT_FULL_LENGTH = '1';
process.exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  ...(room === 'rebuild'
    ? [`${repository}/node_modules/vitest/vitest.mjs`, 'run', '--project', 'integration', 'rebuild']
    : [`${repository}/tests/faults/run.ts`, ...process.argv.slice(2)]),
]);
