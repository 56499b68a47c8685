/** What can be known of the containers without a Docker engine: every program, port, variable, file and metric they name exists. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSettings, SETTING_DESCRIPTIONS, type SettingName } from './settings.ts';

const REPOSITORY = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');

interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: object;
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: object;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
};
const ours = Object.entries(compose.services).filter(([, service]) => service.build !== undefined);

/** Not settings of a service: read by the image's health check, by ClickHouse and by Grafana. */
const OTHERS_VARIABLES = new Set(['HEALTH_URL', 'ANALYST_PASSWORD', 'GRAFANA_PASSWORD']);
const PORT_SETTINGS: Readonly<Record<string, SettingName>> = {
  ingestion: 'INGESTION_PORT',
  console: 'CONSOLE_PORT',
  attribution: 'ATTRIBUTION_PORT',
  'fan-out': 'FAN_OUT_PORT',
  'schema-registry': 'SCHEMA_REGISTRY_PORT',
  sandbox: 'SANDBOX_PORT',
};

function portOf(service: string): number {
  const name = PORT_SETTINGS[service];
  if (name === undefined) throw new Error(`${service} has no port setting`);
  return Number(readSettings([name], {})[name]);
}

describe('docker-compose.yml', () => {
  it('has the six services and the migrations', () => {
    expect(ours.map(([name]) => name).toSorted()).toEqual(
      [...Object.keys(PORT_SETTINGS), 'prepare'].toSorted(),
    );
    expect(compose.services['prepare']?.command?.join(' ')).toBe('node apps/cli/dist/main.js migrate');
  });

  it.each(ours)('%s runs a program that exists, with settings that exist', (_name, service) => {
    const program = service.command?.find((word) => word.startsWith('apps/')) ?? '';
    expect(existsSync(join(REPOSITORY, program.replace('/dist/', '/src/').replace(/js$/, 'ts')))).toBe(true);
    for (const variable of Object.keys(service.environment ?? {}))
      expect(SETTING_DESCRIPTIONS.has(variable) || OTHERS_VARIABLES.has(variable), variable).toBe(true);
  });

  it.each(Object.keys(PORT_SETTINGS))(
    '%s is asked for its health, and published, at its own port',
    (name) => {
      const { environment, ports = [] } = compose.services[name] ?? {};
      expect(environment?.['HEALTH_URL']).toBe(`http://127.0.0.1:${portOf(name)}/health/ready`);
      for (const published of ports) expect(published).toBe(`127.0.0.1:${portOf(name)}:${portOf(name)}`);
    },
  );

  it('asks for no variable that means nothing', () => {
    const asked = [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => name);
    expect(asked).toContain('SECRETS_KEYS');
    for (const name of asked)
      expect(SETTING_DESCRIPTIONS.has(name) || OTHERS_VARIABLES.has(name), name).toBe(true);
    for (const { environment } of Object.values(compose.secrets))
      expect(SETTING_DESCRIPTIONS.has(environment), environment).toBe(true);
  });

  it.each(Object.entries(compose.services))(
    '%s depends on, mounts and reads what is there',
    (_name, service) => {
      for (const [target, { condition }] of Object.entries(service.depends_on ?? {})) {
        const other = compose.services[target];
        expect(other, target).toBeDefined();
        if (condition === 'service_healthy')
          expect(other?.healthcheck !== undefined || other?.build !== undefined, target).toBe(true);
      }
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('.')) expect(existsSync(join(REPOSITORY, source)), source).toBe(true);
        else expect(compose.volumes).toHaveProperty(source);
      }
      for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret);
    },
  );
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  it('copies what is there, runs as nobody special and knows how to ask for its health', () => {
    for (const [, from = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm))
      for (const path of from.split(' ')) expect(existsSync(join(REPOSITORY, path)), path).toBe(true);
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK /m);
    expect(dockerfile.match(/^FROM /gm)).toHaveLength(2);
  });
});

/** Every metric the sources register. */
const registered = new Set(
  globSync('{apps,libs}/*/src/**/*.ts', { cwd: REPOSITORY, exclude: (path) => path.endsWith('.test.ts') })
    .map(read)
    .flatMap((text) => [...text.matchAll(/name: '(tributary_[a-z_]+)'/g)].map(([, name = '']) => name)),
);

function expectRegistered(expression: string): void {
  for (const [series] of expression.matchAll(/tributary_[a-z_]+/g)) {
    const name = registered.has(series) ? series : series.replace(/_bucket$/, '');
    expect(registered.has(name), series).toBe(true);
  }
}

describe('Prometheus', () => {
  it('scrapes the services at their ports, with the token', () => {
    const { scrape_configs: jobs } = parse(read('ops/prometheus/prometheus.yml'));
    const [{ authorization, static_configs: configs }] = jobs;
    expect(configs[0].targets.toSorted()).toEqual(
      Object.keys(PORT_SETTINGS)
        .map((name) => `${name}:${portOf(name)}`)
        .toSorted(),
    );
    expect(authorization).toEqual({ type: 'Bearer', credentials_file: '/run/secrets/metrics_token' });
  });

  it('alerts on metrics that exist, and names runbooks that exist', () => {
    const { groups } = parse(read('ops/prometheus/alerts.yml'));
    for (const { alert, expr, annotations } of groups[0].rules) {
      expectRegistered(expr);
      expect(annotations.summary, alert).toBeTruthy();
      if (annotations.runbook) expect(existsSync(join(REPOSITORY, annotations.runbook)), alert).toBe(true);
    }
  });
});

describe('Grafana', () => {
  it('shows metrics that exist, from the data source that is provisioned', () => {
    const { uid } = parse(read('ops/grafana/provisioning/datasources/prometheus.yml')).datasources[0];
    const { panels } = JSON.parse(read('ops/grafana/dashboards/tributary.json'));
    const ids = panels.map((panel: { id: number }) => panel.id);
    expect(new Set(ids).size).toBe(ids.length);
    let queries = 0;
    for (const { type, datasource, targets = [] } of panels) {
      if (type === 'row') continue;
      expect(datasource.uid).toBe(uid);
      for (const { expr } of targets) {
        expectRegistered(expr);
        queries += 1;
      }
    }
    expect(queries).toBeGreaterThan(30);
  });
});
