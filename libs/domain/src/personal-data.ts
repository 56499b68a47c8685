/** Recognises personal data where none should be: e-mail addresses, phone numbers, card numbers and IBANs within free text. */
import { createHash } from 'node:crypto';

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
  for (const form of formsOf(text)) {
    const kind = PERSONAL_KINDS.find((each) => DETECTORS[each](form));
    if (kind !== undefined) return kind;
  }
  return null;
}

const DETECTORS: Readonly<Record<PersonalKind, (text: string) => boolean>> = {
  email: holdsEmail,
  iban: holdsIban,
  card_number: holdsCardNumber,
  phone: holdsPhone,
};

const MAX_DECODINGS = 2;

/** The text, and what it says once percent-decoded; `+` stays, since it is also the sign before a country code. */
function formsOf(text: string): string[] {
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

/** Length by country (SWIFT's IBAN registry); another length is no IBAN. */
const IBAN_LENGTHS: Readonly<Record<string, number>> = {
  AD: 24,
  AE: 23,
  AL: 28,
  AT: 20,
  AZ: 28,
  BA: 20,
  BE: 16,
  BG: 22,
  BH: 22,
  BI: 27,
  BR: 29,
  BY: 28,
  CH: 21,
  CR: 22,
  CY: 28,
  CZ: 24,
  DE: 22,
  DJ: 27,
  DK: 18,
  DO: 28,
  EE: 20,
  EG: 29,
  ES: 24,
  FI: 18,
  FK: 18,
  FO: 18,
  FR: 27,
  GB: 22,
  GE: 22,
  GI: 23,
  GL: 18,
  GR: 27,
  GT: 28,
  HN: 28,
  HR: 21,
  HU: 28,
  IE: 22,
  IL: 23,
  IQ: 23,
  IS: 26,
  IT: 27,
  JO: 30,
  KW: 30,
  KZ: 20,
  LB: 28,
  LC: 32,
  LI: 21,
  LT: 20,
  LU: 20,
  LV: 21,
  LY: 25,
  MC: 27,
  MD: 24,
  ME: 22,
  MK: 19,
  MN: 20,
  MR: 27,
  MT: 31,
  MU: 30,
  NI: 28,
  NL: 18,
  NO: 15,
  OM: 23,
  PK: 24,
  PL: 28,
  PS: 29,
  PT: 25,
  QA: 29,
  RO: 24,
  RS: 22,
  RU: 33,
  SA: 24,
  SC: 31,
  SD: 18,
  SE: 24,
  SI: 19,
  SK: 24,
  SM: 27,
  ...{ SO: 23, ST: 25, SV: 28, TL: 23, TN: 24, TR: 26, UA: 29, VA: 22, VG: 24, XK: 20, YE: 30 },
};

const IBAN_START = /(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}/gi;

/** What follows an IBAN after a blank belongs to the same run of letters, so the country's length decides where it ends. */
function holdsIban(text: string): boolean {
  return [...text.matchAll(IBAN_START)].some(([run]) => {
    const letters = run.replace(/[ -]/g, '').toUpperCase();
    return isIban(letters.slice(0, IBAN_LENGTHS[letters.slice(0, 2)] ?? 0));
  });
}

/** @param text capital letters and digits, without blanks. */
export function isIban(text: string): boolean {
  if (text.length === 0 || text.length !== IBAN_LENGTHS[text.slice(0, 2)]) return false;
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
  return createHash('sha256').update(text.toLowerCase(), 'utf8').digest('hex');
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
