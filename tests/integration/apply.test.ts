/** Configuration as code and the rotation of keys, from the command to a console over real HTTP and back. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyCommandIn } from '../../apps/cli/src/apply-command.ts';
import { rotateSecretsCommandIn } from '../../apps/cli/src/rotate-secrets-command.ts';
import { API_KEY, ConsoleInMemory } from '../../apps/console/src/console-in-memory.fixture.ts';

const EXAMPLE = join(import.meta.dirname, '../../docs/configuration.yaml');
const VARIABLES: Readonly<Record<string, string>> = {
  ACME_TOKEN: 'canary-token-of-acme-4711',
  META_TOKEN: 'canary-EAAB-access-token',
  NETWORK_TOKEN: 'canary-secret-of-the-network',
  NETWORK_API_KEY: 'canary-n3Xw-9aQ_5rTz+81kLpV.cB7',
};
const [OLD = '', NEW = ''] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));

let running: ConsoleInMemory;
let printed: string[];
let variables: Record<string, string>;
let answer: boolean | null;
let folder: string;

beforeEach(async () => {
  running = await new ConsoleInMemory(OLD).start();
  printed = [];
  variables = { ...VARIABLES };
  answer = null;
  folder = await mkdtemp(join(tmpdir(), 'tributary-apply-'));
});

afterEach(async () => {
  await running.stop();
  await rm(folder, { recursive: true });
});

const access = () => ({ url: running.base, apiKey: API_KEY });
const print = (line: string) => void printed.push(line);

/** Runs the command with nobody's environment but the test's, and answers its exit code. */
function apply(...argv: string[]): Promise<number> {
  printed = [];
  const command = applyCommandIn({
    access,
    print,
    environment: (name) => variables[name],
    confirm: () => (answer === null ? null : Promise.resolve(answer)),
  });
  return command.run(argv);
}

async function file(text: string): Promise<string> {
  const path = join(folder, 'configuration.yaml');
  await writeFile(path, text);
  return path;
}

describe('the example', () => {
  it('is planned, applied, and applied again without a change', async () => {
    expect(await apply(EXAMPLE, '--plan')).toBe(2);
    expect(printed).toContain('create subscriptions/network-sales');
    expect(printed).toContain('    destinationId: "network-postback"');
    expect(printed.at(-1)).toBe('11 to create, 0 to change, 0 to remove, 0 unchanged');
    expect(running.log.written).toEqual([]);

    expect(await apply(EXAMPLE, '--yes')).toBe(0);
    expect(printed.at(-1)).toBe('11 changes applied');
    expect(await running.get('campaigns', VARIABLES['NETWORK_API_KEY'])).toMatchObject({
      status: 200,
      body: { items: [{ id: 'summer' }] },
    });

    expect(await apply(EXAMPLE, '--yes')).toBe(0);
    expect(printed).toEqual(['0 to create, 0 to change, 0 to remove, 11 unchanged']);
    expect(running.log.written).toHaveLength(11);
  });

  it('shows no secret, token or key anywhere', async () => {
    await apply(EXAMPLE, '--yes');
    const all = [...printed];
    variables = Object.fromEntries(Object.entries(VARIABLES).map(([name, value]) => [name, `${value}-2`]));
    expect(await apply(EXAMPLE, '--plan')).toBe(2);
    all.push(...printed);

    expect(printed).toEqual([
      'change sources/shop',
      '    tokenHashes: (not shown)',
      'change destinations/network-postback',
      '    secrets.secrets.token: (not shown)',
      'change destinations/acme-meta',
      '    secrets.accessToken: (not shown)',
      'change api-keys/network',
      '    key: (not shown)',
      '0 to create, 4 to change, 0 to remove, 7 unchanged',
    ]);
    const records = running.log.written.map((change) => [JSON.stringify(change), change.document].join());
    for (const place of [all, running.lines, records]) expect(place.join('\n')).not.toMatch(/canary/);
  });
});

describe('a change', () => {
  const advertisers = (name: string) => `advertisers: { acme: { name: ${name}, currency: EUR } }`;

  it('is shown field by field, and written only after a yes', async () => {
    await running.putAcme();
    const path = await file(advertisers('Renamed'));

    expect(await apply(path)).toBe(2);
    expect(printed).toEqual([
      'change advertisers/acme',
      '    name: "Acme" -> "Renamed"',
      '0 to create, 1 to change, 0 to remove, 0 unchanged',
      'nothing was applied',
    ]);
    answer = false;
    expect(await apply(path)).toBe(2);
    expect(running.log.written).toHaveLength(1);
    answer = true;
    expect(await apply(path)).toBe(0);
    expect(await running.get('advertisers/acme')).toMatchObject({ body: { document: { name: 'Renamed' } } });
  });

  it('by somebody else between plan and apply stands, and is told', async () => {
    await running.putAcme();
    const path = await file(advertisers('Mine'));
    const command = applyCommandIn({
      access,
      print,
      environment: () => undefined,
      confirm: async () => {
        await running.putWell('advertisers/acme', { document: { name: 'Theirs', currency: 'EUR' } });
        return true;
      },
    });

    await expect(command.run([path])).rejects.toThrow('advertisers/acme: somebody else has changed it');
    expect(await running.get('advertisers/acme')).toMatchObject({ body: { document: { name: 'Theirs' } } });
  });
});

