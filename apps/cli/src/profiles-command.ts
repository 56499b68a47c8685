/** `npm run profiles`: the catalogue of networks, and what to paste where for one of them. */
import { parseArgs } from 'node:util';
import {
  arrivingCall,
  type InboundCall,
  NETWORKS,
  type Network,
  networkOf,
  postbackUrl,
  UNFILLED_ENDPOINT,
} from '@tributary/domain';
import type { Command } from './command.ts';
import { networkDocuments, networkYaml, variableOf } from './network-documents.ts';

const USAGE = `npm run profiles -- [KEY] [--host HOST] [--source ID] [--json]
  Without a key, lists every network, tracker, traffic source and platform of the catalogue.
  With one, prints what to paste into its panel, its example calls, and the YAML for npm run apply.
  --host    the host name of ingestion, as the network reaches it
  --source  the id that the source is to have; the key without it
  --json    the same as JSON
  Words in capitals are still to be filled in. Reads nothing and writes nothing.`;

interface Choice {
  readonly host: string;
  readonly source: string;
}

export function profilesCommandIn(print: (line: string) => void): Command {
  return {
    usage: USAGE,
    run: async (argv) => {
      const { values, positionals } = parseArgs({
        args: [...argv],
        allowPositionals: true,
        options: { host: { type: 'string' }, source: { type: 'string' }, json: { type: 'boolean' } },
      });
      const [key, ...more] = positionals;
      if (more.length > 0) throw new Error(USAGE);
      if (key === undefined) {
        print(values.json ? jsonText(NETWORKS.map(summaryOf)) : listText());
        return 0;
      }
      const network = networkOf(key);
      if (network === undefined)
        throw new Error(`there is no network ${JSON.stringify(key)}: npm run profiles lists them`);
      const choice = { host: values.host ?? UNFILLED_ENDPOINT.host, source: values.source ?? key };
      print(values.json ? jsonText(detailsOf(network, choice)) : pageText(network, choice));
      return 0;
    },
  };
}

export const profilesCommand: Command = profilesCommandIn((line) => console.log(line));

function summaryOf({ key, name, kind, inbound, outbound, confirmed, source }: Network) {
  return {
    key,
    name,
    kind,
    inbound: inbound !== undefined,
    outbound: outbound !== undefined,
    confirmed,
    source,
  };
}

function listText(): string {
  const rows = NETWORKS.map(summaryOf).map(({ key, name, kind, inbound, outbound, confirmed }) => [
    key,
    name,
    kind.replaceAll('_', ' '),
    inbound ? 'in' : '',
    outbound ? 'out' : '',
    confirmed ? 'confirmed' : '',
  ]);
  const all = [['key', 'name', 'kind', 'in', 'out', 'confirmed'], ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const count = (test: (network: Network) => boolean) => NETWORKS.filter(test).length;
  const profiles = count(({ inbound }) => inbound !== undefined);
  const templates = count(({ outbound }) => outbound !== undefined);
  return [...lines, '', `${profiles} profiles, ${templates} outbound templates`].join('\n');
}

function detailsOf(network: Network, { host, source }: Choice) {
  const calls = network.inbound?.calls.map((call) => ({
    reports: call.reports,
    method: call.method,
    url: urlOf(call, { host, source }),
    examples: call.examples.map((example) => ({
      title: example.title,
      call: arrivingCall(call, example),
      expected: example.expected,
    })),
  }));
  return {
    ...network,
    ...(network.inbound !== undefined && { inbound: { ...network.inbound, calls } }),
    documents: networkDocuments(network, source),
  };
}

function urlOf(call: InboundCall, { host, source }: Choice): string {
  return postbackUrl(call, { host, source, token: UNFILLED_ENDPOINT.token });
}

function pageText(network: Network, choice: Choice): string {
  const { key, name, kind, source, confirmed, notes = [] } = network;
  return [
    `${name} (${key}), ${kind.replaceAll('_', ' ')}`,
    `source: ${source}${confirmed ? '' : ' (not confirmed: try it before money depends on it)'}`,
    ...notes.map((note) => `note: ${note}`),
    ...inboundLines(network, choice),
    ...outboundLines(network),
    '',
    'In a file for npm run apply:',
    '',
    networkYaml(network, choice.source).trimEnd(),
  ].join('\n');
}

function inboundLines({ key, inbound }: Network, choice: Choice): string[] {
  if (inbound === undefined) return [];
  const { clickIdParameter, calls } = inbound;
  const link =
    clickIdParameter === null
      ? 'It carries no parameter of the link: see the notes for where our click id goes.'
      : `Put at the end of its offer link: ${clickIdParameter}{click_id}`;
  return [
    '',
    link,
    `TOKEN is what ${variableOf(key, 'token')} holds.`,
    ...calls.flatMap((call) => [
      '',
      `For ${call.reports}, paste into its panel (${call.method}):`,
      `  ${urlOf(call, choice)}`,
      ...call.examples.flatMap((example) => exampleLines(call, example)),
    ]),
  ];
}

function exampleLines(call: InboundCall, example: InboundCall['examples'][number]): string[] {
  const { query, body } = arrivingCall(call, example);
  return [
    `  example, ${example.title}:`,
    ...(query === '' ? [] : [`    ${query}`]),
    ...(body === null ? [] : [`    ${body.replace(/\s*\n\s*/g, ' ')}`]),
    `    → ${jsonText(example.expected).replace(/\s*\n\s*/g, ' ')}`,
  ];
}

function outboundLines({ outbound }: Network): string[] {
  if (outbound === undefined) return [];
  const {
    urlTemplate,
    method = 'GET',
    fillIn = {},
    secrets = {},
    expectedBody,
    clickUrlParameter,
  } = outbound;
  return [
    '',
    `To report conversions to it, ${method}:`,
    `  ${urlTemplate}`,
    ...Object.entries(fillIn).map(([word, what]) => `  ${word}: ${what}`),
    ...Object.entries(secrets).map(([secret, what]) => `  {secret:${secret}}: ${what}`),
    ...(expectedBody === undefined ? [] : [`  its answer must hold ${expectedBody}`]),
    clickUrlParameter === null
      ? 'It puts a parameter of its own on our click URL: see the notes.'
      : `On our click URL it puts: ${clickUrlParameter}`,
  ];
}

/** Micro-units are text in JSON: a number would lose them. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? String(item) : item), 2);
}
