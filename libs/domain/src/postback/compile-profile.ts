/** A source's profile made ready for the hot path: paths compiled, words in maps, once per profile. */
import { type MarkMapping, markMapping } from './currency-marks.ts';
import { type CompiledPath, compilePath, pathPattern } from './parameters.ts';
import {
  PERSONAL_FIELDS,
  POSTBACK_PARAMETERS,
  type PostbackField,
  type PostbackStatus,
} from './postback-fields.ts';
import type { SourceProfile } from './source-profile.ts';

/** Words of the sender with what they mean here; exactly first, then ignoring case. */
export class WordMapping<Meaning> {
  readonly #exact: ReadonlyMap<string, Meaning>;
  readonly #lowered: ReadonlyMap<string, Meaning>;

  constructor(words: Readonly<Record<string, Meaning>>) {
    const entries = Object.entries(words);
    this.#exact = new Map(entries);
    // Of two words that differ in case only, the first stands for all other spellings.
    this.#lowered = new Map(entries.toReversed().map(([word, meaning]) => [word.toLowerCase(), meaning]));
  }

  get(word: string): Meaning | undefined {
    return this.#exact.get(word) ?? this.#lowered.get(word.toLowerCase());
  }
}

export interface CompiledProfile {
  readonly profile: SourceProfile;
  readonly paths: Readonly<Record<PostbackField, readonly CompiledPath[]>>;
  readonly eventTypes: WordMapping<string>;
  readonly eventTypeRules: readonly CompiledRule[];
  readonly ignoredEventTypes: ReadonlySet<string>;
  readonly ignoredStatuses: ReadonlySet<string>;
  readonly statuses: WordMapping<PostbackStatus>;
  readonly marks: MarkMapping;
  readonly defaultRevenue: ReadonlyMap<string, string>;
  readonly qualifiesAt: CompiledPath | null;
  readonly rowsAt: CompiledPath | null;
  readonly extras: readonly CompiledPath[];
}

interface CompiledRule {
  /** Values in lower case; the empty one stands for a parameter that is absent or empty. */
  readonly when: readonly { readonly path: CompiledPath; readonly value: string }[];
  readonly eventType: string;
}

const compiledProfiles = new WeakMap<SourceProfile, CompiledProfile>();

/** The same object for the same profile, however often it is asked. */
export function compileProfile(profile: SourceProfile): CompiledProfile {
  const known = compiledProfiles.get(profile);
  if (known !== undefined) return known;
  const compiled = compiledOf(profile);
  compiledProfiles.set(profile, compiled);
  return compiled;
}

function compiledOf(profile: SourceProfile): CompiledProfile {
  const isPersonal = personalPatterns(profile);
  return {
    profile,
    paths: pathsOf(profile),
    eventTypes: new WordMapping(profile.eventTypes),
    eventTypeRules: profile.eventTypeRules.map(({ when, eventType }) => ({
      when: Object.entries(when).map(([path, value]) => ({
        path: compilePath(path),
        value: value.trim().toLowerCase(),
      })),
      eventType,
    })),
    ignoredEventTypes: lowered(profile.ignoredEventTypes),
    ignoredStatuses: lowered(profile.ignoredStatuses),
    statuses: new WordMapping(profile.statuses),
    marks: markMapping(profile.currencies),
    defaultRevenue: new Map(Object.entries(profile.defaultRevenue)),
    qualifiesAt: profile.qualifiesBy && compilePath(profile.qualifiesBy.parameter),
    rowsAt: profile.rowsAt === null ? null : compilePath(profile.rowsAt),
    extras: profile.allowedExtras.filter((name) => !isPersonal.has(pathPattern(name))).map(compilePath),
  };
}

function lowered(words: readonly string[]): ReadonlySet<string> {
  return new Set(words.map((word) => word.toLowerCase()));
}

function pathsOf(profile: SourceProfile): CompiledProfile['paths'] {
  const fields = Object.keys(POSTBACK_PARAMETERS) as readonly PostbackField[];
  const entries = fields.map((field) => [field, namesOf(field, profile).map(compilePath)] as const);
  return Object.fromEntries(entries) as unknown as CompiledProfile['paths'];
}

/** The names and paths a field may come under, the profile's own first. */
export function namesOf(field: PostbackField, profile: Pick<SourceProfile, 'aliases'>): readonly string[] {
  return [...(profile.aliases[field] ?? []), ...POSTBACK_PARAMETERS[field]];
}

const patternsByAliases = new WeakMap<SourceProfile['aliases'], ReadonlySet<string>>();

function personalPatterns({ aliases }: Pick<SourceProfile, 'aliases'>): ReadonlySet<string> {
  let patterns = patternsByAliases.get(aliases);
  if (patterns === undefined) {
    patterns = new Set(PERSONAL_FIELDS.flatMap((field) => namesOf(field, { aliases })).map(pathPattern));
    patternsByAliases.set(aliases, patterns);
  }
  return patterns;
}

/**
 * Whether the value at this name or path may stand nowhere in clear: it is one of the personal fields, however its name is
 * cased or its path is spelled.
 */
export function isPersonalParameter(path: string, profile: Pick<SourceProfile, 'aliases'>): boolean {
  return personalPatterns(profile).has(pathPattern(path));
}
