/** Decides a generated log by the core alone: everything in memory, clicks and postbacks at their places, deadlines at the end. */
import { type Configuration, exchangeRatesAt, offerTermsAt, repeatModeOf } from '@tributary/configuration';
import type { ClickRecorded, PostbackReceived } from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import type { Recorded } from './generate.ts';

/** A passed deadline may bring another one about; no conversion has more than its wait and its condition, so this is ample. */
const MAX_ROUNDS = 10;

/** What the core makes of the log, once `now` has come. */
export function decideByCore(
  log: Iterable<Recorded>,
  configuration: Configuration,
  now: number,
): readonly attribution.Conversion[] {
  const run = new CoreRun(configuration);
  for (const record of log) run.take(record);
  run.finish(now);
  return run.conversions;
}

export class CoreRun {
  readonly #ledger: attribution.InMemoryLedger;
  readonly #version: number;
  /** Last place of each lane. */
  readonly #positions = new Map<string, attribution.Position>();
  /** Lanes whose postbacks named a click that nobody had seen. */
  readonly #awaited = new Map<string, Set<string>>();

  constructor(configuration: Configuration) {
    this.#ledger = new attribution.InMemoryLedger(rulesOf(configuration));
    this.#version = configuration.version;
  }

  get conversions(): readonly attribution.Conversion[] {
    return this.#ledger.conversions;
  }

  take(record: Recorded): void {
    if (record.kind === 'click') this.#takeClick(record.click);
    else this.#takePostback(record);
  }

  finish(now: number): void {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const due = this.#ledger.due(now);
      if (due.length === 0) return;
      for (const { conversionId, lane } of due)
        this.#decide({ kind: 'instant', conversionId, at: this.#moment(lane, now) });
    }
    throw new Error('deadlines that have passed keep coming back');
  }

  #takePostback({ postback, partition, offset }: Recorded & { kind: 'postback' }): void {
    const { lane, clickId, receivedAt } = postback;
    const position = { partition, offset };
    this.#positions.set(lane, position);
    if (clickId !== null && this.#ledger.click(clickId) === undefined) {
      const lanes = this.#awaited.get(clickId) ?? new Set();
      this.#awaited.set(clickId, lanes.add(lane));
    }
    this.#decide({
      kind: 'postback',
      report: reportOf(postback, position),
      at: this.#moment(lane, receivedAt),
    });
  }

  #takeClick(click: ClickRecorded): void {
    const { clickId, advertiserId, receivedAt } = click;
    this.#ledger.showClick(candidateOf(click));
    const lanes = new Set([advertiserId, ...(this.#awaited.get(clickId) ?? [])]);
    this.#awaited.delete(clickId);
    for (const lane of lanes)
      if (this.#positions.has(lane))
        this.#decide({ kind: 'click', clickId, lane, at: this.#moment(lane, receivedAt) });
  }

  #decide(input: attribution.Input): void {
    this.#ledger.apply(attribution.reduce(this.#ledger, input));
  }

  #moment(lane: string, now: number): attribution.Moment {
    const position = this.#positions.get(lane) ?? { partition: 0, offset: 0 };
    return { now, watermarkReached: true, laneReadUntil: now, position, configurationVersion: this.#version };
  }
}

function rulesOf(configuration: Configuration): attribution.ConfiguredRules {
  const advertisers = new Map(
    configuration.ids('advertiser').map((id) => [id, advertiserRulesOf(configuration, id)] as const),
  );
  return {
    advertiser: (id) => {
      const rules = advertisers.get(id);
      if (rules === undefined) throw new Error(`advertiser ${id} is not configured`);
      return rules;
    },
    terms: (offerId, eventType, at) => offerTermsAt(configuration, offerId, eventType, at),
    rates: (at) => exchangeRatesAt(configuration, at),
  };
}

function advertiserRulesOf(configuration: Configuration, id: string): attribution.AdvertiserRules {
  const advertiser = configuration.advertiser(id);
  if (advertiser === undefined) throw new Error(`advertiser ${id} is not configured`);
  const { eventClasses, withoutTransactionId, parkedForMs, onRepeat = {} } = advertiser;
  const offers = configuration
    .ids('offer')
    .flatMap((offerId) => configuration.history('offer', offerId).flatMap(({ entity }) => entity ?? []))
    .filter((offer) => offer.advertiserId === id);
  return {
    identity: { eventClasses, withoutTransactionId },
    repeatModes: Object.fromEntries(
      Object.keys(onRepeat).map((eventType) => [eventType, repeatModeOf(advertiser, eventType)]),
    ),
    parkedForMs,
    linksPersons: offers.some(
      ({ model = 'last_click', matchesHashedIdentity, windows }) =>
        model !== 'last_click' || matchesHashedIdentity === true || windows.viewThrough !== undefined,
    ),
    relatesByClick: offers.some(
      ({ conditions = [], abuse }) => conditions.length > 0 || abuse?.velocity !== undefined,
    ),
  };
}

function reportOf(postback: PostbackReceived, position: attribution.Position): attribution.Report {
  return { ...postback, position };
}

function candidateOf(click: ClickRecorded): attribution.CandidateClick {
  return click;
}
