/** `npm start`: the whole pipeline on one machine, a demo through it, the ledger, and then it serves until Ctrl-C. */
import process from 'node:process';
import { parseArguments, USAGE } from './arguments.ts';
import { run } from './run.ts';

try {
  const options = parseArguments(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else process.exitCode = await run(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
