/** `npm run check`: format and lint, types, import boundaries, generated files, schema compatibility. Every step runs; any fault fails the whole. */
import { join } from 'node:path';
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

const bin = (name) => join(repository, 'node_modules', name);

await prepare();
const steps = [
  ['format and lint', [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']],
  ['types of tests', [bin('typescript/bin/tsc'), '-p', 'tsconfig.tests.json']],
  [
    'import boundaries',
    [
      bin('dependency-cruiser/bin/dependency-cruiser.mjs'),
      'apps',
      'libs',
      '--config',
      '.dependency-cruiser.cjs',
    ],
  ],
  ['generated files', ['scripts/generate-contracts.ts', '--check']],
  ['schema compatibility', ['scripts/check-compatibility.ts']],
  ['OpenAPI document', ['--conditions=source', 'scripts/generate-openapi.ts', '--check']],
  ['page of networks', ['--conditions=source', 'scripts/generate-networks.ts', '--check']],
  ['pages of destinations', ['--conditions=source', 'scripts/generate-destinations.ts', '--check']],
  ['generated server settings', ['scripts/generate-compose-users.ts', '--check']],
];
for (const [name, command] of steps) {
  const exitCode = await runNode(command);
  console.log(`${exitCode === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  if (exitCode !== 0) process.exitCode = 1;
}
