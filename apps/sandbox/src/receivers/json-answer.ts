/** Answers in JSON, as the platforms' APIs give them. */
import type { Answer } from './receiver.ts';

/** @param accepted whether what was reported is taken; by default every 2xx. */
export function jsonAnswer(status: number, body: object, accepted = status >= 200 && status < 300): Answer {
  return { accepted, status, contentType: 'application/json; charset=UTF-8', body: JSON.stringify(body) };
}
