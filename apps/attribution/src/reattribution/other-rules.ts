/** The other rules of a run: parts of offers from a file, a model, a window, as a change of the terms in force. */
import { type Configuration, type Offer, parseDocument, termsOf } from '@tributary/configuration';
import {
  ATTRIBUTION_MODELS,
  type AttributionModel,
  type attribution,
  type OfferTerms,
  STANDARD_MODEL,
} from '@tributary/domain';
import { parse } from 'yaml';

export interface OtherRules {
  /** Text of a file, as the offers of a configuration file: what is left out stays as it is in force. */
  readonly file: string | null;
  /** For every offer. */
  readonly model: AttributionModel | null;
  /** Longest click-to-conversion time for every offer and event type, in milliseconds. */
  readonly windowMs: number | null;
}

type Fields = Readonly<Record<string, unknown>>;
type Change = Pick<attribution.ChangedRulesOptions, 'change' | 'linksPersons'>;

/** Null when nothing is other. @throws Error with every fault of the file by its place. */
export function changeOf(configuration: Configuration, { file, model, windowMs }: OtherRules): Change | null {
  if (file === null && model === null && windowMs === null) return null;
  const offers = new ChangedOffers(configuration, file === null ? new Map() : partsIn(file));
  return {
    linksPersons: offers.linksPersons,
    change(terms, eventType, at) {
      const changed = offers.terms(terms.offerId, eventType, at) ?? terms;
      return {
        ...changed,
        ...(model !== null && { model }),
        ...(windowMs !== null && {
          window: { minMs: Math.min(changed.window.minMs, windowMs), maxMs: windowMs },
        }),
      };
    },
  };
}

/** @throws Error for a text that names none. */
export function modelIn(text: string): AttributionModel {
  const model = ATTRIBUTION_MODELS.find((known) => known === text);
  if (model === undefined) throw new Error(`--model must be one of ${ATTRIBUTION_MODELS.join(', ')}`);
  return model;
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration such as `30m`, `12h` or `7d` in milliseconds. @throws Error for anything else. */
export function durationIn(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([mhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  if (count === undefined || unitMs === undefined) throw new Error('--window must be like 30m, 12h or 7d');
  return Number(count) * unitMs;
}

function partsIn(text: string): ReadonlyMap<string, Fields> {
  const root: unknown = parse(text);
  const offers = isFields(root) && Object.keys(root).join() === 'offers' ? root['offers'] : undefined;
  if (!isFields(offers) || !Object.values(offers).every(isFields))
    throw new Error('the file must hold offers: by their id, each with the fields that are other');
  return new Map(Object.entries(offers) as [string, Fields][]);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Offers with parts of them replaced; one for each document that was ever in force. */
class ChangedOffers {
  readonly #configuration: Configuration;
  readonly #parts: ReadonlyMap<string, Fields>;
  readonly #changed = new Map<Offer, Offer>();

  constructor(configuration: Configuration, parts: ReadonlyMap<string, Fields>) {
    this.#configuration = configuration;
    this.#parts = parts;
    const faults: string[] = [];
    for (const [id, part] of parts) {
      const documents = configuration.history('offer', id).flatMap(({ entity }) => entity ?? []);
      if (documents.length === 0) faults.push(`offers/${id}: there is no such offer`);
      for (const offer of documents) this.#merge(offer, part, faults);
    }
    if (faults.length > 0)
      throw new Error(`the file cannot be used:\n  ${[...new Set(faults)].join('\n  ')}`);
  }

  get linksPersons(): boolean {
    return [...this.#changed.values()].some(
      ({ matchesHashedIdentity = false, windows }) =>
        matchesHashedIdentity || windows.viewThrough !== undefined,
    );
  }

  /** Null for an offer that the file leaves as it is. */
  terms(offerId: string, eventType: string, at: number): OfferTerms | null {
    if (!this.#parts.has(offerId)) return null;
    const inForce =
      this.#configuration.revision('offer', offerId, at) ??
      this.#configuration.history('offer', offerId).find(({ entity }) => entity !== null);
    const offer = inForce?.entity ?? null;
    const changed = offer === null ? undefined : this.#changed.get(offer);
    return changed === undefined ? null : termsOf(changed, eventType);
  }

  #merge(offer: Offer, part: Fields, faults: string[]): void {
    const { halfLifeMs: _ofTheOtherModel, ...rest } = offer;
    const isDecaying = (part['model'] ?? offer.model ?? STANDARD_MODEL) === 'time_decay';
    const parsed = parseDocument('offer', { ...(isDecaying ? offer : rest), ...part, id: offer.id });
    if (parsed.ok) this.#changed.set(offer, parsed.entity);
    else
      for (const { path, message } of parsed.problems) faults.push(`offers/${offer.id}: ${path}: ${message}`);
  }
}
