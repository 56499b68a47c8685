/** The command's list and pages, and that what it prints for `npm run apply` is a file that console would take. */
import { parseDocument } from '@tributary/configuration';
import { NETWORKS, networkOf } from '@tributary/domain';
import { describe, expect, it } from 'vitest';
import { readConfigurationFile } from './apply-file.ts';
import { networkYaml } from './network-documents.ts';
import { profilesCommandIn } from './profiles-command.ts';

async function printed(...argv: string[]): Promise<string> {
  const lines: string[] = [];
  expect(await profilesCommandIn((line) => lines.push(line)).run(argv)).toBe(0);
  return lines.join('\n');
}

describe('the list', () => {
  it('has a line for every network', async () => {
    const text = await printed();
    const keys = text.split('\n').map((line) => line.split(' ')[0]);
    for (const { key } of NETWORKS) expect(keys).toContain(key);
    expect(text.split('\n').length).toBe(NETWORKS.length + 3);
    expect(text).toMatch(/^tune +TUNE \(HasOffers\) +affiliate platform +in +out +confirmed$/m);
    expect(text).toMatch(/^\d+ profiles, \d+ outbound templates$/m);
  });

  it('is JSON when asked', async () => {
    const rows: unknown = JSON.parse(await printed('--json'));
    expect(rows).toHaveLength(NETWORKS.length);
    expect(rows).toContainEqual({
      key: 'evadav',
      name: 'Evadav',
      kind: 'traffic_source',
      inbound: false,
      outbound: true,
      confirmed: false,
      source: 'community template list, unconfirmed',
    });
  });
});

describe('the page of one', () => {
  it('says what to paste where, with an example and the source', async () => {
    const text = await printed('cake', '--host', 'track.example', '--source', 'cake-main');
    expect(text).toContain('https://support.getcake.com/');
    expect(text).toContain('Put at the end of its offer link: s2={click_id}');
    expect(text).toContain('https://track.example/postback/cake-main?token=TOKEN&click_id=#s2#&');
    expect(text).toContain('"revenueMicros": "1500000"');
    expect(text).toContain('  cake-main:\n');
    expect(text).toContain('r={partner_click_id}');
  });

  it('tells what is not confirmed', async () => {
    expect(await printed('ogads')).toContain('not confirmed');
    expect(await printed('tune')).not.toContain('(not confirmed');
  });

  it('is JSON when asked, with the calls as they arrive', async () => {
    const page = JSON.parse(await printed('gumroad', '--json')) as { inbound: { calls: unknown[] } };
    expect(page.inbound.calls[0]).toMatchObject({
      url: 'https://HOST/postback/gumroad?token=TOKEN',
      examples: [{ call: { method: 'POST', contentType: 'application/x-www-form-urlencoded' } }, {}, {}],
    });
  });

  it.each(NETWORKS.map(({ key }) => [key]))('of %s is printed', async (key) => {
    expect(await printed(key)).toContain(networkOf(key)?.source);
  });

  it('refuses a key that there is not', async () => {
    await expect(printed('nowhere')).rejects.toThrow('there is no network "nowhere"');
    await expect(printed('tune', 'cake')).rejects.toThrow('npm run profiles');
  });
});

describe.each(NETWORKS.map((network) => [network.key, network] as const))(
  'the YAML of %s',
  (key, network) => {
    const { entities } = readConfigurationFile(networkYaml(network), (name) => `${name}-value`);

    it('is a configuration file whose documents are accepted', () => {
      const collections = entities.map(({ collection }) => collection);
      expect(collections).toEqual([
        ...(network.inbound ? ['sources'] : []),
        ...(network.outbound ? ['destinations'] : []),
      ]);
      for (const { collection, id, document } of entities) {
        const parsed = parseDocument(collection === 'sources' ? 'source' : 'destination', {
          ...document,
          id,
        });
        expect(parsed.ok ? [] : parsed.problems).toEqual([]);
      }
    });

    it('holds the profile of the catalogue itself, and secrets only as variables', () => {
      const source = entities.find(({ collection }) => collection === 'sources');
      expect(source?.document['profile']).toEqual(network.inbound?.profile);
      expect(source?.tokens ?? []).toHaveLength(network.inbound ? 1 : 0);
      const names = Object.keys(network.outbound?.secrets ?? {}).map((name) => `secrets.${name}`);
      const destination = entities.find(({ collection }) => collection === 'destinations');
      expect(Object.keys(destination?.secrets ?? {})).toEqual(names);
      expect(key).not.toContain('_');
    });
  },
);
