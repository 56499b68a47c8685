/** The network of the catalogue that a template was made for, recognised by its address: no document names it. */
import type { TemplatePreset } from '../template-lint.ts';
import { NETWORKS } from './index.ts';
import type { Network } from './network.ts';

/** A preset, and what a template must look like to have been made from it. */
interface Candidate {
  readonly preset: TemplatePreset;
  readonly address: RegExp;
  /** Where any host may be the network's, the address says little and these must all be there. */
  readonly neededParameters: readonly string[];
  readonly parameters: readonly string[];
}

let candidates: readonly Candidate[] | undefined;

/** The preset that a template follows; of several the one with the most parameters in common, null for none. */
export function presetOf(urlTemplate: string): TemplatePreset | null {
  candidates ??= NETWORKS.flatMap((network: Network) => candidateOf(network) ?? []);
  const names = new Set(parametersOf(urlTemplate).keys());
  const [best] = candidates
    .filter(({ address }) => address.test(urlTemplate))
    .filter(({ neededParameters }) => neededParameters.every((name) => names.has(name)))
    .map(({ preset, parameters }) => ({
      preset,
      shared: parameters.filter((name) => names.has(name)).length,
    }))
    .toSorted((a, b) => b.shared - a.shared);
  return best?.preset ?? null;
}

function candidateOf({ name, confirmed, outbound }: Network): Candidate | null {
  if (outbound === undefined) return null;
  const { urlTemplate } = outbound;
  const fillIn = Object.keys(outbound.fillIn ?? {});
  const [address = ''] = urlTemplate.split('?', 1);
  const [, host = ''] = address.split('//');
  const isAnyHost = fillIn.includes(host.split('/', 1)[0] ?? '');
  const parameters = parametersOf(urlTemplate);
  const names = [...parameters.keys()];
  return {
    preset: { name, urlTemplate, isConfirmed: confirmed, fillIn },
    address: addressPattern(address, fillIn),
    // What holds nothing but a word to fill in may be left out: a global postback names no offer.
    neededParameters: isAnyHost ? names.filter((name) => !fillIn.includes(parameters.get(name) ?? '')) : [],
    parameters: names,
  };
}

/** The words to fill in and secrets may have become anything, and http may have become https. */
function addressPattern(address: string, fillIn: readonly string[]): RegExp {
  const [, rest = ''] = address.split('://');
  const isOpen = (piece: string) => fillIn.includes(piece) || piece.startsWith('{secret:');
  const pieces = rest
    .split(/([A-Z_]+|\{secret:[\w-]+\})/)
    .map((piece) => (isOpen(piece) ? '[^/?#]+' : piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^https?://${pieces.join('')}(?:[?#]|$)`, 'i');
}

/** The parameters of the query with their values as written; of a name that stands twice the first. */
function parametersOf(urlTemplate: string): ReadonlyMap<string, string> {
  const [, query = ''] = urlTemplate.split('?', 2);
  const pairs = query.split('&').map((pair): [string, string] => {
    const [name = ''] = pair.split('=', 1);
    return [name, pair.slice(name.length + 1)];
  });
  return new Map(pairs.filter(([name]) => name !== '').toReversed());
}
