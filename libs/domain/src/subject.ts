/** Personal identifiers as SHA-256 of named normal forms, made once at the edge; the clear values go no further. */
import { hash } from 'node:crypto';

/**
 * The normal forms. Platforms disagree on them, so one hash cannot serve all: each definition picks the form that its
 * platform documents.
 *
 * | form                              | rule before hashing                                             | asked for by                               |
 * |-----------------------------------|-----------------------------------------------------------------|--------------------------------------------|
 * | emailPlain                        | trim, lower                                                     | Meta, TikTok, Snap, Pinterest, LinkedIn, X |
 * | emailGmail                        | plain; at gmail.com and googlemail.com without dots and +suffix | Google                                     |
 * | emailDotless                      | plain; at every domain without dots and +suffix                 | Reddit, Microsoft                          |
 * | phoneE164                         | `+`, country code, digits                                       | TikTok, Google, Reddit, X                  |
 * | phoneDigits                       | country code, digits, no leading zero                           | Meta, Snap, Pinterest                      |
 * | customerExternal                  | trim, lower                                                     | Meta, TikTok, Snap, Pinterest              |
 * | firstName, lastName               | trim, lower                                                     | TikTok, Google, Pinterest                  |
 * | firstNameLetters, lastNameLetters | lower, without spaces, punctuation and symbols                  | Meta, Snap                                 |
 * | city, state                       | lower, latin letters and digits only                            | Meta, Snap, Pinterest                      |
 * | postalCode                        | trim, lower, up to the first `-`                                | Meta, TikTok, Snap                         |
 * | country                           | ISO 3166 two letters, lower                                     | Meta, Snap, Pinterest                      |
 *
 * Source: each platform's conversion API documentation.
 */
export const SUBJECT_FORMS = [
  'emailPlain',
  'emailGmail',
  'emailDotless',
  'phoneE164',
  'phoneDigits',
  'customerExternal',
  'firstName',
  'firstNameLetters',
  'lastName',
  'lastNameLetters',
  'city',
  'state',
  'postalCode',
  'country',
] as const;
export type SubjectForm = (typeof SUBJECT_FORMS)[number];

/** Identifiers as a source sent them, in clear or already hashed; null and blank count as missing. */
export interface SubjectIdentifiers {
  readonly email?: string | null | undefined;
  readonly phone?: string | null | undefined;
  readonly customerId?: string | null | undefined;
  readonly firstName?: string | null | undefined;
  readonly lastName?: string | null | undefined;
  readonly city?: string | null | undefined;
  readonly state?: string | null | undefined;
  readonly postalCode?: string | null | undefined;
  readonly country?: string | null | undefined;
}

/** One form: the identifier it is made of and its normal form, or null where the value has none. */
interface FormRule {
  readonly of: keyof SubjectIdentifiers;
  readonly normalise: (text: string) => string | null;
}

const FORM_RULES: Readonly<Record<SubjectForm, FormRule>> = {
  emailPlain: { of: 'email', normalise: plainEmail },
  emailGmail: { of: 'email', normalise: gmailEmail },
  emailDotless: { of: 'email', normalise: dotlessEmail },
  phoneE164: { of: 'phone', normalise: e164Phone },
  phoneDigits: { of: 'phone', normalise: phoneDigits },
  customerExternal: { of: 'customerId', normalise: lowered },
  firstName: { of: 'firstName', normalise: lowered },
  firstNameLetters: { of: 'firstName', normalise: lettersOnly },
  lastName: { of: 'lastName', normalise: lowered },
  lastNameLetters: { of: 'lastName', normalise: lettersOnly },
  city: { of: 'city', normalise: latinOnly },
  state: { of: 'state', normalise: latinOnly },
  postalCode: { of: 'postalCode', normalise: postalCode },
  country: { of: 'country', normalise: countryCode },
};

const FORMS_OF: ReadonlyMap<keyof SubjectIdentifiers, readonly SubjectForm[]> = Map.groupBy(
  SUBJECT_FORMS,
  (form) => FORM_RULES[form].of,
);

