/** What a destination definition is: all we know of one platform, as data and pure functions; it performs no I/O. */
import type { AttemptOutcome, LintSeverity, OutwardConversion, RefusalScope } from '@tributary/domain';
import type { z } from 'zod';

/** Settings after parsing; every definition has the overrides of its event names among them. */
export interface DestinationSettings {
  readonly events: Readonly<Record<string, string>>;
}

/** One outward event of one conversion, about to be sent. */
export interface OutwardDelivery {
  /** The key by which the receiver tells repeats apart; the same on every attempt. See `outwardKey`. */
  readonly deliveryId: string;
  /** The platform's name of the event; see {@link outwardEvent}. */
  readonly event: string;
  readonly conversion: OutwardConversion;
}

/** A request, complete but unsent; header names are lower case. */
export interface OutwardRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Texts in the request that carry a secret in another shape, such as the base64 of a password; hidden in records. */
  readonly derivedSecrets?: readonly string[];
}

/** A response as the sender read it, 3xx included and never followed; header names are lower case. */
export interface OutwardResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a definition finds wrong with a conversion before anything is sent. */
export const VALIDATION_CODES = [
  'too_old',
  'in_future',
  'identifier_missing',
  'field_missing',
  'value_invalid',
  'consent_denied',
  'test_not_possible',
] as const;
export type ValidationCode = (typeof VALIDATION_CODES)[number];

export interface ValidationProblem {
  /** The platform's own name of the field. */
  readonly field: string;
  readonly code: ValidationCode;
  readonly message: string;
  /** Where the rule is written down: the platform's documentation or our own page. */
  readonly source: string;
}

export interface ValidateInput<S> {
  readonly conversion: OutwardConversion;
  readonly event: string;
  readonly settings: S;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

export interface BuildInput<S> {
  /** 1 to `maxBatch`; test conversions never share a request with live ones. */
  readonly deliveries: readonly OutwardDelivery[];
  readonly settings: S;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

export interface JudgeInput<S> {
  readonly response: OutwardResponse;
  /** How many deliveries the request carried. */
  readonly deliveryCount: number;
  readonly settings: S;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

export interface DestinationDefinition<S extends DestinationSettings = DestinationSettings> {
  /** Stored in rows and topics: never rename. */
  readonly key: string;
  readonly title: string;
  /** The API's version and the page that documents it; an upgrade starts from here. */
  readonly api: { readonly version: string; readonly docs: string };
  readonly settings: z.ZodType<S>;
  /** Raw settings that parse: the example on the destination's page, and what the conformance suite runs with. */
  readonly exampleSettings: Readonly<Record<string, unknown>>;
  /** Our event type → the platform's event. */
  readonly events: Readonly<Record<string, string>>;
  /** What becomes of an event type that neither `events` nor the settings name. */
  readonly unmappedEvents: 'withhold' | 'same_name';
  /** What tells that an event was taken. Where it is the body, an unknown body is never a delivery. */
  readonly confirmedBy: 'body' | 'status';
  /** Most events in one request. */
  readonly maxBatch: number;
  /** The oldest event the platform takes, by occurredAt; null where it does not say. */
  readonly maxAgeMs: number | null;
  /** For how long the platform recognises a repeated delivery id; null where it does not say. */
  readonly dedupWindowMs: number | null;
  /**
   * The settings that an override of the destination may replace for an offer or an event type; none when left out. Of
   * those in one list one is enough, so an override of one of them takes the place of all.
   */
  readonly overridable?: readonly (readonly string[])[];

