/** Normal forms of personal identifiers: each form by table, known digests, and hashes that are never hashed again. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hashIdentifier,
  hashSubject,
  SUBJECT_FORMS,
  type SubjectForm,
  type SubjectIdentifiers,
} from './subject.ts';

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

describe('hashSubject', () => {
  it('gives the published SHA-256 of well-known inputs', () => {
    // echo -n test@example.com | sha256sum, and so on: fixed digests, so that a change of rule cannot pass unseen.
    expect(hashSubject({ email: ' Test@Example.com ', phone: '+1 (650) 555-0100', country: 'US' })).toEqual({
      emailPlain: '973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b',
      emailGmail: '973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b',
      emailDotless: '973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b',
      phoneE164: '1967dd8f4b44678ba10eaff05f8ceabcc7268d481f2a637b3dc75d85f3199244',
      phoneDigits: '43b63f22d478442e6d58c9ba5eef8a8b378b9990aafb681d11e231e3ceab6294',
      country: '79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621',
    });
  });

  it.each<[SubjectIdentifiers, SubjectForm, string]>([
    [{ email: ' Jane.Doe+ads@GMail.com ' }, 'emailPlain', 'jane.doe+ads@gmail.com'],
    [{ email: ' Jane.Doe+ads@GMail.com ' }, 'emailGmail', 'janedoe@gmail.com'],
    [{ email: 'Jane.Doe+ads@googlemail.com' }, 'emailGmail', 'janedoe@googlemail.com'],
    [{ email: 'Jane.Doe+ads@gmail.com.example' }, 'emailGmail', 'jane.doe+ads@gmail.com.example'],
    [{ email: 'Jane.Doe+ads@Example.org' }, 'emailGmail', 'jane.doe+ads@example.org'],
    [{ email: 'Jane.Doe+ads@Example.org' }, 'emailDotless', 'janedoe@example.org'],
    [{ email: 'a+b+c@sub.example.org' }, 'emailDotless', 'a@sub.example.org'],
    [{ email: 'ÜNAL@example.org' }, 'emailPlain', 'ünal@example.org'],
    [{ phone: '+44 (0)20 7946 0958' }, 'phoneE164', '+442079460958'],
    [{ phone: '+44 (0)20 7946 0958' }, 'phoneDigits', '442079460958'],
    [{ phone: '0044 20 7946 0958' }, 'phoneDigits', '442079460958'],
    [{ phone: '1-650-555-0100 ext. 12' }, 'phoneE164', '+16505550100'],
    [{ phone: '+1.650.555.0100x99' }, 'phoneDigits', '16505550100'],
    [{ customerId: '  Cust-42 ' }, 'customerExternal', 'cust-42'],
    [{ firstName: " Mary-Ann O'Neil " }, 'firstName', "mary-ann o'neil"],
    [{ firstName: " Mary-Ann O'Neil " }, 'firstNameLetters', 'maryannoneil'],
    [{ lastName: 'De La Cruz' }, 'lastName', 'de la cruz'],
    [{ lastName: '정 민' }, 'lastNameLetters', '정민'],
    [{ city: ' New York ' }, 'city', 'newyork'],
    [{ city: 'Zürich' }, 'city', 'zurich'],
    [{ state: 'CA' }, 'state', 'ca'],
    [{ postalCode: '94103-1234' }, 'postalCode', '94103'],
    [{ postalCode: ' SW1A 1AA ' }, 'postalCode', 'sw1a 1aa'],
    [{ country: ' De ' }, 'country', 'de'],
  ])('%o as %s hashes %s', (identifiers, form, normal) => {
    expect(hashSubject(identifiers)[form]).toBe(sha256(normal));
  });

  it.each<[SubjectIdentifiers, SubjectForm]>([
    [{ email: 'not an address' }, 'emailPlain'],
    [{ email: 'two@at@signs' }, 'emailPlain'],
    [{ email: 'two@at@signs' }, 'emailGmail'],
    [{ email: '@example.org' }, 'emailPlain'],
    [{ email: '+tag@example.org' }, 'emailDotless'],
    [{ phone: '0664 123 4567' }, 'phoneDigits'],
    [{ phone: '0664 123 4567' }, 'phoneE164'],
    [{ phone: '12345' }, 'phoneDigits'],
    [{ phone: '+1234567890123456' }, 'phoneE164'],
    [{ phone: 'unknown' }, 'phoneDigits'],
    [{ city: '東京' }, 'city'],
    [{ firstName: '---' }, 'firstNameLetters'],
    [{ country: 'Germany' }, 'country'],
  ])('%o has no %s', (identifiers, form) => {
    expect(hashSubject(identifiers)).not.toHaveProperty(form);
  });

  it.each([{}, { email: null }, { email: '', phone: undefined, customerId: '   ' }])(
    '%o has no forms',
    (empty) => {
      expect(hashSubject(empty)).toEqual({});
    },
  );

  it('passes a hash through lower-cased under every form, and never hashes it again', () => {
    const hash = sha256('test@example.com');
    const already = hashSubject({ email: ` ${hash.toUpperCase()} `, phone: hash, customerId: hash });
    expect(already).toEqual({
      emailPlain: hash,
      emailGmail: hash,
      emailDotless: hash,
      phoneE164: hash,
      phoneDigits: hash,
      customerExternal: hash,
    });
  });

  it('yields only known forms with 64 lower-case hexadecimal digits, whatever it is given', () => {
    const text = fc.option(fc.string({ unit: 'binary' }), { nil: null });
    const identifiers = fc.record({
      email: fc.oneof(text, fc.emailAddress()),
      phone: text,
      customerId: text,
      firstName: text,
      city: text,
      postalCode: text,
      country: text,
    });
    fc.assert(
      fc.property(identifiers, (given) => {
        const hashes = hashSubject(given);
        const known: readonly string[] = SUBJECT_FORMS;
        expect(Object.keys(hashes).every((form) => known.includes(form))).toBe(true);
        expect(Object.values(hashes).every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
      }),
    );
  });
});

describe('hashIdentifier', () => {
  it.each([
    [' 203.0.113.77 ', sha256('203.0.113.77')],
    ['Customer-7', sha256('Customer-7')],
    [sha256('x').toUpperCase(), sha256('x')],
    ['  ', null],
  ])('%j', (text, digest) => {
    expect(hashIdentifier(text)).toBe(digest);
  });
});
