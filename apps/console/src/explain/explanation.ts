/** The explanation of a conversion as the API shows it: instants as ISO 8601, money as micro-units and as a decimal, reasons in words. */
import type { ClickRecorded, ConversionDecided, DeliveryAttempted } from '@tributary/contracts';
import {
  attribution,
  type Credit,
  type ExchangeRate,
  formatUnits,
  type Money,
  moneyOf,
  type PayoutAmount,
} from '@tributary/domain';
import type { ConversionEvidence, JudgedPostback, RecordedChange } from '@tributary/store';
import type { Holder } from '../api-keys.ts';
import type { RulesBehind } from './rules-behind.ts';
import type { SettingsBehind } from './settings-behind.ts';

/** The settings that an attempt of a delivery went by, as {@link SettingsBehind} tells. */
export type SettingsOf = (request: DeliveryAttempted, decided: ConversionDecided) => SettingsBehind | null;

/** What the holder of a key sees: the analyst without what says more of a person than analysis needs, as in ClickHouse. */
export function explanationOf(
  evidence: ConversionEvidence,
  rules: RulesBehind,
  changes: readonly RecordedChange[],
  { role }: Pick<Holder, 'role'>,
  settingsOf: SettingsOf,
): object {
  const { revisions, original } = evidence;
  const latest = revisions.at(-1) ?? revisions[0];
  const showsPersonal = role === 'admin';
  const terms = rules.terms === null ? null : { ...rules.terms, rate: rules.rate };
  const { steps, agreement } = attribution.moneyStepsOf(latest, terms, original);
  return {
    conversionId: latest.conversionId,
    standing: standingOf(latest),
    revisions: revisions.map(revisionView),
    postbacks: evidence.postbacks.map((each) => postbackView(each, latest, showsPersonal)),
    click: winningClick(latest),
    candidates: latest.candidates.map((candidate) => candidateView(candidate, latest, evidence.clicks)),
    rules: rulesView(latest, rules, changes),
    money: { steps: steps.map(moneyStepView), agreement },
    original: original === null ? null : relatedView(original),
    reversals: evidence.reversals.map(relatedView),
    deliveries: deliveryViews(evidence, settingsOf, showsPersonal),
  };
}

function instant(at: number): string;
function instant(at: number | null): string | null;
function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function money(amount: Money | null): object | null {
  if (amount === null) return null;
  const { micros, currency } = amount;
  return { micros: String(micros), decimal: formatUnits(micros), currency };
}

function moneyAt(micros: bigint | null, currency: string | null): object | null {
  return money(moneyOf(micros, currency));
}

function reason(code: string): object;
function reason(code: string | null): object | null;
function reason(code: string | null): object | null {
  return code === null ? null : { code, meaning: attribution.reasonInWords(code) };
}

/** What stands of a conversion at one revision. */
function stateView(decided: ConversionDecided) {
  const { currency, payoutCurrency } = decided;
  return {
    revision: decided.revision,
    status: decided.status,
    match: decided.match,
    matchedBy: decided.matchedBy,
    state: decided.state,
    reasons: decided.reasonCodes.map((code) => reason(code)),
    clickId: decided.clickId,
    revenue: moneyAt(decided.revenueMicros, currency),
    payout: moneyAt(decided.payoutMicros, payoutCurrency),
    payoutRule: decided.payoutRule,
    reversedRevenue: moneyAt(decided.reversedRevenueMicros, currency),
    reversedPayout: moneyAt(decided.reversedPayoutMicros, payoutCurrency),
    parkedUntil: instant(decided.parkedUntil),
    heldUntil: instant(decided.heldUntil),
    decidedAt: instant(decided.decidedAt),
  };
}

