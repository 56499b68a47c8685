/** What the decision core makes of the told facts without any fault: all clicks shown, postbacks in log order, then the deadlines that have passed. */
import {
  aChange,
  type Configuration,
  ConfigurationFollower,
  InMemoryConfigurationLog,
} from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import { candidateClickOf } from '../../../apps/attribution/src/candidate-click.ts';
import { reportOf } from '../../../apps/attribution/src/report-of-postback.ts';
import { RulesInForce } from '../../../apps/attribution/src/rules-in-force.ts';
import { documents } from './configuration.ts';
import type { ToldFacts, ToldPostback } from './told-facts.ts';

/** A conversion as it stands in the end: fields by name, as text. */
export type Standing = Readonly<Record<string, string>>;

/** What is to stand, or what stands, when everything is worked off. */
export interface Standings {
  /** By receipt; parked is counted, as a verdict only says how the receipt was met. */
  readonly verdicts: ReadonlyMap<string, string>;
  /** By conversion id. */
  readonly conversions: ReadonlyMap<string, Standing>;
}

/** Rules as attribution has them, from the same documents. */
export async function configuredRules(): Promise<RulesInForce> {
  const log = new InMemoryConfigurationLog();
  for (const [entityType, document] of documents()) await log.append(aChange(entityType, document));
  const follower = new ConfigurationFollower(log);
  await follower.start();
  const configuration: Configuration = follower.current;
  return new RulesInForce(configuration);
}

/** @param now after every deadline that is to have passed. */
export function expectedOf(facts: ToldFacts, rules: attribution.ConfiguredRules, now: number): Standings {
  const ledger = new attribution.InMemoryLedger(rules);
  for (const click of facts.clicks) ledger.showClick(candidateClickOf(click));
  const verdicts = new Map<string, string>();
  for (const postback of facts.postbacks) {
    const result = attribution.reduce(ledger, inputOf(postback));
    ledger.apply(result);
    if (result.judgement !== null)
      verdicts.set(result.judgement.receiptId, verdictText(result.judgement.verdict));
  }
  for (const { conversionId, decidedAt } of ledger.due(now)) {
    const at = { ...decidedAt, now, watermarkReached: true, laneReadUntil: now };
    ledger.apply(attribution.reduce(ledger, { kind: 'instant', conversionId, at }));
  }
  return {
    verdicts,
    conversions: new Map(ledger.conversions.map((each) => [each.conversionId, standingOf(each)])),
  };
}

export function verdictText(verdict: string): string {
  return verdict === 'parked' ? 'counted' : verdict;
}

function inputOf({ event, partition, offset }: ToldPostback): attribution.Input {
  const position = { partition, offset };
  return {
    kind: 'postback',
    report: reportOf(event, position),
    at: {
      now: event.receivedAt,
      watermarkReached: true,
      laneReadUntil: 0,
      position,
      configurationVersion: event.configurationVersion,
    },
  };
}

/** As {@link Standing}, of a revision on record. */
export function recordStanding(record: ConversionDecided): Standing {
  return {
    lane: record.lane,
    state: record.state,
    match: record.match,
    winner: String(record.clickId),
    original: String(record.originalConversionId),
    isFirstOfCustomer: String(record.isFirstOfCustomer),
    revenueMicros: String(record.revenueMicros),
    payoutMicros: String(record.payoutMicros),
    reversedRevenueMicros: String(record.reversedRevenueMicros),
    reversedPayoutMicros: String(record.reversedPayoutMicros),
  };
}

function standingOf({ outcome, lane }: attribution.Conversion): Standing {
  return {
    lane,
    state: outcome.state,
    match: outcome.match,
    winner: String(outcome.winner?.clickId ?? null),
    original: String(outcome.originalConversionId),
    isFirstOfCustomer: String(outcome.isFirstOfCustomer),
    revenueMicros: String(outcome.revenue?.micros ?? null),
    payoutMicros: String(outcome.payout?.micros ?? null),
    reversedRevenueMicros: String(outcome.reversedRevenueMicros),
    reversedPayoutMicros: String(outcome.reversedPayoutMicros),
  };
}
