/** The import table of the house, enforced: data flows one way, every foreign thing has one home. The baseline is empty and stays so. */
const LIBRARY_IMPORTS = {
  domain: [],
  contracts: ['domain'],
  destinations: ['domain'],
  configuration: ['domain', 'contracts'],
  runtime: [],
  bus: ['contracts', 'runtime'],
  store: ['domain', 'contracts', 'runtime'],
  engines: [],
  testing: ['domain', 'contracts', 'runtime', 'configuration', 'destinations', 'bus', 'store', 'engines'],
};

const libraryRules = Object.entries(LIBRARY_IMPORTS).map(([library, allowed]) => ({
  name: `${library}-imports`,
  comment: `${library} may import of ours: ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^libs/${library}/src`, pathNot: '[.]test[.]ts$' },
  to: { path: '^(libs|apps)/', pathNot: `^libs/(${[library, ...allowed].join('|')})/` },
}));

/** A package that only one folder may import. */
const home = (name, packagePattern, folders) => ({
  name,
  severity: 'error',
  from: { path: '^(apps|libs)/', pathNot: `^(${folders.join('|')})/|[.]test[.]ts$` },
  to: { path: `node_modules/(${packagePattern})/` },
});

module.exports = {
  forbidden: [
    ...libraryRules,
    {
      name: 'no-app-imports-an-app',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'no-lib-imports-an-app',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '^libs/testing/|[.](test|fixture)[.]ts$' },
      to: { path: '^libs/testing/' },
    },
    home('kafka-client', 'kafkajs', ['libs/bus']),
    home('clickhouse-client', '@clickhouse/client', ['libs/store']),
    home('outbound-http', 'undici', ['apps/fan-out']),
    home('metrics-client', 'prom-client', ['libs/runtime']),
    home('tracing-client', '@opentelemetry/.*', ['libs/runtime']),
    {
      name: 'domain-is-pure',
      comment: 'No I/O, clock, environment, randomness or framework: only hashes of node:crypto.',
      severity: 'error',
      from: { path: '^libs/domain/src', pathNot: '[.](test|fixture)[.]ts$' },
      to: { pathNot: '^libs/domain/src|^(node:)?crypto$' },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'types', 'import', 'default'],
    },
  },
};
