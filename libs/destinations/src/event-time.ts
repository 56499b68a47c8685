/** The time of an outward event, and whether a platform still takes it. */
import type { OutwardDelivery, ValidateInput, ValidationProblem } from './definition.ts';

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** When what is told happened: the conversion, or for a correction the decision that asks for it. Epoch milliseconds, UTC. */
export function eventTime({ conversion, correction }: OutwardDelivery): number {
  return correction?.correctedAt ?? conversion.occurredAt;
}

export interface TimeRule {
  /** The platform's name of the field. */
  readonly field: string;
  readonly source: string;
  readonly maxAgeMs: number;
  /** How far in the future an event may be, for clocks that differ; 0 for not at all, null where the platform does not say. */
  readonly maxLeadMs: number | null;
}

/** The conversion is neither older than the platform takes nor further ahead. */
export function timeProblems(
  { conversion: { occurredAt }, now }: Pick<ValidateInput<unknown>, 'conversion' | 'now'>,
  { field, source, maxAgeMs, maxLeadMs }: TimeRule,
): ValidationProblem[] {
  const rule = { field, source };
  if (now - occurredAt > maxAgeMs) {
    return [{ ...rule, code: 'too_old', message: `older than ${inWords(maxAgeMs)}` }];
  }
  if (maxLeadMs !== null && occurredAt - now > maxLeadMs) {
    const message = maxLeadMs === 0 ? 'lies ahead' : `more than ${inWords(maxLeadMs)} ahead`;
    return [{ ...rule, code: 'in_future', message }];
  }
  return [];
}

function inWords(durationMs: number): string {
  const [count, unit] =
    durationMs % DAY_MS === 0 ? [durationMs / DAY_MS, 'day'] : [durationMs / MINUTE_MS, 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
