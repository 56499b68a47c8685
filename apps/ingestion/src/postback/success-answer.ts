/** Success in the words of whoever asks: a source's own status and body, or what a browser can show. */
import type { Source } from '@tributary/configuration';
import type { Answer } from '../edge/http-exchange.ts';

/** How a browser reports a conversion where its page cannot call a server. */
export type BrowserKind = 'pixel' | 'iframe';

/** One transparent pixel, 43 bytes: the smallest image that every browser takes. */
const TRANSPARENT_GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const EMPTY_PAGE = '<!doctype html><title></title>';
const NO_CONTENT = 204;

/** The source's own answer, else our JSON with 200. */
export function successAnswer(
  source: Source | undefined,
  body: object,
  headers: Readonly<Record<string, string>>,
): Answer {
  const { successStatus: status = 200, successBody, successContentType } = source ?? {};
  if (status === NO_CONTENT) return { status, headers };
  if (successContentType === undefined) return { status, headers, body: successBody ?? body };
  if (successContentType === 'image/gif')
    return { status, headers: { ...headers, 'content-type': 'image/gif' }, body: TRANSPARENT_GIF };
  return {
    status,
    headers: { ...headers, 'content-type': `${successContentType}; charset=utf-8` },
    body: successBody ?? body,
  };
}

/** 200 whatever became of the postback; only where nothing was written does the failure show, for those who watch. */
export function browserAnswer(kind: BrowserKind, { status, headers = {}, body }: Answer): Answer {
  if (status >= 500) return body === undefined ? { status, headers } : { status, headers, body };
  const receipt = headers['x-receipt-id'];
  const contentType = kind === 'pixel' ? 'image/gif' : 'text/html; charset=utf-8';
  return {
    status: 200,
    headers: { 'content-type': contentType, ...(receipt === undefined ? {} : { 'x-receipt-id': receipt }) },
    body: kind === 'pixel' ? TRANSPARENT_GIF : EMPTY_PAGE,
  };
}
