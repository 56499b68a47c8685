/** Records as decisions: the latest revision, of one the first in the log, and what becomes of bytes that nobody can read. */
import { type ConversionDecided, encodeEvent, LOCKED_SCHEMAS, learnSchema } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import { aDecision } from '@tributary/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecisionRecords, type RecordRow } from './decision-records.ts';

const ID = 'c0ffee00-0000-8000-8000-000000000001';
const OTHER = 'c0ffee00-0000-8000-8000-000000000002';
/** Of no schema that this build holds. */
const NEWER_ID = 9_001;

function row(offset: number, changes: Partial<ConversionDecided>): RecordRow {
  const bytes = encodeEvent('conversion.decided.v1', aDecision(changes));
  return { value: bytes.toString('base64'), recordOffset: String(offset) };
}

function underId({ value, recordOffset }: RecordRow, schemaId: number): RecordRow {
  const bytes = Buffer.from(value, 'base64');
  bytes.writeInt32BE(schemaId, 1);
  return { value: bytes.toString('base64'), recordOffset };
}

const garbage = (hex: string): RecordRow => ({
  value: Buffer.from(hex, 'hex').toString('base64'),
  recordOffset: '1',
});

it('gives a record back whole', async () => {
  const decided = aDecision({ revenueMicros: -(2n ** 63n), extras: { '"\u0000': '日本' } });
  expect(await new DecisionRecords().latestIn([row(0, decided)])).toEqual([decided]);
});

describe('of several records', () => {
  const records = [
    { conversionId: ID, revision: 1, offset: 3, revenueMicros: 1n },
    { conversionId: ID, revision: 2, offset: 7, revenueMicros: 2n },
    { conversionId: ID, revision: 2, offset: 12, revenueMicros: 3n },
    { conversionId: ID, revision: 1, offset: 13, revenueMicros: 4n },
    { conversionId: OTHER, revision: 10, offset: 100, revenueMicros: 5n },
    { conversionId: OTHER, revision: 9, offset: 20, revenueMicros: 6n },
  ];
  const rows = records.map(({ offset, ...changes }) => row(offset, changes));
  const inAnyOrder = fc.shuffledSubarray([...rows, ...rows], {
    minLength: 2 * rows.length,
    maxLength: 2 * rows.length,
  });
  const amounts = (decisions: readonly ConversionDecided[]) =>
    decisions.map(({ revenueMicros }) => Number(revenueMicros));

  it('the latest revision stands, and of one revision the first record, however they come', async () => {
    await fc.assert(
      fc.asyncProperty(inAnyOrder, async (given) => {
        expect(amounts(await new DecisionRecords().latestIn(given)).toSorted()).toEqual([2, 5]);
      }),
    );
  });

  it('each revision is given once, in their order', async () => {
    await fc.assert(
      fc.asyncProperty(inAnyOrder, async (given) => {
        expect(amounts(await new DecisionRecords().revisionsIn(given))).toEqual([1, 2, 6, 5]);
      }),
    );
  });
});

describe('a record that cannot be read', () => {
  const good = row(0, { conversionId: ID });

  it.each([
    ['nothing', ''],
    ['no wire form', '6e6f206576656e74'],
    [
      'a body that ends too early',
      encodeEvent('conversion.decided.v1', aDecision()).subarray(0, 60).toString('hex'),
    ],
  ])('is passed over: %s', async (_name, hex) => {
    const asked: number[] = [];
    const learn = async (id: number) => {
      asked.push(id);
      return 'unknown' as const;
    };
    expect(await new DecisionRecords({ learn }).latestIn([garbage(hex), good])).toHaveLength(1);
    expect(asked).toEqual([]);
  });

  it('is passed over when nobody knows its schema', async () => {
    const records = new DecisionRecords({ learn: async () => 'unknown' });
    const [first, ...others] = await records.latestIn([underId(row(5, { revision: 2 }), NEWER_ID), good]);
    expect([first?.revision, others.length]).toEqual([1, 0]);
    expect(await new DecisionRecords().latestIn([underId(good, NEWER_ID)])).toEqual([]);
  });

  it('holds everybody up while nobody can say', async () => {
    const learn = () => Promise.reject(new DependencyFailure('schema_registry_unavailable', 'away'));
    const answer = new DecisionRecords({ learn }).latestIn([good, underId(good, NEWER_ID)]);
    await expect(answer).rejects.toBeInstanceOf(DependencyFailure);
  });

  it('is read once its schema is learnt', async () => {
    const schema = LOCKED_SCHEMAS['conversion.decided.v1']?.at(-1)?.schema;
    const learn = async (id: number) => {
      learnSchema(id, JSON.stringify(schema));
      return 'learnt' as const;
    };
    const written = aDecision({ conversionId: ID, revision: 4 });
    expect(await new DecisionRecords({ learn }).latestIn([underId(row(5, written), NEWER_ID)])).toEqual([
      written,
    ]);
  });
});
