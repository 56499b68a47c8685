/** The guards of the destinations that have one: what may go on to a receiver, and what is held and looked at again. */
import { type Configuration, type Destination, microsOf } from '@tributary/configuration';
import { type GuardReason, guardVerdict, type OutlierGuard, PassedWithinHour } from '@tributary/domain';
import type { Clock } from '@tributary/runtime';
import type { ReadyAttempt } from './delivery-records.ts';
import { beginning, isRepeated } from './last-change.ts';
import type { ActiveDestination } from './receivers.ts';

export interface OutlierGuardsOptions {
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  /** Of every number per hour, what is this instance's: all shares sum to 1. */
  readonly share: () => number;
}

export type Admission =
  /** `giveBack`: it has not gone after all, and is counted again when it comes. */
  | { readonly kind: 'pass'; readonly giveBack: () => void }
  /** Judged again at `checkAt`: a person may have released it by then. */
  | { readonly kind: 'hold'; readonly reason: GuardReason; readonly checkAt: number };

const FREE: Admission = { kind: 'pass', giveBack: () => undefined };
/** How often what is held is looked at again. */
const CHECK_MS = 300_000;
const DAY_MS = 86_400_000;

interface Kept {
  readonly version: number;
  readonly guard: OutlierGuard;
  readonly passed: PassedWithinHour;
}

export class OutlierGuards {
  readonly #options: OutlierGuardsOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(options: OutlierGuardsOptions) {
    this.#options = options;
  }

  /** What passes is counted at once, whatever becomes of it: many may be asked about before the first has an answer. */
  admit({ receiver, standing, outward, decided }: ReadyAttempt): Admission {
    const { destination, version, definition, settings } = receiver;
    // A test counts nowhere.
    if (destination.guard === undefined || outward.conversion.isTest) return FREE;
    const { guard, passed } = this.#keptFor(destination, version, destination.guard);
    const now = this.#options.clock.now();
    const isFirstTry = standing.tries === 1;
    const verdict = guardVerdict({
      guard: { ...guard, maxPerHour: this.#shareOf(guard.maxPerHour) },
      amounts: definition.amounts(settings).flatMap((name) => standing.told.amounts[name] ?? []),
      decidedAt: decided.decidedAt,
      passed: isFirstTry ? passed.count(now) : 0,
      changedAt: () => this.#changedAt(receiver, now),
      now,
    });
    if (verdict.kind === 'hold') {
      const { reason, until } = verdict;
      return { kind: 'hold', reason, checkAt: Math.min(until, now + CHECK_MS) };
    }
    if (!isFirstTry) return FREE;
    passed.note(now);
    return { kind: 'pass', giveBack: () => passed.takeBack(now) };
  }

  #keptFor({ id }: Destination, version: number, given: NonNullable<Destination['guard']>): Kept {
    const kept = this.#kept.get(id);
    if (kept?.version === version) return kept;
    const made = { version, guard: guardOf(given), passed: kept?.passed ?? new PassedWithinHour() };
    this.#kept.set(id, made);
    return made;
  }

  #shareOf(perHour: number | null): number | null {
    return perHour === null ? null : Math.max(1, Math.floor(perHour * this.#options.share()));
  }

  /** Of the destination and of all subscriptions to it, the latest; what only says the same again is no change. */
  #changedAt({ destination, changedAt }: ActiveDestination, now: number): number {
    const configuration = this.#options.configuration();
    const subscribed = configuration
      .subscriptions(now)
      .filter(({ destinationId }) => destinationId === destination.id)
      .map(({ id }) => beginning(configuration.history('subscription', id), now, isRepeated));
    return Math.max(changedAt, ...subscribed.map((revision) => revision?.effectiveFrom ?? 0));
  }
}

function guardOf({
  forMs,
  maxValue,
  maxPerHour,
  releasedAt,
}: NonNullable<Destination['guard']>): OutlierGuard {
  const limits = Object.entries(maxValue ?? {}).map(
    ([currency, text]) => [currency, microsOf(text)] as const,
  );
  return {
    forMs: forMs ?? DAY_MS,
    maxValue: maxValue === undefined ? null : new Map(limits),
    maxPerHour: maxPerHour ?? null,
    releasedAt: releasedAt === undefined ? null : Date.parse(releasedAt),
  };
}
