/** The signing secrets of a source: at most two, taken over when they are not given, never shown. */
import { type Configuration, type DocumentProblem, SIGNING_SECRETS } from '@tributary/configuration';
import type { Encryption } from '@tributary/runtime';
import { secretContext } from './sealed-secrets.ts';

type Texts = Readonly<Record<string, string>>;

export type SealedSigningSecrets =
  | { readonly ok: true; readonly secrets: Readonly<Record<string, Buffer>> }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] };

/** As long as an API key of somebody's own making, and for the same reason: it must look like chance. */
const SIGNING_SECRET = /^[\x21-\x7e]{32,256}$/;
const MIN_CHARACTERS = 12;

/** Ciphertexts under the first key, of the secrets given and of those it had; an empty text takes one away. */
export function sealSigningSecrets(
  configuration: Configuration,
  encryption: Encryption,
  id: string,
  given: Texts,
): SealedSigningSecrets {
  const problems: DocumentProblem[] = Object.entries(given).flatMap(([name, text]) => problemsOf(name, text));
  const secrets: Record<string, Buffer> = {};
  const kept = configuration.secretsOf('source', id);
  for (const name of SIGNING_SECRETS) {
    const context = secretContext('source', id, name);
    const text = given[name];
    const ciphertext = kept[name];
    if (text !== undefined) {
      if (text !== '') secrets[name] = encryption.encryptSecret(text, context);
    } else if (ciphertext !== undefined) {
      try {
        secrets[name] = encryption.encryptSecret(encryption.decryptSecret(ciphertext, context), context);
      } catch {
        problems.push({ path: `secrets.${name}`, message: 'no key decrypts what is stored: send it again' });
      }
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, secrets };
}

function problemsOf(name: string, text: string): readonly DocumentProblem[] {
  const path = `secrets.${name}`;
  if (!SIGNING_SECRETS.some((known) => known === name))
    return [{ path, message: `a source has the secrets ${SIGNING_SECRETS.join(' and ')} only` }];
  if (text === '' || (SIGNING_SECRET.test(text) && new Set(text).size >= MIN_CHARACTERS)) return [];
  const message = `must be 32 to 256 random printable ASCII characters, ${MIN_CHARACTERS} of them different`;
  return [{ path, message }];
}
