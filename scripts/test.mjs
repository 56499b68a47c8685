/** `npm test [-- --project SUITE] [PATH]`: prepares what is missing, runs the suites, ends with `N passed, N failed`. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { prepare, repository, runNode } from './prepare.mjs';
import { preparePython } from './prepare-python.mjs';

/** One after the other: side by side on two cores the engines of one suite would starve the other's time limits. */
const SUITES = {
  unit: ['unit', 'unit-alone'],
  integration: ['integration'],
  e2e: ['e2e'],
};

const { values, positionals: paths } = parseArgs({
  options: { project: { type: 'string', multiple: true, default: Object.keys(SUITES) } },
  allowPositionals: true,
});
const suites = values.project;
const unknown = suites.find((suite) => !(suite in SUITES));
if (unknown !== undefined)
  throw new Error(`no suite ${unknown}; there are ${Object.keys(SUITES).join(', ')}`);

const folder = join(repository, '.tributary/test-results');

/** @returns how many tests passed, and what failed by name; a file that fails before its first test counts as one failure. */
async function runSuite(suite) {
  const results = join(folder, `${suite}.json`);
  rmSync(results, { force: true });
  const exitCode = await runNode([
    '--disable-warning=TimeoutNegativeWarning',
    join(repository, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...SUITES[suite].map((project) => `--project=${project}`),
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
    ...paths,
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
for (const suite of suites) {
  const outcome = await runSuite(suite);
  passed += outcome.passed;
  failures.push(...outcome.failures);
}
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;
// Told again at the end: what a suite said is thousands of lines above by then.
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
