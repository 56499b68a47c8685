/** `npm run new:destination` in a copy of this library: what it writes compiles, conforms and passes its own test. */
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = join(import.meta.dirname, '../../..');
const sources = 'libs/destinations/src';
const COPIED = [
  sources,
  'libs/destinations/package.json',
  'scripts/new-destination.ts',
  'package.json',
  'tsconfig.base.json',
  'vitest.config.ts',
];
/** For the compiler on a machine that does much else. */
const TIMEOUT_MS = 120_000;

let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'new-destination-'));
  for (const path of COPIED) {
    cpSync(join(repository, path), join(copy, path), { recursive: true });
  }
  // What the copy imports beside its own sources is the repository's.
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'), 'dir');
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

interface Ended {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs Node in the copy. */
function node(...args: readonly string[]): Promise<Ended> {
  // Vitest's own variables would make a Vitest within it believe to be its worker.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^VITEST|^TEST$|^NODE_OPTIONS$/.test(name)),
  );
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: copy, env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : 1, output: `${stdout}${stderr}` });
    });
  });
}

const scaffold = (...args: readonly string[]) => node('scripts/new-destination.ts', ...args);
const written = (name: string) => join(copy, sources, name);

describe('without a proper key', () => {
  it.each([[[]], [['Acme']], [['acme_ads']], [['../acme']], [['meta']]])(
    '%j writes nothing',
    async (args) => {
      const before = readFileSync(written('index.ts'), 'utf8');
      expect(await scaffold(...args)).toMatchObject({
        exitCode: 1,
        output: expect.stringMatching(/usage|exists/),
      });
      expect(readFileSync(written('index.ts'), 'utf8')).toBe(before);
    },
  );
});

describe('with a key', () => {
  beforeAll(async () => {
    expect(await scaffold('acme-ads')).toMatchObject({ exitCode: 0 });
  });

  it('writes a definition, its test and a line in the registry, once', async () => {
    expect([written('acme-ads.ts'), written('acme-ads.test.ts')].every(existsSync)).toBe(true);
    const registry = readFileSync(written('index.ts'), 'utf8');
    expect(registry).toContain("import { acmeAds } from './acme-ads.ts';");
    expect(registry.match(/\bacmeAds,\n/g)).toHaveLength(1);
    expect(await scaffold('acme-ads')).toMatchObject({ exitCode: 1, output: 'acme-ads.ts exists\n' });
    expect(readFileSync(written('index.ts'), 'utf8')).toBe(registry);
  });

  it('conforms, beside all that were there', async () => {
    const script = `
      import { conformanceFailures, DESTINATIONS, destinationFor } from './${sources}/index.ts';
      console.log(JSON.stringify([DESTINATIONS.length, conformanceFailures(destinationFor('acme-ads'))]));`;
    const { output } = await node('--conditions=source', '--input-type=module', '--eval', script);
    const { DESTINATIONS } = await import('./index.ts');
    expect(JSON.parse(output)).toEqual([DESTINATIONS.length + 1, []]);
  });

  it('passes its own test', async () => {
    const vitest = 'node_modules/vitest/vitest.mjs';
    const { exitCode, output } = await node(
      vitest,
      'run',
      '--project',
      'unit',
      `${sources}/acme-ads.test.ts`,
    );
    expect(output).toMatch(/Tests.* passed/);
    expect(exitCode).toBe(0);
  });

  it(
    'compiles with its test',
    async () => {
      mkdirSync(join(copy, 'types'));
      const config = {
        extends: '../tsconfig.base.json',
        compilerOptions: { composite: false, incremental: false, noEmit: true, customConditions: ['source'] },
        files: [written('acme-ads.ts'), written('acme-ads.test.ts')],
      };
      writeFileSync(join(copy, 'types/tsconfig.json'), JSON.stringify(config));
      expect(await node('node_modules/typescript/bin/tsc', '-p', 'types')).toEqual({
        exitCode: 0,
        output: '',
      });
    },
    TIMEOUT_MS,
  );
});
