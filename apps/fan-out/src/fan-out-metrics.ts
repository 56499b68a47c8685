/** What fan-out counts: attempts by definition and end, how long they took, what is under way, what was withheld. */
import { counter, gauge, latency } from '@tributary/runtime';
import type { DeliveryOutcome, RequestEnd } from './delivery-records.ts';

export const attempts = counter({
  name: 'tributary_delivery_attempts_total',
  help: 'Attempts ended, by definition, outcome and class of the reason.',
  labels: ['definition', 'outcome', 'reason'],
});
export const attemptSeconds = latency({
  name: 'tributary_delivery_attempt_seconds',
  help: 'From the intent of an attempt to its end, by definition.',
  labels: ['definition'],
});
export const deliverySeconds = latency({
  name: 'tributary_decision_delivery_seconds',
  help: 'From a decision to its delivery, retries included, by definition.',
  labels: ['definition'],
});
export const openDeliveries = gauge({
  name: 'tributary_deliveries_open',
  help: "Deliveries this instance attempts and questions it asks now, those that wait for room in their destination's lane included.",
});
export const withheld = counter({
  name: 'tributary_deliveries_withheld_total',
  help: 'Deliveries a decision asked for and nothing was sent of, because the destination is disabled, gone or not live, or the subscription too new.',
  labels: ['reason'],
});

export const unreadableAddresses = counter({
  name: 'tributary_addresses_unreadable_total',
  help: 'Addresses of conversions that none of SECRETS_KEYS decrypts, each time one was to be sent; deliveries go without.',
});

export const cameBack = counter({
  name: 'tributary_deliveries_parked_total',
  help: 'Records that were put into the timer wheel to come again, because a destination had no room or no answer yet.',
  labels: ['kind'],
});

/** `sent`, or why an order came to nothing: a class of replays, or `lapsed`: it has waited for too long. */
export const replayed = counter({
  name: 'tributary_delivery_replays_total',
  help: 'Orders to attempt a delivery again, by what came of them; one that comes again after a wait counts again.',
  labels: ['result'],
});

/** What a question about a request that was accepted came to; `unasked`: it is not asked any more, `failed`: a defect of ours. */
export type QuestionAnswer =
  | 'delivered'
  | 'dropped'
  | 'dropped_in_part'
  | 'pending'
  | 'untold'
  | 'unasked'
  | 'failed';
export const questions = counter({
  name: 'tributary_delivery_questions_total',
  help: 'Questions to platforms what became of requests that they had accepted, by definition and answer.',
  labels: ['definition', 'answer'],
});

/** `ended`, `superseded`, or `moved_on`: corrected or sent again meanwhile. */
export const droppedDeliveries = counter({
  name: 'tributary_deliveries_dropped_total',
  help: 'Deliveries that a platform has dropped after it had accepted them, by what came of them.',
  labels: ['result'],
});

/** Of a closed list, whatever a receiver answers: the network error, the class of the status, or why nothing was sent. */
export function reasonClassOf({
  errorCode,
  response,
  reasonCode,
}: Pick<RequestEnd, 'errorCode' | 'response'> & Pick<DeliveryOutcome, 'reasonCode'>): string {
  if (errorCode !== null) return errorCode;
  if (response !== null) return `http_${Math.floor(response.status / 100)}xx`;
  // `invalid_<code>:<field>`; the field may be a name of the destination's own settings.
  return reasonCode?.split(':')[0] ?? 'none';
}
