/** `npm run apply -- FILE`: brings the configuration to what a file says, after showing what that changes. */
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { environmentVariable, readSettings } from '@tributary/runtime';
import { readConfigurationFile } from './apply-file.ts';
import { carryOut, hasChanges, planApply, planLines } from './apply-plan.ts';
import { askAtTerminal } from './ask-at-terminal.ts';
import type { Command } from './command.ts';
import { type ConsoleAccess, ConsoleClient } from './console-client.ts';

/** What the command needs of its surroundings. */
export interface ApplySurroundings {
  access(): ConsoleAccess;
  environment(name: string): string | undefined;
  print(line: string): void;
  /** Null when nobody is there to be asked. */
  confirm(question: string): Promise<boolean> | null;
}

const NOTHING_LEFT = 0;
const CHANGES_LEFT = 2;

const USAGE = `npm run apply -- FILE [--plan] [--yes] [--prune]
  Brings the configuration to what the YAML file says. Prints the plan first; writes it after a "y" at the terminal, or
  with --yes. Entities that the file does not name are left alone.
  --plan    only print the plan
  --yes     write without asking
  --prune   also remove what the file does not name, in the collections that it has
  Exit code: 0 nothing to do, or all of it done; 2 there are changes that were not written; 1 failed.
  Secrets, tokens and keys stand in the file as \${NAME} of an environment variable, or are left out and stay as they are.
  Reads CONSOLE_URL, CONSOLE_API_KEY (a key of role admin) and the variables the file names. docs/configuration.yaml is
  an example.`;

export function applyCommandIn({ access, environment, print, confirm }: ApplySurroundings): Command {
  return {
    usage: USAGE,
    run: async (argv) => {
      const { values, positionals } = parseArgs({
        args: [...argv],
        allowPositionals: true,
        options: { plan: { type: 'boolean' }, yes: { type: 'boolean' }, prune: { type: 'boolean' } },
      });
      const [path, ...more] = positionals;
      if (path === undefined || more.length > 0) throw new Error(USAGE);
      const file = readConfigurationFile(await readText(path), environment);
      const client = new ConsoleClient(access());
      const plan = await planApply(client, file, values.prune ?? false);
      for (const line of planLines(plan)) print(line);
      if (!hasChanges(plan)) return NOTHING_LEFT;
      if (values.plan) return CHANGES_LEFT;
      if (!values.yes && !(await confirm('Apply? [y/N] '))) {
        print('nothing was applied');
        return CHANGES_LEFT;
      }
      print(`${await carryOut(client, plan)} changes applied`);
      return NOTHING_LEFT;
    },
  };
}

export const applyCommand: Command = applyCommandIn({
  access: () => {
    const { CONSOLE_URL: url, CONSOLE_API_KEY: apiKey } = readSettings(['CONSOLE_URL', 'CONSOLE_API_KEY']);
    return { url, apiKey };
  },
  environment: environmentVariable,
  print: (line) => console.log(line),
  confirm: (question) => (process.stdin.isTTY ? askAtTerminal(question) : null),
});

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(`the file ${path} cannot be read`, { cause });
  }
}
