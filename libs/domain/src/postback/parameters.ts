/** The parameters of a call as one tree, whether they came as a form, a query or JSON, and the paths that lead into it. */
import { parseExactJson } from './exact-json.ts';
import { type Refusal, Refused } from './refusals.ts';
import type { ParameterPath } from './source-profile.ts';

/** Text, a list, or members by name. Numbers and booleans are text; null is no value. */
export type ParameterValue = string | readonly ParameterValue[] | Parameters;
/** A map and no object: `__proto__` and `constructor` are names like any other. */
export type Parameters = ReadonlyMap<string, ParameterValue>;

/** Objects and lists within each other; platforms' webhooks need five or six. */
export const MAX_PARAMETER_DEPTH = 16;
/** Values of one postback; the longest webhook known to us has about two hundred. */
export const MAX_PARAMETERS = 500;
export const MAX_ROWS = 10_000;

export type ReadParameters =
  | { readonly ok: true; readonly parameters: Parameters }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * The tree of a JSON document in which numbers are text already; `body_malformed` where it is no object.
 * @param maxValues more are refused `parameters_too_many`.
 */
export function parametersOfJson(document: unknown, maxValues = MAX_PARAMETERS): ReadParameters {
  try {
    const tree = treeOf(document, { depth: 0, left: maxValues });
    if (isMembers(tree)) return { ok: true, parameters: tree };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    throw error;
  }
  return { ok: false, refusal: { reason: 'body_malformed', field: null, expected: 'a JSON object' } };
}

interface Bounds {
  depth: number;
  left: number;
}

function treeOf(value: unknown, bounds: Bounds): ParameterValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'object') {
    bounds.left--;
    if (bounds.left < 0) throw tooMany();
    return String(value);
  }
  bounds.depth++;
  if (bounds.depth > MAX_PARAMETER_DEPTH) throw tooDeep();
  const tree = Array.isArray(value)
    ? // A null keeps its place, so that the index of an element is what the sender counts.
      value.map((element) => treeOf(element, bounds) ?? '')
    : membersOf(value, bounds);
  bounds.depth--;
  return tree;
}

function membersOf(value: object, bounds: Bounds): Parameters {
  const members = new Map<string, ParameterValue>();
  for (const [name, member] of Object.entries(value)) {
    const tree = treeOf(member, bounds);
    if (tree !== undefined) members.set(name, tree);
  }
  return members;
}

function tooMany(): Refused {
  return new Refused('parameters_too_many', null, `at most ${MAX_PARAMETERS} parameters`);
}

function tooDeep(): Refused {
  return new Refused('nesting_too_deep', null, `at most ${MAX_PARAMETER_DEPTH} levels`);
}

/** One text of the tree, with the path that leads to it. */
export interface Leaf {
  readonly path: string;
  readonly value: string;
}

/** Every text of the tree under its path: `customer.email`, `items[0].price`. */
export function leavesOf(parameters: Parameters): Leaf[] {
  const leaves: Leaf[] = [];
  for (const [name, value] of parameters) collectLeaves(name, value, leaves);
  return leaves;
}

function collectLeaves(path: string, value: ParameterValue, leaves: Leaf[]): void {
  if (typeof value === 'string') leaves.push({ path, value });
  else if (isMembers(value))
    for (const [name, member] of value) collectLeaves(`${path}.${name}`, member, leaves);
  else for (const [index, element] of value.entries()) collectLeaves(`${path}[${index}]`, element, leaves);
}

export function isMembers(value: ParameterValue | undefined): value is Parameters {
  return value instanceof Map;
}

/** One step of a path; `index` and `where` choose an element of a list. */
export type Segment =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'index'; readonly name: string; readonly index: number }
  | { readonly kind: 'where'; readonly member: string; readonly value: string };

