/** What a handler answers: the value, or the refusal with its status. */
import type { FastifyReply } from 'fastify';
import { type Outcome, REFUSAL_STATUSES } from './refusal.ts';

/** The body of the answer; its status goes onto the reply. */
export function answer(reply: FastifyReply, outcome: Outcome<object>): object {
  if (outcome.ok) return outcome.value;
  void reply.status(REFUSAL_STATUSES[outcome.refusal.code]);
  return outcome.refusal;
}
