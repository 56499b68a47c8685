/** Judges the settings and secrets of a destination by its definition. */
import {
  type Configuration,
  type Destination,
  type DocumentFindings,
  type DocumentProblem,
  findingsBySeverity,
} from '@tributary/configuration';
import {
  type DestinationDefinition,
  destinationFor,
  overriddenSettings,
  parseSettings,
  type SettingsFinding,
  type SettingsProblem,
  secretsIn,
} from '@tributary/destinations';
import type { Encryption } from '@tributary/runtime';
import { secretContext } from './sealed-secrets.ts';
import { isRecord } from './write-request.ts';

type Texts = Readonly<Record<string, string>>;

export type SealedSecrets =
  | {
      readonly ok: true;
      readonly secrets: Readonly<Record<string, Buffer>>;
      /** What is doubtful in the settings, and may be meant. */
      readonly warnings: readonly DocumentProblem[];
    }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/**
 * The ciphertexts to store with the destination: of the secrets given and of those it had, all under the first key, so
 * that writing a destination again is how its secrets move to a new key.
 */
export function sealSecrets(
  configuration: Configuration,
  encryption: Encryption,
  destination: Destination,
  given: Texts,
): SealedSecrets {
  const definition = destinationFor(destination.definition);
  if (definition === null)
    return { ok: false, problems: [problem('document.definition', 'there is none such')] };
  const kept = keptSecrets(configuration, encryption, destination, given);
  if (!kept.ok) return kept;
  const secrets = Object.fromEntries(
    Object.entries({ ...kept.secrets, ...given }).filter(([, text]) => text !== ''),
  );
  const { errors, warnings } = settingsFindings(definition, destination, secrets);
  const problems = [...misplaced(definition, destination, given), ...errors];
  if (problems.length > 0) return { ok: false, problems };
  const sealed = Object.entries(secrets).map(([path, text]) => [
    path,
    encryption.encryptSecret(text, secretContext('destination', destination.id, path)),
  ]);
  return { ok: true, secrets: Object.fromEntries(sealed), warnings };
}

/** What is stored and not given anew; another definition starts from nothing. */
function keptSecrets(
  configuration: Configuration,
  encryption: Encryption,
  { id, definition }: Destination,
  given: Texts,
): { ok: true; secrets: Texts } | { ok: false; problems: DocumentProblem[] } {
  if (configuration.destination(id)?.definition !== definition) return { ok: true, secrets: {} };
  const secrets: Record<string, string> = {};
  const problems: DocumentProblem[] = [];
  for (const [path, ciphertext] of Object.entries(configuration.secretsOf('destination', id))) {
    if (Object.hasOwn(given, path)) continue;
    try {
      secrets[path] = encryption.decryptSecret(ciphertext, secretContext('destination', id, path));
    } catch {
      problems.push(problem(`secrets.${path}`, 'no key decrypts what is stored: send it again'));
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, secrets };
}

/** The settings with their secrets in clear, for one look at them; null when no key decrypts one. */
export function settingsWithSecrets(
  encryption: Encryption,
  id: string,
  settings: Destination['settings'],
  secrets: Readonly<Record<string, Uint8Array>>,
): object | null {
  let whole: object = settings;
  for (const [path, ciphertext] of Object.entries(secrets)) {
    try {
      const text = encryption.decryptSecret(ciphertext, secretContext('destination', id, path));
      whole = withPath(whole, path.split('.'), text);
    } catch {
      return null;
    }
  }
  return whole;
}

/** Secrets among the settings would be stored in clear; settings among the secrets could never be read again. */
function misplaced(
  definition: DestinationDefinition,
  { settings, overrides = [] }: Destination,
  given: Texts,
): readonly DocumentProblem[] {
  const all = [
    { path: 'document.settings', settings },
    ...overrides.map((override, index) => ({ path: overridePath(index), settings: override.settings })),
  ];
  const inClear = all.filter((each) => secretsIn(definition.settings, each.settings).length > 0);
  const added = Object.keys(given).filter((path) => given[path] !== '');
  const open = added.filter((path) => !isSecretPath(definition, path));
  return [
    ...inClear.map(({ path }) => problem(path, 'a secret setting belongs under secrets')),
    ...open.map((path) => problem(`secrets.${path}`, 'is not a secret setting of this definition')),
  ];
}

function overridePath(index: number): string {
  return `document.overrides.${index}.settings`;
}

/** The destination's own settings and those of each override, judged by the definition as they would be used. */
function settingsFindings(
  definition: DestinationDefinition,
  { settings, overrides = [] }: Destination,
  secrets: Texts,
): DocumentFindings {
  const own = judged(definition, settings, secrets).map((found) =>
    placed(definition, found, 'document.settings'),
  );
  const overridden = overrides.flatMap((override, index) => {
    const path = overridePath(index);
    const whole = overriddenSettings(definition, settings, override.settings);
    if (whole === null) return [{ ...problem(path, mayReplace(definition)), severity: 'error' as const }];
    return judged(definition, whole, secrets)
      .filter((found) => concerns(definition, override.settings, found))
      .map((found) => placed(definition, found, path));
  });
  return findingsBySeverity(distinct([...own, ...overridden]));
}

function mayReplace({ overridable = [] }: DestinationDefinition): string {
  return overridable.length === 0
    ? 'no setting of this definition can differ by offer or event type'
    : `only ${overridable.flat().join(', ')} can differ by offer or event type`;
}

function judged(
  definition: DestinationDefinition,
  settings: Destination['settings'],
  secrets: Texts,
): readonly SettingsFinding[] {
  const whole = Object.entries(secrets).reduce<object>(
    (target, [path, text]) => withPath(target, path.split('.'), text),
    settings,
  );
  const parsed = parseSettings(definition, whole);
  if (parsed.ok) return definition.review?.(parsed.settings) ?? [];
  return parsed.problems.map((found) => ({ ...found, severity: 'error' }));
}

/** What an override does not replace is told of once, where it stands; a secret that only its template wants counts as its own. */
function concerns(
  definition: DestinationDefinition,
  override: Destination['settings'],
  { path }: SettingsProblem,
): boolean {
  const [name = ''] = path.split('.');
  return Object.hasOwn(override, name) || isSecretPath(definition, path);
}

function placed(definition: DestinationDefinition, found: SettingsFinding, within: string): SettingsFinding {
  const { path } = found;
  const isSecret = isSecretPath(definition, path);
  return { ...found, path: isSecret ? `secrets.${path}` : path === '' ? within : `${within}.${path}` };
}

/** A missing secret is missing for every template that wants it. */
function distinct(found: readonly SettingsFinding[]): readonly SettingsFinding[] {
  return [...new Map(found.map((each) => [JSON.stringify(each), each])).values()];
}

function isSecretPath(definition: DestinationDefinition, path: string): boolean {
  return secretsIn(definition.settings, withPath({}, path.split('.'), 'probe')).length === 1;
}

/** A copy of `target` with the text at the path; fan-out puts the decrypted secrets back the same way. */
function withPath(target: object, [head = '', ...rest]: readonly string[], text: string): object {
  if (rest.length === 0) return { ...target, [head]: text };
  const inner: unknown = Object.entries(target).find(([key]) => key === head)?.[1];
  return { ...target, [head]: withPath(isRecord(inner) ? inner : {}, rest, text) };
}

function problem(path: string, message: string): DocumentProblem {
  return { path, message };
}
