/** Tells a page of markup, as proxies and firewalls write it, from the words of an API that answers in JSON. */
import type { PageRows } from './definition.ts';
import type { OutwardResponse } from './outward-request.ts';

/**
 * Whether a 4xx is a page and not the platform's verdict, so that nothing is known of the events. A 413 is taken at its
 * word: what is too large for whoever stands before the platform fits when there is less of it.
 */
export function isForeignPage({ status, body }: Pick<OutwardResponse, 'status' | 'body'>): boolean {
  return status >= 400 && status < 500 && status !== 413 && /^\s*</.test(body);
}

/** What the page of a destination says of it, among how answers are judged. */
export function foreignPageAnswer(platform: string): PageRows[number] {
  return [
    'a 4xx other than 413 whose body is a page of markup',
    `retry \`response_unreadable\`: a proxy speaks, and not ${platform}`,
  ];
}
