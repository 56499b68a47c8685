/** What a destination definition is: all we know of one platform, as data and pure functions; it performs no I/O. */
import type { AttemptOutcome, LintSeverity, OutwardConversion, RefusalScope } from '@tributary/domain';
import type { z } from 'zod';
import {
  type AmountName,
  type Correction,
  type CorrectionPlan,
  type Corrections,
  formOfCorrection,
} from './correction.ts';
import type { Credential } from './credential.ts';
import type { FollowUp } from './follow-up.ts';
import type { OutwardRequest, OutwardResponse } from './outward-request.ts';

/** Settings after parsing; every definition has the overrides of its event names among them. */
export interface DestinationSettings {
  readonly events: Readonly<Record<string, string>>;
}

/** One outward event of one conversion, or one correction of such an event, about to be sent. */
export interface OutwardDelivery {
  /** The key by which the receiver tells repeats apart; the same on every attempt. See `outwardKey`, `correctionKey`. */
  readonly deliveryId: string;
  /** The platform's name of the event, see {@link outwardEvent}; of a correction the one {@link planCorrection} gives. */
  readonly event: string;
  /** Of a correction as it was delivered, with the click of then; what it has become is in `correction`. */
  readonly conversion: OutwardConversion;
  /** Null for the event itself. */
  readonly correction: Correction | null;
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
  /** 1 to `maxBatch`, all of one {@link envelopeOf envelope}: either events or adjustments, either tests or live. */
  readonly deliveries: readonly OutwardDelivery[];
  readonly settings: S;
  /** Of the definition's `credential`; null where none is needed. Hidden in records. */
  readonly accessToken: string | null;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

export interface JudgeInput<S> {
  readonly response: OutwardResponse;
  /** How many deliveries the request carried. */
  readonly deliveryCount: number;
  /** Whether it carried adjustments rather than events: platforms answer them in another way. */
  readonly isAdjustment: boolean;
  readonly settings: S;
  /** Epoch milliseconds, UTC. */
  readonly now: number;
}

/** Two columns of a table; Markdown. */
export type PageRows = readonly (readonly [what: string, meaning: string])[];

/** What the page of a destination says beside what stands in the definition: docs/destinations is generated of both. */
export interface DestinationPage {
  /** What it does, in a sentence or two. */
  readonly summary: string;
  /** Each field of the request, and where it comes from. */
  readonly fields: PageRows;
  /** What `validate` refuses as `code`, `field`; and the rule. */
  readonly checks: PageRows;
  /** What `judge` makes of an answer. */
  readonly answers: PageRows;
  readonly notes: readonly string[];
  readonly sources: readonly string[];
}

export interface DestinationDefinition<S extends DestinationSettings = DestinationSettings> {
  /** Stored in rows and topics: never rename. */
  readonly key: string;
  readonly title: string;
  /** The API's version and the page that documents it; an upgrade starts from here. */
  readonly api: { readonly version: string; readonly docs: string };
  readonly page: DestinationPage;
  /** Each setting with its meaning by `describe`. */
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
  /** Largest body of a request in bytes of UTF-8; the platform's limit, or ours where it names none. */
  readonly maxBodyBytes: number;
  /** For how long the platform recognises a repeated delivery id; null where it does not say. */
  readonly dedupWindowMs: number | null;
  /**
   * The settings that an override of the destination may replace for an offer or an event type; none when left out. Of
   * those in one list one is enough, so an override of one of them takes the place of all.
   */
  readonly overridable?: readonly (readonly string[])[];

  /** How the access token is fetched; null where the settings hold all that is needed. */
  readonly credential: Credential<S> | null;

