/** Mutants of the decision core: the mistakes that the oracle has to notice, each as a change of the built text. */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as domain from '@tributary/domain';
import type { Core } from './core-run.ts';

const BUILT = resolve(import.meta.dirname, '../../libs/domain/dist');

/** A text of a built file, which stands there exactly once, and what takes its place. */
interface Change {
  /** Below `libs/domain/dist`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Mutant {
  /** What it does wrong. */
  readonly name: string;
  readonly changes: readonly Change[];
}

export const MUTANTS: readonly Mutant[] = [
  mutant(
    'a window ends one millisecond early',
    'attribution/windows.js',
    'elapsedMs <= maxMs',
    'elapsedMs < maxMs',
  ),
  mutant(
    'a window begins one millisecond late',
    'attribution/windows.js',
    'elapsedMs >= minMs',
    'elapsedMs > minMs',
  ),
  mutant(
    'clocks may differ by one millisecond less',
    'attribution/windows.js',
    'elapsedMs < -CLOCK_SKEW_MS',
    'elapsedMs <= -CLOCK_SKEW_MS',
  ),
  {
    name: 'of two conflicting duplicates the last one wins',
    changes: [
      change(
        'attribution/merging.js',
        'if (isOtherValue(facts.firstValues, valuesIn(report)))',
        'if (false)',
      ),
      change(
        'attribution/merging.js',
        'standing.revenue ?? sent.revenue',
        'sent.revenue ?? standing.revenue',
      ),
    ],
  },
  mutant(
    'of two updates the first one wins',
    'attribution/merging.js',
    'return isLater > 0 ? sent : standing',
    'return isLater < 0 ? sent : standing',
  ),
  mutant(
    'halves are rounded up',
    'money.js',
    '(twiceRest === size && floor % 2n === 1n)',
    'twiceRest === size',
  ),
  mutant(
    'everything is rounded down',
    'money.js',
    'const roundsUp = twiceRest > size ||',
    'const roundsUp = false &&',
  ),
  mutant(
    'a refund takes more than is left',
    'attribution/reversals.js',
    'asked === null || asked > left ? left : asked',
    'asked === null ? left : asked',
  ),
  mutant(
    'a refund that is sent twice counts twice',
    'identity.js',
    "'reversal', facts.reversalId]",
    "'reversal', facts.reversalId, facts.receiptId]",
  ),
  mutant(
    'refunds are served as they came, not as they occurred',
    'attribution/reversals.js',
    '.toSorted(compareOccurrence)',
    '',
  ),
  mutant(
    'a hold is released by an event that is not approved',
    'attribution/conditions.js',
    ' || !isApproved(other)',
    '',
  ),
  mutant(
    'a condition ends one millisecond early',
    'attribution/conditions.js',
    'elapsedMs <= withinMs',
    'elapsedMs < withinMs',
  ),
  mutant(
    'a click that comes at the very deadline is too late',
    'attribution/named-click.js',
    'click.receivedAt > clickDeadlineOf',
    'click.receivedAt >= clickDeadlineOf',
  ),
  mutant(
    'a renewal goes by the last click of its customer',
    'attribution/person.js',
    'for (const other of earlier)',
    'for (const other of earlier.toReversed())',
  ),
  mutant(
    'hashed identity is matched where the offer does not allow it',
    'attribution/person.js',
    '(terms) => terms.matchesHashedIdentity',
    '() => true',
  ),
  {
    name: 'the exchange rate is that of the decision',
    changes: [
      change('attribution/settling.js', 'known.rates(judgedAtOf(facts))', 'known.rates(now)'),
      change(
        'attribution/settling.js',
        'standing.state, isFirst, known)',
        'standing.state, isFirst, known, moment)',
      ),
      change('attribution/settling.js', 'state, isFirst, known) {', 'state, isFirst, known, { now }) {'),
    ],
  },
  mutant(
    'the terms are those of the receipt',
    'attribution/named-click.js',
    'known.terms(offerId, eventTypeOf(facts), judgedAtOf(facts))',
    'known.terms(offerId, eventTypeOf(facts), facts.receivedAt)',
  ),
  mutant(
    'a cap lets one more through',
    'attribution/caps.js',
    'used.count < limit.count',
    'used.count <= limit.count',
  ),
  mutant(
    'a budget is never used to the last micro-unit',
    'attribution/caps.js',
    'used.payoutMicros + payout.micros <= limit.money.micros',
    'used.payoutMicros + payout.micros < limit.money.micros',
  ),
  mutant(
    'a tier by number begins one conversion late',
    'payout.js',
    'from <= BigInt(input.tierPosition) + 1n',
    'from <= BigInt(input.tierPosition)',
  ),
  mutant(
    'a tier by revenue leaves out its own threshold',
    'payout.js',
    'from * worth.denominator <= exchanged',
    'from * worth.denominator < exchanged',
  ),
  mutant(
    'the first of a customer is the last one in the log',
    'attribution/first-come.js',
    'isBefore(position, customerPosition)',
    'isBefore(customerPosition, position)',
  ),
  mutant(
    'velocity is held against one conversion fewer',
    'attribution/abuse.js',
    'before.length + 1 > conversions',
    'before.length + 1 >= conversions',
  ),
  mutant(
    'a time that is just possible is impossible',
    'attribution/abuse.js',
    'click.clickedAt) < belowMs',
    'click.clickedAt) <= belowMs',
  ),
];

/** The core without a change: it has to agree, or catching a mutant would prove nothing. */
export const UNCHANGED: Mutant = { name: 'the core as it is', changes: [] };

function mutant(name: string, file: string, from: string, to: string): Mutant {
  return { name, changes: [change(file, from, to)] };
}

function change(file: string, from: string, to: string): Change {
  return { file, from, to };
}

/**
 * Copies the built core into `directory`, changes the copy and loads it beside the real one.
 *
 * @throws Error when a text does not stand there exactly once: the core has moved on, and the mutant must follow.
 */
export async function coreWith({ name, changes }: Mutant, directory: string): Promise<Core> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }\n');
  await cp(BUILT, join(directory, 'dist'), { recursive: true });
  for (const { file, from, to } of changes) {
    const path = join(directory, 'dist', file);
    const parts = (await readFile(path, 'utf8')).split(from);
    if (parts.length !== 2)
      throw new Error(`mutant "${name}": ${file} has ${parts.length - 1} times, not once: ${from}`);
    await writeFile(path, parts.join(to));
  }
  const built: typeof domain = await import(pathToFileURL(join(directory, 'dist/index.js')).href);
  return built.attribution;
}