/**
 * SHA-256 (lower-case hex, UTF-8, no salt) of every form that can be made of the identifiers, keyed by form.
 *
 * A value that is 64 hexadecimal digits is taken for a hash somebody made before: it passes through lower-cased under
 * every form of its identifier, since which form was hashed cannot be known. A value without a normal form (an e-mail
 * without `@`, a phone number without country code) is left out: a wrong hash would match somebody else or nobody.
 */
export function hashSubject(identifiers: SubjectIdentifiers): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const [identifier, forms] of FORMS_OF) {
    const text = identifiers[identifier]?.trim() ?? '';
    if (text === '') continue;
    for (const form of forms) {
      const hash = hashOnce(text, FORM_RULES[form].normalise);
      if (hash !== null) hashes[form] = hash;
    }
  }
  return hashes;
}

/**
 * SHA-256 (lower-case hex) of a text that goes out hashed but is kept in clear, such as an IP address; trimmed and otherwise
 * as it is. 64 hexadecimal digits pass through as somebody's hash; null for a blank text.
 */
export function hashIdentifier(text: string): string | null {
  return hashOnce(text.trim(), (trimmed) => trimmed);
}

const SHA256_HEX = /^[a-f0-9]{64}$/i;

function hashOnce(text: string, normalise: FormRule['normalise']): string | null {
  if (SHA256_HEX.test(text)) return text.toLowerCase();
  const form = normalise(text);
  if (form === null || form === '') return null;
  return hash('sha256', form, 'hex');
}

function lowered(text: string): string {
  return text.toLowerCase();
}

const EMAIL = /^([^@\s]+)@([^@\s]+)$/;

function plainEmail(text: string): string | null {
  return EMAIL.test(text) ? text.toLowerCase() : null;
}

const GMAIL_DOMAINS: readonly string[] = ['gmail.com', 'googlemail.com'];

function gmailEmail(text: string): string | null {
  const domain = text.toLowerCase().split('@').at(-1) ?? '';
  return GMAIL_DOMAINS.includes(domain) ? dotlessEmail(text) : plainEmail(text);
}

function dotlessEmail(text: string): string | null {
  const [, local = '', domain = ''] = EMAIL.exec(text.toLowerCase()) ?? [];
  const bareLocal = local.replace(/\+.*$/, '').replaceAll('.', '');
  return bareLocal === '' ? null : `${bareLocal}@${domain}`;
}

function e164Phone(text: string): string | null {
  const digits = phoneDigits(text);
  return digits === null ? null : `+${digits}`;
}

const PHONE_EXTENSION = /(?:ext(?:ension)?\.?|[x;#,]).*$/i;
const TRUNK_ZERO_HINT = /\(0\)/g;
/** E.164 allows 15 digits with the country code; the shortest numbers in use have 7. */
const E164_DIGITS = /^[1-9]\d{6,14}$/;

function phoneDigits(text: string): string | null {
  const number = text.replace(PHONE_EXTENSION, '').replace(TRUNK_ZERO_HINT, '');
  const digits = number.replace(/\D/g, '');
  // One leading zero without `+` is a national number: no country code begins with 0, so the country is unknown.
  const isNational = !number.includes('+') && /^0(?!0)/.test(digits);
  const international = digits.replace(/^0+/, '');
  return !isNational && E164_DIGITS.test(international) ? international : null;
}

function lettersOnly(text: string): string {
  return text.toLowerCase().replace(/[\s\p{P}\p{S}]/gu, '');
}

/** Accents are folded first (`Zürich` → `zurich`); a name in another script has no such form. */
function latinOnly(text: string): string {
  return text
    .normalize('NFD')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
}

function postalCode(text: string): string {
  return text.toLowerCase().replace(/-.*$/, '').trim();
}

function countryCode(text: string): string | null {
  return /^[a-z]{2}$/i.test(text) ? text.toLowerCase() : null;
}
