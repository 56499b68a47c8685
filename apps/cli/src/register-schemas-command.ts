/** `npm run register-schemas`: the locked schemas, in a real schema registry. */
import { type Registration, registerSchemas } from '@tributary/bus';
import { readSettings } from '@tributary/runtime';
import type { Command } from './command.ts';

export const registerSchemasCommand: Command = {
  usage: `npm run register-schemas
  Registers every version of every subject in the registry at SCHEMA_REGISTRY_URL, each subject under FULL_TRANSITIVE,
  and prints the ids it has there. Safe to run again. Run it before the services when SCHEMA_IDS is registry.`,
  run: async () => {
    const { SCHEMA_REGISTRY_URL, SCHEMA_IDS } = readSettings(['SCHEMA_REGISTRY_URL', 'SCHEMA_IDS']);
    const registrations = await registerSchemas(SCHEMA_REGISTRY_URL);
    console.log(table(registrations));
    const differing = registrations.filter(({ lockedId, registryId }) => lockedId !== registryId);
    if (differing.length > 0 && SCHEMA_IDS === 'locked') {
      console.log(
        'The registry gave ids of its own: start the services with SCHEMA_IDS=registry, or nobody reads their records by it.',
      );
    }
    return 0;
  },
};

function table(registrations: readonly Registration[]): string {
  const rows = registrations.map(({ subject, version, lockedId, registryId, outcome }) => [
    subject,
    String(version),
    String(lockedId),
    String(registryId),
    outcome.replaceAll('_', ' '),
  ]);
  const all = [['subject', 'version', 'locked id', 'registry id', 'outcome'], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
