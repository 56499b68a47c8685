/** Which of a partner's templates a conversion is told by: its global one, or one for the offer, the event type or both. */

/** What an override is for; at least one is named, and what is null fits every conversion. */
export interface OverrideScope {
  readonly offerId: string | null;
  readonly eventType: string | null;
}

/** What the choice looks at; a conversion without a click has no offer. */
export type ChoiceSubject = OverrideScope;

/**
 * From the strongest to the weakest. What is known of the offer outweighs the event type: an offer that is tracked
 * elsewhere is so for all its events.
 *
 * | rank             | the override names        |
 * |------------------|---------------------------|
 * | `offer_and_event` | the offer and the event type |
 * | `offer`          | the offer                 |
 * | `event`          | the event type            |
 * | `global`         | nothing: it is none, but the partner's own template |
 */
export const CHOICE_RANKS = ['offer_and_event', 'offer', 'event', 'global'] as const;
export type ChoiceRank = (typeof CHOICE_RANKS)[number];

/** Chooses among overrides by their index; null is the partner's global template. */
export type Chooser = (subject: ChoiceSubject) => number | null;

/** Looks the overrides through once; of two with one scope, which no document may have, the first counts. */
export function chooserAmong(overrides: readonly OverrideScope[]): Chooser {
  if (overrides.length === 0) return () => null;
  const byScope = new Map<string, number>();
  for (const [index, scope] of overrides.entries()) {
    const key = keyOf(scope.offerId, scope.eventType);
    if (!byScope.has(key)) byScope.set(key, index);
  }
  const find = (offerId: string | null, eventType: string | null) => byScope.get(keyOf(offerId, eventType));
  return ({ offerId, eventType }) =>
    (offerId === null ? undefined : (find(offerId, eventType) ?? find(offerId, null))) ??
    (eventType === null ? undefined : find(null, eventType)) ??
    null;
}

/** Ids and event types hold no blank. */
function keyOf(offerId: string | null, eventType: string | null): string {
  return `${offerId ?? ''} ${eventType ?? ''}`;
}

export interface ExplainedChoice {
  /** Index of the override; null for the global template. */
  readonly chosen: number | null;
  readonly rank: ChoiceRank;
  /** Why this one, as a sentence. */
  readonly words: string;
  /** Every other one in the order of the document, the global template last, and why it was not taken. */
  readonly passedOver: readonly { readonly override: number | null; readonly words: string }[];
}

/** The choice of {@link chooserAmong} in words. */
export function explainChoice(overrides: readonly OverrideScope[], subject: ChoiceSubject): ExplainedChoice {
  const chosen = chooserAmong(overrides)(subject);
  const winner = chosen === null ? null : (overrides[chosen] ?? null);
  const rank = rankOf(winner);
  const others = overrides.flatMap((scope, index) =>
    index === chosen ? [] : [{ override: index, words: whyNot(scope, subject, rank) }],
  );
  const global = { override: null, words: `it is for whatever no override fits, and ${OUTRANKS[rank]} fits` };
  return {
    chosen,
    rank,
    words: winner === null ? whyGlobal(overrides) : whyThis(winner),
    passedOver: winner === null ? others : [...others, global],
  };
}

function rankOf(scope: OverrideScope | null): ChoiceRank {
  if (scope === null) return 'global';
  if (scope.offerId === null) return 'event';
  return scope.eventType === null ? 'offer' : 'offer_and_event';
}

const OUTRANKS: Readonly<Record<ChoiceRank, string>> = {
  offer_and_event: 'one for the offer and the event type',
  offer: 'one for the offer',
  event: 'one for the event type',
  global: 'none',
};

function whyGlobal(overrides: readonly OverrideScope[]): string {
  return overrides.length === 0
    ? 'the global template: there are no overrides'
    : 'the global template: no override fits the conversion';
}

function whyThis(scope: OverrideScope): string {
  return `the override for ${scopeInWords(scope)}, which the conversion is of`;
}

/** An override as words: what it is for. */
function scopeInWords({ offerId, eventType }: OverrideScope): string {
  const offer = offerId === null ? [] : [`offer ${offerId}`];
  const event = eventType === null ? [] : [`event type ${eventType}`];
  return [...offer, ...event].join(' and ');
}

function whyNot(scope: OverrideScope, { offerId, eventType }: ChoiceSubject, winner: ChoiceRank): string {
  if (scope.offerId !== null && scope.offerId !== offerId) {
    return `it is for offer ${scope.offerId}, and the conversion is of ${offerId === null ? 'none' : `offer ${offerId}`}`;
  }
  if (scope.eventType !== null && scope.eventType !== eventType) {
    return `it is for event type ${scope.eventType}, and the conversion is a ${eventType}`;
  }
  return `it fits, but ${OUTRANKS[winner]} comes before it`;
}