describe('what the file does not name', () => {
  it('is left alone, or removed with --prune in the collections that it has', async () => {
    await apply(EXAMPLE, '--yes');
    const path = await file('campaigns: {}\nsubscriptions:\n  meta-sales: { destinationId: acme-meta }');

    expect(await apply(path, '--plan')).toBe(2);
    expect(printed).toContain('not in the file, left alone: campaigns/summer, subscriptions/network-sales');
    expect(await apply(path, '--prune', '--yes')).toBe(0);
    expect(printed).toEqual(
      expect.arrayContaining(['remove subscriptions/network-sales', 'remove campaigns/summer']),
    );
    expect(await running.get('campaigns')).toMatchObject({ body: { items: [] } });
    expect(await running.get('offers/shoes')).toMatchObject({ status: 200 });
    expect(await running.get('api-keys/network')).toMatchObject({ status: 200 });
  });

  it('but still refers to is not removed, and nothing else happens', async () => {
    await apply(EXAMPLE, '--yes');
    const { length } = running.log.written;

    await expect(apply(await file('advertisers: {}'), '--prune', '--yes')).rejects.toThrow(
      /still_referenced.*offer:shoes/s,
    );
    expect(running.log.written).toHaveLength(length);
  });
});

describe('fails with the place of the fault', () => {
  it.each<[string, string]>([
    ['partners: { p: { name: 7 } }', 'partners/p.document.name'],
    ['sources: { s: { name: S, advertiserId: ghost } }', 'sources/s.document.advertiserId'],
    ['api-keys: { k: { name: K, role: admin } }', 'api-keys/k: a new API key needs a key'],
    [
      'destinations: { d: { name: D, definition: meta, status: active, settings: { pixelId: "1" } } }',
      'secrets.accessToken',
    ],
  ])('%s', async (text, message) => {
    await expect(apply(await file(text), '--yes')).rejects.toThrow(message);
    expect(running.log.written).toEqual([]);
  });

  it('without a file, with a wrong key, without a console', async () => {
    await expect(apply()).rejects.toThrow('npm run apply');
    await expect(apply(join(folder, 'nowhere.yaml'))).rejects.toThrow('cannot be read');
    const path = await file('partners: {}');
    const wrong = (url: string) =>
      applyCommandIn({
        access: () => ({ url, apiKey: 'canary-of-a-wrong-key' }),
        print,
        environment: () => undefined,
        confirm: () => null,
      }).run([path]);
    await expect(wrong(running.base)).rejects.toThrow('unauthorized');
    await expect(wrong('http://127.0.0.1:1')).rejects.toThrow('console does not answer at 127.0.0.1:1');
  });
});

describe('rotation', () => {
  const rotate = (console: ConsoleInMemory, ...argv: string[]) => {
    printed = [];
    return rotateSecretsCommandIn({ access: () => ({ url: console.base, apiKey: API_KEY }), print }).run(
      argv,
    );
  };

  it('moves every secret, may be run again, and then the old key can be dropped', async () => {
    await apply(EXAMPLE, '--yes');
    const during = await new ConsoleInMemory(`${NEW},${OLD}`, running.log).start();

    expect(await rotate(during, '--check')).toBe(2);
    expect(printed.filter((line) => line.startsWith('key'))).toEqual([
      expect.stringMatching(/^key [0-9a-f]{8}: the first, encrypts 0 secrets$/),
      expect.stringMatching(/^key [0-9a-f]{8}: encrypts 3 secrets$/),
    ]);
    // One is moved by hand: the command goes on from wherever an earlier run has ended.
    await during.post('destinations/acme-meta/reseal', {});
    expect(await rotate(during)).toBe(0);
    expect(printed.filter((line) => line.startsWith('moved'))).toEqual([
      'moved destinations/network-postback',
      'moved api-keys/network',
    ]);
    expect(printed.at(-1)).toMatch(/no secret of the configuration uses it any more$/);
    const { length } = running.log.written;
    expect(await rotate(during)).toBe(0);
    expect(running.log.written).toHaveLength(length);

    const after = await new ConsoleInMemory(NEW, running.log).start();
    running = Object.assign(running, { base: after.base });
    expect(await apply(EXAMPLE, '--yes')).toBe(0);
    expect(printed).toEqual(['0 to create, 0 to change, 0 to remove, 11 unchanged']);
    expect(await after.get('campaigns', VARIABLES['NETWORK_API_KEY'])).toMatchObject({ status: 200 });
    await Promise.all([during.stop(), after.stop()]);
  });

  it('tells what a scheduled change keeps under the old key, and what no key opens', async () => {
    await apply(EXAMPLE, '--yes');
    const { document } = (await running.get('destinations/acme-meta')).body as { document: object };
    const effectiveFrom = '2030-02-01T00:00:00Z';
    await running.putWell('destinations/acme-meta', {
      document: { ...document, name: 'Later' },
      effectiveFrom,
    });
    const during = await new ConsoleInMemory(`${NEW},${OLD}`, running.log).start();
    expect(await rotate(during)).toBe(2);
    expect(printed).toContain(
      '    destinations/acme-meta, in force until 2030-02-01T00:00:00.000Z: run this again then',
    );
    during.now = Date.parse(effectiveFrom);
    expect(await rotate(during)).toBe(0);

    const third = Buffer.alloc(32, 3).toString('base64');
    const without = await new ConsoleInMemory(third, running.log).start();
    expect(await rotate(without)).toBe(1);
    expect(printed).toEqual(
      expect.arrayContaining([
        expect.stringContaining('FAILED destinations/acme-meta: document_invalid'),
        expect.stringContaining('encrypts 3 secrets, and is not in SECRETS_KEYS'),
      ]),
    );
    await Promise.all([during.stop(), without.stop()]);
  });
});
