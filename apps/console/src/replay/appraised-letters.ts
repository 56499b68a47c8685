/** Dead letters of deliveries with what a replay of each would mean now: read page by page, nothing is kept. */
import type { ConfigurationFollower } from '@tributary/configuration';
import type { ConversionDecided } from '@tributary/contracts';
import {
  appraiseReplay,
  givingWay,
  mayBeRenamed,
  outwardValueOf,
  type ReplayAppraisal,
  wishOfState,
} from '@tributary/domain';
import type { Clock, Encryption } from '@tributary/runtime';
import type { DeadDelivery, DeadDeliveryStore, DeliveryStore, StoredHolding } from '@tributary/store';
import type { LetterFilter } from './letter-filter.ts';
import { SendableDestinations } from './sendable-destination.ts';

export interface AppraisedLetter {
  readonly letter: DeadDelivery;
  readonly appraisal: ReplayAppraisal;
  /** The same as of the end of the filter, so that the passing of time alone does not change it. */
  readonly appraisalThen: ReplayAppraisal;
  /** The holding that the delivery is about; null where none is on record. */
  readonly holding: StoredHolding | null;
  /** The newest revision; null where none is on record. */
  readonly newest: ConversionDecided | null;
}

export interface LetterPage {
  /** Those that the filter fits. */
  readonly letters: readonly AppraisedLetter[];
  /** The last id that was looked at, fitting or not; null when there was none. */
  readonly lastId: string | null;
  readonly isLast: boolean;
}

export interface AppraiserOptions {
  readonly letters: Pick<DeadDeliveryStore, 'deadDeliveries'>;
  readonly deliveries: Pick<DeliveryStore, 'holdingsOf' | 'revisionsOf'>;
  readonly follower: Pick<ConfigurationFollower, 'current'>;
  readonly encryption: Encryption;
  readonly clock: Clock;
}

export class LetterAppraiser {
  readonly #options: AppraiserOptions;

  constructor(options: AppraiserOptions) {
    this.#options = options;
  }

  /** The next letters in the order of their ids. @throws DependencyFailure */
  async page(filter: LetterFilter, afterId: string | null, limit: number): Promise<LetterPage> {
    const { letters, deliveries } = this.#options;
    const found = await letters.deadDeliveries(filter, afterId, limit);
    const ids = [...new Set(found.map(({ conversionId }) => conversionId))];
    const [holdings, revisions] = await Promise.all([
      deliveries.holdingsOf(ids),
      deliveries.revisionsOf(ids),
    ]);
    const byConversion = Map.groupBy(holdings, ({ conversionId }) => conversionId);
    const destinations = this.#destinations();
    const appraised = found.map((letter) => {
      const { conversionId } = letter;
      const own = byConversion.get(conversionId) ?? [];
      return this.#appraise(letter, own, revisions.get(conversionId) ?? [], destinations, filter.until);
    });
    return {
      letters: appraised.filter(({ newest }) => fits(filter, newest)),
      lastId: found.at(-1)?.deadLetterId ?? null,
      isLast: found.length < limit,
    };
  }

  #destinations(): SendableDestinations {
    const { follower, encryption, clock } = this.#options;
    return new SendableDestinations(follower.current, encryption, clock.now());
  }

  #appraise(
    letter: DeadDelivery,
    holdings: readonly StoredHolding[],
    revisions: readonly ConversionDecided[],
    destinations: SendableDestinations,
    then: number,
  ): AppraisedLetter {
    const { deliveryId, attempt } = letter;
    const holding =
      holdings.find((each) => each.deliveryId === deliveryId) ??
      holdings.find((each) => each.holdingId === deliveryId) ??
      null;
    const newest = revisions.at(-1) ?? null;
    const told = revisions.find(({ revision }) => revision === holding?.revision);
    const event = revisions.find(({ revision }) => revision === holding?.eventRevision);
    if (holding === null || newest === null || told === undefined) {
      const unknown = { possible: false, obstacle: 'unknown' } as const;
      return { letter, holding, newest, appraisal: unknown, appraisalThen: unknown };
    }
    const { offerId, eventType, occurredAt } = holding.kind === 'event' ? told : (event ?? told);
    const toldAt = told.decidedAt;
    const value = outwardValueOf(newest);
    const isAskedFor = isSentAsNow(holding, holdings, newest, destinations);
    const given = {
      letter: { deliveryId, attempt },
      holding: { ...holding, told: holding.told ?? outwardValueOf(told) },
      wish: wishOfState(newest, value, isAskedFor),
      isErased: newest.orders.erasedFor !== null,
      toldAt,
      destination: destinations.replayDestination(holding, { offerId, eventType, occurredAt, toldAt }),
    };
    const appraisal = appraiseReplay({ ...given, now: this.#options.clock.now() });
    const appraisalThen = appraiseReplay({ ...given, now: then });
    return { letter, appraisal, appraisalThen, holding, newest };
  }
}

/** Whether fan-out sends its event: under its own name, or begins it under the name that it has now. */
function isSentAsNow(
  holding: StoredHolding,
  holdings: readonly StoredHolding[],
  newest: ConversionDecided,
  destinations: SendableDestinations,
): boolean {
  const { destinationId } = holding;
  const names = destinations.eventNames(destinationId, newest);
  const held = holdings
    .filter((each) => each.destinationId === destinationId)
    .map(({ event, told, ...each }) => {
      const known = { ...each, told: told ?? outwardValueOf(newest) };
      return { destinationId, event, holding: known };
    });
  const asked = [...names].map(
    (event) => held.find((each) => each.event === event) ?? { destinationId, event, holding: null },
  );
  const way = givingWay(
    asked,
    held.filter(({ event }) => !names.has(event)),
  );
  const going = asked.filter((each) => !way.has(each));
  if (going.some(({ event }) => event === holding.event)) return true;
  const known = held.find(({ event }) => event === holding.event);
  return known !== undefined && mayBeRenamed(known.holding) && going.some((each) => each.holding === null);
}

/** Whose a conversion is stands in its newest revision. */
function fits({ partnerId, offerId }: LetterFilter, newest: ConversionDecided | null): boolean {
  const isOfPartner = partnerId === null || newest?.partnerId === partnerId;
  return isOfPartner && (offerId === null || newest?.offerId === offerId);
}
