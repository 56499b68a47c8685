/** Tells a page of markup, as proxies and firewalls write it, from the words of an API that answers in JSON. */
import type { OutwardResponse } from './outward-request.ts';

/**
 * Whether a 4xx is a page and not the platform's verdict, so that nothing is known of the events. A 413 is taken at its
 * word: what is too large for whoever stands before the platform fits when there is less of it.
 */
export function isForeignPage({ status, body }: Pick<OutwardResponse, 'status' | 'body'>): boolean {
  return status >= 400 && status < 500 && status !== 413 && /^\s*</.test(body);
}