  /** What would make the platform refuse the event; empty when it may be sent. */
  validate(input: ValidateInput<S>): readonly ValidationProblem[];
  buildRequest(input: BuildInput<S>): OutwardRequest;
  /** One outcome per delivery, in the request's order. */
  judge(input: JudgeInput<S>): readonly AttemptOutcome[];
  /**
   * What is wrong or doubtful in settings that parse. It is asked when somebody writes them and never afterwards, so that
   * a stricter rule of a later release cannot silence a destination that works.
   */
  review?(settings: S): readonly SettingsFinding[];
}

/**
 * Declares a destination. The definition's functions come back guarded: a request without deliveries, with too many,
 * with test and live ones mixed or with tests that cannot be marked, and a judgement that leaves out an event, are
 * defects of the code and throw.
 */
export function defineDestination<S extends DestinationSettings>(
  definition: DestinationDefinition<S>,
): DestinationDefinition<S> {
  return {
    ...definition,
    buildRequest: (input) => {
      assertOneRequest(definition.key, definition.maxBatch, input.deliveries);
      for (const delivery of input.deliveries) assertTestIsPossible(definition, delivery, input);
      return definition.buildRequest(input);
    },
    judge: (input) => {
      const outcomes = definition.judge(input);
      if (outcomes.length === input.deliveryCount) return outcomes;
      throw new Error(`${definition.key} judged ${outcomes.length} of ${input.deliveryCount} events`);
    },
  };
}

function assertOneRequest(key: string, maxBatch: number, deliveries: readonly OutwardDelivery[]): void {
  if (deliveries.length < 1 || deliveries.length > maxBatch) {
    throw new Error(`${key} takes 1 to ${maxBatch} events in a request, not ${deliveries.length}`);
  }
  // A platform's test switch holds for the whole request: mixed, either tests would count or sales would not.
  if (new Set(deliveries.map(({ conversion }) => conversion.isTest)).size > 1) {
    throw new Error(`${key} was given test and live conversions in one request`);
  }
}

/** Checked once more here, because a test that counts as a sale at a platform cannot be taken back. */
function assertTestIsPossible<S extends DestinationSettings>(
  definition: DestinationDefinition<S>,
  { conversion, event }: OutwardDelivery,
  { settings, now }: BuildInput<S>,
): void {
  if (!conversion.isTest) return;
  const problems = definition.validate({ conversion, event, settings, now });
  if (problems.some(({ code }) => code === 'test_not_possible')) {
    throw new Error(`${definition.key} was given a test conversion that it cannot mark as one`);
  }
}

export type ParsedSettings<S> =
  | { readonly ok: true; readonly settings: S }
  | { readonly ok: false; readonly problems: readonly SettingsProblem[] };

export interface SettingsProblem {
  /** Dotted path of the setting; empty for the settings as a whole. */
  readonly path: string;
  readonly message: string;
  /** A stable code, and where within the text of the setting, for settings with a grammar of their own. */
  readonly code?: string;
  readonly position?: number;
  readonly length?: number;
}

export interface SettingsFinding extends SettingsProblem {
  /** Settings with an error are not taken. */
  readonly severity: LintSeverity;
}

/** Parses a destination's decrypted settings once, when the configuration changes; all problems are reported. */
export function parseSettings<S extends DestinationSettings>(
  definition: DestinationDefinition<S>,
  raw: unknown,
): ParsedSettings<S> {
  const parsed = definition.settings.safeParse(raw);
  if (parsed.success) return { ok: true, settings: parsed.data };
  return { ok: false, problems: parsed.error.issues.map(problemOf) };
}

function problemOf(issue: z.core.$ZodIssue): SettingsProblem {
  const { path, message } = issue;
  return { path: path.join('.'), message, ...(issue.code === 'custom' ? issue.params : undefined) };
}

/** The raw settings with those of an override in their place; null when it replaces what the definition does not let differ. */
export function overriddenSettings(
  { overridable = [] }: Pick<DestinationDefinition, 'overridable'>,
  settings: Readonly<Record<string, unknown>>,
  override: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | null {
  const names = Object.keys(override);
  if (!names.every((name) => overridable.some((list) => list.includes(name)))) return null;
  const replaced = overridable.filter((list) => list.some((name) => names.includes(name))).flat();
  const kept = Object.entries(settings).filter(([name]) => !replaced.includes(name));
  return { ...Object.fromEntries(kept), ...override };
}

/** The platform's name of an event type: the settings' own first, then the definition's; null when it is not sent. */
export function outwardEvent(
  definition: Pick<DestinationDefinition, 'events' | 'unmappedEvents'>,
  settings: DestinationSettings,
  eventType: string,
): string | null {
  if (Object.hasOwn(settings.events, eventType)) return settings.events[eventType] ?? null;
  if (Object.hasOwn(definition.events, eventType)) return definition.events[eventType] ?? null;
  return definition.unmappedEvents === 'same_name' ? eventType : null;
}

export function delivered(): AttemptOutcome {
  return { outcome: 'delivered' };
}

/** To be tried again; `reason` is a stable code, `detail` the receiver's own words. */
export function retry(
  reason: string,
  more: { detail?: string | undefined; afterMs?: number | null | undefined; splitBatch?: boolean } = {},
): AttemptOutcome {
  return {
    outcome: 'retry',
    reason,
    ...(more.detail === undefined ? {} : { detail: more.detail }),
    ...(more.afterMs == null ? {} : { afterMs: more.afterMs }),
    ...(more.splitBatch === true ? { splitBatch: true } : {}),
  };
}

/** Not to be tried again; `scope` says whether only this event is meant or all that goes there. */
export function refused(reason: string, scope: RefusalScope, detail?: string): AttemptOutcome {
  return { outcome: 'refused', reason, scope, ...(detail === undefined ? {} : { detail }) };
}

/** The same outcome for every event of a request. */
export function forAll(deliveryCount: number, outcome: AttemptOutcome): AttemptOutcome[] {
  return Array.from({ length: deliveryCount }, () => outcome);
}
