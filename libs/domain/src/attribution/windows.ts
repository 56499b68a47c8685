/** Whether a click can win a conversion: whose it is, when it came, and how long before the conversion. */
import type { CandidateClick } from './conversion.ts';
import type { CoreReason } from './reasons.ts';
import type { ConversionWindow, OfferTerms } from './terms.ts';

/** The edge clock and the source's clock may disagree this much before "converted before the click" is held against it. */
export const CLOCK_SKEW_MS = 60_000;

/** Null: the click's time from click to conversion is within the terms. */
export function whyOutside(
  click: Pick<CandidateClick, 'kind' | 'clickedAt'>,
  terms: Pick<OfferTerms, 'window' | 'viewThroughWindow'>,
  occurredAt: number,
): CoreReason | null {
  const window = click.kind === 'impression' ? terms.viewThroughWindow : terms.window;
  if (window === null) return 'view_through_not_allowed';
  const elapsedMs = occurredAt - click.clickedAt;
  if (elapsedMs < -CLOCK_SKEW_MS) return 'before_click';
  return isWithin(Math.max(0, elapsedMs), window) ? null : 'outside_window';
}

/** Both ends included. */
export function isWithin(elapsedMs: number, { minMs, maxMs }: ConversionWindow): boolean {
  return elapsedMs >= minMs && elapsedMs <= maxMs;
}

/** Null: the click may be a candidate of a conversion of this advertiser, test or live. */
export function whyForeign(
  click: Pick<CandidateClick, 'advertiserId' | 'isTest'>,
  conversion: { readonly advertiserId: string; readonly isTest: boolean },
): 'click_of_other_advertiser' | 'test_mixed_with_live' | null {
  if (click.advertiserId !== conversion.advertiserId) return 'click_of_other_advertiser';
  return click.isTest === conversion.isTest ? null : 'test_mixed_with_live';
}
