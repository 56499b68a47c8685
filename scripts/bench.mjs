/** `npm run bench:<room>`: prepares what is missing, then measures a room against its ceiling. */
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

const [room, ...options] = process.argv.slice(2);
await prepare();
process.exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  `${repository}/tests/bench/${room}.ts`,
  ...options,
]);
