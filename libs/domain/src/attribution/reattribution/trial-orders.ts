/** A trial of orders over what stands: which of them come out as the run has it, before anybody gives them. */
import type { Conversion } from '../conversion.ts';
import { InMemoryLedger } from '../in-memory-ledger.ts';
import type { ConfiguredRules } from '../known-facts.ts';
import { type Command, reduce } from '../reducer.ts';
import type { OfferTerms } from '../terms.ts';
import { changesOf } from './difference.ts';
import type { Counters } from './replay.ts';
import type { RecordedLane } from './schedule.ts';

/** An order of a run. */
export interface PlannedTerms {
  /** As the run has it. */
  readonly wanted: Conversion;
  readonly terms: OfferTerms;
}

/**
 * Gives the orders to the lane as it stands, in log order, by the rules in force.
 *
 * A run decides as if its rules had always held. An order decides what stands: a conversion keeps the places it has under caps
 * and tiers, takes those that are left, and its person is looked for only as far as the configuration lets it.
 *
 * @param asOf when they are given, epoch milliseconds; every click is visible by then.
 * @returns ids of the conversions that come out otherwise than wanted.
 */
export function tryOrders(
  lane: RecordedLane,
  counters: Counters,
  inForce: ConfiguredRules,
  orders: readonly PlannedTerms[],
  asOf: number,
): ReadonlySet<string> {
  const live = standing(lane, counters, inForce);
  const inLogOrder = orders.toSorted(
    (a, b) => a.wanted.facts.position.offset - b.wanted.facts.position.offset,
  );
  for (const { wanted, terms } of inLogOrder) {
    const at = {
      now: asOf,
      watermarkReached: true,
      laneReadUntil: asOf,
      position: wanted.decidedAt.position,
      configurationVersion: wanted.decidedAt.configurationVersion,
    };
    live.apply(reduce(live, { kind: 'command', command: commandOf(wanted, terms), at }));
  }
  const others = orders.filter(({ wanted }) => {
    const after = live.conversion(wanted.conversionId);
    return after === undefined || changesOf({ before: wanted, after }).length > 0;
  });
  return new Set(others.map(({ wanted }) => wanted.conversionId));
}

/** Every revision is applied, so that its places are counted. */
function standing(
  { before, revisions, clicks }: RecordedLane,
  { capUses, tierUses }: Counters,
  inForce: ConfiguredRules,
): InMemoryLedger {
  const ledger = new InMemoryLedger(inForce);
  for (const { key, periodStart, use } of capUses) ledger.restoreCapUse(key, periodStart, use);
  for (const { key, periodStart, use } of tierUses) ledger.restoreTierUse(key, periodStart, use);
  for (const conversion of before) ledger.restore(conversion);
  for (const revision of revisions) ledger.apply({ judgement: null, revisions: [revision] });
  for (const click of clicks) ledger.showClick(click);
  return ledger;
}

function commandOf({ conversionId, advertiserId, isTest, orders }: Conversion, terms: OfferTerms): Command {
  return {
    command: 'reattribute',
    conversionId,
    advertiserId,
    isTest,
    expectedRevision: null,
    clickId: orders.clickId,
    model: null,
    terms,
    reasonCode: 'trial',
  };
}