function standingOf(latest: ConversionDecided): object {
  return {
    ...stateView(latest),
    eventType: latest.eventType,
    eventClass: latest.eventClass,
    transactionId: latest.transactionId,
    customerId: latest.customerId,
    isFirstOfCustomer: latest.isFirstOfCustomer,
    advertiserId: latest.advertiserId,
    offerId: latest.offerId,
    campaignId: latest.campaignId,
    partnerId: latest.partnerId,
    lane: latest.lane,
    isTest: latest.isTest,
    occurredAt: instant(latest.occurredAt),
    occurredAtIsAssumed: latest.occurredAtIsAssumed,
    receivedAt: instant(latest.receivedAt),
  };
}

function revisionView(decided: ConversionDecided): object {
  const { ruling, clickId, model, terms } = decided.orders;
  const isOrdered = [ruling, clickId, model, terms].some((order) => order !== null);
  return {
    ...stateView(decided),
    trigger: {
      kind: decided.triggerKind,
      partition: decided.triggerPartition,
      offset: decided.triggerOffset,
    },
    configurationVersion: decided.configurationVersion,
    ordered: isOrdered ? { ruling, clickId, model, hasOwnTerms: terms !== null } : null,
  };
}

function postbackView(
  { judged, postback }: JudgedPostback,
  { receiptId, ledger }: ConversionDecided,
  showsPersonal: boolean,
): object {
  return {
    receiptId: judged.receiptId,
    sourceId: judged.sourceId,
    verdict: judged.verdict,
    reason: reason(judged.reasonCode),
    revision: judged.revision,
    isCounted: [receiptId, ...ledger.furtherReceiptIds].includes(judged.receiptId),
    receivedAt: instant(judged.receivedAt),
    judgedAt: instant(judged.judgedAt),
    report: postback === null ? null : reportView(postback),
    ...(showsPersonal && { rawCall: postback?.rawCall ?? null }),
  };
}

function reportView(postback: NonNullable<JudgedPostback['postback']>): object {
  const { currency } = postback;
  return {
    occurredAt: instant(postback.occurredAt),
    occurredAtIsAssumed: postback.occurredAtIsAssumed,
    eventType: postback.eventType,
    eventTypeSent: postback.eventTypeSent,
    status: postback.status,
    statusSent: postback.statusSent,
    clickId: postback.clickId,
    transactionId: postback.transactionId,
    originalTransactionId: postback.originalTransactionId,
    reversalId: postback.reversalId,
    customerId: postback.customerId,
    revenue: moneyAt(postback.revenueMicros, currency),
    tax: moneyAt(postback.taxMicros, currency),
    shipping: moneyAt(postback.shippingMicros, currency),
    authenticatedBy: postback.authenticatedBy,
    warnings: postback.warnings,
    contentDigest: postback.contentDigest,
  };
}

/** From the revision itself, which keeps it whole: the click may have left the store. */
function winningClick(latest: ConversionDecided): object | null {
  if (latest.clickId === null) return null;
  return clickView({
    clickId: latest.clickId,
    kind: latest.clickKind,
    offerId: latest.offerId,
    campaignId: latest.campaignId,
    partnerId: latest.partnerId,
    partnerClickId: latest.partnerClickId,
    clickedAt: latest.clickedAt,
    receivedAt: latest.clickReceivedAt,
    landingUrl: latest.landingUrl,
    userAgent: latest.clickUserAgent,
    country: latest.clickCountry,
    automation: latest.clickAutomation,
    subIds: latest.clickSubIds,
    adPlatformIds: latest.adPlatformIds,
  });
}

type ShownClick = Pick<
  ClickRecorded,
  | 'clickId'
  | 'partnerId'
  | 'partnerClickId'
  | 'landingUrl'
  | 'userAgent'
  | 'country'
  | 'automation'
  | 'subIds'
  | 'adPlatformIds'
> & {
  readonly kind: string | null;
  readonly offerId: string | null;
  readonly campaignId: string | null;
  readonly clickedAt: number | null;
  readonly receivedAt: number | null;
};

