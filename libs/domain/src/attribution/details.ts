/** What the reports of one conversion say beside its values: the union of all, the earliest one standing on a clash. */
import type { ConsentState } from '../click.ts';
import { compareText, isSame } from './ordering.ts';
import type { Report, ReportDetails } from './report.ts';

/** The part of the union that one report gave. All parts together say each thing once. */
export interface Contribution {
  readonly occurredAt: number;
  readonly receiptId: string;
  readonly details: ReportDetails;
}

/** Details of which a conversion has one; the others are maps. */
export const SINGLE_DETAILS = [
  'predictedLtvMicros',
  'productId',
  'planId',
  'couponCode',
  'quantity',
  'ipCiphertext',
  'userAgent',
  'country',
] as const satisfies readonly (keyof ReportDetails)[];

const NAMED_DETAILS = [
  'subIds',
  'extras',
  'subjectHashes',
] as const satisfies readonly (keyof ReportDetails)[];

const NO_DETAILS: ReportDetails = {
  predictedLtvMicros: null,
  productId: null,
  planId: null,
  couponCode: null,
  quantity: null,
  ipCiphertext: null,
  userAgent: null,
  country: null,
  subIds: {},
  extras: {},
  subjectHashes: {},
};

/**
 * The contributions with those of one more report. On a clash the report that stands first in the order (occurredAt,
 * receiptId) has its way, whatever came first: that order, unlike the order of arrival, is the same everywhere.
 */
export function withDetailsOf(
  contributions: readonly Contribution[],
  report: Report,
): readonly Contribution[] {
  const { occurredAt, receiptId } = report;
  const added: Contribution = { occurredAt, receiptId, details: detailsOfReport(report) };
  const others = contributions.filter((each) => each.receiptId !== receiptId);
  const merged = withoutRepeats([...others, added].toSorted(compareContributions));
  return isSame(merged, contributions) ? contributions : merged;
}

/** Everything the contributions say. */
export function detailsOf(contributions: readonly Contribution[]): ReportDetails {
  const [first] = contributions;
  if (first !== undefined && contributions.length === 1) return first.details;
  return contributions.reduce((said, { details }) => union(said, details), NO_DETAILS);
}

/** A no is never overridden by a yes that somebody else sent, so a denial stands over a grant, and either over silence. */
export function strictestConsent(a: ConsentState, b: ConsentState): ConsentState {
  if (a === 'denied' || b === 'denied') return 'denied';
  return a === 'granted' || b === 'granted' ? 'granted' : 'unknown';
}

function detailsOfReport(report: Report): ReportDetails {
  return {
    predictedLtvMicros: report.predictedLtvMicros,
    productId: report.productId,
    planId: report.planId,
    couponCode: report.couponCode,
    quantity: report.quantity,
    ipCiphertext: report.ipCiphertext,
    userAgent: report.userAgent,
    country: report.country,
    subIds: report.subIds,
    extras: report.extras,
    subjectHashes: report.subjectHashes,
  };
}

function compareContributions(a: Contribution, b: Contribution): number {
  return a.occurredAt - b.occurredAt || compareText(a.receiptId, b.receiptId);
}

function withoutRepeats(sorted: readonly Contribution[]): readonly Contribution[] {
  let said = NO_DETAILS;
  const kept: Contribution[] = [];
  for (const contribution of sorted) {
    const details = whatIsNew(contribution.details, said);
    if (details === null) continue;
    kept.push({ ...contribution, details });
    said = union(said, details);
  }
  return kept;
}

/** Details while they are put together. */
type GrowingDetails = { -readonly [Name in keyof ReportDetails]: ReportDetails[Name] };

/** Null when everything was said before. */
function whatIsNew(details: ReportDetails, said: ReportDetails): ReportDetails | null {
  const rest: GrowingDetails = { ...NO_DETAILS };
  let isAny = false;
  for (const name of SINGLE_DETAILS) {
    if (details[name] === null || said[name] !== null) continue;
    take(rest, name, details);
    isAny = true;
  }
  for (const name of NAMED_DETAILS) {
    const entries = Object.entries(details[name]).filter(([key]) => !Object.hasOwn(said[name], key));
    if (entries.length === 0) continue;
    rest[name] = Object.fromEntries(entries);
    isAny = true;
  }
  return isAny ? rest : null;
}

function union(said: ReportDetails, details: ReportDetails): ReportDetails {
  const all: GrowingDetails = { ...said };
  for (const name of SINGLE_DETAILS) if (said[name] === null) take(all, name, details);
  for (const name of NAMED_DETAILS) all[name] = { ...details[name], ...said[name] };
  return all;
}

function take<Name extends keyof ReportDetails>(
  into: GrowingDetails,
  name: Name,
  from: GrowingDetails,
): void {
  into[name] = from[name];
}
