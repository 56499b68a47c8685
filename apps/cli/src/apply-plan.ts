/** The plan of an apply: what console says would change, as lines for people, and its execution. */
import type { ConfigurationFile, WantedEntity } from './apply-file.ts';
import { COLLECTION_ORDER } from './apply-file.ts';
import { type ConsoleClient, ConsoleRefusal, type DocumentProblem, problemLine } from './console-client.ts';

interface Difference {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

interface PlannedChange {
  readonly collection: string;
  readonly id: string;
  readonly action: 'create' | 'change' | 'remove' | 'unchanged';
  readonly expectedVersion: number;
  readonly differences: readonly Difference[];
  readonly warnings?: readonly DocumentProblem[];
}

export interface Step extends PlannedChange {
  /** Null for a removal. */
  readonly wanted: WantedEntity | null;
}

export interface ApplyPlan {
  /** In the order in which they are carried out; unchanged entities are among them. */
  readonly steps: readonly Step[];
  /** What console has in the collections of the file and the file has not, as `collection/id`. */
  readonly leftAlone: readonly string[];
}

const MAX_SHOWN = 120;

/** @throws ConsoleRefusal with every fault of the first entity that cannot be accepted, Error when console is away. */
export async function planApply(
  console: ConsoleClient,
  file: ConfigurationFile,
  isPruning: boolean,
): Promise<ApplyPlan> {
  const others = await othersThan(console, file);
  const removals = isPruning
    ? others.toReversed().map(({ collection, id }) => ({ collection, id, remove: true }))
    : [];
  const changes = [...file.entities, ...removals];
  const planned = await console
    .call<{ changes: readonly PlannedChange[] }>('POST', 'configuration/plan', { changes })
    .catch((error: unknown) => {
      throw error instanceof ConsoleRefusal ? namedByEntity(error, changes) : error;
    });
  const steps = planned.changes.map((change, index) => ({ ...change, wanted: file.entities[index] ?? null }));
  refuseUnshownKeys(steps);
  return { steps, leftAlone: isPruning ? [] : others.map(({ collection, id }) => `${collection}/${id}`) };
}

/** Whether anything would be written. */
export function hasChanges({ steps }: ApplyPlan): boolean {
  return steps.some(({ action }) => action !== 'unchanged');
}

/** The plan as lines; secrets, tokens and keys appear by their name only. */
export function planLines({ steps, leftAlone }: ApplyPlan): readonly string[] {
  const counted = (action: Step['action']) => steps.filter((step) => step.action === action).length;
  return [
    ...steps
      .filter(({ action }) => action !== 'unchanged')
      .flatMap(({ collection, id, action, differences, warnings = [] }) => [
        `${action} ${collection}/${id}`,
        ...differences
          .filter(({ path }) => path !== 'id')
          .map((difference) => `    ${differenceLine(difference, action)}`),
        ...warnings.map((warning) => `    warning: ${problemLine(warning)}`),
      ]),
    ...(leftAlone.length > 0 ? [`not in the file, left alone: ${leftAlone.join(', ')}`] : []),
    `${counted('create')} to create, ${counted('change')} to change, ${counted('remove')} to remove, ` +
      `${counted('unchanged')} unchanged`,
  ];
}

/**
 * Writes step by step, each under the version the plan has seen.
 * @throws Error that says how far it got; what is written stays written, and the same command goes on from there.
 */
export async function carryOut(console: ConsoleClient, { steps }: ApplyPlan): Promise<number> {
  let done = 0;
  for (const step of steps) {
    if (step.action === 'unchanged') continue;
    await carryOutStep(console, step).catch((error: unknown) => {
      throw new Error(
        `${step.collection}/${step.id}: ${reasonOf(error)}; ${done} changes were applied before it`,
        {
          cause: error,
        },
      );
    });
    done += 1;
  }
  return done;
}

function carryOutStep(
  console: ConsoleClient,
  { collection, id, expectedVersion, wanted }: Step,
): Promise<unknown> {
  const path = `${collection}/${encodeURIComponent(id)}`;
  if (wanted === null) return console.call('DELETE', `${path}?expectedVersion=${expectedVersion}`);
  const { document, secrets, tokens, key } = wanted;
  return console.call('PUT', path, {
    document,
    expectedVersion,
    ...(secrets && { secrets }),
    ...(tokens && { tokens }),
    ...(key !== undefined && { key }),
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof ConsoleRefusal && error.code === 'version_conflict')
    return 'somebody else has changed it since the plan, so it was left as it is: run the command again';
  return error instanceof Error ? error.message : String(error);
}

async function othersThan(console: ConsoleClient, { entities, collections }: ConfigurationFile) {
  const wanted = new Set(entities.map(({ collection, id }) => `${collection}/${id}`));
  const lists = await Promise.all(
    COLLECTION_ORDER.filter((name) => collections.includes(name)).map(async (collection) => {
      const { items } = await console.call<{ items: readonly { id: string }[] }>('GET', collection);
      return items.map(({ id }) => ({ collection, id }));
    }),
  );
  return lists.flat().filter(({ collection, id }) => !wanted.has(`${collection}/${id}`));
}

/** Console makes a key for an API key without one and shows it once; a command must not show it, so it would be lost. */
function refuseUnshownKeys(steps: readonly Step[]): void {
  const step = steps.find(({ differences }) => differences.some(({ path }) => path === 'generateKey'));
  if (step !== undefined)
    throw new Error(`${step.collection}/${step.id}: a new API key needs a key, as \${NAME} of a variable`);
}

/** Console names the changes by their place in the list, people by their place in the file. */
function namedByEntity(error: ConsoleRefusal, changes: readonly { collection: string; id: string }[]) {
  const message = error.message.replaceAll(/\bchanges\.(\d+)/g, (place, index) => {
    const change = changes[Number(index)];
    return change === undefined ? place : `${change.collection}/${change.id}`;
  });
  return new ConsoleRefusal(error.code, message);
}

function differenceLine({ path, before, after }: Difference, action: Step['action']): string {
  if (before === undefined && after === undefined) return `${path}: (not shown)`;
  if (action === 'create') return `${path}: ${shown(after)}`;
  return `${path}: ${shown(before)} -> ${shown(after)}`;
}

/** As JSON: nothing in a document can steer the terminal. */
function shown(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
