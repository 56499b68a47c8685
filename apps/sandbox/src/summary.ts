/** What each receiver ended up with: how many calls, how many different keys, and the exact value, as the platform would count. */
import { formatUnits, isCurrencyCode, parseDecimalToMicros } from '@tributary/domain';
import type { ReceivedCall, ReceiverName } from './received-calls.ts';
import { RECEIVERS } from './receivers/index.ts';
import type { OutwardEvent, ParameterNames, SentValue } from './receivers/receiver.ts';

export interface ReceiverSummary extends ReceiverName {
  /** Everything that came in, refused or not. */
  readonly calls: number;
  readonly acceptedCalls: number;
  /** Events in accepted calls, repeats included, adjustments of earlier ones not. */
  readonly outwardEvents: number;
  readonly distinctKeys: number;
  /** Events as the platform counts them: without repeats, adjustments and refunds. */
  readonly countedEvents: number;
  /** Sum over the accepted events without repeats, each as last adjusted, in units, as the shortest exact decimal. */
  readonly valueByCurrency: Readonly<Record<string, string>>;
  /** Counted events whose value is no exact amount of a known currency and is therefore in no sum. */
  readonly unreadableValues: number;
}

/** One entry per receiver, in the order of their first calls. */
export function summarize(calls: readonly ReceivedCall[], names: ParameterNames): readonly ReceiverSummary[] {
  const byReceiver = Map.groupBy(calls, ({ kind, name }) => `${kind}/${name}`);
  return [...byReceiver.values()].flatMap((each) => summarizeReceiver(each, names));
}

function summarizeReceiver(calls: readonly ReceivedCall[], names: ParameterNames): ReceiverSummary[] {
  const [first] = calls;
  if (first === undefined) return [];
  const { kind, name } = first;
  const { outwardEvents, repeatWindowMs } = RECEIVERS[kind];
  const accepted = calls.filter((call) => call.accepted);
  const reported = accepted.flatMap((call) =>
    outwardEvents(call, names).map((event) => ({ ...event, receivedAt: call.receivedAt })),
  );
  const events = reported.filter(({ replaces }) => replaces === undefined);
  const counted = withoutRepeats(reported, repeatWindowMs);
  return [
    {
      kind,
      name,
      calls: calls.length,
      acceptedCalls: accepted.length,
      outwardEvents: events.length,
      distinctKeys: new Set(events.map(({ key }) => key)).size,
      countedEvents: counted.filter(({ replaces, takesAway }) => replaces === undefined && takesAway !== true)
        .length,
      ...sumValues(currentValues(counted)),
    },
  ];
}

interface TimedEvent extends OutwardEvent {
  readonly receivedAt: number;
}

/**
 * The window starts at the event that was counted, so a repeat does not prolong it. Where a repeat tells a new value it becomes
 * an adjustment of that event.
 */
function withoutRepeats(events: readonly TimedEvent[], windowMs: number): readonly TimedEvent[] {
  const countedAt = new Map<string, number>();
  return events.flatMap((event) => {
    const { identity, secondIdentity, receivedAt, restates } = event;
    const known = [{ identity, windowMs }, ...(secondIdentity === undefined ? [] : [secondIdentity])];
    const isRepeat = known.some((each) => {
      const earlier = countedAt.get(each.identity);
      return earlier !== undefined && receivedAt - earlier <= each.windowMs;
    });
    if (isRepeat) return restates === true ? [{ ...event, replaces: identity }] : [];
    for (const each of known) countedAt.set(each.identity, receivedAt);
    return [event];
  });
}

/** The value of each event as its last adjustment left it. */
function currentValues(events: readonly OutwardEvent[]): readonly (SentValue | null)[] {
  const values: (SentValue | null)[] = [];
  const places = new Map<string, number>();
  for (const { identity, replaces, value } of events) {
    const place = replaces === undefined ? values.length : places.get(replaces);
    if (place === undefined) continue;
    values[place] = value;
    if (replaces === undefined) places.set(identity, place);
  }
  return values;
}

function sumValues(
  values: readonly (SentValue | null)[],
): Pick<ReceiverSummary, 'valueByCurrency' | 'unreadableValues'> {
  const sums = new Map<string, bigint>();
  let unreadableValues = 0;
  for (const value of values) {
    if (value === null) continue;
    const micros = microsOf(value);
    if (micros === null) unreadableValues += 1;
    else sums.set(value.currency, (sums.get(value.currency) ?? 0n) + micros);
  }
  const entries = [...sums].map(([currency, micros]) => [currency, formatUnits(micros)]);
  return { valueByCurrency: Object.fromEntries(entries), unreadableValues };
}

function microsOf({ text, currency }: SentValue): bigint | null {
  const parsed = parseDecimalToMicros(text);
  return parsed.ok && isCurrencyCode(currency) ? parsed.micros : null;
}
