/** The detector of personal data: what it must find, what it must leave alone, and the laws of the check digits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCardNumber, isIban, isPersonalName, keptIdentifier, personalKindIn } from './personal-data.ts';
import { processorMs } from './processor-time.fixture.ts';

describe('personalKindIn finds', () => {
  it.each([
    // The numbers that card schemes and banks publish for tests.
    ['4111111111111111', 'card_number'],
    ['4111 1111 1111 1111', 'card_number'],
    ['4111-1111-1111-1111', 'card_number'],
    ['card:5555555555554444;exp', 'card_number'],
    ['2223003122003222', 'card_number'],
    ['378282246310005', 'card_number'],
    ['3782 822463 10005', 'card_number'],
    ['30569309025904', 'card_number'],
    ['6011111111111117', 'card_number'],
    ['3530111333300000', 'card_number'],
    ['4222222222222', 'card_number'],
    ['%34111111111111111', 'card_number'],
    ['DE89370400440532013000', 'iban'],
    ['DE89 3704 0044 0532 0130 00', 'iban'],
    ['my iban is gb82 west 1234 5698 7654 32 thanks', 'iban'],
    ['NO9386011117947', 'iban'],
    ['MT86MALT01100ABCDEFGHIJKLMNOPQR', 'iban'],
    ['+436641234567', 'phone'],
    ['+1 (650) 555-0100', 'phone'],
    ['call +44 (0)20 7946 0958 now', 'phone'],
    ['%2B436641234567', 'phone'],
    ['%252B436641234567', 'phone'],
    [' 436641234567', 'phone'],
    ['0044 20 7946 0958', 'phone'],
    ['(650) 555-0100', 'phone'],
    ['650-555-0100', 'phone'],
    ['0664 1234567', 'phone'],
    ['030/1234567', 'phone'],
    ['jo@example.com', 'email'],
    ['jo%40example.com', 'email'],
    ['jo%2540example.com', 'email'],
    ['jo＠example.com', 'email'],
  ])('%s: %s', (text, kind) => {
    expect(personalKindIn(text)).toBe(kind);
  });
});

describe('personalKindIn leaves alone', () => {
  it.each([
    'newsletter',
    '4111111111111112',
    'DE89370400440532013001',
    '1767323045000',
    '1767323045',
    '1767323045123456',
    '2026-01-02T03:04:05.678Z',
    '2026-01-02 03:04:05+01:00',
    '01/02/2026',
    '20260102030405',
    'order-1001',
    '0012345678',
    '0000000012345678',
    '23851234567890123',
    '120210123456789012',
    '1789012345678901234',
    '1.234.567,89',
    '49.90',
    '192.168.100.123',
    '019b7c0a-1c88-7000-8000-000000000001',
    '01a1fd91-e1d8-7248-be98-f7c0fcb5b90d',
    '01a1fd91-e4af-75a4-be13-5b48997d8a67',
    '01A1FD91-E66F-764E-BE37-0DFE5778B197',
    'click-01a1fd91-e1d8-7248-be98-f7c0fcb5b90d_2',
    '4b5c0000-1111-4222-4111-111111111111',
    'ad295248bd0246278d9e6fb3',
    'ba361d1b91334eeeb4477a67',
    'ba6009a8b9184d7fbf45646b',
    'd41d8cd98f00b204e9800998ecf8427e',
    'IwAR3x4111111111111111y',
    'EAIaIQobChMI5555555555554444',
    'a @ b',
    '100%',
    '%E0%A4%A',
    '',
  ])('%s', (text) => {
    expect(personalKindIn(text)).toBeNull();
  });

  it('every time, in seconds, milliseconds, microseconds and ISO', () => {
    const instants = fc.date({
      min: new Date('2010-01-01'),
      max: new Date('2033-05-01'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instants, (instant) => {
        const ms = instant.getTime();
        for (const text of [`${Math.floor(ms / 1000)}`, `${ms}`, `${ms}123`, instant.toISOString()])
          expect(personalKindIn(text)).toBeNull();
      }),
    );
  });

  it('every order id of up to twelve digits, also padded with zeros', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 999_999_999_999 }),
        fc.integer({ min: 0, max: 12 }),
        (id, width) => {
          expect(personalKindIn(String(id).padStart(width, '0'))).toBeNull();
          expect(personalKindIn(`order-${id}`)).toBeNull();
        },
      ),
    );
  });

  it('all but one in thirty of the numbers that are as long as a card number', () => {
    const numbers = fc.sample(fc.bigInt({ min: 10n ** 15n, max: 10n ** 16n - 1n }), {
      numRuns: 20_000,
      seed: 1,
    });
    const taken = numbers.filter((number) => personalKindIn(String(number)) !== null).length;
    expect(taken / numbers.length).toBeLessThan(1 / 30);
  });
});

describe('check digits', () => {
  const visa = fc
    .array(fc.integer({ min: 0, max: 9 }), { minLength: 14, maxLength: 14 })
    .map((digits) => completed(`4${digits.join('')}`));

  it('hold a card number however it is grouped, and no longer with one digit changed', () => {
    const change = fc.tuple(fc.integer({ min: 1, max: 15 }), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(visa, fc.constantFrom('', ' ', '-'), change, (card, separator, [place, by]) => {
        expect(personalKindIn(card.replace(/(.{4})(?=.)/g, `$1${separator}`))).toBe('card_number');
        const changed = `${card.slice(0, place)}${(Number(card[place]) + by) % 10}${card.slice(place + 1)}`;
        expect(isCardNumber(changed)).toBe(false);
      }),
    );
  });

  it('hold an IBAN however it is written, and no longer with one digit changed', () => {
    const bban = fc.stringMatching(/^\d{18}$/);
    const change = fc.tuple(fc.integer({ min: 4, max: 21 }), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(bban, change, (account, [place, by]) => {
        const check = 98n - (BigInt(`${account}131400`) % 97n);
        const iban = `DE${String(check).padStart(2, '0')}${account}`;
        expect(isIban(iban)).toBe(true);
        expect(personalKindIn(`x=${iban.replace(/(.{4})/g, '$1 ')}y`.toLowerCase())).toBe('iban');
        expect(
          isIban(`${iban.slice(0, place)}${(Number(iban[place]) + by) % 10}${iban.slice(place + 1)}`),
        ).toBe(false);
      }),
    );
  });
});

it('a UUID is an id, whatever its groups look like', () => {
  // Digits and the hex letters of country codes only: what an account or card number could be made of.
  const group = (length: number) =>
    fc.stringMatching(new RegExp(`^(?:ad|ae|ba|be|de|ee|4|5)[\\d]{${length}}$`));
  const groups = fc.tuple(group(8), group(4), group(4), group(4), group(12));
  fc.assert(
    fc.property(groups, (parts) => {
      const uuid = [8, 4, 4, 4, 12].map((length, index) => parts[index]?.slice(0, length)).join('-');
      expect(personalKindIn(uuid)).toBe(null);
      expect(keptIdentifier(uuid)).toBe(uuid);
      expect(personalKindIn(`${uuid} DE89370400440532013000`)).toBe('iban');
    }),
    { numRuns: 1_000 },
  );
});

it('every country of the registry has its form, by the example it publishes', () => {
  for (const iban of [
    'AD1200012030200359100100',
    'BE68539007547034',
    'BR1800360305000010009795493C1',
    'FR1420041010050500013M02606',
    'GI75NWBK000000007099453',
    'IT60X0542811101000000123456',
    'KW81CBKU0000000000001234560101',
    'LC55HEMM000100010012001200023015',
    'MK07250120000058984',
    'MU17BOMM0101101030300200000MUR',
    'RU0304452522540817810538091310419',
    'SC18SSCB11010000000000001497USD',
    'TR330006100519786457841326',
    'UA213223130000026007233566001',
    'YE15CBYE0001018861234567891234',
  ])
    expect([iban, isIban(iban)]).toEqual([iban, true]);
});

it('what is told apart by its signs alone is what looking closely says', () => {
  const piece = fc.constantFrom(
    'DE',
    'No',
    '89',
    '3704',
    '0044 ',
    '-',
    ' ',
    '+',
    'x',
    '_',
    '12',
    'MT86MALT01100ABCDEFGHIJKLMNOPQR',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      // A sign beyond ASCII behind a blank changes nothing but that the text is looked at closely.
      expect([text, personalKindIn(text)]).toEqual([text, personalKindIn(`${text} \u00b6`)]);
    }),
    { numRuns: 2_000 },
  );
});

it('a hostile text is looked through in a moment', () => {
  const taken = processorMs(() => {
    for (const piece of ['1 ', '+1', '0 ', '(', 'DE12', '%25', 'a@ ', '1-'])
      personalKindIn(piece.repeat(20_000));
  });
  expect(taken).toBeLessThan(5_000);
});

describe('isPersonalName', () => {
  it.each([
    'email',
    'E-Mail',
    'first_name',
    'customerName',
    'billing_address',
    'card-number',
    'IBAN',
    'user_phone',
  ])('%s', (name) => expect(isPersonalName(name)).toBe(true));
  it.each(['product_name', 'campaign', 'sub1', 'event_name', 'plan', 'click_id', 'company', ''])(
    'not %s',
    (name) => expect(isPersonalName(name)).toBe(false),
  );
});

/** Fifteen digits with the sixteenth that Luhn asks for. */
function completed(digits: string): string {
  const last = [...'0123456789'].find((digit) => luhnHolds(digits + digit));
  return digits + (last ?? '');
}

/** Reckoned from the left and by table, unlike the code under test. */
function luhnHolds(digits: string): boolean {
  const doubled = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
  let sum = 0;
  for (const [place, digit] of [...digits].entries()) {
    const isDoubled = (digits.length - place) % 2 === 0;
    sum += isDoubled ? (doubled[Number(digit)] ?? 0) : Number(digit);
  }
  return sum % 10 === 0;
}