function clickView(click: ShownClick): object {
  return {
    clickId: click.clickId,
    kind: click.kind,
    offerId: click.offerId,
    campaignId: click.campaignId,
    partnerId: click.partnerId,
    partnerClickId: click.partnerClickId,
    clickedAt: instant(click.clickedAt),
    receivedAt: instant(click.receivedAt),
    landingUrl: click.landingUrl,
    userAgent: click.userAgent,
    country: click.country,
    automation: click.automation,
    subIds: click.subIds,
    adPlatformIds: click.adPlatformIds.map(({ name, value, firstSeenAt }) => ({
      name,
      value,
      firstSeenAt: instant(firstSeenAt),
    })),
  };
}

function candidateView(
  { clickId, campaignId, clickedAt, outcome, reasonCode }: ConversionDecided['candidates'][number],
  { credits }: ConversionDecided,
  clicks: readonly ClickRecorded[],
): object {
  const credit = credits.find((each) => each.clickId === clickId);
  const click = clicks.find((each) => each.clickId === clickId);
  return {
    clickId,
    campaignId,
    clickedAt: instant(clickedAt),
    outcome,
    reason: reason(reasonCode),
    credit: credit === undefined ? null : shareView(credit),
    click: click === undefined ? null : clickView(click),
  };
}

function shareView({ numerator, denominator }: Pick<Credit, 'numerator' | 'denominator'>): object {
  return { numerator, denominator };
}

function rulesView(
  { model, orders }: ConversionDecided,
  { terms, behind }: RulesBehind,
  changes: readonly RecordedChange[],
): object {
  return {
    model,
    isOrdered: orders.terms !== null,
    terms:
      terms === null
        ? null
        : {
            window: terms.window,
            viewThroughWindow: terms.viewThroughWindow,
            matchesHashedIdentity: terms.matchesHashedIdentity,
            condition: terms.condition,
          },
    behind: behind.map(({ entityType, entityId, version, effectiveFrom }) => {
      const change = changes.find((each) => each.version === version);
      return {
        entityType,
        entityId,
        version,
        effectiveFrom: instant(effectiveFrom),
        changeId: change?.changeId ?? null,
        recordedAt: instant(change?.recordedAt ?? null),
        actor: change?.actor ?? null,
      };
    }),
  };
}

function relatedView(decided: ConversionDecided): object {
  return {
    conversionId: decided.conversionId,
    eventType: decided.eventType,
    occurredAt: instant(decided.occurredAt),
    match: decided.match,
    state: decided.state,
    revenue: moneyAt(decided.revenueMicros, decided.currency),
    payout: moneyAt(decided.payoutMicros, decided.payoutCurrency),
  };
}

function moneyStepView(step: attribution.MoneyStep): object {
  switch (step.step) {
    case 'net':
      return {
        ...step,
        deductions: step.deductions.map(({ deduction, micros }) => ({
          deduction,
          money: moneyAt(micros, step.money.currency),
        })),
        money: money(step.money),
      };
    case 'exchange':
      return { ...step, rate: rateView(step.rate), money: money(step.money) };
    case 'rule':
      return {
        ...step,
        pays: paysView(step.pays),
        tierFrom: step.tierFrom === null ? null : String(step.tierFrom),
        money: money(step.money),
      };
    case 'cap':
      return { ...step, caps: step.caps.map(capView), money: money(step.money) };
    case 'taken':
      return {
        step: step.step,
        ofRevenue: money(step.ofRevenue),
        ofPayout: money(step.ofPayout),
        revenue: money(step.revenue),
        payout: money(step.payout),
      };
    case 'split':
      return {
        ...step,
        parts: step.parts.map(({ clickId, partnerId, money: part, ...credit }) => ({
          clickId,
          partnerId,
          share: shareView(credit),
          money: money(part),
        })),
      };
    case 'reversed':
      return {
        step: step.step,
        revenue: money(step.revenue),
        payout: money(step.payout),
        revenueLeft: money(step.revenueLeft),
        payoutLeft: money(step.payoutLeft),
      };
    default:
      return { ...step, money: money(step.money) };
  }
}

