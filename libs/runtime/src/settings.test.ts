/** The settings: faults told all at once and without values, and `.env.example` true to the table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSettings, SETTING_DESCRIPTIONS, type SettingName } from './settings.ts';

const NAMES = [...SETTING_DESCRIPTIONS.keys()] as readonly SettingName[];
/** The launcher reads these itself: it must know the state folder before anything else. */
const LAUNCHER_VARIABLES = ['TRIBUTARY_HOME', 'KAFKA_JARS'];
/** Read by docker-compose.yml for containers that are not ours. */
const COMPOSE_VARIABLES = ['ANALYST_PASSWORD', 'GRAFANA_PASSWORD'];
const REQUIRED = { CONSOLE_API_KEY: 'sixteen-characters', SECRETS_KEYS: 'a2V5' };

/** Variables of `.env.example` with the values it states, commented out or not. */
function exampleVariables(): ReadonlyMap<string, string> {
  const text = readFileSync(join(import.meta.dirname, '../../../.env.example'), 'utf8');
  const pairs = [...text.matchAll(/^(?:# ?)?([A-Z][A-Z0-9_]*)=(.*)$/gm)];
  return new Map(pairs.map(([, name = '', value = '']) => [name, value]));
}

function faultsOf(names: readonly SettingName[], environment: Record<string, string>): string {
  try {
    readSettings(names, environment);
  } catch (error) {
    return String(error);
  }
  return '';
}

describe('.env.example', () => {
  it('lists exactly the variables of the table, of the launcher and of the containers', () => {
    expect([...exampleVariables().keys()].toSorted()).toEqual(
      [...NAMES, ...LAUNCHER_VARIABLES, ...COMPOSE_VARIABLES].toSorted(),
    );
  });

  it('states the defaults', () => {
    const stated = Object.fromEntries([...exampleVariables()].filter(([, value]) => value !== ''));
    expect(readSettings(NAMES, { ...stated, ...REQUIRED })).toEqual(readSettings(NAMES, REQUIRED));
    const withoutDefault = [...exampleVariables()].filter(([, value]) => value === '').map(([name]) => name);
    expect(withoutDefault.toSorted()).toEqual(
      [
        ...Object.keys(REQUIRED),
        ...LAUNCHER_VARIABLES,
        'CLICKHOUSE_CLUSTER',
        'CLICKHOUSE_CLUSTER_URLS',
        'CLICK_FALLBACK_URL',
        'COUNTRY_HEADER',
        'DELIVERY_ALLOWED_NETWORKS',
        'METRICS_TOKEN',
        'OTEL_EXPORTER_OTLP_ENDPOINT',
        'SANDBOX_STATE',
      ].toSorted(),
    );
  });

  it('leaves every variable commented out: an address that is set replaces an embedded engine', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../.env.example'), 'utf8');
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });
});

describe('readSettings', () => {
  it('gives what was asked for, parsed, and nothing else', () => {
    const environment = {
      KAFKA_BROKERS: 'a:1, b:2',
      INGESTION_PORT: '9000',
      DELIVERY_ALLOW_PRIVATE: 'true',
      OTHER: 'x',
    };
    expect(readSettings(['KAFKA_BROKERS', 'INGESTION_PORT', 'DELIVERY_ALLOW_PRIVATE'], environment)).toEqual({
      KAFKA_BROKERS: ['a:1', 'b:2'],
      INGESTION_PORT: 9_000,
      DELIVERY_ALLOW_PRIVATE: true,
    });
  });

  it('fills in defaults, also for what is set to nothing', () => {
    const names = ['KAFKA_BROKERS', 'LISTEN_HOST', 'DELIVERY_ALLOW_PRIVATE', 'LOG_LEVEL'] as const;
    const defaults = {
      KAFKA_BROKERS: ['127.0.0.1:9092'],
      LISTEN_HOST: '127.0.0.1',
      DELIVERY_ALLOW_PRIVATE: false,
      LOG_LEVEL: 'info',
    };
    expect(readSettings(names, {})).toEqual(defaults);
    expect(
      readSettings(names, { KAFKA_BROKERS: '', LISTEN_HOST: '', DELIVERY_ALLOW_PRIVATE: '', LOG_LEVEL: '' }),
    ).toEqual(defaults);
  });

  it('tells every fault at once, by name', () => {
    const message = faultsOf(['INGESTION_PORT', 'SECRETS_KEYS', 'CLICKHOUSE_URL', 'LOG_LEVEL'], {
      INGESTION_PORT: 'x',
      CLICKHOUSE_URL: 'nowhere',
      LOG_LEVEL: 'loud',
    });
    for (const name of ['INGESTION_PORT', 'SECRETS_KEYS', 'CLICKHOUSE_URL', 'LOG_LEVEL'])
      expect(message).toContain(`${name}: `);
  });

  it.each<[SettingName, string]>([
    ['INGESTION_PORT', '4711canary'],
    ['INGESTION_PORT', '65536'],
    ['INGESTION_PORT', '80.5'],
    ['CONSOLE_API_KEY', 'canary'],
    ['CLICKHOUSE_URL', 'canary canary'],
    ['DELIVERY_ALLOW_PRIVATE', 'canary'],
    ['DELIVERY_ALLOW_PRIVATE', 'TRUE'],
    ['LOG_LEVEL', 'canary'],
    ['ACCEPT_DEADLINE_MS', '-1'],
    ['METRICS_TOKEN', 'canary'],
    ['CLICK_FALLBACK_URL', 'http://canary.example/'],
    ['COUNTRY_HEADER', 'canary: 1'],
    ['TRACING', 'canary'],
  ])('refuses %s=%s without repeating it', (name, value) => {
    const message = faultsOf([name], { [name]: value });
    expect(message).toContain(name);
    expect(message).not.toContain(value);
  });

  it('has no default for what must be secret', () => {
    expect(faultsOf(['SECRETS_KEYS', 'CONSOLE_API_KEY'], {})).toMatch(/SECRETS_KEYS.*\n.*CONSOLE_API_KEY/);
  });
});

it('describes every variable', () => {
  for (const [name, meaning] of SETTING_DESCRIPTIONS) expect(meaning, name).not.toBe('');
});
