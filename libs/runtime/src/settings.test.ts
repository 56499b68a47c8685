/** The settings: faults told all at once and without values, and `.env.example` true to the table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSettings, SETTING_DESCRIPTIONS, type SettingName } from './settings.ts';

const NAMES = [...SETTING_DESCRIPTIONS.keys()] as readonly SettingName[];
/** The launcher reads these itself: it must know the state folder before anything else. */
const LAUNCHER_VARIABLES = ['TRIBUTARY_HOME', 'KAFKA_JARS'];
const REQUIRED = { CONSOLE_API_KEY: 'sixteen-characters', SECRETS_KEYS: 'a2V5' };

/** Variables of `.env.example` with the values it states, commented out or not. */
function exampleVariables(): ReadonlyMap<string, string> {
  const text = readFileSync(join(import.meta.dirname, '../../../.env.example'), 'utf8');
  const pairs = [...text.matchAll(/^(?:# ?)?([A-Z][A-Z0-9_]*)=(.*)$/gm)];
  return new Map(pairs.map(([, name = '', value = '']) => [name, value]));
}

describe('.env.example', () => {
  it('lists exactly the variables of the table and of the launcher', () => {
    expect([...exampleVariables().keys()].toSorted()).toEqual([...NAMES, ...LAUNCHER_VARIABLES].toSorted());
  });

  it('states the defaults', () => {
    const stated = Object.fromEntries([...exampleVariables()].filter(([, value]) => value !== ''));
    expect(readSettings(NAMES, { ...stated, ...REQUIRED })).toEqual(readSettings(NAMES, REQUIRED));
    const withoutDefault = [...exampleVariables()].filter(([, value]) => value === '').map(([name]) => name);
    expect(withoutDefault.toSorted()).toEqual(
      [...Object.keys(REQUIRED), ...LAUNCHER_VARIABLES, 'SANDBOX_STATE'].toSorted(),
    );
  });

  it('leaves every variable commented out: an address that is set replaces an embedded engine', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../.env.example'), 'utf8');
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });
});

describe('readSettings', () => {
  it('takes an empty variable for a missing one', () => {
    expect(readSettings(['INGESTION_PORT'], { INGESTION_PORT: '' }).INGESTION_PORT).toBe(8080);
  });

  it('tells every fault at once, by name and never by value', () => {
    const environment = { INGESTION_PORT: 'eighty', CONSOLE_API_KEY: 'too-short', LOG_LEVEL: 'loud' };
    const reading = () => readSettings(['INGESTION_PORT', 'CONSOLE_API_KEY', 'LOG_LEVEL'], environment);
    expect(reading).toThrowError(/INGESTION_PORT.*CONSOLE_API_KEY.*LOG_LEVEL/s);
    expect(reading).not.toThrowError(/eighty|too-short|loud/);
  });

  it('splits the brokers', () => {
    expect(readSettings(['KAFKA_BROKERS'], { KAFKA_BROKERS: 'one:9092, two:9092' }).KAFKA_BROKERS).toEqual([
      'one:9092',
      'two:9092',
    ]);
  });
});
