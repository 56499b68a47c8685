/** How a receiver is told to misbehave: fail, delay, or take a call and drop the connection. */
import { isJsonObject, JsonNumber, parseJson } from './json.ts';
import type { ReceiverName } from './received-calls.ts';

/** All members optional; a `PUT` replaces the whole, so `{}` is good behaviour. */
export interface Behaviour {
  /** How many calls, from now on, are answered with `status` and not accepted. */
  readonly failNext?: number;
  /** HTTP status of a failure, 300 to 599; 503 when left out. Given without `failNext`, every call fails. */
  readonly status?: number;
  /** How long an answer waits after its call was recorded, in milliseconds. */
  readonly delayMs?: number;
  /** How many calls, after those that fail, are accepted and recorded and then left without an answer. */
  readonly resetNext?: number;
}

const RANGES = {
  failNext: { from: 0, to: 1_000_000 },
  status: { from: 300, to: 599 },
  delayMs: { from: 0, to: 600_000 },
  resetNext: { from: 0, to: 1_000_000 },
} as const satisfies Record<keyof Behaviour, object>;

export type ParsedBehaviour =
  | { readonly ok: true; readonly behaviour: Behaviour }
  | { readonly ok: false; readonly fault: string };

/** Reads a behaviour from JSON text; a misspelt member is a fault, because a test would wait for it in vain. */
export function parseBehaviour(text: string): ParsedBehaviour {
  const body = parseJson(text);
  if (!isJsonObject(body)) return { ok: false, fault: 'the body must be a JSON object' };
  const faults = Object.entries(body).flatMap(([name, value]) => faultOf(name, value));
  if (faults.length > 0) return { ok: false, fault: faults.join('; ') };
  const members = Object.entries(body).map(([name, value]) => [name, Number(textOf(value))]);
  return { ok: true, behaviour: Object.fromEntries(members) };
}

function faultOf(name: string, value: unknown): string[] {
  if (!isMember(name)) return [`${name} is not one of ${Object.keys(RANGES).join(', ')}`];
  const { from, to } = RANGES[name];
  const text = textOf(value);
  const isInRange = /^\d{1,7}$/.test(text) && Number(text) >= from && Number(text) <= to;
  return isInRange ? [] : [`${name} must be an integer from ${from} to ${to}`];
}

function isMember(name: string): name is keyof Behaviour {
  return Object.hasOwn(RANGES, name);
}

function textOf(value: unknown): string {
  return value instanceof JsonNumber ? value.text : '';
}

/** What is to happen to one call. */
export interface Conduct {
  /** Status to fail with, or null to serve the call. */
  readonly failWith: number | null;
  readonly delayMs: number;
  readonly resetsConnection: boolean;
}

const STANDARD_FAILURE = 503;
const GOOD: Conduct = { failWith: null, delayMs: 0, resetsConnection: false };

/** What a receiver has left to do; kept in memory only, so a restarted sandbox behaves. */
interface Remaining {
  fails: number;
  resets: number;
  readonly failWith: number;
  readonly delayMs: number;
}

export class Behaviours {
  readonly #remaining = new Map<string, Remaining>();
  readonly #tokens = new Map<string, string>();

  set(receiver: ReceiverName, { failNext, status, delayMs = 0, resetNext = 0 }: Behaviour): void {
    this.#remaining.set(keyOf(receiver), {
      fails: failNext ?? (status === undefined ? 0 : Number.POSITIVE_INFINITY),
      resets: resetNext,
      failWith: status ?? STANDARD_FAILURE,
      delayMs,
    });
  }

  /** The conduct of the next call; counts it. */
  next(receiver: ReceiverName): Conduct {
    const remaining = this.#remaining.get(keyOf(receiver));
    if (remaining === undefined) return GOOD;
    const { delayMs, failWith } = remaining;
    if (remaining.fails > 0) {
      remaining.fails -= 1;
      return { failWith, delayMs, resetsConnection: false };
    }
    if (remaining.resets === 0) return { ...GOOD, delayMs };
    remaining.resets -= 1;
    return { failWith: null, delayMs, resetsConnection: true };
  }

  /** The only bearer token a receiver takes from now on; null for any that is not empty. */
  requireToken(receiver: ReceiverName, token: string | null): void {
    if (token === null) this.#tokens.delete(keyOf(receiver));
    else this.#tokens.set(keyOf(receiver), token);
  }

  requiredToken(receiver: ReceiverName): string | null {
    return this.#tokens.get(keyOf(receiver)) ?? null;
  }
}

function keyOf({ kind, name }: ReceiverName): string {
  return `${kind}/${name}`;
}
