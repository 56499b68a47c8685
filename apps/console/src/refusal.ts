/** How the console API says no: a closed list of codes, each with its HTTP status. */
import type { DocumentProblem } from '@tributary/configuration';

/** HTTP status by code; clients act on the code. */
export const REFUSAL_STATUSES = {
  request_malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  version_conflict: 409,
  version_unreadable: 409,
  still_referenced: 409,
  plan_changed: 409,
  body_too_large: 413,
  url_too_long: 414,
  content_type_unsupported: 415,
  document_invalid: 422,
  effective_from_past: 422,
  lane_immutable: 422,
  replay_too_large: 422,
  internal: 500,
  kafka_unavailable: 503,
  clickhouse_unavailable: 503,
  configuration_behind: 503,
} as const;
export type RefusalCode = keyof typeof REFUSAL_STATUSES;

/** The body of every answer that is not a success; it never repeats a value of the request. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  /** The part of the request it is about. */
  readonly field?: string;
  /** Every fault of a document; `path` begins with the part of the request, e.g. `document.name`. */
  readonly problems?: readonly DocumentProblem[];
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function refuse(
  code: RefusalCode,
  message: string,
  about: Pick<Refusal, 'field' | 'problems'> = {},
): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { code, message, ...about } };
}

/** A refusal from where the framework leaves no other way to answer than to throw. */
export class RefusedRequest extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code);
    this.name = 'RefusedRequest';
    this.refusal = refusal;
  }
}
