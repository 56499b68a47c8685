/** `npm run <command>`: prepares what is missing, then runs a command of apps/cli, or one that belongs to a service. */
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

/** No app imports another: what only one of them can do is a program of its own. */
const PROGRAMS = {
  'adopt-spool': () => 'apps/ingestion/dist/adopt-spool.js',
  // What decides is attribution's, and orders are console's to write.
  reattribute: (options) =>
    options.includes('--apply') && !options.includes('--help')
      ? 'apps/console/dist/reattribution/apply-run.js'
      : 'apps/attribution/dist/reattribution/reattribute.js',
};

await prepare();
const [name = '', ...options] = process.argv.slice(2);
const program = PROGRAMS[name]?.(options);
process.exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  ...(program === undefined
    ? [`${repository}/apps/cli/dist/main.js`, name, ...options]
    : [`${repository}/${program}`, ...options]),
]);
