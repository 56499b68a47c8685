/** The content of a postback as its sender knows it, and as the topic has it, in one form that can be compared. */
import type { PostbackReceived } from '@tributary/contracts';
import { micros } from '../../../apps/launcher/src/demo/sample.ts';

export interface Posted {
  readonly event_type: string;
  readonly transaction_id: string;
  /** In units of the source's currency. */
  readonly revenue: string;
  readonly click_id: string;
  readonly customer_id: string;
  readonly sub1: string;
}

export function contentOf({
  event_type,
  transaction_id,
  revenue,
  click_id,
  customer_id,
  sub1,
}: Posted): string {
  return content([event_type, transaction_id, String(micros(revenue)), click_id, customer_id, sub1]);
}

export function contentOfEvent(event: PostbackReceived): string {
  const { eventType, transactionId, revenueMicros, clickId, customerId, subIds } = event;
  return content([
    eventType,
    transactionId,
    String(revenueMicros),
    clickId,
    customerId,
    subIds['sub1'] ?? null,
  ]);
}

function content(fields: readonly (string | null)[]): string {
  return JSON.stringify(fields);
}
