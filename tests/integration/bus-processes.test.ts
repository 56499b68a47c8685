/** Consumers as processes: a killed one is replaced in time, and one beyond repair ends instead of living on as a green corpse. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { ensureTopics, KafkaConnection, KafkaEventProducer, outgoing, partitionOf } from '@tributary/bus';
import { createLogger } from '@tributary/runtime';
import { aCommand, eventually } from '@tributary/testing';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

/** One that no other file writes poison to. */
const TOPIC = 'attribution.commanded.v1';
const TAKEOVER_BOUND_MS = 12_000;
const brokers = inject('brokers');
const connection = new KafkaConnection({
  brokers: brokers.split(','),
  clientId: 'bus-processes',
  logger: createLogger('bus-processes', 'silent'),
});
const producer = new KafkaEventProducer({ connection });

let members: Member[] = [];

interface Member {
  readonly child: ChildProcess;
  readonly owned: Set<number>;
  /** Partition and key of everything handled. */
  readonly handled: { partition: number; key: string; at: number }[];
}

beforeAll(async () => {
  await ensureTopics(connection, 1);
});

afterEach(async () => {
  for (const { child } of members) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  members = [];
});

afterAll(async () => {
  await producer.close();
  await connection.close();
});

function startMember(groupId: string, mode = 'work'): Member {
  const script = join(import.meta.dirname, 'bus-member.child.ts');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, brokers, groupId, mode],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const member: Member = { child, owned: new Set(), handled: [] };
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [what, detail = '', key = ''] = line.split(' ');
    if (what === 'handled') member.handled.push({ partition: Number(detail), key, at: performance.now() });
    else {
      member.owned.clear();
      for (const partition of detail.split(',').filter(Boolean)) member.owned.add(Number(partition));
    }
  });
  members.push(member);
  return member;
}

/** A record into each of the 12 partitions. @returns their keys. */
async function produceToAll(run: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let n = 0; keys.filter(Boolean).length < 12; n++)
    keys[partitionOf(TOPIC, `${run}-${n}`)] ??= `${run}-${n}`;
  await producer.produce(keys.map((key) => outgoing(TOPIC, key, aCommand())));
  return keys;
}

async function exitCodeOf({ child }: Member): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

describe('a consumer that is killed', () => {
  it('has its partitions worked again within 12 s, and what it had not committed is handled', async () => {
    const groupId = `killed-${randomUUID()}`;
    const [victim, heir] = [startMember(groupId), startMember(groupId)];
    await eventually(
      () => [victim.owned.size, heir.owned.size],
      (sizes) => sizes.every((size) => size === 6),
      30_000,
    );
    const before = await produceToAll(`${randomUUID()}-before`);
    await eventually(
      () => victim.handled.some(({ key }) => before.includes(key)),
      (yes) => yes,
    );
    const orphans = [...victim.owned];
    victim.child.kill('SIGKILL');
    const killedAt = performance.now();
    const run = randomUUID().slice(0, 8);
    await produceToAll(run);
    const takenOver = () =>
      heir.handled.filter(({ key, partition }) => key.startsWith(run) && orphans.includes(partition));
    await eventually(takenOver, ({ length }) => length >= orphans.length, 20_000);
    const lateMs = Math.max(...takenOver().map(({ at }) => at)) - killedAt;
    process.stdout.write(`partitions of a killed consumer worked again after ${Math.round(lateMs)} ms\n`);
    expect(lateMs).toBeLessThan(TAKEOVER_BOUND_MS);
    const handled = new Set([...victim.handled, ...heir.handled].map(({ key }) => key));
    expect(before.filter((key) => !handled.has(key))).toEqual([]);
  });
});

describe('a consumer beyond repair', () => {
  it('ends its process with code 1 when kafkajs crashes and does not restart', async () => {
    const groupId = `foreign-${randomUUID()}`;
    // A group of another protocol: whoever joins is refused for good, and kafkajs alone would live on, reading nothing.
    const foreign = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).consumer({
      groupId,
    });
    await foreign.connect();
    await foreign.subscribe({ topic: TOPIC });
    const joined = new Promise((resolve) => foreign.on(foreign.events.GROUP_JOIN, resolve));
    await foreign.run({ eachBatch: async () => undefined });
    await joined;
    const member = startMember(groupId);
    expect(await exitCodeOf(member)).toBe(1);
    await foreign.disconnect();
  });

  it('ends its process with code 1 when a handler never answers, and has committed nothing', async () => {
    const groupId = `hung-${randomUUID()}`;
    await produceToAll(randomUUID());
    const member = startMember(groupId, 'hang');
    expect(await exitCodeOf(member)).toBe(1);
    expect(member.handled.length).toBeGreaterThan(0);
    const committed = await connection.committedOffsets(groupId, TOPIC);
    expect([...committed.values()].every((offset) => offset === -1)).toBe(true);
  });
});

it('a consumer that is asked to end commits, leaves and exits with 0', async () => {
  const groupId = `drained-${randomUUID()}`;
  const keys = await produceToAll(randomUUID());
  const member = startMember(groupId);
  await eventually(
    () => new Set(member.handled.map(({ key }) => key)),
    (handled) => keys.every((key) => handled.has(key)),
  );
  member.child.kill('SIGTERM');
  expect(await exitCodeOf(member)).toBe(0);
  const [committed, ends] = [
    await connection.committedOffsets(groupId, TOPIC),
    await connection.endOffsets(TOPIC),
  ];
  expect([...committed].toSorted()).toEqual([...ends].toSorted());
});