export interface CompiledPath {
  /** As written: it is also the literal name that goes first. */
  readonly name: string;
  /** Null where the name can be nothing but a literal one. */
  readonly segments: readonly [Segment, ...Segment[]] | null;
}

/**
 * Reads `order.total`, `data[click_id]`, `items[0].price`, `params[name=click_id].value`. A text with an empty segment, an
 * open bracket, or more segments than a tree can have levels is a literal name and nothing else.
 */
export function compilePath(path: ParameterPath): CompiledPath {
  const segments = segmentsOf(path);
  const [first, ...others] = segments ?? [];
  const leadsInward = first !== undefined && others.length > 0 && others.length < MAX_PARAMETER_DEPTH;
  return { name: path, segments: leadsInward ? [first, ...others] : null };
}

function segmentsOf(path: string): Segment[] | null {
  const segments: Segment[] = [];
  let at = 0;
  while (at < path.length) {
    const isBracketed = path[at] === '[';
    const start = isBracketed || (at > 0 && path[at] === '.') ? at + 1 : at;
    // After a bracket a name needs its point: `a[b]c` is no path.
    if (at > 0 && start === at) return null;
    const end = isBracketed ? path.indexOf(']', start) : endOfName(path, start);
    if (end <= start) return null;
    const text = path.slice(start, end);
    segments.push(isBracketed ? bracketed(text) : { kind: 'member', name: text });
    at = isBracketed ? end + 1 : end;
  }
  return segments;
}

function endOfName(path: string, start: number): number {
  for (let at = start; at < path.length; at++) if (path[at] === '.' || path[at] === '[') return at;
  return path.length;
}

const LIST_INDEX = /^(?:0|[1-9]\d{0,4})$/;

function bracketed(text: string): Segment {
  if (LIST_INDEX.test(text)) return { kind: 'index', name: text, index: Number(text) };
  const sign = text.indexOf('=');
  if (sign > 0) return { kind: 'where', member: text.slice(0, sign), value: text.slice(sign + 1) };
  return { kind: 'member', name: text };
}

