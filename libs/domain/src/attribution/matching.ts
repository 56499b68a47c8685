/** Matching: which clicks a conversion is credited to, for how much, and why every other candidate lost. */
import type { Match } from '../conversion.ts';
import type { Candidate, CandidateClick, MatchPath, Passed, Undecided } from './conversion.ts';
import { occurredAtOf } from './facts.ts';
import type { KnownFacts } from './known-facts.ts';
import { type Credit, creditsOf } from './models.ts';
import type { Moment } from './moment.ts';
import {
  clickDeadlineOf,
  deadlineOf,
  type NamedClick,
  namedClickOf,
  termsFor,
  visibleClick,
} from './named-click.ts';
import { compareLatestClick, compareText } from './ordering.ts';
import { customersClick, identityClick, type LostClick, type Touches, touchesOf } from './person.ts';
import type { CoreReason } from './reasons.ts';
import type { OfferTerms } from './terms.ts';

/** The match of a conversion, with what time has settled on the way to it. */
export interface Matching {
  readonly match: Match;
  readonly matchedBy: MatchPath | null;
  readonly winner: CandidateClick | null;
  /** Of the offer that led to the conversion; null unless attributed. */
  readonly terms: OfferTerms | null;
  readonly credits: readonly Credit[];
  readonly candidates: readonly Candidate[];
  readonly reasonCodes: readonly CoreReason[];
  readonly parkedUntil: number | null;
  readonly passed: Passed;
  readonly namedClickId: string | null;
  /** Every report names a click that is not this advertiser's, or mixes a test with live traffic: no fact of ours at all. */
  readonly isForeign: boolean;
}

interface Entry {
  readonly click: CandidateClick;
  readonly terms: OfferTerms;
  readonly path: MatchPath;
}

/**
 * Matches a conversion. A reversal is not matched; it follows its original.
 *
 * | way, in this order | decides |
 * |---|---|
 * | an ordered click | at once |
 * | the click its reports name, within the window | at once under last click, else as below |
 * | that click outside the window | at once: unattributed, for the source has said which click it was |
 * | that click not visible | parked until its deadline, then as if none were named |
 * | the customer's click, then a hashed identity | when the click watermark of its arrival is reached |
 * | nothing found | unattributed when the deadline has passed with the watermark beyond it; at once without any key |
 */
export function matchOf(conversion: Undecided, known: KnownFacts, moment: Moment): Matching {
  return new ClickSearch(conversion, known, moment).match();
}

class ClickSearch {
  #conversion: Undecided;
  readonly #known: KnownFacts;
  readonly #moment: Moment;
  readonly #named: NamedClick;
  readonly #considered: Candidate[] = [];

  constructor(conversion: Undecided, known: KnownFacts, moment: Moment) {
    this.#conversion = conversion;
    this.#known = known;
    this.#moment = moment;
    this.#named = namedClickOf(conversion, known);
  }

