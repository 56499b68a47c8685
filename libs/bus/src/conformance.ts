/** What every bus promises, as checks that run against the in-memory one and Kafka alike. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { decodeEvent, type PostbackRefused } from '@tributary/contracts';
import { DependencyFailure } from '@tributary/runtime';
import type { WorkOptions } from './consume/partition-workers.ts';
import { partitionOf } from './kafka/partitioner.ts';
import {
  type BatchHandler,
  type ConsumerGroup,
  type EventProducer,
  type IncomingEvent,
  type OutgoingRecord,
  outgoing,
  type RecordPosition,
} from './records.ts';

export interface BusConformanceCheck {
  readonly name: string;
  /** Rejects with what is broken. */
  run(): Promise<void>;
}

/** A bus under test; it may hold earlier records and be shared by all checks. */
export interface BusUnderTest {
  readonly producer: EventProducer;
  /** A new member of a group, not started; `onFatal` of the options is given by the check. */
  member(groupId: string, options: Omit<WorkOptions, 'producer'>): ConsumerGroup;
  /** -1 where a group has committed nothing. */
  committedOffsets(groupId: string, topic: typeof TOPIC): Promise<ReadonlyMap<number, number>>;
}

const TOPIC = 'postback.refused.v1';
const DEAD_LETTERS = 'dead-letter.v1';
const BOUND_MS = 20_000;
const POLL_MS = 10;

type Refused = IncomingEvent<typeof TOPIC>;

