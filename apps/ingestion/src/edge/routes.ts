/** Which endpoint answers a request; everything else belongs to the framework. */
import type { IncomingMessage } from 'node:http';
import type { ClickEndpoint } from '../click/click-endpoint.ts';
import { servePageScript } from '../click/page-script.ts';
import type { Route } from '../ingestion-metrics.ts';
import type { PostbackEndpoint } from '../postback/postback-endpoint.ts';
import type { ReceiptEndpoint } from '../receipt/receipt-endpoint.ts';
import { type Answer, unavailable } from './http-exchange.ts';

export interface EdgeEndpoints {
  readonly clicks: ClickEndpoint;
  readonly postbacks: PostbackEndpoint;
  readonly receipts: ReceiptEndpoint;
}

/** What a request is counted as, and who answers it. */
export interface Handling {
  readonly route: Route;
  run(): Promise<Answer>;
}

const MAX_URL_LENGTH = 8_192;
/** The first part of every path of ours, and what follows it. */
const OURS = /^\/(c|i|postback|pixel|iframe|v1)\/(.*)$/s;

/** @param endpoints undefined while nothing can be accepted. */
export function handlingOf(
  request: IncomingMessage,
  endpoints: EdgeEndpoints | undefined,
): Handling | undefined {
  const url = request.url ?? '/';
  const end = url.indexOf('?');
  const path = end < 0 ? url : url.slice(0, end);
  if (path === '/t.js') return { route: 'page_script', run: async () => servePageScript(request) };
  const [, first, rest] = OURS.exec(path) ?? [];
  if (first === undefined || rest === undefined) return undefined;
  if (endpoints === undefined) return { route: 'other', run: async () => unavailable() };
  if (url.length > MAX_URL_LENGTH)
    return { route: 'other', run: async () => ({ status: 414, body: { code: 'url_too_long' } }) };
  const search = end < 0 ? '' : url.slice(end + 1);
  const { clicks, postbacks } = endpoints;
  switch (first) {
    case 'postback':
      return { route: 'postback', run: () => postbacks.one(request, ...sourceAndToken(rest, search)) };
    case 'c':
      return {
        route: 'redirect',
        run: () => clicks.redirect(request, decodeSegment(rest), new URLSearchParams(search)),
      };
    case 'i':
      return {
        route: 'impression',
        run: () => clicks.impression(request, decodeSegment(rest), new URLSearchParams(search)),
      };
    case 'pixel':
    case 'iframe':
      return {
        route: first,
        run: () => postbacks.fromBrowser(request, first, decodeSegment(rest), search),
      };
    default:
      return handlingOfApi(request, endpoints, rest, search);
  }
}

function handlingOfApi(
  request: IncomingMessage,
  { clicks, postbacks, receipts }: EdgeEndpoints,
  path: string,
  search: string,
): Handling | undefined {
  if (path === 'postbacks') return { route: 'postback_batch', run: () => postbacks.batch(request, search) };
  if (path === 'clicks') return { route: 'direct_click', run: () => clicks.direct(request) };
  const [, receiptId] = /^receipts\/(.*)$/s.exec(path) ?? [];
  if (receiptId === undefined) return undefined;
  return {
    route: 'receipt',
    run: () => receipts.show(request, decodeSegment(receiptId), new URLSearchParams(search)),
  };
}

/** `{source}`, or `{source}/{token}` for senders that can put it nowhere else. */
function sourceAndToken(
  rest: string,
  search: string,
): [sourceId: string, search: string, token: string | null] {
  const slash = rest.indexOf('/');
  if (slash < 0) return [decodeSegment(rest), search, null];
  return [decodeSegment(rest.slice(0, slash)), search, decodeSegment(rest.slice(slash + 1))];
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
