/** The attribution models: which share of a conversion each of its clicks earns, in whole numbers and exactly. */
import { splitByClick } from './splits.ts';
import type { AttributionModel } from './terms.ts';

/** A click that may earn credit; the caller has left out those outside the window. */
export interface Touch {
  readonly clickId: string;
  readonly partnerId: string | null;
  /** Epoch milliseconds, UTC. */
  readonly clickedAt: number;
}

/** `numerator ÷ denominator` of a conversion; the numerators of one conversion sum to their common denominator. */
export interface Credit {
  readonly clickId: string;
  readonly partnerId: string | null;
  readonly numerator: number;
  readonly denominator: number;
}

/** Shares of time decay are rounded to millionths, as no fraction gives a power of two to a broken exponent. */
const DECAY_DENOMINATOR = 1_000_000n;

type Model = (
  touches: readonly Touch[],
  decay: { readonly occurredAt: number; readonly halfLifeMs: number },
) => readonly number[];

const MODELS: Readonly<Record<AttributionModel, Model>> = {
  last_click: (touches) => touches.map((_, place) => (place === touches.length - 1 ? 1 : 0)),
  first_click: (touches) => touches.map((_, place) => (place === 0 ? 1 : 0)),
  linear: (touches) => touches.map(() => 1),
  position_based: (touches) => positionShares(touches.length),
  time_decay: (touches, { occurredAt, halfLifeMs }) => decayShares(touches, occurredAt, halfLifeMs),
};

/**
 * The credits of a conversion, earliest click first and of one instant the smaller click id first; a click without a share
 * is left out. The order of `touches` does not matter.
 *
 * | model | shares |
 * |---|---|
 * | last_click, first_click | 1/1 to that click |
 * | linear | 1/n each |
 * | position_based | 2/5 first, 2/5 last, 1/5 in equal parts between them; of two 1/2 each |
 * | time_decay | in proportion to 2^(−age ÷ half-life), in millionths by largest remainder, ties to the smaller click id |
 *
 * A single click earns 1/1 under every model.
 *
 * @param occurredAt of the conversion; a click after it, which only differing clocks explain, is of age 0.
 * @param halfLifeMs of time decay, a whole number above 0.
 */
export function creditsOf(
  touches: readonly Touch[],
  model: AttributionModel,
  occurredAt: number,
  halfLifeMs: number,
): readonly Credit[] {
  const inOrder = touches.toSorted(byTime);
  const shares = inOrder.length === 1 ? [1] : MODELS[model](inOrder, { occurredAt, halfLifeMs });
  const denominator = shares.reduce((sum, share) => sum + share, 0);
  return inOrder.flatMap(({ clickId, partnerId }, place) => {
    const numerator = shares[place] ?? 0;
    return numerator === 0 ? [] : [{ clickId, partnerId, numerator, denominator }];
  });
}

/** Our click ids are UUIDv7, so of one millisecond the smaller is the earlier one. */
function byTime(a: Touch, b: Touch): number {
  if (a.clickedAt !== b.clickedAt) return a.clickedAt - b.clickedAt;
  if (a.clickId === b.clickId) return 0;
  return a.clickId < b.clickId ? -1 : 1;
}

/** Over the denominator 5 × (n − 2), which makes the fifth in the middle divisible. */
function positionShares(count: number): readonly number[] {
  if (count <= 2) return Array.from({ length: count }, () => 1);
  const end = 2 * (count - 2);
  return Array.from({ length: count }, (_, place) => (place === 0 || place === count - 1 ? end : 1));
}

function decayShares(touches: readonly Touch[], occurredAt: number, halfLifeMs: number): readonly number[] {
  const ages = touches.map(({ clickedAt }) => Math.max(0, occurredAt - clickedAt));
  // Only differences of age matter; against the youngest click at least one weight is 1, however old all of them are.
  const youngest = Math.min(...ages);
  const weighted = touches.map(({ clickId }, place) => ({
    clickId,
    weight: decayWeight((ages[place] ?? youngest) - youngest, halfLifeMs),
  }));
  return splitByClick(DECAY_DENOMINATOR, weighted).map(Number);
}

const WEIGHT_BITS = 64n;
const EXPONENT_BITS = 32;
const ONE = 1n << WEIGHT_BITS;

/** 2^(−1/2), 2^(−1/4), 2^(−1/8), … as fixed-point numbers: each the integer square root of the one before. */
const ROOTS_OF_HALF: readonly bigint[] = rootsOfHalf();

/**
 * 2^(−age ÷ half-life) as a fixed-point number with 64 bits after the point, by whole numbers alone, so that every machine
 * and every replay has the same one.
 *
 * The exponent is cut down to 32 bits after the point. Its whole part shifts to the right; each bit set in its fraction
 * multiplies by the root of one half that the bit stands for, each product cut down. What is lost is below 2^−32 of the
 * weight, far below the millionth that shares are rounded to.
 */
export function decayWeight(ageMs: number, halfLifeMs: number): bigint {
  const exponent = (BigInt(ageMs) << BigInt(EXPONENT_BITS)) / BigInt(halfLifeMs);
  const halvings = exponent >> BigInt(EXPONENT_BITS);
  if (halvings > WEIGHT_BITS) return 0n;
  const isSet = (place: number) => ((exponent >> BigInt(EXPONENT_BITS - 1 - place)) & 1n) === 1n;
  const fraction = ROOTS_OF_HALF.reduce(
    (weight, root, place) => (isSet(place) ? (weight * root) >> WEIGHT_BITS : weight),
    ONE,
  );
  return fraction >> halvings;
}

function rootsOfHalf(): readonly bigint[] {
  const roots: bigint[] = [];
  let root = ONE / 2n;
  while (roots.length < EXPONENT_BITS) {
    root = integerSquareRoot(root << WEIGHT_BITS);
    roots.push(root);
  }
  return roots;
}

/** Newton's method from above: it falls until it reaches the largest integer whose square is not above `value`. */
function integerSquareRoot(value: bigint): bigint {
  let guess = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (guess + value / guess) / 2n;
    if (next >= guess) return guess;
    guess = next;
  }
}
