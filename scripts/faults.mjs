/** `npm run faults -- <room>`: prepares what is missing, then runs the fault loops of a room at full length. */
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

await prepare();
process.exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  `${repository}/tests/faults/run.ts`,
  ...process.argv.slice(2),
]);
