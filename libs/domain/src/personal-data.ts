/** Recognises personal data where none should be: e-mail addresses, phone numbers, card numbers and IBANs within free text. */
import { hash } from 'node:crypto';
import { isUuid } from './click.ts';

/** In the order they are looked for: a number that holds its check digits is what they say. */
export const PERSONAL_KINDS = ['email', 'iban', 'card_number', 'phone'] as const;
export type PersonalKind = (typeof PERSONAL_KINDS)[number];

/**
 * What a text that should hold no personal data seems to hold; null when nothing.
 *
 * | kind        | taken for one                                                                          | not taken for one                        |
 * |-------------|----------------------------------------------------------------------------------------|------------------------------------------|
 * | email       | something, `@`, something; generous                                                    | text with a lone `@`                     |
 * | iban        | a known country and its length, check digits that hold (ISO 7064, mod 97)               | any other run of letters and digits      |
 * | card_number | 13 to 19 digits of a scheme's range and length, plain or in groups, with Luhn's digit   | other digits: order ids, times, long ids |
 * | phone       | `+` and 8 to 15 digits, `00` and groups, or a national number as people write it        | a plain run of digits, dates, amounts    |
 *
 * A phone number written as digits alone cannot be told from an order id: it is found by the name of its parameter, not
 * here. The text is looked at as it is and percent-decoded, up to twice, since senders nest URLs.
 */
export function personalKindIn(text: string): PersonalKind | null {
  if (isPlain(text) || isUuid(text) || INSTANT_ALONE.test(text)) return null;
  for (const form of formsOf(text)) {
    const kind = PERSONAL_KINDS.find((each) => DETECTORS[each](form));
    if (kind !== undefined) return kind;
  }
  return null;
}

const AT_SIGN = 0x40;
const PERCENT = 0x25;
const FIRST_BEYOND_ASCII = 0x80;
/** The shortest IBAN (Norway), and the fewest digits of a phone number. */
const SHORTEST_IBAN = 15;
const FEWEST_DIGITS = 8;

/**
 * Every kind needs an at sign, many digits or the head of an IBAN (a word that begins with two letters and two digits), and
 * what could hide one is not ASCII or percent-encoded: most values cost next to nothing.
 */
function isPlain(text: string): boolean {
  let digits = 0;
  let head: number = HEAD.none;
  let mayBeIban = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === AT_SIGN || code === PERCENT || code >= FIRST_BEYOND_ASCII) return false;
    if (isDigitCode(code)) {
      digits += 1;
      if (head === HEAD.digit) mayBeIban = true;
      head = head === HEAD.letters ? HEAD.digit : HEAD.spoilt;
    } else if (isLetterCode(code)) {
      head = head === HEAD.none ? HEAD.letter : head === HEAD.letter ? HEAD.letters : HEAD.spoilt;
    } else head = HEAD.none;
  }
  return digits < FEWEST_DIGITS && !(mayBeIban && text.length >= SHORTEST_IBAN);
}

/** How far a word goes on like an IBAN: one letter, two, two and a digit. */
const HEAD = { none: 0, letter: 1, letters: 2, digit: 3, spoilt: 4 } as const;

function isDigitCode(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetterCode(code: number): boolean {
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

const DETECTORS: Readonly<Record<PersonalKind, (text: string) => boolean>> = {
  email: holdsEmail,
  iban: holdsIban,
  card_number: holdsCardNumber,
  phone: holdsPhone,
};

const MAX_DECODINGS = 2;

/** A random id that everybody uses, ourselves included: some of its groups look like account and card numbers. */
const UUID_WITHIN = /(?<![\da-z])[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}(?![\da-z])/gi;

/** What nearly every call carries, told at once. */
const INSTANT_ALONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;

/** The text, and what it says once percent-decoded; `+` stays, since it is also the sign before a country code. */
function formsOf(sent: string): string[] {
  const text = sent.replace(UUID_WITHIN, 'uuid');
  const forms = [text.normalize('NFKC')];
  for (let form = text, n = 0; n < MAX_DECODINGS && /%[0-9a-f]{2}/i.test(form); n++) {
    form = form.replace(/(?:%[0-9a-f]{2})+/gi, decoded);
    forms.push(form.normalize('NFKC'));
  }
  return forms;
}

function decoded(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes;
  }
}

/** Something at something, the sign also percent-encoded or full-width; generous, since what is missed is kept for months. */
const EMAIL_WITHIN = /[^\s@](?:@|%40|\uff20)[^\s@]/i;

/** Whether a text that should hold no personal data seems to hold an e-mail address. */
export function holdsEmail(text: string): boolean {
  return EMAIL_WITHIN.test(text);
}

/**
 * First digits and lengths of the schemes in use (Visa, Mastercard, American Express, Diners, Discover, UnionPay, JCB), as
 * they publish them. Luhn alone passes one number in ten; with the ranges it is one 16-digit number in 37, and no time in
 * seconds, milliseconds or microseconds before May 2033, since those begin with 1.
 */
const CARD_RANGES: readonly { readonly prefix: RegExp; readonly lengths: readonly number[] }[] = [
  { prefix: /^4/, lengths: [13, 16, 19] },
  { prefix: /^(?:5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720))/, lengths: [16] },
  { prefix: /^3[47]/, lengths: [15] },
  { prefix: /^3(?:0[0-5]|[689])/, lengths: [14] },
  { prefix: /^(?:6011|64[4-9]|65)/, lengths: [16, 19] },
  { prefix: /^62/, lengths: [16, 17, 18, 19] },
  { prefix: /^35(?:2[89]|[3-8])/, lengths: [16] },
];