  match(): Matching {
    const ordered = this.#orderedClick();
    if (ordered !== null) return this.#attributed(ordered, { sharing: [ordered.click], lost: [] });
    const named = this.#named;
    if (named.kind === 'eligible') return this.#credited({ ...named, path: 'click_id' });
    if (named.kind === 'lost') this.#considerLost([named]);
    if (named.kind === 'lost' && named.click.kind !== 'impression')
      return this.#unattributed([named.reasonCode]);
    if (named.kind === 'foreign') this.#considerLost([named]);
    if (named.kind === 'foreign' && !this.#conversion.facts.isReportedWithoutClick)
      return { ...this.#unattributed([named.reasonCode]), isForeign: true };
    if (named.kind === 'missing') {
      this.#considered.push(missing(named.clickId, named.reasonCode));
      if (!this.#givesUp(named.clickId)) return this.#waitsForNamed();
    }
    return this.#byPerson();
  }

  #orderedClick(): Entry | null {
    const { clickId } = this.#conversion.orders;
    const click = clickId === null ? undefined : visibleClick(this.#conversion, clickId, this.#known);
    if (click === undefined || click.advertiserId !== this.#conversion.advertiserId) return null;
    const terms = termsFor(this.#conversion, click.offerId, this.#known);
    return terms === null ? null : { click, terms, path: 'command' };
  }

  /** Whether the named click is past waiting for. That is final by time: the click may show later and does not count. */
  #givesUp(clickId: string): boolean {
    const { passed } = this.#conversion;
    if (passed.gaveUpClickId === clickId) return true;
    const isPast = this.#moment.now >= clickDeadlineOf(this.#conversion, this.#known);
    if (!isPast || !this.#moment.watermarkReached) return false;
    this.#conversion = { ...this.#conversion, passed: { ...passed, gaveUpClickId: clickId } };
    return true;
  }

  #waitsForNamed(): Matching {
    return this.#parked('click_not_found', clickDeadlineOf(this.#conversion, this.#known));
  }

  #byPerson(): Matching {
    const { facts } = this.#conversion;
    const isLinked = this.#known.advertiser(this.#conversion.advertiserId, facts.receivedAt).linksPersons;
    const hasSubject = isLinked && facts.subjectSince !== null;
    if (facts.customerId === null && !hasSubject) return this.#unattributed(this.#whyNone());
    const deadline = deadlineOf(this.#conversion, this.#known);
    if (!this.#seesClicks()) return this.#parked('awaits_clicks', deadline);
    const ways = [
      { path: 'customer' as const, search: () => customersClick(this.#conversion, this.#known) },
      ...(hasSubject
        ? [{ path: 'hashed_identity' as const, search: () => identityClick(this.#conversion, this.#known) }]
        : []),
    ];
    for (const { path, search } of ways) {
      const { found, lost } = search();
      this.#considerLost(lost);
      if (found !== null) return this.#credited({ ...found, path });
    }
    if (!this.#hasWaited(deadline)) return this.#parked('awaits_clicks', deadline);
    return this.#unattributed([...this.#whyNone(), 'deadline_passed']);
  }

  /** Whether the clicks of its person are visible as far as they were recorded when it arrived. */
  #seesClicks(): boolean {
    const { passed } = this.#conversion;
    if (passed.hasSeenClicks || !this.#moment.watermarkReached) return passed.hasSeenClicks;
    this.#conversion = { ...this.#conversion, passed: { ...passed, hasSeenClicks: true } };
    return true;
  }

  #hasWaited(deadline: number): boolean {
    const { passed } = this.#conversion;
    if (passed.waitedUntil !== null && passed.waitedUntil >= deadline) return true;
    if (!this.#moment.watermarkReached || this.#moment.now < deadline) return false;
    this.#conversion = { ...this.#conversion, passed: { ...passed, waitedUntil: deadline } };
    return true;
  }

  #whyNone(): readonly CoreReason[] {
    const named = this.#named;
    if (named.kind === 'missing') return [named.reasonCode, 'deadline_passed'];
    if (named.kind === 'foreign' || named.kind === 'lost') return [named.reasonCode];
    const { malformedClickId } = this.#conversion.facts;
    if (malformedClickId === null) return ['click_id_missing'];
    this.#considered.push(missing(malformedClickId, 'click_id_malformed'));
    return ['click_id_malformed'];
  }

  /** One click gets it all under last click, and the other touches of the person need no look; any other model waits for them. */
  #credited(entry: Entry): Matching {
    if (entry.terms.model === 'last_click' && entry.click.kind !== 'impression')
      return this.#attributed(entry, { sharing: [entry.click], lost: [] });
    if (!this.#seesClicks()) return this.#parked('awaits_clicks', deadlineOf(this.#conversion, this.#known));
    return this.#attributed(entry, touchesOf(this.#conversion, entry, this.#known));
  }

  #attributed({ terms, path }: Entry, { sharing, lost }: Touches): Matching {
    const occurredAt = occurredAtOf(this.#conversion.facts);
    const credits = creditsOf(sharing, terms.model, occurredAt, terms.halfLifeMs);
    const credited = new Set(credits.map(({ clickId }) => clickId));
    this.#considerLost(lost);
    for (const click of sharing)
      this.#considered.push(judged(click, credited.has(click.clickId) ? null : 'not_credited'));
    return {
      ...this.#result('attributed', [], null),
      matchedBy: path,
      winner: winnerOf(sharing, credits),
      terms,
      credits,
    };
  }

  #considerLost(lost: readonly LostClick[]): void {
    for (const { click, reasonCode } of lost) this.#considered.push(judged(click, reasonCode));
  }

  #parked(reasonCode: CoreReason, until: number): Matching {
    return this.#result('parked', [reasonCode], until);
  }

  #unattributed(reasonCodes: readonly CoreReason[]): Matching {
    return this.#result('unattributed', [...new Set(reasonCodes)], null);
  }

  #result(match: Match, reasonCodes: readonly CoreReason[], parkedUntil: number | null): Matching {
    return {
      match,
      matchedBy: null,
      winner: null,
      terms: null,
      credits: [],
      candidates: inOrder(this.#considered),
      reasonCodes,
      parkedUntil,
      passed: this.#conversion.passed,
      namedClickId: this.#named.kind === 'eligible' ? this.#named.click.clickId : null,
      isForeign: false,
    };
  }
}

/** The click with the largest share; of equal ones the latest. */
export function winnerOf(
  sharing: readonly CandidateClick[],
  credits: readonly Credit[],
): CandidateClick | null {
  const shareOf = new Map(credits.map(({ clickId, numerator }) => [clickId, numerator]));
  const [winner] = sharing
    .filter(({ clickId }) => shareOf.has(clickId))
    .toSorted((a, b) => {
      const byShare = (shareOf.get(b.clickId) ?? 0) - (shareOf.get(a.clickId) ?? 0);
      return byShare || compareLatestClick(a, b);
    });
  return winner ?? null;
}

function judged(click: CandidateClick, reasonCode: CoreReason | null): Candidate {
  const { clickId, campaignId, clickedAt } = click;
  return { clickId, campaignId, clickedAt, outcome: reasonCode === null ? 'won' : 'lost', reasonCode };
}

function missing(clickId: string, reasonCode: CoreReason): Candidate {
  return { clickId, campaignId: null, clickedAt: null, outcome: 'missing', reasonCode };
}

/** Each once, as it was judged last; the latest first, and those without a time at the end. */
function inOrder(candidates: readonly Candidate[]): readonly Candidate[] {
  if (candidates.length <= 1) return [...candidates];
  return [...new Map(candidates.map((candidate) => [candidate.clickId, candidate])).values()].toSorted(
    (a, b) => (b.clickedAt ?? 0) - (a.clickedAt ?? 0) || compareText(b.clickId, a.clickId),
  );
}
