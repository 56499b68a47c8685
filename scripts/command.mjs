/** `npm run <command>`: prepares what is missing, then runs a command of apps/cli. */
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

await prepare();
process.exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  `${repository}/apps/cli/dist/main.js`,
  ...process.argv.slice(2),
]);
