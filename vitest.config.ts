/** Three suites: pure code beside its sources, adapters on real engines, and the whole system over HTTP. */
import { defineConfig } from 'vitest/config';

// The sources are tested, not the build: workspace packages resolve to src through the `source` condition.
const sources = { resolve: { conditions: ['source'] }, ssr: { resolve: { conditions: ['source'] } } };

export default defineConfig({
  ...sources,
  test: {
    projects: [
      {
        ...sources,
        // Property tests share two cores with everything else; a slow machine is no failure.
        test: { name: 'unit', include: ['{apps,libs}/*/src/**/*.test.ts'], testTimeout: 60_000 },
      },
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
          fileParallelism: false,
        },
      },
    ],
  },
});
