/** `npm test`: prepares what is missing, runs every suite, ends with `N passed, N failed`. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { prepare, repository, runNode } from './prepare.mjs';
import { preparePython } from './prepare-python.mjs';

/** One after the other: side by side on two cores the engines of one suite would starve the other's time limits. */
const SUITES = ['unit', 'integration', 'e2e'];

const folder = join(repository, '.tributary/test-results');

/** @returns how many tests passed, and what failed by name; a file that fails before its first test counts as one failure. */
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
  const { numPassedTests, testResults } = JSON.parse(readFileSync(results, 'utf8'));
  const failures = testResults.flatMap((file) => failuresOf(file).map((failure) => `${suite}  ${failure}`));
  // A run that fails without a failed test (a set-up, an unhandled rejection) must not pass for a good one.
  if (failures.length === 0 && exitCode !== 0) failures.push(`${suite}  ended with code ${exitCode}`);
  return { passed: numPassedTests, failures };
}

function failuresOf({ name, status, message, assertionResults }) {
  const path = relative(repository, name);
  if (status === 'failed' && assertionResults.length === 0) return [`${path}: ${message}`];
  return assertionResults
    .filter((result) => result.status === 'failed')
    .map(({ fullName, failureMessages }) => `${path} > ${fullName}\n${failureMessages.join('\n')}`);
}

await prepare();
const withoutPython = preparePython();
if (withoutPython !== null) console.log(`Tests with Python clients are skipped: ${withoutPython}`);
mkdirSync(folder, { recursive: true });
let passed = 0;
const failures = [];
for (const suite of SUITES) {
  const outcome = await runSuite(suite);
  passed += outcome.passed;
  failures.push(...outcome.failures);
}
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;
// Told again at the end: what a suite said is thousands of lines above by then.
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
