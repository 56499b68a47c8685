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
  const names = new Set(parameterNames(urlTemplate));
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
  const parameters = parameterNames(urlTemplate);
  return {
    preset: { name, urlTemplate, isConfirmed: confirmed, fillIn },
    address: addressPattern(address, fillIn),
    neededParameters: isAnyHost
      ? parameters.filter((name) => !isFilledInOnly(urlTemplate, name, fillIn))
      : [],
    parameters,
  };
}

/** A parameter that holds nothing but a word to fill in may be left out: a global postback names no offer. */
function isFilledInOnly(urlTemplate: string, name: string, fillIn: readonly string[]): boolean {
  const [, query = ''] = urlTemplate.split('?', 2);
  const pair = query.split('&').find((each) => each.split('=', 1)[0] === name) ?? '';
  return fillIn.includes(pair.slice(name.length + 1));
}

/** The words to fill in may have become anything, and http may have become https. */
function addressPattern(address: string, fillIn: readonly string[]): RegExp {
  const [, rest = ''] = address.split('://');
  const pieces = rest
    .split(/([A-Z_]+)/)
    .map((piece) => (fillIn.includes(piece) ? '[^/?#]+' : piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^https?://${pieces.join('')}(?:[?#]|$)`, 'i');
}

function parameterNames(urlTemplate: string): readonly string[] {
  const [, query = ''] = urlTemplate.split('?', 2);
  const names = query.split('&').map((pair) => pair.split('=', 1)[0] ?? '');
  return names.filter((name) => name !== '');
}
