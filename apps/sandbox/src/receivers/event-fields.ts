/** What the platforms' checks of an event have in common: filled fields, hashes, times in seconds, amounts as sent. */
import { JsonNumber } from '../json.ts';
import type { ReceivedCall } from '../received-calls.ts';
import type { OutwardEvent, SentValue } from './receiver.ts';

/** A text that is not empty, or a number: ids may be either. */
export function isFilled(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || value instanceof JsonNumber;
}

/** A field that may be one value or a list of them, or missing. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

const SHA256_HEX = /^[0-9a-f]{64}$/;

/** SHA-256 in lower-case hex. */
export function isHashed(value: unknown): boolean {
  return typeof value === 'string' && SHA256_HEX.test(value);
}

/** Whole seconds since 1970 as epoch milliseconds; null for anything else. */
export function millisecondsOf(seconds: unknown): number | null {
  if (!(seconds instanceof JsonNumber) || !/^\d{1,13}$/.test(seconds.text)) return null;
  return Number(seconds.text) * 1_000;
}

/** The digits of an amount that is sent as a JSON number. */
export function numberText(value: unknown): string | undefined {
  return value instanceof JsonNumber ? value.text : undefined;
}

/** An amount by its digits and its currency; null unless both are there. */
export function sentValue(text: unknown, currency: unknown): SentValue | null {
  if (typeof text !== 'string' || typeof currency !== 'string') return null;
  return { text, currency: currency.toUpperCase() };
}

/** Reads a call's events once and keeps them, because a waiting test asks for the summary many times a second. */
export function readOnce(
  read: (call: ReceivedCall) => readonly OutwardEvent[],
): (call: ReceivedCall) => readonly OutwardEvent[] {
  const eventsByCall = new WeakMap<ReceivedCall, readonly OutwardEvent[]>();
  return (call) => {
    const known = eventsByCall.get(call) ?? read(call);
    eventsByCall.set(call, known);
    return known;
  };
}
