/** The republisher against a log and a ClickHouse in memory: it converges, in order, and never floods. */

import type { Outgoing } from '@tributary/bus';
import { deadLetterIdOf, decodeEvent, encodeEvent, REPUBLISHED_FROM } from '@tributary/contracts';
import { createLogger, DependencyFailure } from '@tributary/runtime';
import type { RecordPlace, UndecodedRecord } from '@tributary/store';
import { aClick } from '@tributary/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { Republisher } from './republisher.ts';

const TOPIC = 'click.recorded.v1';
const VALUE = encodeEvent(TOPIC, aClick());

let open: UndecodedRecord[];
let produced: Outgoing[];
let isRegistryUp: boolean;
/** Whether ClickHouse decodes a record that is published again. */
let decodes: (place: string) => boolean;
let now: number;
let republisher: Republisher;

const anOpen = (offset: number, value = VALUE): UndecodedRecord => ({
  topic: TOPIC,
  partition: 0,
  offset,
  key: Buffer.from(`k${offset}`),
  value,
  seenAt: 0,
});

function close(record: Outgoing): void {
  if (record.topic === 'dead-letter.v1') {
    const letter = decodeEvent('dead-letter.v1', record.value);
    if (letter.ok) open = open.filter(({ offset }) => offset !== letter.value.offset);
    return;
  }
  const place = record.headers?.[REPUBLISHED_FROM] ?? '';
  if (decodes(place)) open = open.filter(({ partition, offset }) => `${partition}/${offset}` !== place);
}

beforeEach(() => {
  open = [];
  produced = [];
  isRegistryUp = true;
  decodes = () => true;
  now = 1_000;
  republisher = new Republisher({
    undecoded: {
      open: async (from: RecordPlace, limit: number) =>
        open.filter(({ topic, offset }) => topic > from.topic || offset >= from.offset).slice(0, limit),
    },
    schemas: {
      schemaOf: async () => {
        if (isRegistryUp) return '{}';
        throw new DependencyFailure('schema_registry_unavailable', 'away');
      },
      learn: async () => 'unknown',
    },
    producer: {
      produce: async (records) => {
        produced.push(...records);
        for (const record of records) close(record);
        return records.map(({ topic }, offset) => ({ topic, partition: 0, offset }));
      },
    },
    readOf: async () => new Map([[0, Number.MAX_SAFE_INTEGER]]),
    clock: { now: () => now },
    logger: createLogger('republisher-test', 'silent'),
  });
});

async function rounds(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await republisher.round();
    now += 1_000;
  }
}

describe('the registry is back', () => {
  it('publishes every record again under its own key, with its place, in order, and ends at zero', async () => {
    open = Array.from({ length: 500 }, (_, offset) => anOpen(offset));
    await rounds(8);
    expect(open).toEqual([]);
    expect(produced.map(({ key, headers }) => [key, headers])).toEqual(
      Array.from({ length: 500 }, (_, offset) => [`k${offset}`, { [REPUBLISHED_FROM]: `0/${offset}` }]),
    );
    expect(produced.every(({ topic, value }) => topic === TOPIC && value?.equals(VALUE) === true)).toBe(true);
  });
});

describe('the registry is away', () => {
  it('publishes nothing and sets nothing aside, however long it takes', async () => {
    isRegistryUp = false;
    open = [anOpen(0), anOpen(1)];
    await rounds(10_000);
    expect(produced).toEqual([]);
  });

  it('for ClickHouse alone: tries one record at a time, ever more seldom', async () => {
    decodes = () => false;
    open = Array.from({ length: 500 }, (_, offset) => anOpen(offset));
    await rounds(600);
    expect(produced.length).toBeLessThan(20);
    decodes = () => true;
    await rounds(120);
    expect(open).toEqual([]);
  });
});

describe('a record that ClickHouse alone cannot take', () => {
  it('does not hold up the others and becomes a dead letter in the end', async () => {
    decodes = (place) => place !== '0/0';
    open = Array.from({ length: 50 }, (_, offset) => anOpen(offset));
    await rounds(30);
    expect(open.map(({ offset }) => offset)).toEqual([0]);
    await rounds(4_000);
    expect(open).toEqual([]);
    const letter = decodeEvent('dead-letter.v1', produced.at(-1)?.value ?? null);
    expect(letter).toMatchObject({
      ok: true,
      value: {
        reasonCode: 'undecodable_by_clickhouse',
        offset: 0,
        deadLetterId: deadLetterIdOf(TOPIC, 0, 0),
      },
    });
    expect(produced.length).toBeLessThan(80);
  });
});

describe('a record nobody can decode', () => {
  it('is set aside with its bytes and coordinates, under the id a consumer would give it', async () => {
    const poison = Buffer.from('not avro');
    open = [anOpen(7, poison), anOpen(8)];
    await rounds(3);
    expect(open).toEqual([]);
    const letter = decodeEvent('dead-letter.v1', produced[0]?.value ?? null);
    expect(letter).toMatchObject({
      ok: true,
      value: {
        deadLetterId: deadLetterIdOf(TOPIC, 0, 7),
        reasonCode: 'not_wire_format',
        topic: TOPIC,
        partition: 0,
        offset: 7,
        service: 'console',
      },
    });
    if (letter.ok) expect(Buffer.from(letter.value.value ?? []).equals(poison)).toBe(true);
  });
});