export function busConformance(bus: BusUnderTest): readonly BusConformanceCheck[] {
  const check = (name: string, run: (scene: Scene) => Promise<void>): BusConformanceCheck => ({
    name,
    run: async () => {
      const scene = new Scene(bus);
      try {
        await run(scene);
        assert.deepEqual(scene.fatal, [], 'nothing ends the process');
      } finally {
        await scene.end();
      }
    },
  });

  return [
    check('positions come in the order of the records, each in the partition of its key', async (scene) => {
      const sent = scene.records(50);
      const first = await bus.producer.produce(sent);
      const second = await bus.producer.produce(sent);
      assert.deepEqual(
        first.map(({ partition }) => partition),
        sent.map(({ key }) => partitionOf(TOPIC, key)),
      );
      second.forEach((position, index) => {
        assert.ok(position.offset > (first[index]?.offset ?? Number.POSITIVE_INFINITY));
      });
      assert.deepEqual(await bus.producer.produce([]), []);
    }),

    check('every record is handed over once, in log order, with key, headers and instant', async (scene) => {
      const startedAt = Date.now() - 1_000;
      const positions = await bus.producer.produce(scene.records(300, { traced: 'yes' }));
      const seen: Refused[] = [];
      await scene.join(collecting(scene, seen));
      await until(() => seen.length >= 300);
      assert.deepEqual(placesOf(seen).toSorted(), placesOf(positions).toSorted());
      for (const partition of new Set(seen.map((event) => event.partition))) {
        const offsets = seen.filter((event) => event.partition === partition).map(({ offset }) => offset);
        assert.deepEqual(offsets, offsets.toSorted(ascending));
      }
      for (const { key, headers, writtenAt, event } of seen) {
        assert.equal(key, event.sourceId);
        assert.equal(headers['traced'], 'yes');
        assert.ok(writtenAt >= startedAt && writtenAt <= Date.now() + 1_000);
      }
    }),

    check('a member begins after what the one before it committed', async (scene) => {
      await bus.producer.produce(scene.records(40));
      const early: Refused[] = [];
      const first = await scene.join(collecting(scene, early));
      await until(() => early.length >= 40);
      await first.stop();
      const later = await bus.producer.produce(scene.records(5));
      const late: Refused[] = [];
      await scene.join(collecting(scene, late));
      await until(() => late.length >= 5);
      assert.deepEqual(placesOf(late).toSorted(), placesOf(later).toSorted());
    }),

    check('the committed offset is the next one to read, and lag goes back to nothing', async (scene) => {
      const [position] = await bus.producer.produce(scene.records(1));
      const seen: Refused[] = [];
      const member = await scene.join(collecting(scene, seen));
      await until(() => seen.length >= 1);
      const committed = async () =>
        (await bus.committedOffsets(scene.groupId, TOPIC)).get(position?.partition ?? -1);
      await until(async () => (await committed()) === (position?.offset ?? 0) + 1);
      await until(() => member.status.lag === 0);
      const { isMember, assigned, prepared, isStalled } = member.status;
      assert.deepEqual({ isMember, assigned, prepared, isStalled }, ALONE);
    }),

    check('what a handler leaves comes again, at the instant it names', async (scene) => {
      await bus.producer.produce(scene.oneKey(3));
      const calls: { at: number; offsets: number[] }[] = [];
      await scene.join(async ({ events }) => {
        const mine = scene.own(events);
        if (mine.length === 0) return events.length;
        calls.push({ at: Date.now(), offsets: mine.map(({ offset }) => offset) });
        if (calls.length > 1) return events.length;
        const first = events.findIndex(({ offset }) => offset === mine[0]?.offset);
        return { done: first + 1, resumeAt: Date.now() + 300 };
      });
      await until(() => calls.length >= 2);
      const [before, after] = calls;
      assert.deepEqual(after?.offsets[0], before?.offsets[1]);
      assert.ok((after?.at ?? 0) - (before?.at ?? 0) >= 295, 'not before its instant');
    }),

    check('nothing is handled before its assignment is prepared', async (scene) => {
      await bus.producer.produce(scene.records(20));
      let open: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      let isOpen = false;
      let early = 0;
      let partitions = 0;
      const seen: Refused[] = [];
      const member = await scene.join(
        collecting(scene, seen, () => {
          if (!isOpen) early += 1;
        }),
        {
          assignment: {
            assigned: async (owned) => {
              partitions = owned.length;
              await gate;
            },
          },
        },
      );
      await until(() => member.status.lag > 0 && partitions > 0);
      assert.deepEqual([member.status.prepared, early, partitions], [0, 0, member.status.assigned]);
      isOpen = true;
      open();
      await until(() => seen.length >= 20);
      assert.equal(early, 0);
    }),

    check('whoever stops finishes what it has let go while it still is a member', async (scene) => {
      await bus.producer.produce(scene.records(5));
      const seen: Refused[] = [];
      const told: boolean[] = [];
      const member = await scene.join(collecting(scene, seen), {
        assignment: {
          assigned: async () => undefined,
          drained: async () => {
            await delay(300);
            told.push(member.status.isMember);
          },
        },
      });
      await until(() => seen.length >= 5 && member.status.lag === 0);
      await member.stop();
      assert.deepEqual(told, [true]);
    }),

    check(
      'poison goes to the dead letters as it came, and the next record is handled at once',
      async (scene) => {
        const seen: Refused[] = [];
        await scene.join(collecting(scene, seen));
        const [good] = scene.records(1);
        assert.ok(good);
        const poison: OutgoingRecord = {
          ...good,
          value: Buffer.from('\u0000\u0001no event'),
          headers: { kept: 'yes' },
        };
        const letters = await scene.deadLetters();
        const [position] = await bus.producer.produce([poison, good]);
        await until(() => seen.length >= 1);
        await until(() => letters.length >= 1);
        const [letter] = letters;
        assert.ok(letter && position);
        assert.deepEqual(
          [letter.topic, letter.partition, letter.offset, letter.key?.toString(), letter.headers['kept']],
          [TOPIC, position.partition, position.offset, good.key, 'yes'],
        );
        assert.deepEqual(letter.value, poison.value);
      },
    ),

    check('the one record whose handler always fails is set aside, and only that one', async (scene) => {
      const sent = scene.oneKey(8);
      const positions = await bus.producer.produce(sent);
      const bad = positions[5]?.offset;
      const letters = await scene.deadLetters();
      const seen: Refused[] = [];
      await scene.join(
        collecting(scene, seen, ({ offset }) => {
          if (offset === bad) throw new TypeError('a defect');
        }),
      );
      await until(() => new Set(placesOf(seen)).size >= 7 && letters.length >= 1);
      assert.deepEqual(
        letters.map(({ offset, reasonCode, detail }) => [offset, reasonCode, detail]),
        [[bad, 'handler_failed', 'TypeError']],
      );
    }),

    check('an outage downstream sets nothing aside and ends by itself', async (scene) => {
      await bus.producer.produce(scene.records(10));
      const letters = await scene.deadLetters();
      const seen: Refused[] = [];
      const upAt = Date.now() + 800;
      const member = await scene.join(
        collecting(scene, seen, () => {
          if (Date.now() < upAt) throw new DependencyFailure('clickhouse_unavailable', 'down');
        }),
      );
      await until(() => new Set(placesOf(seen)).size >= 10);
      assert.deepEqual([letters, member.status.isStalled], [[], false]);
    }),

    check('a stopped member has committed what was in its hands', async (scene) => {
      const [position] = await bus.producer.produce(scene.records(1));
      let end: () => void = () => undefined;
      const work = new Promise<void>((resolve) => {
        end = resolve;
      });
      let isAtWork = false;
      const member = await scene.join(async ({ events }) => {
        if (scene.own(events).length > 0) {
          isAtWork = true;
          await work;
        }
        return events.length;
      });
      await until(() => isAtWork);
      const stopped = member.stop();
      // What is in hand is written as an owner's: until it has left it is one.
      assert.equal(member.status.isMember, true);
      end();
      await stopped;
      const committed = await bus.committedOffsets(scene.groupId, TOPIC);
      assert.equal(committed.get(position?.partition ?? -1), (position?.offset ?? 0) + 1);
      assert.equal(member.status.isMember, false);
    }),

    check(
      'members share the partitions by range, and nothing is lost while they come and go',
      async (scene) => {
        const seen: Refused[] = [];
        const slow = collecting(scene, seen, () => delay(1));
        const first = await scene.join(slow);
        let sent = 0;
        const send = async () => {
          sent += (await bus.producer.produce(scene.records(60))).length;
        };
        await send();
        const second = await scene.join(slow);
        const shares = () => [first.status.assigned, second.status.assigned].toSorted((a, b) => a - b);
        await until(() => isDeepStrictEqual(shares(), HALVES));
        await send();
        await first.stop();
        await send();
        const third = await scene.join(slow);
        await send();
        await second.stop();
        await until(() => third.status.assigned === ALONE.assigned);
        await until(() => new Set(placesOf(seen)).size >= sent);
        await until(() => third.status.lag === 0);
      },
    ),

    check('a group without a handler is refused', async (scene) => {
      const empty = bus.member(scene.groupId, { handlers: new Map(), onFatal: () => undefined });
      await assert.rejects(empty.start(), /no handler/);
    }),
  ];
}