function rateView(rate: ExchangeRate | null): object | null {
  if (rate === null) return null;
  const { from, to, numerator, denominator } = rate;
  return { from, to, numerator: String(numerator), denominator: String(denominator) };
}

function paysView(pays: PayoutAmount | null): object | null {
  if (pays === null) return null;
  if (pays.kind === 'fixed') return { kind: pays.kind, amount: money(pays.amount) };
  return { kind: pays.kind, percent: formatUnits(pays.percentMicros), netOf: pays.netOf ?? [] };
}

function capView({ periodStart, payoutMicros, limit, ...cap }: attribution.ExplainedCap): object {
  return {
    capId: cap.capId,
    period: cap.period,
    periodStart: instant(periodStart),
    isGranted: cap.isGranted,
    payoutMicros: String(payoutMicros),
    limit: limit?.kind === 'payout' ? { kind: limit.kind, money: money(limit.money) } : limit,
  };
}

/** By delivery, in the order of the first attempt. */
function deliveryViews(
  { attempts, revisions }: ConversionEvidence,
  settingsOf: SettingsOf,
  showsPersonal: boolean,
): readonly object[] {
  const latest = revisions.at(-1) ?? revisions[0];
  const { conversionId } = latest;
  const requests = Map.groupBy(attempts, ({ requestId }) => requestId);
  const tries = [...requests.values()].flatMap((facts) => {
    // What ended says all that what was intended says.
    const request = facts.find(({ phase }) => phase === 'ended') ?? facts[0];
    if (request === undefined) return [];
    return request.deliveries
      .filter((delivery) => delivery.conversionId === conversionId)
      .map((delivery) => ({ request, delivery }));
  });
  const byDelivery = Map.groupBy(tries, ({ delivery }) => delivery.deliveryId);
  return [...byDelivery].flatMap(([deliveryId, its]) => {
    const last = its.at(-1);
    if (last === undefined) return [];
    const told = toldBy(last.request, last.delivery);
    const sent = revisions.find(({ revision }) => revision === told) ?? latest;
    return [
      {
        deliveryId,
        destinationId: last.request.destinationId,
        definition: last.request.definition,
        outwardEvent: last.delivery.outwardEvent,
        outcome: outcomeOf(last),
        settings: settingsOf(last.request, sent),
        attempts: its.map((each) => attemptView(each, showsPersonal)),
      },
    ];
  });
}

/** The revision that chose the settings: a correction goes the way its event went. */
function toldBy(
  { holdings }: DeliveryAttempted,
  { deliveryId, revision }: DeliveryAttempted['deliveries'][number],
): number {
  const holding = holdings.find((each) => each.deliveryId === deliveryId);
  return holding === undefined || holding.kind === 'event' ? revision : (holding.eventRevision ?? revision);
}

export interface Try {
  readonly request: DeliveryAttempted;
  readonly delivery: DeliveryAttempted['deliveries'][number];
}

/** What was rehearsed has an end and no outcome: the event has no symbol for it. */
function outcomeOf({ request: { phase }, delivery: { outcome } }: Try): string | null {
  return phase === 'ended' ? (outcome ?? 'rehearsed') : null;
}

export function attemptView({ request, delivery }: Try, showsPersonal: boolean): object {
  return {
    requestId: request.requestId,
    attempt: delivery.attempt,
    revision: delivery.revision,
    outcome: outcomeOf({ request, delivery }),
    reasonCode: delivery.reasonCode,
    nextAttemptAt: instant(delivery.nextAttemptAt),
    contentDigest: delivery.contentDigest,
    startedAt: instant(request.startedAt),
    endedAt: instant(request.endedAt),
    durationMs: request.durationMs,
    method: request.method,
    url: request.url,
    responseStatus: request.responseStatus,
    errorCode: request.errorCode,
    carriedConversions: request.deliveries.length,
    ...(showsPersonal && {
      request: { headers: request.requestHeaders, body: request.requestBody },
      response: { headers: request.responseHeaders, body: request.responseBody },
    }),
  };
}
