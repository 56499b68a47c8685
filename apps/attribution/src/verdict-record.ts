/** The postback.judged event: what became of one receipt, and where and by which configuration it was judged. */
import type { PostbackJudged, PostbackReceived } from '@tributary/contracts';
import type { attribution } from '@tributary/domain';

/** Place of the receipt in postback.received, and when and by which configuration it was judged. */
export interface JudgedAt extends attribution.Position {
  /** Epoch milliseconds, UTC. */
  readonly now: number;
  readonly configurationVersion: number;
}

/** @param judgement of the receipt of this very postback. */
export function verdictRecordOf(
  judgement: attribution.Judgement,
  postback: PostbackReceived,
  at: JudgedAt,
): PostbackJudged {
  return {
    receiptId: judgement.receiptId,
    sourceId: postback.sourceId,
    lane: postback.lane,
    advertiserId: postback.advertiserId,
    verdict: judgement.verdict,
    reasonCode: judgement.reasonCode,
    conversionId: judgement.conversionId,
    revision: judgement.revision,
    receivedAt: postback.receivedAt,
    judgedAt: at.now,
    triggerPartition: at.partition,
    triggerOffset: at.offset,
    configurationVersion: at.configurationVersion,
    isTest: postback.isTest,
  };
}
