/** Which dead letters somebody asks for. */
import { isUuid, parseInstant } from '@tributary/domain';
import type { DeadDeliveryFilter } from '@tributary/store';
import { done, type Outcome } from '../refusal.ts';
import { malformed, strangerAmong } from '../write-request.ts';

/** Null asks for nothing. */
export interface LetterFilter extends DeadDeliveryFilter {
  readonly partnerId: string | null;
  readonly offerId: string | null;
}

export const FILTER_TEXTS = ['deadLetterId', 'destinationId', 'reasonCode', 'partnerId', 'offerId'] as const;
export const FILTER_FIELDS = [...FILTER_TEXTS, 'from', 'until'] as const;
/** What a list may be asked for. */
export const LIST_QUERY = [...FILTER_FIELDS, 'afterId', 'limit'] as const;
const MAX_TEXT = 256;

/** @param given fields of a body or a query. @param until epoch ms, where it is not given. */
export function readFilter(given: Readonly<Record<string, unknown>>, until: number): Outcome<LetterFilter> {
  const stranger = strangerAmong(given, FILTER_FIELDS);
  if (stranger !== null) return stranger;
  const bad = FILTER_TEXTS.find((name) => given[name] !== undefined && !isText(given[name]));
  if (bad !== undefined) return malformed(bad, `${bad} must be a text of at most ${MAX_TEXT} characters`);
  const from = readTime(given, 'from');
  if (!from.ok) return from;
  const end = readTime(given, 'until');
  if (!end.ok) return end;
  const { deadLetterId } = given;
  if (typeof deadLetterId === 'string' && !isUuid(deadLetterId))
    return malformed('deadLetterId', 'deadLetterId must be a UUID');
  const textOf = (name: (typeof FILTER_TEXTS)[number]) => (given[name] as string | undefined) ?? null;
  return done({
    deadLetterId: textOf('deadLetterId'),
    destinationId: textOf('destinationId'),
    reasonCode: textOf('reasonCode'),
    partnerId: textOf('partnerId'),
    offerId: textOf('offerId'),
    from: from.value,
    until: Math.min(end.value ?? until, until),
  });
}

/** The same filter as a body has it, so that it says the same again. */
export function filterView(filter: LetterFilter): Readonly<Record<string, string>> {
  const texts = FILTER_TEXTS.flatMap((name) => (filter[name] === null ? [] : [[name, filter[name]]]));
  const from = filter.from === null ? [] : [['from', new Date(filter.from).toISOString()]];
  return Object.fromEntries([...texts, ...from, ['until', new Date(filter.until).toISOString()]]);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT;
}

function readTime(given: Readonly<Record<string, unknown>>, name: 'from' | 'until'): Outcome<number | null> {
  const value = given[name];
  if (value === undefined) return done(null);
  const instant = typeof value === 'string' ? parseInstant(value) : null;
  return instant === null
    ? malformed(name, `${name} must be ISO 8601, e.g. 2030-01-02T03:04:05Z`)
    : done(instant);
}
