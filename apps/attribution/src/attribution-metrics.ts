/** What attribution counts: verdicts, decisions, what waits for its click, and how long deciding took. */
import { counter, gauge, latency } from '@tributary/runtime';

export const verdicts = counter({
  name: 'tributary_verdicts_total',
  help: 'Receipts judged, by verdict and reason code (none where there is no reason).',
  labels: ['verdict', 'reason'],
});
export const reusedReceipts = counter({
  name: 'tributary_reused_receipts_total',
  help: 'Postbacks with another content under the nonce or Idempotency-Key of a judged receipt; each is a dead letter.',
  labels: ['reason'],
});
export const decisions = counter({
  name: 'tributary_decisions_total',
  help: 'Revisions of conversions decided, by match and by what made attribution decide.',
  labels: ['match', 'trigger'],
});
export const lifecycleSignals = counter({
  name: 'tributary_lifecycle_signals_total',
  help: 'Lifecycle signals sent, by signal and phase.',
  labels: ['signal', 'phase'],
});
export const decisionSeconds = latency({
  name: 'tributary_postback_decision_seconds',
  help: 'From receiving a postback at the edge until its verdict is on record.',
});
export const parkedConversions = gauge({
  name: 'tributary_parked_conversions',
  help: 'Conversions this instance holds that wait for their click.',
});
export const oldestParkedSeconds = gauge({
  name: 'tributary_parked_oldest_age_seconds',
  help: 'Time since the postback of the conversion that has waited longest for its click; 0 when none waits.',
});
