/** What other rules would change: conversions by kind, and payout and revenue of each partner, moved and changed told apart. */
import type { Conversion, PayoutPart } from '../conversion.ts';
import { compareText, isSame } from '../ordering.ts';
import { splitByCredits } from '../splits.ts';

/** What of a conversion has changed. `winner`: the click with the largest credit; `match`: whether there is any. */
export const CHANGE_KINDS = ['match', 'winner', 'credits', 'payout', 'state'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** A conversion as it stands, and as the other rules decide it. */
export interface Compared {
  readonly before: Conversion;
  readonly after: Conversion;
}

/** In the order of {@link CHANGE_KINDS}; none when nobody is credited or paid otherwise. */
export function changesOf({
  before: { outcome: a },
  after: { outcome: b },
}: Compared): readonly ChangeKind[] {
  const isChanged: Readonly<Record<ChangeKind, boolean>> = {
    match: a.match !== b.match,
    winner: a.winner?.clickId !== b.winner?.clickId,
    credits: !isSame(a.credits, b.credits),
    payout: !isSame(a.payout, b.payout) || !isSame(a.payoutParts, b.payoutParts),
    state: a.state !== b.state,
  };
  return CHANGE_KINDS.filter((kind) => isChanged[kind]);
}

/** Micro-units by partner; null is nobody. */
export type Shares = ReadonlyMap<string | null, bigint>;

/** The revenue that a conversion brought, by the partners it is credited to; what nobody is credited for is nobody's. */
export function revenueShares({ outcome: { revenue, credits } }: Conversion): Shares {
  if (revenue === null) return new Map();
  if (credits.length === 0) return new Map([[null, revenue.micros]]);
  const parts = splitByCredits(revenue.micros, credits);
  return summed(credits.map(({ partnerId }, index) => ({ partnerId, micros: parts[index] ?? 0n })));
}

/** The states in which a payout is owed: payable and reversed rows add up. */
const OWED: readonly string[] = ['payable', 'reversed'];

/** What partners are owed for a conversion; nothing while it is pending or held. */
export function payoutShares({ outcome: { state, payoutParts } }: Conversion): Shares {
  return OWED.includes(state) ? summed(payoutParts) : new Map();
}

function summed(parts: readonly Pick<PayoutPart, 'partnerId' | 'micros'>[]): Shares {
  const shares = new Map<string | null, bigint>();
  for (const { partnerId, micros } of parts) shares.set(partnerId, (shares.get(partnerId) ?? 0n) + micros);
  return shares;
}

/**
 * What of a change of payout only moved between partners, by partner: what was paid before, shared as it is shared now, less
 * what each had. It sums to zero. The rest of the change is what the other rules pay more or less.
 *
 * Nothing moves where nobody was paid, or nobody is paid now, or the currency is another one.
 */
export function movedPayout({ before, after }: Compared): Shares {
  const had = payoutShares(before);
  const has = payoutShares(after);
  const paid = total(had);
  const isAlike = before.outcome.payout?.currency === after.outcome.payout?.currency;
  if (paid === 0n || has.size === 0 || !isAlike) return new Map();
  const { credits } = after.outcome;
  const parts = splitByCredits(paid, credits);
  const shared = summed(credits.map(({ partnerId }, index) => ({ partnerId, micros: parts[index] ?? 0n })));
  return less(shared, had);
}

function total(shares: Shares): bigint {
  return [...shares.values()].reduce((sum, micros) => sum + micros, 0n);
}

/** `a` less `b`, without those that come to nothing. */
function less(a: Shares, b: Shares): Shares {
  const partners = new Set([...a.keys(), ...b.keys()]);
  const differences = [...partners].map((id) => [id, (a.get(id) ?? 0n) - (b.get(id) ?? 0n)] as const);
  return new Map(differences.filter(([, micros]) => micros !== 0n));
}

/** Sums of one partner in one currency, in micro-units. */
export interface PartnerDifference {
  readonly measure: 'payout' | 'revenue';
  readonly currency: string;
  readonly partnerId: string | null;
  readonly before: bigint;
  readonly after: bigint;
  /** Of `after − before` what came from or went to other partners; over all partners zero. */
  readonly moved: bigint;
}

/** What a run has found. */
export interface DifferenceSummary {
  /** Conversions that were compared; tests are not, for nobody is paid for them. */
  readonly compared: number;
  readonly changed: number;
  readonly byKind: Readonly<Record<ChangeKind, number>>;
  /** Conversions of which credit moved from one partner to another. */
  readonly moved: number;
  /** Of those, how many whose revenue or moved payout does not sum to zero over the partners: none, or this is a defect. */
  readonly unbalanced: number;
  /** By measure, currency and partner. */
  readonly partners: readonly PartnerDifference[];
  readonly examples: readonly Compared[];
}

const MAX_EXAMPLES = 10;

interface Sums {
  before: bigint;
  after: bigint;
  moved: bigint;
}

/** Adds up a difference, one conversion after the other. */
export class Difference {
  readonly #byKind = Object.fromEntries(CHANGE_KINDS.map((kind) => [kind, 0])) as Record<ChangeKind, number>;
  readonly #partners = new Map<
    string,
    Sums & Pick<PartnerDifference, 'measure' | 'currency' | 'partnerId'>
  >();
  readonly #examples: Compared[] = [];
  #compared = 0;
  #changed = 0;
  #moved = 0;
  #unbalanced = 0;

  /** @returns what has changed of it. */
  add(compared: Compared): readonly ChangeKind[] {
    const { before, after } = compared;
    if (before.isTest) return [];
    this.#compared += 1;
    this.#sum('revenue', before, revenueShares(before), 'before');
    this.#sum('revenue', after, revenueShares(after), 'after');
    this.#sum('payout', before, payoutShares(before), 'before');
    this.#sum('payout', after, payoutShares(after), 'after');
    const kinds = changesOf(compared);
    if (kinds.length === 0) return kinds;
    this.#changed += 1;
    for (const kind of kinds) this.#byKind[kind] += 1;
    if (this.#examples.length < MAX_EXAMPLES) this.#examples.push(compared);
    this.#addMoved(compared);
    return kinds;
  }

  get summary(): DifferenceSummary {
    const partners = [...this.#partners.values()].toSorted(
      (a, b) =>
        compareText(a.measure, b.measure) ||
        compareText(a.currency, b.currency) ||
        compareText(a.partnerId ?? '', b.partnerId ?? ''),
    );
    return {
      compared: this.#compared,
      changed: this.#changed,
      byKind: this.#byKind,
      moved: this.#moved,
      unbalanced: this.#unbalanced,
      partners,
      examples: this.#examples,
    };
  }

  #addMoved(compared: Compared): void {
    const revenue = less(revenueShares(compared.after), revenueShares(compared.before));
    const payout = movedPayout(compared);
    this.#sum('revenue', compared.after, revenue, 'moved');
    this.#sum('payout', compared.after, payout, 'moved');
    if (revenue.size > 0 || payout.size > 0) this.#moved += 1;
    if (total(revenue) !== 0n || total(payout) !== 0n) this.#unbalanced += 1;
  }

  #sum(
    measure: PartnerDifference['measure'],
    { outcome: { revenue, payout } }: Conversion,
    shares: Shares,
    column: keyof Sums,
  ): void {
    const currency = (measure === 'revenue' ? revenue : payout)?.currency;
    if (currency === undefined) return;
    for (const [partnerId, micros] of shares) {
      const key = JSON.stringify([measure, currency, partnerId]);
      const sums = this.#partners.get(key) ?? {
        measure,
        currency,
        partnerId,
        before: 0n,
        after: 0n,
        moved: 0n,
      };
      sums[column] += micros;
      this.#partners.set(key, sums);
    }
  }
}
