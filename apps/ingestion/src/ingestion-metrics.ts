/** What ingestion counts: requests by route, postbacks accepted and refused, clicks, and how long taking them took. */
import { counter, latency } from '@tributary/runtime';

/** The hot routes; a closed list, so that no path of a stranger becomes a label. */
export type Route =
  | 'redirect'
  | 'impression'
  | 'direct_click'
  | 'page_script'
  | 'postback'
  | 'postback_batch'
  | 'pixel'
  | 'iframe'
  | 'receipt'
  | 'other';

export const requests = counter({
  name: 'tributary_ingestion_requests_total',
  help: 'Answered requests of the hot routes.',
  labels: ['route', 'status_class'],
});
export const requestSeconds = latency({
  name: 'tributary_ingestion_request_seconds',
  help: 'From the head of a request to its answer.',
  labels: ['route'],
});
export const postbacksAccepted = counter({
  name: 'tributary_postbacks_accepted_total',
  help: 'Postbacks that Kafka has acknowledged or the spool has taken.',
});
export const postbacksRefused = counter({
  name: 'tributary_postbacks_refused_total',
  help: 'Refusals that Kafka has acknowledged or the spool has taken, by reason code.',
  labels: ['reason'],
});
export const acceptSeconds = latency({
  name: 'tributary_accept_seconds',
  help: 'From receiving a click or a postback until Kafka or the spool has it.',
  labels: ['event'],
});
export const clicksRecorded = counter({
  name: 'tributary_clicks_recorded_total',
  help: 'Clicks that Kafka has acknowledged or the spool has taken.',
  labels: ['kind'],
});
export const clicksFallback = counter({
  name: 'tributary_clicks_fallback_total',
  help: 'Clicks on an unknown or paused campaign, and where they went: its own fallback, the one of the installation, nowhere.',
  labels: ['reason', 'to'],
});
export const clicksAutomated = counter({
  name: 'tributary_clicks_automated_total',
  help: 'Clicks and impressions that look as if no person had made them.',
  labels: ['automation'],
});
export const clickWarnings = counter({
  name: 'tributary_click_warnings_total',
  help: 'Parameters of clicks that were odd and did not fail the click, by warning.',
  labels: ['warning'],
});
export const clicksLost = counter({
  name: 'tributary_clicks_lost_total',
  help: 'Clicks redirected and not recorded, because neither Kafka nor the spool could take them.',
});
export const rateLimited = counter({
  name: 'tributary_postbacks_rate_limited_total',
  help: 'Calls turned away because their source had spent its rate; one per source and second is on record as a refusal.',
  labels: ['source_id'],
});
export const notRemembered = counter({
  name: 'tributary_replays_not_remembered_total',
  help: 'Nonces and Idempotency-Keys this instance could not remember; a reuse is then told by attribution.',
  labels: ['kind'],
});
