/** The orders of a run of the time machine, as attribution.commanded records. */

import { createHash } from 'node:crypto';
import { type OutgoingRecord, outgoing } from '@tributary/bus';
import { deterministicUuid } from '@tributary/domain';
import type { PlannedOrder } from '@tributary/store';

export interface OrderedBy {
  readonly runId: string;
  /** Who ordered it. */
  readonly actor: string;
  readonly reasonCode: string;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

export interface OrdersOfRun {
  /** In log order, lane by lane. */
  readonly records: readonly OutgoingRecord[];
  /** Conversions that were decided again since the run: what it found may not hold for them any more. */
  readonly decidedSince: number;
}

/** A further time the ids are the same, and the revisions that were expected are over: such an order is void for attribution. */
export function ordersOf(
  planned: readonly PlannedOrder[],
  { runId, actor, reasonCode, now }: OrderedBy,
): OrdersOfRun {
  const fitting = planned.filter(({ liveRevision, currentRevision }) => liveRevision === currentRevision);
  const records = fitting.map((order) =>
    outgoing('attribution.commanded.v1', order.lane, {
      commandId: deterministicUuid('command', runId, order.conversionId),
      command: 'reattribute',
      lane: order.lane,
      advertiserId: order.advertiserId,
      runId,
      conversionId: order.conversionId,
      expectedRevision: order.liveRevision,
      customerKey: null,
      subjectHashes: {},
      model: null,
      rules: order.terms,
      rulesDigest: createHash('sha256').update(order.terms).digest('hex'),
      rulesVersion: null,
      clickId: order.clickId,
      reasonCode,
      issuedAt: now,
      effectiveFrom: null,
      actor,
      configurationVersion: order.configurationVersion,
      isTest: order.isTest,
    }),
  );
  return { records, decidedSince: planned.length - fitting.length };
}
