/** Every command by its name. */
import type { Command } from './command.ts';
import { migrateCommand } from './migrate-command.ts';
import { registerSchemasCommand } from './register-schemas-command.ts';

export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['migrate', migrateCommand],
  ['register-schemas', registerSchemasCommand],
]);
