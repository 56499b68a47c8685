/** What the pipeline benchmark sends: clicks, and sales that name clicks recorded before, spread over ten advertisers. */
import { deterministicUuid } from '@tributary/domain';

export const ADVERTISERS = 10;
export const PIPELINE_TOKEN = 'pipeline-source-token';
/** Clicks that the sales name in turn. */
export const RECORDED_CLICKS = 20_000;

const HEAD = ' HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n';

/** Of the nth recorded click; time-ordered as the edge makes them. @param at when it was clicked, epoch ms. */
export function recordedClickId(nth: number, at: number): string {
  const time = at.toString(16).padStart(12, '0');
  const [, , , ...rest] = deterministicUuid('pipeline_click', String(nth)).split('-');
  return [time.slice(0, 8), time.slice(8), '7000', ...rest].join('-');
}

/** @param run names the sales, and after the last `@` when the recorded clicks were made, epoch ms. */
export function saleRequest(run: string, index: number): Buffer {
  const clickedAt = Number(run.slice(run.lastIndexOf('@') + 1));
  // Steps through all of them, each with its own advertiser.
  const click = (index * 7_919) % RECORDED_CLICKS;
  const parameters = new URLSearchParams({
    click_id: recordedClickId(click, clickedAt),
    event_type: 'sale',
    transaction_id: `${run}-${index}`,
    revenue: `${10 + (index % 90)}.${String(index % 100).padStart(2, '0')}`,
    currency: 'EUR',
    customer_id: `${run}-customer-${index}`,
    email: `${run}-${index}@example.com`,
    sub1: 'newsletter',
    token: PIPELINE_TOKEN,
  });
  return Buffer.from(`GET /postback/source-${click % ADVERTISERS}?${parameters}${HEAD}`);
}

export function pipelineClickRequest(run: string, index: number): Buffer {
  const query = `partner_click_id=${run}-${index}&sub1=newsletter&utm_source=bench&fbclid=IwAR-${index}`;
  return Buffer.from(`GET /c/campaign-${index % ADVERTISERS}?${query}${HEAD}`);
}
