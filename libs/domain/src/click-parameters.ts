/** Understands the parameters of a click: none of them can fail it, so what cannot be read is left out and told as a warning. */
import {
  AD_PLATFORM_PARAMETERS,
  type AdPlatformId,
  CONSENT_STATES,
  type Consent,
  type ConsentState,
} from './click.ts';
import { isCurrencyCode, type Money, parseDecimalToMicros } from './money.ts';
import { keptIdentifier, personalKindIn } from './personal-data.ts';
import { parseInstant } from './postback/read-time.ts';
import { hashSubject } from './subject.ts';
import { isUnreplacedMacro } from './unreplaced-macro.ts';

/** What was odd about a parameter, kept as `code:parameter`; closed list, documented in docs/errors.md. */
export const CLICK_WARNINGS = [
  'unreplaced_macro',
  'personal_value',
  'parameter_too_long',
  'parameters_too_many',
  'amount_malformed',
  'amount_negative',
  'currency_missing',
  'currency_unknown',
  'time_out_of_range',
  'consent_malformed',
] as const;
export type ClickWarningCode = (typeof CLICK_WARNINGS)[number];

export interface ClickWarning {
  readonly code: ClickWarningCode;
  /** One of the parameters we know; never a name that a stranger chose. */
  readonly parameter: string;
}

/** What a click says of itself; meanings as in click.recorded. */
export interface ClickParameters {
  readonly partnerClickId: string | null;
  readonly customerId: string | null;
  readonly subIds: Readonly<Record<string, string>>;
  readonly utm: Readonly<Record<string, string>>;
  readonly adPlatformIds: readonly AdPlatformId[];
  readonly subjectHashes: Readonly<Record<string, string>>;
  readonly consent: Consent;
  readonly cost: Money | null;
  readonly isTest: boolean;
  readonly warnings: readonly ClickWarning[];
}

export interface ClickDefaults {
  /** Epoch ms; stands in for a first-seen time that was not sent or cannot be. */
  readonly clickedAt: number;
  /** ISO 4217; of a cost that comes without its own. */
  readonly costCurrency: string | null;
}

/** Longer texts are cut, longer ids left out: half an id is another one. */
export const MAX_CLICK_TEXT = 1_024;
/** A query string of 8 KiB holds no more that make sense, and a body could hold more than a record may. */
const MAX_UTM = 20;
/** The longest any platform honours its click id for (Meta, Google, Microsoft, X: 90 days). */
const MAX_FIRST_SEEN_AGE_MS = 90 * 86_400_000;
/** As far as the clocks of browsers differ from ours. */
const MAX_FIRST_SEEN_FUTURE_MS = 60_000;
/** What stands for a value that must not be kept. */
const REMOVED = '[removed]';
const SUB_ID = /^sub(?:[1-9]|1\d|20)$/;
const UTM = /^utm_\w{1,32}$/;

/** @param parameters each name with its first value. */
export function readClickParameters(
  parameters: ReadonlyMap<string, string>,
  defaults: ClickDefaults,
): ClickParameters {
  const reader = new ClickReader(parameters);
  const customerId = reader.identifier('customer_id');
  return {
    partnerClickId: reader.identifier('partner_click_id'),
    customerId,
    subIds: reader.descriptions((name) => SUB_ID.test(name)),
    utm: reader.descriptions((name) => UTM.test(name), { name: 'utm', most: MAX_UTM }),
    adPlatformIds: readAdPlatformIds(reader, defaults.clickedAt),
    subjectHashes: hashSubject({
      email: reader.text('email') ?? undefined,
      phone: reader.text('phone') ?? undefined,
      customerId: reader.text('customer_id') ?? undefined,
    }),
    consent: readConsent(reader),
    cost: readCost(reader, defaults.costCurrency),
    isTest: ['1', 'true'].includes(parameters.get('test') ?? ''),
    warnings: reader.warnings,
  };
}

class ClickReader {
  readonly warnings: ClickWarning[] = [];
  readonly #parameters: ReadonlyMap<string, string>;

  constructor(parameters: ReadonlyMap<string, string>) {
    this.#parameters = parameters;
  }

  /** The value as sent; null when there is none, or a macro in its place, or more than may be kept. */
  text(name: string): string | null {
    const value = this.#sent(name);
    if (value === null || value.length <= MAX_CLICK_TEXT) return value;
    this.warn('parameter_too_long', name);
    return null;
  }

  /** A text that identifies; an e-mail address or account number is replaced by its hash, as with postbacks. */
  identifier(name: string): string | null {
    const value = this.text(name)?.trim();
    if (value === undefined || value === '') return null;
    const kept = keptIdentifier(value);
    if (kept !== value) this.warn('personal_value', name);
    return kept;
  }

