/** Every command by its name. */
import { applyCommand } from './apply-command.ts';
import type { Command } from './command.ts';
import { migrateCommand } from './migrate-command.ts';
import { profilesCommand } from './profiles-command.ts';
import { rebuildCommand } from './rebuild-command.ts';
import { registerSchemasCommand } from './register-schemas-command.ts';
import { replayCommand } from './replay-command.ts';
import { rotateSecretsCommand } from './rotate-secrets-command.ts';

export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['apply', applyCommand],
  ['migrate', migrateCommand],
  ['profiles', profilesCommand],
  ['rebuild', rebuildCommand],
  ['register-schemas', registerSchemasCommand],
  ['replay', replayCommand],
  ['rotate-secrets', rotateSecretsCommand],
]);
