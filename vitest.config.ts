/** Three suites: pure code beside its sources, adapters on real engines, and the whole system over HTTP. */
import { defineConfig } from 'vitest/config';

// The sources are tested, not the build: workspace packages resolve to src through the `source` condition.
const sources = { resolve: { conditions: ['source'] }, ssr: { resolve: { conditions: ['source'] } } };

const ALONE = '{apps,libs}/*/src/**/*.alone.test.ts';

export default defineConfig({
  ...sources,
  test: {
    projects: [
      {
        ...sources,
        test: {
          name: 'unit',
          include: ['{apps,libs}/*/src/**/*.test.ts'],
          exclude: [ALONE],
          // Property tests share two cores with everything else; a slow machine is no failure.
          testTimeout: 60_000,
          // A process and all its imports for every file took twice as long as the tests.
          isolate: false,
        },
      },
      // What stays changed in the process, for good or for a count: a process for each file.
      { ...sources, test: { name: 'unit-alone', include: [ALONE], testTimeout: 60_000 } },
      {
        ...sources,
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          globalSetup: 'tests/integration/engines.setup.ts',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // The files share one Kafka and its topics, and their bounds of seconds are those of a machine that does nothing else.
          fileParallelism: false,
        },
      },
      {
        ...sources,
        test: {
          name: 'e2e',
          include: ['tests/{e2e,faults}/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Each file has engines and ports of its own.
          maxWorkers: 2,
          // Kafka is started again and again, and half of what that costs is code compiled for a long life.
          env: { JDK_JAVA_OPTIONS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' },
        },
      },
    ],
  },
});