const HALVES = [6, 6];
const ALONE = { isMember: true, assigned: 12, prepared: 12, isStalled: false };

/** One check's group, and its own records: checks share the topic, so each looks at its own keys only. */
class Scene {
  readonly groupId = `conformance-${randomUUID()}`;
  readonly fatal: Error[] = [];
  readonly #bus: BusUnderTest;
  readonly #run = randomUUID().slice(0, 8);
  readonly #members: ConsumerGroup[] = [];

  constructor(bus: BusUnderTest) {
    this.#bus = bus;
  }

  records(count: number, headers: Record<string, string> = {}): OutgoingRecord[] {
    return Array.from({ length: count }, (_, n) => this.#record(`${this.#run}-${n}`, headers));
  }

  /** All in one partition. */
  oneKey(count: number): OutgoingRecord[] {
    return Array.from({ length: count }, () => this.#record(`${this.#run}-0`, {}));
  }

  own(events: readonly Refused[]): readonly Refused[] {
    return events.filter(({ key }) => key.startsWith(this.#run));
  }

  async join(
    handle: BatchHandler<typeof TOPIC>,
    options: Partial<Omit<WorkOptions, 'producer' | 'handlers'>> = {},
  ): Promise<ConsumerGroup> {
    const member = this.#bus.member(this.groupId, {
      handlers: new Map([[TOPIC, handle as BatchHandler]]),
      onFatal: (error) => this.fatal.push(error),
      ...options,
    });
    this.#members.push(member);
    await member.start();
    return member;
  }

  /** Dead letters of this check's records, as they come in; a poison one cannot be read by a handler, so its key tells. */
  async deadLetters() {
    const letters: {
      topic: string;
      partition: number;
      offset: number;
      key: Buffer | null;
      value: Buffer | null;
      headers: Readonly<Record<string, string>>;
      reasonCode: string;
      detail: string | null;
    }[] = [];
    const reader = this.#bus.member(`${this.groupId}-letters`, {
      handlers: new Map([
        [
          DEAD_LETTERS,
          async ({ events }) => {
            for (const { key, value } of events) {
              const letter = decodeEvent(DEAD_LETTERS, value);
              if (!letter.ok || !key.startsWith(this.#run)) continue;
              const { topic, partition, offset } = letter.value;
              if (topic !== null && partition !== null && offset !== null)
                letters.push({ ...letter.value, topic, partition, offset });
            }
            return events.length;
          },
        ],
      ]),
      onFatal: (error) => this.fatal.push(error),
    });
    this.#members.push(reader);
    await reader.start();
    return letters;
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop()));
  }

  #record(key: string, headers: Record<string, string>): OutgoingRecord {
    return { ...outgoing(TOPIC, key, { ...REFUSAL, sourceId: key }), headers };
  }
}

const REFUSAL: PostbackRefused = {
  refusalId: '019b7c40-0000-7000-8000-000000000002',
  sourceId: '',
  advertiserId: null,
  receivedAt: 0,
  reasonCode: 'token_invalid',
  field: null,
  expected: null,
  contentDigest: '00',
  rawCall: '',
  configurationVersion: 0,
  isTest: false,
};

/** Remembers what was handled of one check, doing something with each first. */
function collecting(
  scene: Scene,
  seen: Refused[],
  before?: (event: Refused) => Promise<void> | void,
): BatchHandler<typeof TOPIC> {
  return async ({ events }) => {
    for (const event of scene.own(events)) {
      await before?.(event);
      seen.push(event);
    }
    return events.length;
  };
}

function placesOf(positions: readonly (RecordPosition | Refused)[]): string[] {
  return positions.map(({ partition, offset }) => `${partition}/${offset}`);
}

async function until(isDone: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + BOUND_MS;
  while (!(await isDone())) {
    assert.ok(performance.now() < deadline, `still not after ${BOUND_MS} ms`);
    await delay(POLL_MS);
  }
}

function ascending(left: number, right: number): number {
  return left - right;
}
