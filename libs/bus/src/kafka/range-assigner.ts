/** Range assignment: partition n of every topic goes to the same member, so retries meet the owner of the conversion's state. */
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const VERSION = 1;

/** Which member owns which partitions of one topic, as even as possible, in member order. */
export function rangesOf(
  members: readonly string[],
  partitions: number,
): ReadonlyMap<string, readonly number[]> {
  const sorted = [...members].sort();
  const ranges = new Map<string, readonly number[]>();
  let next = 0;
  sorted.forEach((member, index) => {
    const size = Math.floor(partitions / sorted.length) + (index < partitions % sorted.length ? 1 : 0);
    ranges.set(
      member,
      Array.from({ length: size }, (_, step) => next + step),
    );
    next += size;
  });
  return ranges;
}

export const rangeAssigner: PartitionAssigner = ({ cluster }) => ({
  name: 'range',
  version: VERSION,
  protocol: ({ topics }) => ({
    name: 'range',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData: Buffer.alloc(0) }),
  }),
  assign: async ({ members, topics }) => {
    const memberIds = members.map(({ memberId }) => memberId);
    const assignments = new Map(memberIds.map((memberId) => [memberId, {} as Record<string, number[]>]));
    for (const topic of topics) {
      const count = cluster.findTopicPartitionMetadata(topic).length;
      for (const [memberId, partitions] of rangesOf(memberIds, count)) {
        const assignment = assignments.get(memberId);
        if (assignment) assignment[topic] = [...partitions];
      }
    }
    return [...assignments].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: VERSION,
        assignment,
        userData: Buffer.alloc(0),
      }),
    }));
  },
});
