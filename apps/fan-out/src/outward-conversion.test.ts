/** A decided conversion as definitions see it. */
import { Encryption } from '@tributary/runtime';
import { aDecision } from '@tributary/testing';
import { expect, it } from 'vitest';
import { outwardConversionOf } from './outward-conversion.ts';

const KEY = new Encryption(Buffer.alloc(32, 1).toString('base64'));
const OTHER_KEY = new Encryption(Buffer.alloc(32, 2).toString('base64'));
const NOW = Date.UTC(2026, 0, 2);

it('holds the address in clear', () => {
  const ipCiphertext = KEY.encryptPersonal('192.0.2.1', NOW);
  expect(outwardConversionOf(aDecision({ ipCiphertext }), KEY).ipAddress).toBe('192.0.2.1');
});

it('goes without an address that no key opens, for those who need none', () => {
  const ipCiphertext = KEY.encryptPersonal('192.0.2.1', NOW);
  const conversion = outwardConversionOf(aDecision({ ipCiphertext }), OTHER_KEY);
  expect(conversion).toMatchObject({ ipAddress: null, conversionId: aDecision().conversionId });
});
