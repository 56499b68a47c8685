/** Range assignment: every partition has one owner, and partition n of every topic has the same. */
import fc from 'fast-check';
import { AssignerProtocol, type Cluster } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { rangeAssigner, rangesOf } from './range-assigner.ts';

describe('rangesOf', () => {
  it.each<[string[], number, Record<string, number[]>]>([
    [['a'], 3, { a: [0, 1, 2] }],
    [['b', 'a'], 4, { a: [0, 1], b: [2, 3] }],
    [['c', 'a', 'b'], 4, { a: [0, 1], b: [2], c: [3] }],
    [['a', 'b', 'c'], 2, { a: [0], b: [1], c: [] }],
  ])('%j over %d', (members, partitions, expected) => {
    expect(Object.fromEntries(rangesOf(members, partitions))).toEqual(expected);
  });

  it('gives every partition one owner, evenly, whatever the order of the members', () => {
    const members = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(members, fc.nat({ max: 50 }), (memberIds, partitions) => {
        const ranges = rangesOf(memberIds, partitions);
        const sizes = [...ranges.values()].map(({ length }) => length);
        expect([...ranges.values()].flat().sort((a, b) => a - b)).toEqual(
          Array.from({ length: partitions }, (_, n) => n),
        );
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect([...rangesOf(memberIds.toReversed(), partitions)]).toEqual([...ranges]);
      }),
    );
  });
});

it('deals several topics so that a retry meets the owner of its conversion', async () => {
  const counts: Record<string, number> = { decided: 12, due: 12, configuration: 1 };
  const cluster = {
    findTopicPartitionMetadata: (topic: string) => Array.from({ length: counts[topic] ?? 0 }, () => ({})),
  } as unknown as Cluster;
  const assigner = rangeAssigner({ cluster, groupId: 'g', logger: undefined as never });
  const members = ['m2', 'm1', 'm3'].map((memberId) => ({ memberId, memberMetadata: Buffer.alloc(0) }));
  const dealt = await assigner.assign({ members, topics: Object.keys(counts) });
  const byMember = new Map(
    dealt.map(({ memberId, memberAssignment }) => [
      memberId,
      AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment,
    ]),
  );
  expect(byMember.get('m1')).toEqual({ decided: [0, 1, 2, 3], due: [0, 1, 2, 3], configuration: [0] });
  expect(byMember.get('m2')).toEqual({ decided: [4, 5, 6, 7], due: [4, 5, 6, 7], configuration: [] });
  expect(byMember.get('m3')?.['decided']).toEqual([8, 9, 10, 11]);
  expect(
    AssignerProtocol.MemberMetadata.decode(assigner.protocol({ topics: ['decided'] }).metadata)?.topics,
  ).toEqual(['decided']);
});