  /** The oldest event the platform takes, by occurredAt; null where it does not say. Some take those of shops for longer. */
  maxAgeMs(settings: S): number | null;
  /**
   * What of a delivery a request can say only once for all it carries, such as the person or the event's own address, and
   * without secrets: deliveries with different keys never share a request. Empty where everything stands in the events.
   */
  batchKey(delivery: OutwardDelivery, settings: S): string;
  /** The amounts the receiver is told, and so may hold wrongly later. */
  amounts(settings: S): readonly AmountName[];
  /** Whether the receiver is told the state too, so that a change of it alone is told; no where left out. */
  tellsState?(settings: S): boolean;
  /** How an event that was delivered under this name is put right. */
  corrections(settings: S, event: string): Corrections;
  /** What would make the platform refuse the event; empty when it may be sent. Corrections are not asked: see {@link planCorrection}. */
  validate(input: ValidateInput<S>): readonly ValidationProblem[];
  buildRequest(input: BuildInput<S>): OutwardRequest;
  /** One outcome per delivery, in the request's order. */
  judge(input: JudgeInput<S>): readonly AttemptOutcome[];
  /** How the platform is asked later what became of events that it accepted; left out where its first answer is its last. */
  readonly followUp?: FollowUp<S>;
  /**
   * What is wrong or doubtful in settings that parse. It is asked when somebody writes them and never afterwards, so that
   * a stricter rule of a later release cannot silence a destination that works.
   */
  review?(settings: S): readonly SettingsFinding[];
}

/** What a request says once for all deliveries in it: only those of one envelope may share it. */
export function envelopeOf<S extends DestinationSettings>(
  definition: Pick<DestinationDefinition<S>, 'batchKey' | 'corrections'>,
  delivery: OutwardDelivery,
  settings: S,
): string {
  // A platform's test switch holds for the whole request: mixed, either tests would count or sales would not.
  const { isTest } = delivery.conversion;
  return JSON.stringify([
    isTest,
    isAdjustment(definition, delivery, settings),
    definition.batchKey(delivery, settings),
  ]);
}

/** Whether a delivery goes by the platform's call for corrections rather than as an event. */
export function isAdjustment<S extends DestinationSettings>(
  definition: Pick<DestinationDefinition<S>, 'corrections'>,
  { correction }: OutwardDelivery,
  settings: S,
): boolean {
  if (correction === null) return false;
  const { kind, deliveredAs } = correction;
  return definition.corrections(settings, deliveredAs.event)[kind].form === 'adjustment';
}

/** Whether and as what a correction is sent at `now`, or why it cannot be. */
export function planCorrection<S extends DestinationSettings>(
  definition: Pick<DestinationDefinition<S>, 'amounts' | 'corrections' | 'maxAgeMs'>,
  settings: S,
  { conversion, correction }: { readonly conversion: OutwardConversion; readonly correction: Correction },
  now: number,
): CorrectionPlan {
  const plan = formOfCorrection({
    corrections: definition.corrections(settings, correction.deliveredAs.event),
    correction,
    amounts: definition.amounts(settings),
  });
  if (!plan.possible) return plan;
  const { form, maxAgeMs, source } = plan.form;
  // A counter-event is an event of its own time, and ages like every other.
  const isStale =
    form === 'counter_event' && isOlder(correction.correctedAt, definition.maxAgeMs(settings), now);
  if (!isStale && !isOlder(conversion.occurredAt, maxAgeMs, now)) return plan;
  const reason = 'it comes later than the platform takes it';
  return { possible: false, obstacle: 'correction_too_old', reason, source };
}

function isOlder(at: number, maxAgeMs: number | null, now: number): boolean {
  return maxAgeMs !== null && now - at > maxAgeMs;
}

/** A request that is larger than the platform takes; built again from fewer deliveries it may fit. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/**
 * Declares a destination. The definition's functions come back guarded: a request without deliveries, with too many, of
 * different envelopes, with tests that cannot be marked, with a correction the platform does not take or without the access
 * token it needs, and a judgement that leaves out an event, are defects of the code and throw. So does a body that is too
 * large, as {@link BodyTooLarge}. The access token is hidden in the records of every request.
 */
export function defineDestination<S extends DestinationSettings>(
  definition: DestinationDefinition<S>,
): DestinationDefinition<S> {
  return {
    ...definition,
    buildRequest: (input) => {
      assertOneRequest(definition, input);
      for (const delivery of input.deliveries) {
        assertTestIsPossible(definition, delivery, input);
        assertCorrectionIsPossible(definition, delivery, input);
      }
      const request = withHiddenToken(definition.buildRequest(input), input.accessToken);
      const size = Buffer.byteLength(request.body ?? '');
      if (size <= definition.maxBodyBytes) return request;
      throw new BodyTooLarge(`${definition.key} takes ${definition.maxBodyBytes} bytes, not ${size}`);
    },
    judge: (input) => {
      const outcomes = definition.judge(input);
      if (outcomes.length === input.deliveryCount) return outcomes;
      throw new Error(`${definition.key} judged ${outcomes.length} of ${input.deliveryCount} events`);
    },
    ...(definition.followUp === undefined
      ? {}
      : { followUp: guardedFollowUp(definition, definition.followUp) }),
  };
}

function guardedFollowUp<S extends DestinationSettings>(
  definition: Pick<DestinationDefinition<S>, 'key' | 'credential'>,
  followUp: FollowUp<S>,
): FollowUp<S> {
  return {
    ...followUp,
    buildRequest: (input) => {
      assertToken(definition, input);
      return withHiddenToken(followUp.buildRequest(input), input.accessToken);
    },
    judge: (input) => {
      const answer = followUp.judge(input);
      if (answer.answer !== 'settled') return answer;
      const told = answer.groups.reduce((sum, { count }) => sum + count, 0);
      if (told === input.deliveryCount) return answer;
      throw new Error(`${definition.key} says what became of ${told} of ${input.deliveryCount} events`);
    },
  };
}

function assertToken<S extends DestinationSettings>(
  { key, credential }: Pick<DestinationDefinition<S>, 'key' | 'credential'>,
  { settings, accessToken }: Pick<BuildInput<S>, 'settings' | 'accessToken'>,
): void {
  if (accessToken === null && credential?.isNeeded(settings) === true) {
    throw new Error(`${key} was given no access token`);
  }
}

function assertOneRequest<S extends DestinationSettings>(
  definition: DestinationDefinition<S>,
  { deliveries, settings, accessToken }: BuildInput<S>,
): void {
  const { key, maxBatch } = definition;
  if (deliveries.length < 1 || deliveries.length > maxBatch) {
    throw new Error(`${key} takes 1 to ${maxBatch} events in a request, not ${deliveries.length}`);
  }
  if (new Set(deliveries.map((delivery) => envelopeOf(definition, delivery, settings))).size > 1) {
    throw new Error(`${key} was given deliveries in one request that must not share one`);
  }
  assertToken(definition, { settings, accessToken });
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

/** Checked once more here, because a builder that knows no corrections would send a second sale. */
function assertCorrectionIsPossible<S extends DestinationSettings>(
  definition: DestinationDefinition<S>,
  { correction, event }: OutwardDelivery,
  { settings }: BuildInput<S>,
): void {
  if (correction === null) return;
  const plan = formOfCorrection({
    corrections: definition.corrections(settings, correction.deliveredAs.event),
    correction,
    amounts: definition.amounts(settings),
  });
  if (!plan.possible) throw new Error(`${definition.key} was given a correction: ${plan.obstacle}`);
  if (plan.event !== event) throw new Error(`${definition.key} sends this correction as ${plan.event}`);
}

function withHiddenToken(request: OutwardRequest, accessToken: string | null): OutwardRequest {
  if (accessToken === null) return request;
  return { ...request, derivedSecrets: [...(request.derivedSecrets ?? []), accessToken] };
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

/**
 * The name of an event type at a destination: the subscription's first, then the settings', then the definition's; null when it
 * is not sent. Own properties only, since senders choose the type.
 */
export function outwardEvent(
  definition: Pick<DestinationDefinition, 'events' | 'unmappedEvents'>,
  settings: DestinationSettings,
  eventType: string,
  { events = {} }: { readonly events?: Readonly<Record<string, string>> | undefined } = {},
): string | null {
  const names = [events, settings.events, definition.events].find((each) => Object.hasOwn(each, eventType));
  if (names !== undefined) return names[eventType] ?? null;
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

/** The reason that makes the engine drop its access token and fetch another before the next attempt. */
export const TOKEN_EXPIRED = 'token_expired';

/** A receiver that says it wants nothing any more: its destination is switched off at once. */
export const RECEIVER_GONE = 'receiver_gone';

/** The platform takes the access token no more; only of a destination with a `credential`. */
export function tokenExpired(detail?: string): AttemptOutcome {
  return retry(TOKEN_EXPIRED, { detail });
}

/** Not to be tried again; `scope` says whether only this event is meant or all that goes there. */
export function refused(reason: string, scope: RefusalScope, detail?: string): AttemptOutcome {
  return { outcome: 'refused', reason, scope, ...(detail === undefined ? {} : { detail }) };
}

/**
 * What to make of a platform that refused a whole request: of several events any may be the bad one, so they are sent in
 * smaller requests; an event that was sent alone is refused for `reason`.
 */
export function refusedTogether(
  reason: string,
  detail: string | undefined,
  deliveryCount: number,
): AttemptOutcome {
  if (deliveryCount > 1) return retry('batch_refused', { detail, splitBatch: true });
  return refused(reason, 'event', detail);
}

/** The same outcome for every event of a request. */
export function forAll(deliveryCount: number, outcome: AttemptOutcome): AttemptOutcome[] {
  return Array.from({ length: deliveryCount }, () => outcome);
}
