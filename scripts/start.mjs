/** `npm start`: brings a fresh clone to the point where the launcher can run, on whatever Node starts it. */
import { prepare, repository, runNode } from './prepare.mjs';

await prepare();
process.exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  `${repository}/apps/launcher/dist/main.js`,
  ...process.argv.slice(2),
]);
