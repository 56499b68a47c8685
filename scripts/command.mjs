/** `npm run <command>`: prepares what is missing, then runs a command of apps/cli, or one that belongs to a service. */
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

/** No app imports another: what only ingestion can do is a program of its own. */
const PROGRAMS = { 'adopt-spool': 'apps/ingestion/dist/adopt-spool.js' };

await prepare();
const [name = '', ...options] = process.argv.slice(2);
const program = PROGRAMS[name];
process.exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  ...(program === undefined
    ? [`${repository}/apps/cli/dist/main.js`, name, ...options]
    : [`${repository}/${program}`, ...options]),
]);