/** How a path and a leaf are compared by name: brackets and points are one, and every element of a list is the same. */
export function pathPattern(path: string): string {
  const segments = /[.[]/.test(path) ? segmentsOf(path) : null;
  if (segments === null) return path.toLowerCase();
  const names = segments.map((segment) => (segment.kind === 'member' ? segment.name : '*'));
  return names.join('.').toLowerCase();
}

/** The tree of one call, walked by compiled paths. */
export class CallTree {
  readonly parameters: Parameters;
  readonly #maxValues: number;
  #ofForm: Parameters | undefined;
  /** What JSON stands in a text, by the text; several fields often lie in one. */
  #ofTexts: Map<string, ParameterValue | undefined> | undefined;

  /** @param maxValues how many values JSON inside a text may hold. */
  constructor(parameters: Parameters, maxValues = MAX_PARAMETERS) {
    this.parameters = parameters;
    this.#maxValues = maxValues;
  }

  /** The text at the path; undefined where nothing stands, or something that is no text. */
  text(path: CompiledPath): string | undefined {
    const value = this.value(path);
    return typeof value === 'string' ? value : undefined;
  }

  /**
   * What stands at the path. Throws {@link Refused} where JSON inside a text is too deep or too large to be read: nobody
   * could say what the field holds.
   */
  value({ name, segments }: CompiledPath): ParameterValue | undefined {
    const literal = this.parameters.get(name);
    if (literal !== undefined || segments === null) return literal;
    const [first, ...others] = segments;
    if (first.kind === 'where') return undefined;
    const root = this.parameters.get(first.name);
    const found = root === undefined ? undefined : this.#walk(root, others, name);
    if (found !== undefined) return found;
    this.#ofForm ??= formTree(this.parameters);
    const formRoot = this.#ofForm.get(first.name);
    return formRoot === undefined ? undefined : this.#walk(formRoot, others, name);
  }

  /** The elements of the list at the path; undefined where no list stands there. */
  list(path: CompiledPath): readonly ParameterValue[] | undefined {
    const value = this.value(path);
    if (value === undefined) {
      // A list that came as form keys: `rows[0][id]=1`.
      if (path.segments !== null) return undefined;
      this.#ofForm ??= formTree(this.parameters);
      return elementsOf(this.#ofForm.get(path.name));
    }
    return elementsOf(this.#opened(value, path.name));
  }

  #walk(root: ParameterValue, segments: readonly Segment[], name: string): ParameterValue | undefined {
    let value: ParameterValue | undefined = root;
    for (const segment of segments) {
      value = this.#opened(value, name);
      if (value === undefined || typeof value === 'string') return undefined;
      value = this.#step(value, segment, name);
    }
    return value;
  }

  #step(
    value: Parameters | readonly ParameterValue[],
    segment: Segment,
    name: string,
  ): ParameterValue | undefined {
    if (segment.kind === 'member') return isMembers(value) ? value.get(segment.name) : undefined;
    if (segment.kind === 'index') return isMembers(value) ? value.get(segment.name) : value[segment.index];
    return elementsOf(value)?.find((element) => {
      const members = this.#opened(element, name);
      return isMembers(members) && members.get(segment.member) === segment.value;
    });
  }

  /** A text that is a JSON object or list, as that; else the value itself. */
  #opened(value: ParameterValue | undefined, name: string): ParameterValue | undefined {
    if (typeof value !== 'string' || !/^\s*[{[]/.test(value)) return value;
    this.#ofTexts ??= new Map();
    if (!this.#ofTexts.has(value)) this.#ofTexts.set(value, jsonWithin(value, name, this.#maxValues));
    return this.#ofTexts.get(value);
  }
}

function jsonWithin(text: string, name: string, maxValues: number): ParameterValue | undefined {
  const parsed = parseExactJson(text);
  if (!parsed.ok) return text;
  try {
    return treeOf(parsed.value, { depth: 0, left: maxValues });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Refused(error.refusal.reason, name, error.refusal.expected);
  }
}

/** Members whose names count from zero are a list, as forms spell it. */
function elementsOf(value: ParameterValue | undefined): readonly ParameterValue[] | undefined {
  if (value === undefined || typeof value === 'string') return undefined;
  if (!isMembers(value)) return value;
  const elements = [...value.entries()].filter(([name]) => LIST_INDEX.test(name));
  if (elements.length === 0 || elements.length < value.size) return undefined;
  return elements.toSorted(([a], [b]) => Number(a) - Number(b)).map(([, element]) => element);
}

/**
 * The bracketed names of a form as a tree: `data[order][id]=1` is `{data: {order: {id: 1}}}`. A name that says both a text
 * and members of it keeps the members; a literal name is found before any tree is asked.
 */
function formTree(parameters: Parameters): Parameters {
  const root = new Map<string, ParameterValue>();
  for (const [name, value] of parameters) {
    const bracket = name.indexOf('[');
    if (bracket <= 0) continue;
    const segments = segmentsOf(name);
    if (segments === null || segments.length > MAX_PARAMETER_DEPTH) continue;
    plant(root, segments.map(nameOfSegment), value);
  }
  return root;
}

function nameOfSegment(segment: Segment): string {
  return segment.kind === 'where' ? `${segment.member}=${segment.value}` : segment.name;
}

function plant(root: Map<string, ParameterValue>, names: readonly string[], value: ParameterValue): void {
  let members = root;
  for (const name of names.slice(0, -1)) {
    const known = members.get(name);
    const next = known instanceof Map ? known : new Map<string, ParameterValue>();
    if (next !== known) members.set(name, next);
    members = next;
  }
  const last = names.at(-1) ?? '';
  if (!(members.get(last) instanceof Map)) members.set(last, value);
}

/**
 * The conversions of one call: the elements of the list at the path, each with the call's other parameters behind it.
 *
 * What stands at one of `sharedKeys` in the call and not in the element gets the row's place behind it: two rows under one
 * idempotency key would otherwise be one receipt.
 */
export function rowsAtPath(
  parameters: Parameters,
  rowsAt: CompiledPath,
  sharedKeys: readonly CompiledPath[],
): readonly ReadParameters[] | Refusal {
  const list = listOf(parameters, rowsAt);
  if ('reason' in list) return list;
  if (list.length === 0) return { reason: 'batch_empty', field: rowsAt.name, expected: 'at least one row' };
  if (list.length > MAX_ROWS)
    return { reason: 'batch_too_large', field: rowsAt.name, expected: `at most ${MAX_ROWS} rows` };
  const others = withoutList(parameters, rowsAt);
  const surroundings = { others, othersCount: leavesOf(others).length, keys: keysIn(others, sharedKeys) };
  return list.map((element, index) =>
    isMembers(element)
      ? rowOf(element, index, surroundings)
      : {
          ok: false,
          refusal: {
            reason: 'body_malformed',
            field: `${rowsAt.name}[${index}]`,
            expected: 'an object for each conversion',
          },
        },
  );
}

function keysIn(others: Parameters, paths: readonly CompiledPath[]): Surroundings['keys'] {
  const tree = new CallTree(others);
  return paths.flatMap((path) => {
    const value = tree.text(path)?.trim() ?? '';
    return value === '' ? [] : [{ path, value }];
  });
}

function listOf(parameters: Parameters, rowsAt: CompiledPath): readonly ParameterValue[] | Refusal {
  try {
    const list = new CallTree(parameters, Number.POSITIVE_INFINITY).list(rowsAt);
    return list ?? { reason: 'rows_missing', field: rowsAt.name, expected: 'a list of conversions' };
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

interface Surroundings {
  readonly others: Parameters;
  readonly othersCount: number;
  readonly keys: readonly { readonly path: CompiledPath; readonly value: string }[];
}

function rowOf(
  element: Parameters,
  index: number,
  { others, othersCount, keys }: Surroundings,
): ReadParameters {
  if (othersCount + leavesOf(element).length > MAX_PARAMETERS)
    return { ok: false, refusal: tooMany().refusal };
  const parameters = new Map(others);
  const own = new CallTree(element);
  for (const { path, value } of keys) {
    // Under its literal name, which goes before the path.
    if (own.text(path) === undefined) parameters.set(path.name, `${value}#${index}`);
  }
  for (const [name, value] of element) parameters.set(name, value);
  return { ok: true, parameters };
}

/** Everything but the list: what remains of the members on the way to it stays. */
function withoutList(parameters: Parameters, { name, segments }: CompiledPath): Parameters {
  const others = new Map(parameters);
  if (others.delete(name)) return others;
  const [first, ...steps] = segments ?? [{ kind: 'member' as const, name }];
  if (first === undefined || first.kind === 'where') return others;
  const prefix = pathPattern(name);
  for (const key of parameters.keys()) {
    const pattern = key.includes('[') ? pathPattern(key) : '';
    if (pattern === prefix || pattern.startsWith(`${prefix}.`)) others.delete(key);
  }
  const value = others.get(first.name);
  // Text with JSON inside becomes what is left of it: else every row would hold all of them once more.
  const root = typeof value === 'string' ? jsonWithin(value, name, Number.POSITIVE_INFINITY) : value;
  if (isMembers(root)) others.set(first.name, pruned(root, steps));
  return others;
}

function pruned(members: Parameters, [step, ...steps]: readonly Segment[]): Parameters {
  if (step === undefined || step.kind === 'where') return members;
  const rest = new Map(members);
  const value = rest.get(step.name);
  if (steps.length > 0 && isMembers(value)) rest.set(step.name, pruned(value, steps));
  else rest.delete(step.name);
  return rest;
}
