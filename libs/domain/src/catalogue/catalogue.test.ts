/** The catalogue as a whole: enough of it, no two rows alike, and every row complete; the rows' own tests stand where the calls are read and sent. */
import { describe, expect, it } from 'vitest';
import { POSTBACK_PARAMETERS } from '../postback/postback-fields.ts';
import { compileTemplate, PARTNER_POSTBACK_CATALOGUE } from '../template.ts';
import {
  arrivingCall,
  COMMUNITY,
  type InboundCall,
  NETWORK_KINDS,
  NETWORKS,
  type Network,
  networkOf,
  postbackUrl,
} from './index.ts';

const inbound = NETWORKS.filter((network) => network.inbound !== undefined);
const outbound = NETWORKS.filter((network) => network.outbound !== undefined);

const callsOf = (network: Network): readonly InboundCall[] => network.inbound?.calls ?? [];

/** How a network calls us; its key where it does not. */
function inboundDialectOf({ key, inbound: takes }: Network): string {
  if (takes === undefined) return key;
  const calls = takes.calls.map(({ method, parameters }) => ({ method, parameters }));
  return JSON.stringify({ calls, profile: takes.profile });
}

/** How a network wants to be called; its key where it does not. */
function outboundDialectOf({ key, outbound: sends }: Network): string {
  return sends === undefined ? key : JSON.stringify({ url: sends.urlTemplate, headers: sends.headers });
}

describe('the catalogue', () => {
  it('has at least 40 profiles and 40 templates', () => {
    expect(inbound.length).toBeGreaterThanOrEqual(40);
    expect(outbound.length).toBeGreaterThanOrEqual(40);
  });

  it('has something of every kind', () => {
    expect(new Set(NETWORKS.map(({ kind }) => kind))).toEqual(new Set(NETWORK_KINDS));
  });

  it.each([
    ['keys', ({ key }: Network) => key],
    ['names', ({ name }: Network) => name],
    ['profiles', inboundDialectOf],
    ['templates', outboundDialectOf],
  ])('has no two %s alike', (_what, of) => {
    const values = NETWORKS.map(of);
    expect(values.filter((value, index) => values.indexOf(value) !== index)).toEqual([]);
  });

  it('is found by key', () => {
    expect(networkOf('tune')?.name).toBe('TUNE (HasOffers)');
    expect(networkOf('constructor')).toBeUndefined();
  });
});

describe.each(NETWORKS.map((network) => [network.key, network] as const))('%s', (key, network) => {
  it('is named, sourced and useful', () => {
    expect(key).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
    expect(network.inbound ?? network.outbound).toBeDefined();
    expect(network.source).not.toBe('');
    if (network.confirmed) expect(network.source).toMatch(/^https?:\/\//);
    if (network.source === COMMUNITY) expect(network.confirmed).toBe(false);
  });

  it('fills every macro of its calls, and no other', () => {
    for (const call of callsOf(network)) {
      for (const example of call.examples) {
        for (const macro of Object.keys(example.macros ?? {})) expect(call.parameters).toContain(macro);
        expect(arrivingCall(call, example).query).not.toMatch(/[{}[\]#<>!$]/);
      }
    }
  });

  it('puts values under names of ours', () => {
    const known: readonly string[] = Object.values(POSTBACK_PARAMETERS).flat();
    const profile = JSON.stringify(network.inbound?.profile ?? {});
    for (const { parameters } of callsOf(network)) {
      for (const pair of parameters === '' ? [] : parameters.split('&')) {
        const name = pair.slice(0, pair.indexOf('='));
        expect(known.includes(name) || /^sub\d+$/.test(name) || profile.includes(`"${name}"`), name).toBe(
          true,
        );
      }
    }
  });

  it('has a template that compiles, and tells every word in capitals', () => {
    const { urlTemplate, fillIn = {}, secrets = {}, headers = {} } = network.outbound ?? { urlTemplate: '' };
    if (urlTemplate === '') return;
    const compilation = compileTemplate(urlTemplate, PARTNER_POSTBACK_CATALOGUE);
    expect(compilation.ok ? [] : compilation.problems).toEqual([]);
    const words =
      urlTemplate.replace(/\{[^}]*\}/g, '').match(/(?<![A-Za-z])[A-Z][A-Z_]{2,}(?![A-Za-z_=])/g) ?? [];
    expect(new Set(words.filter((word) => word !== 'METHOD' && word !== 'S2S'))).toEqual(
      new Set(Object.keys(fillIn)),
    );
    const used = [urlTemplate, ...Object.values(headers)].flatMap((text) =>
      [...text.matchAll(/\{secret:([\w.-]+)\}/g)].map(([, name]) => name),
    );
    expect(new Set(used)).toEqual(new Set(Object.keys(secrets)));
  });
});

describe('postbackUrl', () => {
  it('is ready to paste, whole or with what is still to be filled in', () => {
    const call: InboundCall = {
      reports: 'a conversion',
      method: 'GET',
      parameters: 'click_id={x}',
      examples: [{ title: '', expected: { ignored: 'not_qualified' } }],
    };
    expect(postbackUrl(call)).toBe('https://HOST/postback/SOURCE?token=TOKEN&click_id={x}');
    const endpoint = { host: 't.example', source: 'net', token: 'TOKEN' };
    expect(postbackUrl({ ...call, parameters: '' }, endpoint)).toBe(
      'https://t.example/postback/net?token=TOKEN',
    );
  });
});
