/** Encryption at rest: keys rotate, a ciphertext stays where it was made, and a changed one opens for nobody. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Encryption } from './encryption.ts';

const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)].map((key) =>
  key.toString('base64'),
);
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 2, 3);

describe('a secret', () => {
  const encryption = new Encryption(`${first}`);

  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
        expect(encryption.decryptSecret(encryption.encryptSecret(plain, context), context)).toBe(plain);
      }),
    );
  });

  it('looks different each time and shows nothing', () => {
    const one = encryption.encryptSecret('canary', 'a');
    expect(one.equals(encryption.encryptSecret('canary', 'a'))).toBe(false);
    expect(one.includes('canary')).toBe(false);
  });

  it('cannot be moved to another place', () => {
    const ciphertext = encryption.encryptSecret('canary', 'destination:a:token');
    expect(() => encryption.decryptSecret(ciphertext, 'destination:b:token')).toThrow();
    expect(() => encryption.decryptPersonal(ciphertext)).toThrow();
  });

  it('cannot be changed in any byte, or cut', () => {
    const ciphertext = encryption.encryptSecret('canary', 'a');
    for (let index = 0; index < ciphertext.length; index++) {
      const changed = Buffer.from(ciphertext);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(() => encryption.decryptSecret(changed, 'a'), `byte ${index}`).toThrow();
      expect(() => encryption.decryptSecret(ciphertext.subarray(0, index), 'a'), `first ${index}`).toThrow();
    }
  });
});

describe('personal data', () => {
  const encryption = new Encryption(`${first}`);

  it('comes back as it was', () => {
    expect(encryption.decryptPersonal(encryption.encryptPersonal('192.0.2.1', NOW))).toBe('192.0.2.1');
    expect(encryption.decryptPersonal(encryption.encryptPersonal('ü🛒', 0))).toBe('ü🛒');
  });

  it('is opened over more days than there are keys kept', () => {
    const days = Array.from({ length: 70 }, (_, day) =>
      encryption.encryptPersonal(`day ${day}`, day * DAY_MS),
    );
    const opened = [...days, ...days].map((ciphertext) => encryption.decryptPersonal(ciphertext));
    expect(opened).toEqual([...days, ...days].map((_, nth) => `day ${nth % 70}`));
  });

  it('cannot be passed off as of another day', () => {
    const ciphertext = encryption.encryptPersonal('192.0.2.1', NOW);
    const other = encryption.encryptPersonal('192.0.2.1', NOW + DAY_MS);
    other.copy(ciphertext, 5, 5, 9);
    expect(() => encryption.decryptPersonal(ciphertext)).toThrow();
  });

  it('is no secret field', () => {
    expect(() => encryption.decryptSecret(encryption.encryptPersonal('x', NOW), 'personal')).toThrow();
  });
});

describe('rotation', () => {
  const before = new Encryption(`${first}`);
  const during = new Encryption(` ${second} , ${first} `);
  const after = new Encryption(`${second}`);

  it('decrypts under every key and encrypts under the first', () => {
    const old = before.encryptSecret('canary', 'a');
    expect(during.decryptSecret(old, 'a')).toBe('canary');
    expect(after.decryptSecret(during.encryptSecret('canary', 'a'), 'a')).toBe('canary');
    expect(during.decryptPersonal(before.encryptPersonal('canary', NOW))).toBe('canary');
  });

  it('ends with the key', () => {
    expect(() => after.decryptSecret(before.encryptSecret('canary', 'a'), 'a')).toThrow(
      'no key in SECRETS_KEYS',
    );
    expect(() => after.decryptPersonal(before.encryptPersonal('canary', NOW))).toThrow(
      'no key in SECRETS_KEYS',
    );
  });
});

describe('hashAddress', () => {
  it('finds equal addresses, and says nothing without the key', () => {
    const encryption = new Encryption(`${first},${second}`);
    expect(encryption.hashAddress('192.0.2.1')).toBe(encryption.hashAddress('192.0.2.1'));
    expect(encryption.hashAddress('192.0.2.1')).not.toBe(encryption.hashAddress('192.0.2.2'));
    expect(new Encryption(`${third}`).hashAddress('192.0.2.1')).not.toBe(encryption.hashAddress('192.0.2.1'));
  });
});

describe('keys', () => {
  it.each([
    '',
    'short',
    `${first},`,
    `${first},c2hvcnQ=`,
    randomBytes(33).toString('base64'),
    randomBytes(32).toString('hex'),
  ])('of another length are refused, and not told', (keys) => {
    let message = '';
    try {
      new Encryption(keys);
    } catch (error) {
      message = String(error);
    }
    expect(message).toMatch(/^Error: SECRETS_KEYS: key [12] is not 32 bytes of base64$/);
  });
});
