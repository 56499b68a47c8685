/** Rules against abuse: which of an offer's rules a conversion breaks, and what each does with it. */
import type { CandidateClick, Undecided } from './conversion.ts';
import { detailsOf } from './details.ts';
import { occurredAtOf, takesBack } from './facts.ts';
import { isSameScope } from './keys.ts';
import type { KnownFacts } from './known-facts.ts';
import { compareOccurrence } from './ordering.ts';
import type { CoreReason } from './reasons.ts';
import type { AbuseAction, AbuseRules } from './terms.ts';

export interface AbuseFinding {
  readonly reasonCode: CoreReason;
  readonly action: AbuseAction;
}

interface Suspect {
  readonly conversion: Undecided;
  readonly click: CandidateClick;
  readonly known: KnownFacts;
}

/** Every rule the conversion breaks, in the order of the rules. */
export function abuseOf(
  conversion: Undecided,
  click: CandidateClick,
  rules: AbuseRules,
  known: KnownFacts,
): readonly AbuseFinding[] {
  const suspect = { conversion, click, known };
  const findings: AbuseFinding[] = [];
  const find = (reasonCode: CoreReason, action: AbuseAction | undefined, isBroken: () => boolean) => {
    if (action !== undefined && isBroken()) findings.push({ reasonCode, action });
  };
  const { impossibleBelowMs, bots, velocity, countryMismatch, blockedSubIds } = rules;
  find('impossible_time', impossibleBelowMs?.action, () => isImpossible(suspect, impossibleBelowMs?.ms ?? 0));
  find('automated_click', bots ?? undefined, () => isAutomated(click));
  find('velocity', velocity?.action, () => velocity !== null && isTooFast(suspect, velocity));
  find('country_mismatch', countryMismatch ?? undefined, () => isElsewhere(suspect));
  find(
    'blocked_sub_id',
    blockedSubIds?.action,
    () => blockedSubIds !== null && isBlocked(suspect, blockedSubIds),
  );
  return findings;
}

export function isImpossible({ conversion, click }: Suspect, belowMs: number): boolean {
  return Math.max(0, occurredAtOf(conversion.facts) - click.clickedAt) < belowMs;
}

/** A prefetch is no bot: the person may click the same link afterwards and be served from the cache. */
export function isAutomated(click: CandidateClick): boolean {
  return click.automation === 'bot';
}

/**
 * Whether more than so many conversions name the click within the time before it, itself among them. They are ranked by when
 * they occurred, of one instant by id, so the same ones break the rule whatever came first. One that matched the click in
 * another way is not counted: renewals go by their customer's first click for years.
 */
export function isTooFast(
  { conversion, click, known }: Suspect,
  { conversions, withinMs }: { readonly conversions: number; readonly withinMs: number },
): boolean {
  if (conversion.facts.clickId !== click.clickId) return false;
  const self = { conversionId: conversion.conversionId, occurredAt: occurredAtOf(conversion.facts) };
  const before = known.conversionsOfClick(click.clickId).filter((other) => {
    if (other.conversionId === self.conversionId || takesBack(other) || !isSameScope(other, conversion))
      return false;
    const occurredAt = occurredAtOf(other.facts);
    const isEarlier = compareOccurrence({ conversionId: other.conversionId, occurredAt }, self) < 0;
    return isEarlier && occurredAt > self.occurredAt - withinMs;
  });
  return before.length + 1 > conversions;
}

/** Where either country is unknown nothing is held against it. */
export function isElsewhere({ conversion, click }: Suspect): boolean {
  const { country } = detailsOf(conversion.facts.contributions);
  return country !== null && click.country !== null && country.toUpperCase() !== click.country.toUpperCase();
}

/** By the sub-ids of the click or of the postback. */
export function isBlocked(
  { conversion, click }: Suspect,
  { values }: { readonly values: ReadonlyMap<string, ReadonlySet<string>> },
): boolean {
  const { subIds } = detailsOf(conversion.facts.contributions);
  return [...values].some(([name, blocked]) =>
    [click.subIds, subIds].some((sent) => Object.hasOwn(sent, name) && blocked.has(sent[name] ?? '')),
  );
}
