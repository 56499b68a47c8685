/** The commands behind `npm run <command>`: one process each, done when it has answered. */
import process from 'node:process';
import { COMMANDS } from './commands.ts';

const [name = '', ...argv] = process.argv.slice(2);
const command = COMMANDS.get(name);
if (command === undefined) {
  console.error(`there is no command ${name}; there are ${[...COMMANDS.keys()].join(', ')}`);
  process.exitCode = 2;
} else if (argv.includes('--help')) {
  console.log(command.usage);
} else {
  try {
    process.exitCode = await command.run(argv);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