/** Digits with single blanks, points or hyphens between them, not part of a longer word or number. */
const DIGIT_RUN = /(?<![\p{L}\d])\d(?:[ .\-\u2010-\u2015]?\d){12,18}(?![\p{L}\d])/gu;

function holdsCardNumber(text: string): boolean {
  return [...text.matchAll(DIGIT_RUN)].some(([run]) => isCardNumber(run.replace(/\D/g, '')));
}

/** @param digits nothing else. */
export function isCardNumber(digits: string): boolean {
  const isOfScheme = CARD_RANGES.some(
    ({ prefix, lengths }) => prefix.test(digits) && lengths.includes(digits.length),
  );
  return isOfScheme && luhnSum(digits) % 10 === 0;
}

function luhnSum(digits: string): number {
  return [...digits].reverse().reduce((sum, digit, index) => {
    const doubled = Number(digit) * (index % 2 === 0 ? 1 : 2);
    return sum + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
}

/**
 * What follows the check digits, by country (SWIFT's IBAN registry): so many digits (n), letters (a) or either (c).
 * Without it one random UUID in 40,000 passes for a Belgian account number.
 */
const IBAN_STRUCTURES: Readonly<Record<string, string>> = {
  AD: '8n12c',
  AE: '19n',
  AL: '8n16c',
  AT: '16n',
  AZ: '4a20c',
  BA: '16n',
  BE: '12n',
  BG: '4a6n8c',
  BH: '4a14c',
  BI: '23n',
  BR: '23n1a1c',
  BY: '4c4n16c',
  CH: '5n12c',
  CR: '18n',
  CY: '8n16c',
  CZ: '20n',
  DE: '18n',
  DJ: '23n',
  DK: '14n',
  DO: '4c20n',
  EE: '16n',
  EG: '25n',
  ES: '20n',
  FI: '14n',
  FK: '2a12n',
  FO: '14n',
  FR: '10n11c2n',
  GB: '4a14n',
  GE: '2a16n',
  GI: '4a15c',
  GL: '14n',
  GR: '7n16c',
  GT: '4c20c',
  HN: '4a20n',
  HR: '17n',
  HU: '24n',
  IE: '4a14n',
  IL: '19n',
  IQ: '4a15n',
  IS: '22n',
  IT: '1a10n12c',
  JO: '4a4n18c',
  KW: '4a22c',
  KZ: '3n13c',
  LB: '4n20c',
  LC: '4a24c',
  LI: '5n12c',
  LT: '16n',
  LU: '3n13c',
  LV: '4a13c',
  LY: '21n',
  MC: '10n11c2n',
  MD: '2c18c',
  ME: '18n',
  MK: '3n10c2n',
  MN: '16n',
  MR: '23n',
  MT: '4a5n18c',
  MU: '4a19n3a',
  NI: '4a20n',
  NL: '4a10n',
  NO: '11n',
  OM: '3n16c',
  PK: '4a16c',
  PL: '24n',
  PS: '4a21c',
  PT: '21n',
  QA: '4a21c',
  RO: '4a16c',
  RS: '18n',
  RU: '14n15c',
  SA: '2n18c',
  SC: '4a20n3a',
  SD: '14n',
  SE: '20n',
  SI: '15n',
  SK: '20n',
  SM: '1a10n12c',
  SO: '19n',
  ST: '21n',
  SV: '4a20n',
  TL: '19n',
  TN: '20n',
  TR: '6n16c',
  UA: '6n19c',
  VA: '18n',
  VG: '4a16n',
  XK: '16n',
  YE: '4a4n18c',
};

const CHARACTERS: Readonly<Record<string, string>> = { n: '\\d', a: '[A-Z]', c: '[A-Z\\d]' };
/** Of a whole IBAN without blanks, by country. */
const IBAN_FORMS: ReadonlyMap<string, { readonly length: number; readonly form: RegExp }> = new Map(
  Object.entries(IBAN_STRUCTURES).map(([country, structure]) => {
    const parts = [...structure.matchAll(/(\d+)([nac])/g)].map(([, length = '', kind = '']) => ({
      length,
      kind,
    }));
    const account = parts.map(({ length, kind }) => `${CHARACTERS[kind]}{${length}}`).join('');
    const length = 4 + parts.reduce((sum, part) => sum + Number(part.length), 0);
    return [country, { length, form: new RegExp(`^${country}\\d{2}${account}$`) }];
  }),
);

const IBAN_START = /(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}/gi;

/** What follows an IBAN after a blank belongs to the same run of letters, so the country's length decides where it ends. */
function holdsIban(text: string): boolean {
  return [...text.matchAll(IBAN_START)].some(([run]) => {
    const letters = run.replace(/[ -]/g, '').toUpperCase();
    return isIban(letters.slice(0, IBAN_FORMS.get(letters.slice(0, 2))?.length ?? 0));
  });
}

/** @param text capital letters and digits, without blanks. */
export function isIban(text: string): boolean {
  if (IBAN_FORMS.get(text.slice(0, 2))?.form.test(text) !== true) return false;
  const digits = [...`${text.slice(4)}${text.slice(0, 4)}`]
    .map((letter) => Number.parseInt(letter, 36))
    .join('');
  return BigInt(digits) % 97n === 1n;
}

/**
 * With its country code, which never begins with 0: after the sign; after a blank at the start, which is what form
 * encoding makes of a sign; or after 00 and in groups, since ungrouped it looks like an order id padded with zeros.
 */
const INTERNATIONAL_PHONE =
  /(?:(?<![\w+.])\+ ?|^ (?=\d{10,}))[1-9](?:[ ()./-]{0,3}\d){7,14}(?!\w)|(?<![\w+.-])00 ?[1-9]\d{0,2}[ ./-](?:[ ()./-]{0,3}\d){6,13}(?!\w)/;
/** A national number as people write it: a trunk zero or an area code in brackets, and groups. */
const WRITTEN_PHONE =
  /(?<![\w+./-])(?:\(\d{2,5}\)[ .-]?\d{2,4}(?:[ .-]?\d{2,4}){1,3}|0\d{1,4}[ /]\d{2,8}(?:[ -]?\d{2,4}){0,3}|\d{3}[. -]\d{3}[. -]\d{4})(?![\w./-])/;
const WRITTEN_PHONE_DIGITS = { fewest: 8, most: 15 };

function holdsPhone(text: string): boolean {
  return INTERNATIONAL_PHONE.test(text) || isWrittenPhone(text);
}

function isWrittenPhone(text: string): boolean {
  const digits = WRITTEN_PHONE.exec(text)?.[0].replace(/\D/g, '').length ?? 0;
  return digits >= WRITTEN_PHONE_DIGITS.fewest && digits <= WRITTEN_PHONE_DIGITS.most;
}

const IDENTIFYING_KINDS: readonly (PersonalKind | null)[] = ['email', 'iban'];

/**
 * An id as it may be kept. Shops use e-mail addresses and account numbers as ids; such an id is replaced by its SHA-256
 * (lower-cased, hexadecimal: the subject hash `customerExternal`), under which it still is the same id. Digits stay: an
 * order id that happens to pass for a card number must arrive whole.
 */
export function keptIdentifier(text: string): string {
  if (!IDENTIFYING_KINDS.includes(personalKindIn(text))) return text;
  return hash('sha256', text.toLowerCase(), 'hex');
}

/** Parameters of a person, as senders call them; letters alone, lower case, without whose they are. */
const PERSONAL_NAMES = new Set([
  ...['email', 'emailaddress', 'mail', 'phone', 'phonenumber', 'mobile', 'msisdn', 'tel', 'telephone', 'fax'],
  ...['name', 'firstname', 'lastname', 'fullname', 'surname', 'givenname', 'familyname', 'fname', 'lname'],
  ...[
    'address',
    'address1',
    'address2',
    'addressline',
    'street',
    'streetaddress',
    'dob',
    'birthdate',
    'birthday',
  ],
  ...[
    'dateofbirth',
    'ssn',
    'iban',
    'card',
    'cardnumber',
    'ccnumber',
    'creditcard',
    'pan',
    'cvv',
    'cvc',
    'cardholder',
  ],
]);
const WHOSE = /^(?:customer|client|user|buyer|billing|shipping|contact|person|holder)/;

/** Whether a parameter of this name holds something of a person, whatever its value looks like. */
export function isPersonalName(name: string): boolean {
  const bare = name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return PERSONAL_NAMES.has(bare) || PERSONAL_NAMES.has(bare.replace(WHOSE, ''));
}
