/** A decision as its line in the log: ids, codes, places and durations, no value of the postback. */
import type { ConversionDecided } from '@tributary/contracts';

export function decisionLine(decided: ConversionDecided): object {
  return {
    conversionId: decided.conversionId,
    revision: decided.revision,
    receiptId: decided.receiptId,
    sourceId: decided.sourceId,
    advertiserId: decided.advertiserId,
    lane: decided.lane,
    match: decided.match,
    state: decided.state,
    reasonCodes: decided.reasonCodes,
    eventType: decided.eventType,
    clickId: decided.clickId,
    offerId: decided.offerId,
    campaignId: decided.campaignId,
    partnerId: decided.partnerId,
    trigger: decided.triggerKind,
    partition: decided.triggerPartition,
    offset: decided.triggerOffset,
    configurationVersion: decided.configurationVersion,
    isTest: decided.isTest,
    durationMs: decided.decidedAt - decided.receivedAt,
  };
}