  /** The texts that describe, under their own names: cut where they are too long, and without what looks like a person. */
  descriptions(
    test: (name: string) => boolean,
    group?: { readonly name: string; readonly most: number },
  ): Record<string, string> {
    const kept: Record<string, string> = {};
    let count = 0;
    for (const name of this.#parameters.keys()) {
      if (!test(name)) continue;
      const value = this.#sent(name);
      if (value === null) continue;
      if (group !== undefined && count === group.most) {
        this.warn('parameters_too_many', group.name);
        break;
      }
      kept[name] = this.#description(name, value);
      count += 1;
    }
    return kept;
  }

  warn(code: ClickWarningCode, parameter: string): void {
    const isKnown = this.warnings.some((known) => known.code === code && known.parameter === parameter);
    if (!isKnown) this.warnings.push({ code, parameter });
  }

  #sent(name: string): string | null {
    const value = this.#parameters.get(name);
    if (value === undefined || value === '') return null;
    if (!isUnreplacedMacro(value)) return value;
    this.warn('unreplaced_macro', name);
    return null;
  }

  #description(name: string, value: string): string {
    const text = value.slice(0, MAX_CLICK_TEXT);
    if (text !== value) this.warn('parameter_too_long', name);
    if (personalKindIn(text) === null) return text;
    this.warn('personal_value', name);
    return REMOVED;
  }
}

/** The platforms' own ids, opaque; first seen with this click unless the page that kept them says when. */
function readAdPlatformIds(reader: ClickReader, clickedAt: number): AdPlatformId[] {
  return AD_PLATFORM_PARAMETERS.flatMap((name) => {
    const value = reader.text(name);
    return value === null ? [] : [{ name, value, firstSeenAt: readFirstSeenAt(reader, name, clickedAt) }];
  });
}

function readFirstSeenAt(reader: ClickReader, name: string, clickedAt: number): number {
  const parameter = `${name}_first_seen_at`;
  const text = reader.text(parameter);
  if (text === null) return clickedAt;
  const firstSeenAt = parseInstant(text);
  const isPlausible =
    firstSeenAt !== null &&
    firstSeenAt >= clickedAt - MAX_FIRST_SEEN_AGE_MS &&
    firstSeenAt <= clickedAt + MAX_FIRST_SEEN_FUTURE_MS;
  if (isPlausible) return firstSeenAt;
  reader.warn('time_out_of_range', parameter);
  return clickedAt;
}

const CONSENT_WORDS: Readonly<Record<string, ConsentState>> = {
  ...Object.fromEntries(CONSENT_STATES.map((state) => [state, state])),
  ...{ '1': 'granted', true: 'granted', yes: 'granted', '0': 'denied', false: 'denied', no: 'denied' },
};
/** Google's consent signal: `G1`, then whether ads and analytics may store, each 0, 1 or - for not known. */
const GOOGLE_CONSENT = /^G1([01-])[01-]$/;

/**
 * What the person agreed to: `consent_ad_user_data` and `consent_ad_personalization`, or `consent` for both, or `gcs`.
 * Of `gcs` only a refusal counts: who lets ads store nothing has agreed to no use of their data, while storing alone says
 * nothing of use. `gdpr` says which law holds and not what was agreed, so it is not read.
 */
function readConsent(reader: ClickReader): Consent {
  const general = readConsentState(reader, 'consent') ?? readGoogleConsent(reader);
  return {
    adUserData: readConsentState(reader, 'consent_ad_user_data') ?? general ?? 'unknown',
    adPersonalization: readConsentState(reader, 'consent_ad_personalization') ?? general ?? 'unknown',
  };
}

function readConsentState(reader: ClickReader, name: string): ConsentState | null {
  const word = reader.text(name)?.trim().toLowerCase();
  if (word === undefined) return null;
  if (Object.hasOwn(CONSENT_WORDS, word)) return CONSENT_WORDS[word] ?? null;
  reader.warn('consent_malformed', name);
  return null;
}

function readGoogleConsent(reader: ClickReader): ConsentState | null {
  const signal = reader.text('gcs');
  if (signal === null) return null;
  const [match, adStorage] = GOOGLE_CONSENT.exec(signal) ?? [];
  if (match === undefined) reader.warn('consent_malformed', 'gcs');
  return adStorage === '0' ? 'denied' : null;
}

/** What the click cost, exactly as sent; a cost that cannot be read is none, never a guess. */
function readCost(reader: ClickReader, defaultCurrency: string | null): Money | null {
  const text = reader.text('cost')?.trim();
  if (text === undefined || text === '') return null;
  const parsed = parseDecimalToMicros(text);
  if (!parsed.ok) reader.warn('amount_malformed', 'cost');
  else if (parsed.micros < 0n) reader.warn('amount_negative', 'cost');
  const currency = reader.text('cost_currency')?.trim().toUpperCase() ?? defaultCurrency;
  if (currency === null) reader.warn('currency_missing', 'cost_currency');
  else if (!isCurrencyCode(currency)) reader.warn('currency_unknown', 'cost_currency');
  else if (parsed.ok && parsed.micros >= 0n) return { micros: parsed.micros, currency };
  return null;
}
