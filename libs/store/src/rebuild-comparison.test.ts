/** Comparing two tables: rows looked at in bounded parts, and totals that no order of buckets changes. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partsOf, totalsOf } from './rebuild-comparison.ts';

const U64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const ROWS = fc.integer({ min: 0, max: 900_000 });
const BUCKET = fc.record({
  bucket: fc.nat(4_095),
  liveRows: ROWS.map(String),
  rebuiltRows: ROWS.map(String),
  liveChecksum: U64,
  rebuiltChecksum: U64,
});

it('looks at every bucket once, and at no more rows at a time than fit, or at one bucket', () => {
  fc.assert(
    fc.property(fc.uniqueArray(BUCKET, { selector: ({ bucket }) => bucket }), (buckets) => {
      const parts = partsOf(buckets);
      expect(parts.flat()).toEqual(buckets.map(({ bucket }) => bucket));
      for (const part of parts) {
        const rows = buckets
          .filter(({ bucket }) => part.includes(bucket))
          .reduce((sum, { liveRows, rebuiltRows }) => sum + Number(liveRows) + Number(rebuiltRows), 0);
        expect(part.length === 1 || (part.length > 0 && rows <= 1_000_000)).toBe(true);
      }
    }),
  );
});

it('sums up modulo 2^64 in any order', () => {
  fc.assert(
    fc.property(fc.array(BUCKET), (buckets) => {
      expect(totalsOf([...buckets].reverse())).toEqual(totalsOf(buckets));
    }),
  );
  const bucket = (liveChecksum: string) => ({
    bucket: 0,
    liveRows: '2',
    rebuiltRows: '0',
    liveChecksum,
    rebuiltChecksum: '0',
  });
  expect(totalsOf([bucket('18446744073709551615'), bucket('3')])).toEqual({
    liveRows: 4,
    rebuiltRows: 0,
    liveChecksum: '0000000000000002',
    rebuiltChecksum: '0000000000000000',
  });
});
