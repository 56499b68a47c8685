/** `npm test`: prepares what is missing, runs every suite, ends with `N passed, N failed`. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';
import { preparePython } from './prepare-python.mjs';

/** One after the other: side by side on two cores the engines of one suite would starve the other's time limits. */
const SUITES = ['unit', 'integration', 'e2e'];

const folder = join(repository, '.tributary/test-results');

/** @returns how many tests passed and failed; a file that fails before its first test counts as one failure. */
async function runSuite(suite) {
  const results = join(folder, `${suite}.json`);
  rmSync(results, { force: true });
  const exitCode = await runNode([
    '--disable-warning=TimeoutNegativeWarning',
    join(repository, 'node_modules/vitest/vitest.mjs'),
    'run',
    `--project=${suite}`,
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
    ...process.argv.slice(2),
  ]);
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(results, 'utf8'));
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length;
  const failed = numFailedTests + broken;
  // A run that fails without a failed test (a set-up, an unhandled rejection) must not pass for a good one.
  return { passed: numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}

await prepare();
const withoutPython = preparePython();
if (withoutPython !== null) console.log(`Tests with Python clients are skipped: ${withoutPython}`);
mkdirSync(folder, { recursive: true });
let passed = 0;
let failed = 0;
for (const suite of SUITES) {
  const outcome = await runSuite(suite);
  passed += outcome.passed;
  failed += outcome.failed;
}
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
console.log(`${passed} passed, ${failed} failed`);
