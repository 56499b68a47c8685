/** Deterministic ids: stable for ever, shaped as RFC 9562 wants, and never equal for differing parts. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deterministicUuid } from './deterministic-id.ts';

describe('deterministicUuid', () => {
  // Ids are in the log for ever: these values may never change.
  it.each([
    [['outward_event', 'c1', 'd1', 'Purchase'], '2402a2b1-8311-886f-889a-54946b23c135'],
    [['receipt'], '9f1bff84-8ffa-8dee-b028-03950013d5aa'],
    [['receipt', ''], '3213f154-9242-8a75-8255-1150b2e94c52'],
    [['receipt', 'ключ', '鍵'], '4995fe9b-6ca0-8e0f-99eb-fa948a4b70f7'],
  ])('%o is %s', ([kind = '', ...parts], uuid) => {
    expect(deterministicUuid(kind, ...parts)).toBe(uuid);
  });

  it('is the start of SHA-256 over the parts, each behind its length in bytes', () => {
    const digest = createHash('sha256').update('7:receipt2:é1:x').digest('hex');
    const uuid = deterministicUuid('receipt', 'é', 'x').replaceAll('-', '');
    expect(uuid.slice(0, 12)).toBe(digest.slice(0, 12));
    expect(uuid.slice(13, 16)).toBe(digest.slice(13, 16));
    expect(uuid.slice(17)).toBe(digest.slice(17, 32));
  });

  it('has version 8 and the RFC variant, whatever the parts', () => {
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string({ unit: 'binary' })), (kind, parts) => {
        expect(deterministicUuid(kind, ...parts)).toMatch(uuid);
        expect(deterministicUuid(kind, ...parts)).toBe(deterministicUuid(kind, ...parts));
      }),
    );
  });

  it.each([
    [
      ['a', 'b', 'c'],
      ['a', 'bc'],
    ],
    [
      ['ab', 'c'],
      ['a', 'bc'],
    ],
    [
      ['a', '1:b'],
      ['a', 'b'],
    ],
    [
      ['a', '1:b1:c'],
      ['a', 'b', 'c'],
    ],
    [['a'], ['a', '']],
    [
      ['a', '', 'b'],
      ['a', 'b', ''],
    ],
    [
      ['a', 'é'],
      ['a', 'e\u0301'],
    ],
  ])('tells %o from %o', ([kindA = '', ...a], [kindB = '', ...b]) => {
    expect(deterministicUuid(kindA, ...a)).not.toBe(deterministicUuid(kindB, ...b));
  });

  it('gives different lists of parts different ids', () => {
    const parts = fc.array(fc.string({ unit: fc.constantFrom('1', ':', 'a') }), { maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(deterministicUuid('k', ...a) === deterministicUuid('k', ...b)).toBe(same);
      }),
    );
  });
});
