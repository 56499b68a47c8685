/** `npm run oracle`: prepares what is missing, then compares what was decided with what SQL makes of the same log. */
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

await prepare();
process.exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  // The core keeps every conversion of the log in memory, ten kilobytes each.
  '--max-old-space-size=12288',
  `${repository}/tests/oracle/run.ts`,
  ...process.argv.slice(2),
]);
