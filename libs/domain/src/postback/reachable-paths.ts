/** Which paths of a profile can lead to something in a call, found out once for each set of names that a source sends. */
import type { CompiledProfile } from './compile-profile.ts';
import type { CompiledPath, Parameters, Segment } from './parameters.ts';

/** The profile's paths without those that lead nowhere; their order is kept, since the first with a value counts. */
export interface ReachablePaths {
  readonly paths: CompiledProfile['paths'];
  readonly extras: readonly CompiledPath[];
  readonly subIds: readonly CompiledPath[];
}

/** The calls of a source that begin with the same names. */
interface Beginning {
  readonly next: Map<string, Beginning>;
  reachable: ReachablePaths | null;
}

/** A source uses a few sets of names, in the same order, for all its calls; hostile ones could make any number of them. */
const MAX_BEGINNINGS = 5_000;

interface Beginnings {
  readonly none: Beginning;
  count: number;
}

const beginningsOf = new WeakMap<CompiledProfile, Beginnings>();

/** Most of a profile's paths lead nowhere in a given call: looking for all of them took a third of reading a postback. */
export function reachablePaths(compiled: CompiledProfile, parameters: Parameters): ReachablePaths {
  let beginnings = beginningsOf.get(compiled);
  if (beginnings === undefined) {
    beginnings = { none: newBeginning(), count: 0 };
    beginningsOf.set(compiled, beginnings);
  }
  let beginning = beginnings.none;
  for (const name of parameters.keys()) {
    const next = beginning.next.get(name) ?? learnt(beginnings, beginning, name);
    if (next === null) return reachableFrom(compiled, parameters);
    beginning = next;
  }
  beginning.reachable ??= reachableFrom(compiled, parameters);
  return beginning.reachable;
}

function learnt(beginnings: Beginnings, beginning: Beginning, name: string): Beginning | null {
  if (beginnings.count >= MAX_BEGINNINGS) return null;
  beginnings.count += 1;
  const next = newBeginning();
  beginning.next.set(name, next);
  return next;
}

function newBeginning(): Beginning {
  return { next: new Map(), reachable: null };
}

const SUB_ID = /^sub(?:[1-9]|1\d|20)$/;

function reachableFrom({ paths, extras }: CompiledProfile, parameters: Parameters): ReachablePaths {
  const names = [...parameters.keys()];
  const isForm = names.some((name) => name.includes('['));
  const mayLead = ({ name, segments }: CompiledPath) =>
    parameters.has(name) || (segments !== null && (isForm || leadsInto(segments[0], parameters)));
  const fields = Object.entries(paths).map(([field, each]) => [field, each.filter(mayLead)] as const);
  return {
    paths: Object.fromEntries(fields) as unknown as CompiledProfile['paths'],
    extras: extras.filter(mayLead),
    subIds: names.filter((name) => SUB_ID.test(name)).map((name) => ({ name, segments: null })),
  };
}

function leadsInto(first: Segment, parameters: Parameters): boolean {
  return first.kind !== 'where' && parameters.has(first.name);
}
