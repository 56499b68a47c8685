/** Splits of money and of shares over clicks: nothing is lost, and the order in which clicks are given never matters. */
import { splitByLargestRemainder } from '../money.ts';
import type { Credit } from './models.ts';

/**
 * The parts of an amount that the credits earn, in the order of the credits; they sum to `micros` exactly, also below zero.
 * Largest remainder, ties to the smaller click id. No credits, no parts: then nobody earned it.
 */
export function splitByCredits(micros: bigint, credits: readonly Credit[]): readonly bigint[] {
  return splitByClick(
    micros,
    credits.map(({ clickId, numerator }) => ({ clickId, weight: BigInt(numerator) })),
  );
}

/** The parts of a total in proportion to the weights, in the order given; ties go to the smaller click id. */
export function splitByClick(
  total: bigint,
  weighted: readonly { readonly clickId: string; readonly weight: bigint }[],
): readonly bigint[] {
  if (weighted.length === 0) return [];
  // The split favours the lower index, so the index has to follow the click id.
  const order = [...weighted.keys()].toSorted((a, b) => compareIds(weighted[a], weighted[b]));
  const parts = splitByLargestRemainder(
    total,
    order.map((index) => weighted[index]?.weight ?? 0n),
  );
  const partOf = new Map(order.map((index, place) => [index, parts[place] ?? 0n]));
  return weighted.map((_, index) => partOf.get(index) ?? 0n);
}

/** By code unit, which is the same on every machine; a locale is not. */
function compareIds(a: { clickId: string } | undefined, b: { clickId: string } | undefined): number {
  const [left, right] = [a?.clickId ?? '', b?.clickId ?? ''];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
