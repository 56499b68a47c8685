/** Judges the settings and secrets of a destination by its definition. */
import type { Configuration, Destination, DocumentProblem } from '@tributary/configuration';
import {
  type DestinationDefinition,
  destinationFor,
  parseSettings,
  secretsIn,
} from '@tributary/destinations';
import type { Encryption } from '@tributary/runtime';
import { secretContext } from './sealed-secrets.ts';
import { isRecord } from './write-request.ts';

type Texts = Readonly<Record<string, string>>;

export type SealedSecrets =
  | { readonly ok: true; readonly secrets: Readonly<Record<string, Buffer>> }
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
  const problems = [
    ...misplaced(definition, destination, given),
    ...settingsProblems(definition, destination, secrets),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const sealed = Object.entries(secrets).map(([path, text]) => [
    path,
    encryption.encryptSecret(text, secretContext('destination', destination.id, path)),
  ]);
  return { ok: true, secrets: Object.fromEntries(sealed) };
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

/** Secrets among the settings would be stored in clear; settings among the secrets could never be read again. */
function misplaced(
  definition: DestinationDefinition,
  { settings }: Destination,
  given: Texts,
): readonly DocumentProblem[] {
  const inClear = secretsIn(definition.settings, settings).length > 0;
  const added = Object.keys(given).filter((path) => given[path] !== '');
  const open = added.filter((path) => !isSecretPath(definition, path));
  return [
    ...(inClear ? [problem('document.settings', 'a secret setting belongs under secrets')] : []),
    ...open.map((path) => problem(`secrets.${path}`, 'is not a secret setting of this definition')),
  ];
}

function settingsProblems(
  definition: DestinationDefinition,
  { settings }: Destination,
  secrets: Texts,
): readonly DocumentProblem[] {
  const whole = Object.entries(secrets).reduce<object>(
    (target, [path, text]) => withPath(target, path.split('.'), text),
    settings,
  );
  const parsed = parseSettings(definition, whole);
  if (parsed.ok) return [];
  return parsed.problems.map(({ path, message }) =>
    problem(
      isSecretPath(definition, path) ? `secrets.${path}` : `document.settings${path && `.${path}`}`,
      message,
    ),
  );
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
