/** `npm test`: prepares what is missing, runs every suite, ends with `N passed, N failed`. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';

await prepare();
const results = join(repository, '.tributary/test-results.json');
mkdirSync(join(repository, '.tributary'), { recursive: true });
const exitCode = await runNode([
  '--disable-warning=TimeoutNegativeWarning',
  join(repository, 'node_modules/vitest/vitest.mjs'),
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}`,
  ...process.argv.slice(2),
]);
const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(
  readFileSync(results, 'utf8'),
);
// A file that fails before its first test counts as one failure, or it would vanish from the sum.
const emptyFailures = testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
);
const failed = numFailedTests + emptyFailures.length;
process.exitCode = exitCode !== 0 || numFailedTestSuites > 0 ? exitCode || 1 : 0;
console.log(`${numPassedTests} passed, ${failed} failed`);
