/** A member of a consumer group that is dealt partitions, works none of them, and joins and leaves in turn. */
import { setTimeout as delay } from 'node:timers/promises';
import { type BatchHandler, type KafkaConnection, KafkaConsumerGroup } from '@tributary/bus';
import type { TopicName } from '@tributary/contracts';

export interface RestlessMember {
  readonly kafka: KafkaConnection;
  readonly log: (message: string) => void;
  readonly groupId: string;
  readonly topics: readonly TopicName[];
  /** It joins or leaves this often. */
  readonly everyMs: number;
}

/** @returns how often it joined or left until `signal` was aborted. */
export async function keepMoving(options: RestlessMember, signal: AbortSignal): Promise<number> {
  let moves = 0;
  let member: KafkaConsumerGroup | undefined;
  const leaving: Promise<void>[] = [];
  while (!signal.aborted) {
    if (member === undefined) {
      member = idleMember(options);
      await member.start();
    } else {
      leaving.push(member.stop());
      member = undefined;
    }
    moves += 1;
    await delay(options.everyMs, undefined, { signal }).catch(() => undefined);
  }
  if (member !== undefined) leaving.push(member.stop());
  await Promise.all(leaving);
  return moves;
}

function idleMember({ kafka, log, groupId, topics }: RestlessMember): KafkaConsumerGroup {
  const holdOn: BatchHandler = async ({ signal }) => {
    if (!signal.aborted) {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return 0;
  };
  return new KafkaConsumerGroup({
    connection: kafka,
    groupId,
    handlers: new Map(topics.map((topic) => [topic, holdOn])),
    producer: {
      produce: async () => {
        throw new Error('an idle member writes nothing');
      },
    },
    onFatal: (error) => log(`the idle member of ${groupId} ended: ${error.message}`),
  });
}
