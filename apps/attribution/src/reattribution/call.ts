/** What `npm run reattribute` is asked for, and which calls it refuses before it reads anything. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type attribution, isUuid } from '@tributary/domain';
import { durationIn, modelIn, type OtherRules } from './other-rules.ts';

export const USAGE = `npm run reattribute -- --from INSTANT --to INSTANT [--rules FILE] [--model MODEL] [--window 7d]
  Replays the postbacks that were received from --from on by other rules: those hold for facts that occurred from --from
  to --to. What it decides goes into a table of its own, reattribution_<run>; printed is the difference for conversions
  first reported in that time. Nothing live changes. Without other rules it checks that the same rules decide the same;
  with them too, and what does not is neither compared nor ordered.
  --from, --to  ISO 8601, UTC unless it says otherwise; --to is not included
  --rules FILE  YAML or JSON: offers by id, as in a configuration file; a field that is left out stays as it is in force
  --model       last_click, first_click, linear, position_based or time_decay, for every offer
  --window      longest time from click to conversion, for every offer: 30m, 12h, 7d
npm run reattribute -- --apply RUN --actor WHO [--reason CODE] [--yes]
  Orders what the run has found: one command for each changed conversion, executed by attribution as a new revision.
  Asks first, unless --yes. A conversion that was decided again since the run is left as it is, so a second time orders
  nothing.
npm run reattribute -- --drop RUN
  Removes the table of the run.
  Exit code: 0 done; 1 failed; 2 a wrong call, or nothing was ordered because nobody said yes.
  Reads KAFKA_BROKERS, CLICKHOUSE_URL, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD, CLICKHOUSE_DATABASE, SCHEMA_REGISTRY_URL
  and SCHEMA_IDS.`;

const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

export type Call =
  | { readonly kind: 'help' }
  | { readonly kind: 'drop'; readonly runId: string }
  | { readonly kind: 'run'; readonly period: attribution.Period; readonly rules: OtherRules };

/** @throws Error that says what is wrong with the call; what a file of rules says is looked at later. */
export async function callIn(argv: readonly string[]): Promise<Call> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean' },
      drop: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      rules: { type: 'string' },
      model: { type: 'string' },
      window: { type: 'string' },
    },
  });
  if (values.help) return { kind: 'help' };
  if (values.drop !== undefined) return { kind: 'drop', runId: runIn(values.drop) };
  const period = { from: instantIn('--from', values.from), to: instantIn('--to', values.to) };
  if (period.from >= period.to) throw new Error('--from must be before --to');
  const model = values.model === undefined ? null : modelIn(values.model);
  const windowMs = values.window === undefined ? null : durationIn(values.window);
  const file = values.rules === undefined ? null : await readFile(values.rules, 'utf8');
  return { kind: 'run', period, rules: { file, model, windowMs } };
}

function runIn(text: string): string {
  if (!isUuid(text)) throw new Error('--drop must name a run, as it was printed');
  return text;
}

function instantIn(name: string, text: string | undefined): number {
  const hasZone = /(?:Z|[+-]\d{2}:\d{2}|^\d{4}-\d{2}-\d{2})$/.test(text ?? '');
  const instant = text !== undefined && ISO.test(text) ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN;
  if (Number.isNaN(instant)) throw new Error(`${name} must be an instant such as 2026-01-31T12:00:00Z`);
  return instant;
}
