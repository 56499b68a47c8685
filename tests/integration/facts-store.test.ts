/** The facts of the decision core on a real ClickHouse that reads the topics: found by every kind of key, whole, the latest, each once. */
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTopics, KafkaConnection, KafkaEventProducer, outgoing } from '@tributary/bus';
import {
  type ClickRecorded,
  type ConversionDecided,
  LOCKED_SCHEMAS,
  type PostbackJudged,
} from '@tributary/contracts';
import { attribution } from '@tributary/domain';
import { createLogger } from '@tributary/runtime';
import { ClickhouseConnection, FactsStore, migrate, StoredOffsets } from '@tributary/store';
import { aClick, aDecision, aPostback, eventually } from '@tributary/testing';
import avro from 'avsc';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { candidateClickOf } from '../../apps/attribution/src/candidate-click.ts';
import { FILLINGS, filledEvent } from './filled-events.ts';
import { patiently, publish } from './publish.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations/clickhouse');
const ODD_TEXTS: readonly [name: string, text: string][] = [
  ['a line with letters of anywhere', 'Grüße, "日本"\n'],
  ['a sign beyond the basic plane', '\u{1f4b6}\\'],
  ['quotes and angle brackets', "O'Brien <a@b>"],
  ['braces, control characters and escapes', '{{x}} \u0001 \\0 end'],
  ['nothing', ''],
  ['5,000 characters', 'a'.repeat(5_000)],
];
const LIVE = { advertiserId: 'acme', lane: 'acme', isTest: false };

let connection: KafkaConnection;
let producer: KafkaEventProducer;
let admin: ClickhouseConnection;
let clickhouse: ClickhouseConnection;
let store: FactsStore;

const settings = () => ({
  kafkaBrokers: inject('brokers').split(','),
  schemaRegistryUrl: inject('schemaRegistryUrl'),
  flushMs: 100,
  reportFlushMs: 100,
});

function connect(database: string): ClickhouseConnection {
  const url = inject('clickhouseUrl');
  return new ClickhouseConnection({ url, user: 'tributary', password: 'tributary', database });
}

beforeAll(async () => {
  const logger = createLogger('facts-test', 'silent');
  connection = new KafkaConnection({ brokers: inject('brokers').split(','), clientId: 'facts-test', logger });
  await ensureTopics(connection, 1);
  producer = new KafkaEventProducer({ connection });
  admin = connect('default');
  clickhouse = connect('facts_test');
  await migrate(admin, clickhouse, MIGRATIONS, settings());
  store = new FactsStore(clickhouse);
});

afterAll(async () => {
  await producer.close();
  await connection.close();
  for (const each of [admin, clickhouse]) await each.close();
});

type Topic = 'click.recorded.v1' | 'conversion.decided.v1' | 'postback.received.v1' | 'postback.judged.v1';

async function stored(topic: Topic, database = clickhouse): Promise<void> {
  const offsets = new StoredOffsets(connection, database.database);
  await patiently(async () => offsets.waitFor(topic, await offsets.endOf(topic), 30_000));
}

/** One after the other, so that they stand in the log in this order. */
async function decided(...decisions: readonly ConversionDecided[]): Promise<void> {
  for (const decision of decisions)
    await publish(producer, [outgoing('conversion.decided.v1', decision.conversionId, decision)]);
  await stored('conversion.decided.v1');
}

async function clicked(...clicks: readonly ClickRecorded[]): Promise<void> {
  for (const click of clicks) await publish(producer, [outgoing('click.recorded.v1', click.clickId, click)]);
  await stored('click.recorded.v1');
}

function keys(changes: Partial<Record<attribution.KeyKind, Iterable<string>>>): attribution.Keys {
  const all = attribution.KEY_KINDS.map((kind) => [kind, new Set(changes[kind])]);
  return Object.fromEntries(all) as attribution.Keys;
}

/** Ids of what is found under keys of one kind. */
async function found(kind: attribution.KeyKind, ...asked: readonly string[]): Promise<readonly string[]> {
  const { conversions, clicks } = await store.load(keys({ [kind]: asked }));
  return [
    ...conversions.map(({ conversionId }) => conversionId),
    ...clicks.map(({ clickId }) => clickId),
  ].toSorted();
}

/** A contribution to the ledger that gave these hashes. */
function gave(...subjectHashes: readonly string[]): ConversionDecided['ledger'] {
  const contribution = { occurredAt: 1, receiptId: null, details: [], subIds: [], extras: [], subjectHashes };
  return { ...aDecision().ledger, contributions: [contribution] };
}

describe('a conversion', () => {
  it.each(FILLINGS)('comes back as it was decided, every field %s', async (filling) => {
    const filled = filledEvent('conversion.decided.v1', filling) as unknown as ConversionDecided;
    const decision = { ...filled, conversionId: randomUUID(), revision: 1 };
    await decided(decision);
    const { conversions } = await store.load(keys({ conversion: [decision.conversionId, randomUUID()] }));
    expect(conversions).toEqual([decision]);
  });

  it('is found by each of its keys, once', async () => {
    const text = randomUUID();
    const reportedClickId = randomUUID();
    const decision = aDecision({
      conversionId: randomUUID(),
      transactionId: text,
      customerId: text,
      reportedClickId,
      subjectHashes: { emailPlain: text, phoneE164: text, city: text, emailGmail: text },
      ledger: gave('emailPlain', 'phoneE164', 'city'),
    });
    await decided(decision);
    const id = [decision.conversionId];
    const subjects = attribution.subjectKeys(LIVE, { emailPlain: text, phoneE164: text });
    expect(await found('transaction', attribution.transactionKey(LIVE, text))).toEqual(id);
    expect(await found('customer', attribution.customerKey(LIVE, text))).toEqual(id);
    expect(await found('clickNamed', reportedClickId)).toEqual(id);
    for (const subject of subjects) expect(await found('subject', subject)).toEqual(id);
    // A city is shared by strangers, and the Gmail form is the click's alone.
    const gmail = attribution.subjectKeys(LIVE, { emailGmail: text });
    expect(await found('subject', `acme\u0000acme\u0000live\u0000city:${text}`, ...gmail)).toEqual([]);
    const { conversions } = await store.load(
      keys({
        conversion: id,
        transaction: [attribution.transactionKey(LIVE, text)],
        customer: [attribution.customerKey(LIVE, text)],
        clickNamed: [reportedClickId],
        subject: subjects,
      }),
    );
    expect(conversions).toEqual([decision]);
  });

  it.each(ODD_TEXTS)('is found by %s', async (_name, text) => {
    const scope = { advertiserId: randomUUID(), lane: `lane ${text}`, isTest: false };
    const decision = aDecision({
      ...scope,
      conversionId: randomUUID(),
      transactionId: text,
      customerId: text,
      subjectHashes: { customerExternal: text },
      ledger: gave('customerExternal'),
      tierPlaces: [{ key: text, periodStart: -1, position: 0 }],
    });
    await decided(decision);
    const id = [decision.conversionId];
    expect(await found('transaction', attribution.transactionKey(scope, text))).toEqual(id);
    expect(await found('customer', attribution.customerKey(scope, text))).toEqual(id);
    expect(await found('subject', ...attribution.subjectKeys(scope, { customerExternal: text }))).toEqual(id);
    const { tierUses } = await store.load(keys({ tierUse: [`-1:${text}`] }));
    expect(tierUses).toEqual([{ key: text, periodStart: -1, use: { end: 1, gaps: [] } }]);
  });

  it('that takes another back is found by the transaction of that one', async () => {
    const reversedTransactionId = randomUUID();
    const refund = aDecision({
      conversionId: randomUUID(),
      transactionId: randomUUID(),
      reversedTransactionId,
    });
    await decided(refund);
    expect(await found('transaction', attribution.transactionKey(LIVE, reversedTransactionId))).toEqual([
      refund.conversionId,
    ]);
    expect(await found('transaction', attribution.transactionKey(LIVE, refund.transactionId ?? ''))).toEqual(
      [],
    );
  });

  it('is not found from another lane or advertiser, nor a test among live ones', async () => {
    const customerId = randomUUID();
    const scopes = [
      LIVE,
      { ...LIVE, isTest: true },
      { ...LIVE, lane: 'other' },
      { ...LIVE, advertiserId: 'other' },
    ];
    const decisions = scopes.map((scope) => aDecision({ ...scope, customerId, conversionId: randomUUID() }));
    await decided(...decisions);
    for (const [index, scope] of scopes.entries())
      expect(await found('customer', attribution.customerKey(scope, customerId))).toEqual([
        decisions[index]?.conversionId,
      ]);
  });

  it('stands as its latest revision has it, and of one revision as the first in the log', async () => {
    const conversionId = randomUUID();
    const customerId = randomUUID();
    const revisions = [
      aDecision({ conversionId, customerId, revision: 1, match: 'parked' }),
      aDecision({ conversionId, customerId, revision: 2, revenueMicros: 1n }),
      aDecision({ conversionId, customerId, revision: 2, revenueMicros: 2n }),
      aDecision({ conversionId, customerId, revision: 1, match: 'unattributed' }),
    ];
    await decided(...revisions);
    const asked = keys({
      conversion: [conversionId],
      customer: [attribution.customerKey(LIVE, customerId)],
    });
    expect((await store.load(asked)).conversions).toEqual([revisions[1]]);
    await clickhouse.run('OPTIMIZE TABLE decision_records FINAL');
    expect((await store.load(asked)).conversions).toEqual([revisions[1]]);
  });

  it('stands beside bytes under its key that nobody can read, which are kept', async () => {
    const decision = aDecision({ conversionId: randomUUID() });
    const { topic, key, value } = outgoing('conversion.decided.v1', decision.conversionId, decision);
    const unreadable = [Buffer.from('no event'), value.subarray(0, 60)];
    for (const bytes of [...unreadable, Buffer.alloc(0), value])
      await publish(producer, [{ topic, key, value: bytes }]);
    await stored('conversion.decided.v1');
    const { conversions } = await store.load(keys({ conversion: [decision.conversionId] }));
    expect(conversions).toEqual([decision]);
    const undecoded = await clickhouse.rows<{ value: string }>(
      'SELECT base64Encode(value) AS value FROM undecoded_records FINAL WHERE key = {key:String} ORDER BY recordOffset',
      { key },
    );
    expect(undecoded.map((row) => row.value)).toEqual(unreadable.map((bytes) => bytes.toString('base64')));
  });

  it('that is published again stands where it stood first', async () => {
    const conversionId = randomUUID();
    const [first, second] = [1n, 2n].map((revenueMicros) => aDecision({ conversionId, revenueMicros }));
    if (first === undefined || second === undefined) throw new Error('no decisions');
    const record = outgoing('conversion.decided.v1', conversionId, first);
    const [place] = await patiently(() => producer.produce([record]));
    const headers = { 'tributary-republished-from': `${place?.partition}/${place?.offset}` };
    await decided(second);
    await publish(producer, [{ ...record, headers }]);
    await stored('conversion.decided.v1');
    const { conversions } = await store.load(keys({ conversion: [conversionId] }));
    expect(conversions).toEqual([first]);
    const places = await clickhouse.rows(
      'SELECT toString(recordOffset) AS at FROM decision_records FINAL WHERE conversionId = {conversionId:UUID} ORDER BY recordOffset LIMIT 1',
      { conversionId },
    );
    expect(places).toEqual([{ at: String(place?.offset) }]);
  });
});

describe('a click', () => {
  it('comes back as the rules read it, of two under an id the first', async () => {
    const click = aClick({
      clickId: randomUUID(),
      customerId: 'c-1',
      automation: 'bot',
      subjectHashes: { emailPlain: 'e' },
    });
    await clicked(click, { ...click, partnerId: 'second' });
    const { clicks } = await store.load(keys({ click: [click.clickId, randomUUID()] }));
    expect(clicks).toEqual([candidateClickOf(click)]);
    expect(await store.clicksById([click.clickId])).toEqual(clicks);
  });

  it.each(ODD_TEXTS)('is found by customer and person of %s, a test apart', async (_name, text) => {
    const scope = { advertiserId: randomUUID(), isTest: false };
    const subjectHashes = { phoneDigits: text, firstName: text };
    const live = aClick({ ...scope, clickId: randomUUID(), customerId: text, subjectHashes });
    const test = { ...live, clickId: randomUUID(), isTest: true };
    await clicked(live, test);
    expect(await found('clicksOfCustomer', attribution.clickCustomerKey(live, text))).toEqual([live.clickId]);
    expect(await found('clicksOfCustomer', attribution.clickCustomerKey(test, text))).toEqual([test.clickId]);
    const [person = ''] = attribution.clickSubjectKeys(live, { phoneDigits: text });
    expect(await found('clicksOfSubject', person)).toEqual([live.clickId]);
    expect(await found('clicksOfSubject', person.replace('phoneDigits', 'firstName'))).toEqual([]);
  });
});

describe('counters', () => {
  const place = (key: string, isGranted: boolean, payoutMicros: bigint, periodStart = 0) => ({
    capId: 'cap',
    key,
    periodStart,
    isGranted,
    payoutMicros,
  });

  it('of caps count what was granted, once, as the latest revision has it', async () => {
    const key = `acme\u0000${randomUUID()}:daily`;
    const huge = 2n ** 63n - 1n;
    const conversion = (capPlaces: ConversionDecided['capPlaces'], changes = {}) =>
      aDecision({ conversionId: randomUUID(), capPlaces, ...changes });
    const grown = conversion([place(key, true, 5n), place(key, true, 7n, 86_400_000)]);
    await decided(
      conversion([place(key, true, huge)]),
      conversion([place(key, true, huge)]),
      conversion([place(key, false, 0n)]),
      grown,
      grown,
      { ...grown, revision: 2, capPlaces: [place(key, true, 9n), place(key, true, 7n, 86_400_000)] },
      grown,
    );
    const unused = `0:${randomUUID()}`;
    const { capUses } = await store.load(keys({ capUse: [`0:${key}`, `86400000:${key}`, unused] }));
    expect(capUses.toSorted((a, b) => a.periodStart - b.periodStart)).toEqual([
      { key, periodStart: 0, use: { count: 3, payoutMicros: 2n * huge + 9n } },
      { key, periodStart: 86_400_000, use: { count: 1, payoutMicros: 7n } },
    ]);
  });

  /** A conversion with this number on the counter. */
  const numbered = (key: string, position: number) =>
    aDecision({ conversionId: randomUUID(), tierPlaces: [{ key, periodStart: 0, position }] });

  it('of tiers know the numbers that were given, and those that a lost record had', async () => {
    const [whole, holed] = [randomUUID(), randomUUID()].map((offerId) =>
      ['acme', offerId, '', 'sale'].join('\u0000'),
    );
    if (whole === undefined || holed === undefined) throw new Error('no keys');
    const conversions = [
      ...[2, 0, 1].map((position) => numbered(whole, position)),
      ...[40, 3, 1].map((position) => numbered(holed, position)),
    ];
    await decided(...conversions, ...conversions.map((each) => ({ ...each, revision: 2 })));
    const { tierUses, capUses } = await store.load(
      keys({ tierUse: [`0:${whole}`, `0:${holed}`, `1:${holed}`], capUse: [`0:${whole}`] }),
    );
    const gaps = Array.from({ length: 40 }, (_, position) => position).filter((n) => n !== 3 && n !== 1);
    expect(new Map(tierUses.map(({ key, use }) => [key, use]))).toEqual(
      new Map([
        [whole, { end: 3, gaps: [] }],
        [holed, { end: 41, gaps }],
      ]),
    );
    expect(capUses).toEqual([]);
  });

  it('of tiers go by the first record of a revision', async () => {
    const key = ['acme', randomUUID(), '', 'sale'].join('\u0000');
    const first = numbered(key, 0);
    await decided(first, { ...first, tierPlaces: [{ key, periodStart: 0, position: 1 }] });
    const { tierUses } = await store.load(keys({ tierUse: [`0:${key}`] }));
    expect(tierUses).toEqual([{ key, periodStart: 0, use: { end: 1, gaps: [] } }]);
  });
});

it('gives the first verdict on a receipt', async () => {
  const { receiptId, sourceId, lane, advertiserId, receivedAt } = aPostback({ receiptId: randomUUID() });
  const verdict: PostbackJudged = {
    receiptId,
    sourceId,
    lane,
    advertiserId,
    verdict: 'counted',
    reasonCode: null,
    conversionId: randomUUID(),
    revision: 1,
    receivedAt,
    judgedAt: receivedAt,
    triggerPartition: 3,
    triggerOffset: 42,
    configurationVersion: 0,
    isTest: false,
  };
  for (const each of [verdict, { ...verdict, verdict: 'duplicate_of' as const, revision: 2 }])
    await publish(producer, [outgoing('postback.judged.v1', receiptId, each)]);
  await stored('postback.judged.v1');
  const { judgements } = await store.load(keys({ receipt: [receiptId, randomUUID()] }));
  const { conversionId } = verdict;
  expect(judgements).toEqual([
    {
      receiptId,
      verdict: 'counted',
      reasonCode: null,
      conversionId,
      revision: 1,
      place: { partition: 3, offset: 42 },
    },
  ]);
});

it('knows the content that came first under a receipt', async () => {
  const postback = aPostback({ receiptId: randomUUID(), contentDigest: 'a'.repeat(64) });
  for (const contentDigest of [postback.contentDigest, 'b'.repeat(64)])
    await publish(producer, [
      outgoing('postback.received.v1', postback.lane, { ...postback, contentDigest }),
    ]);
  await stored('postback.received.v1');
  expect(await store.contentDigests([postback.receiptId, randomUUID()])).toEqual(
    new Map([[postback.receiptId, postback.contentDigest]]),
  );
});

it('gives the clicks that tell whose they are, place by place, of the advertisers asked for', async () => {
  const advertiserId = `advertiser-${randomUUID()}`;
  const clickOf = (changes: Partial<ClickRecorded>) =>
    aClick({ clickId: randomUUID(), advertiserId, customerId: null, subjectHashes: {}, ...changes });
  const named = [clickOf({ customerId: 'c' }), clickOf({ subjectHashes: { emailPlain: 'e' } })];
  await clicked(...named, clickOf({}), clickOf({ advertiserId: 'other', customerId: 'c' }));
  const start = { storedAt: 0, clickId: '00000000-0000-0000-0000-000000000000' };
  const all = await store.personClicks([advertiserId], start, 10);
  expect(all.map(({ clickId }) => clickId).toSorted()).toEqual(
    named.map(({ clickId }) => clickId).toSorted(),
  );
  expect(Math.abs(Date.now() - (all[0]?.storedAt ?? 0))).toBeLessThan(60_000);
  const [first] = await store.personClicks([advertiserId], start, 1);
  expect(await store.personClicks([advertiserId], first ?? start, 10)).toEqual(all.slice(1));
  expect(await store.personClicks([advertiserId], all.at(-1) ?? start, 10)).toEqual([]);
});

it('finds what waits in a partition, and no longer what has waited', async () => {
  const at = { triggerPartition: 7_011 };
  const decision = (changes: Partial<ConversionDecided>) =>
    aDecision({ conversionId: randomUUID(), ...at, ...changes });
  const parked = decision({ match: 'parked', state: 'pending', parkedUntil: 5 });
  const held = decision({ state: 'held', heldUntil: 5 });
  const rematched = decision({ match: 'parked', state: 'pending', parkedUntil: 5 });
  const others = [
    decision({ state: 'held', heldUntil: null }),
    decision({ match: 'parked', triggerPartition: 7_010 }),
    decision({}),
  ];
  await decided(parked, held, rematched, { ...rematched, revision: 2, match: 'attributed' }, ...others);
  const waiting = await store.waiting([7_011, 7_009]);
  const byId = (a: ConversionDecided, b: ConversionDecided) => a.conversionId.localeCompare(b.conversionId);
  expect(waiting.toSorted(byId)).toEqual([parked, held].toSorted(byId));
});

it('finds one of each among 5,000 keys of every kind', async () => {
  const text = randomUUID();
  const reportedClickId = randomUUID();
  const click = aClick({ clickId: randomUUID(), customerId: text, subjectHashes: { emailPlain: text } });
  const [byId, byTransaction, byCustomer, byClick, bySubject] = [
    aDecision({ conversionId: randomUUID() }),
    aDecision({ conversionId: randomUUID(), transactionId: text }),
    aDecision({ conversionId: randomUUID(), customerId: text }),
    aDecision({ conversionId: randomUUID(), reportedClickId }),
    aDecision({
      conversionId: randomUUID(),
      subjectHashes: { emailPlain: text },
      ledger: gave('emailPlain'),
    }),
  ];
  await Promise.all([decided(byId, byTransaction, byCustomer, byClick, bySubject), clicked(click)]);
  // Wherever the part ends that a request can hold, what is looked for comes behind it.
  const among = (key: string) => [...Array.from({ length: 4_999 }, () => randomUUID()), key];
  const { conversions, clicks } = await store.load(
    keys({
      receipt: among(randomUUID()),
      conversion: among(byId.conversionId),
      transaction: among(attribution.transactionKey(LIVE, text)),
      customer: among(attribution.customerKey(LIVE, text)),
      clickNamed: among(reportedClickId),
      subject: among(attribution.subjectKeys(LIVE, { emailPlain: text })[0] ?? ''),
      click: among(click.clickId),
      clicksOfCustomer: among(attribution.clickCustomerKey(click, text)),
      clicksOfSubject: among(attribution.clickSubjectKeys(click, { emailPlain: text })[0] ?? ''),
      capUse: among(`0:${text}`),
    }),
  );
  expect(conversions.map(({ conversionId }) => conversionId).toSorted()).toEqual(
    [byId, byTransaction, byCustomer, byClick, bySubject].map((each) => each.conversionId).toSorted(),
  );
  expect(clicks).toEqual([candidateClickOf(click)]);
});

describe('an installation of before', () => {
  const ADDED = ['0005_lookup_tables.sql', '0006_lookup_feeds.sql'];

  it('is filled in, and loses nothing that is decided meanwhile', async () => {
    const older = mkdtempSync(join(tmpdir(), 'migrations-'));
    cpSync(MIGRATIONS, older, {
      recursive: true,
      filter: (path) => !ADDED.some((name) => path.endsWith(name)),
    });
    const database = connect('facts_upgraded');
    await migrate(admin, database, older, settings());
    rmSync(older, { recursive: true });
    const clickId = randomUUID();
    const candidate = {
      clickId: clickId.toUpperCase(),
      campaignId: null,
      clickedAt: null,
      outcome: 'missing',
    };
    const before = anOldDecision({
      candidates: [{ ...candidate, reasonCode: null }],
      subjectHashes: { emailPlain: clickId },
    });
    const click = aClick({ clickId: randomUUID(), customerId: randomUUID() });
    await publish(producer, [
      { topic: 'conversion.decided.v1', key: before.decision.conversionId, value: before.bytes },
      outgoing('click.recorded.v1', click.clickId, click),
    ]);
    // Nothing reads the bytes there yet.
    const shown = () =>
      database.rows('SELECT 1 FROM decisions WHERE conversionId = {conversionId:UUID}', {
        conversionId: before.decision.conversionId,
      });
    await eventually(shown, (rows) => rows.length > 0, 30_000);
    await stored('click.recorded.v1', database);

    const flowing = flow();
    expect(await migrate(admin, database, MIGRATIONS, settings())).toEqual(ADDED);
    const after = await flowing.stop();
    const late = aDecision({ conversionId: randomUUID(), customerId: randomUUID() });
    await publish(producer, [outgoing('conversion.decided.v1', late.conversionId, late)]);
    await stored('conversion.decided.v1', database);
    await stored('click.recorded.v1', database);

    const upgraded = new FactsStore(database);
    const decisions = [before.decision, late, ...after.decisions];
    const { conversions, clicks } = await upgraded.load(
      keys({
        customer: decisions.map((each) => attribution.customerKey(each, each.customerId ?? '')),
        clicksOfCustomer: [click, ...after.clicks].map((each) =>
          attribution.clickCustomerKey(each, each.customerId ?? ''),
        ),
      }),
    );
    expect(after.decisions.length).toBeGreaterThan(5);
    expect(new Map(conversions.map((each) => [each.conversionId, each]))).toEqual(
      new Map(decisions.map((each) => [each.conversionId, each])),
    );
    expect(clicks).toHaveLength(after.clicks.length + 1);
    const subject = attribution.subjectKeys(LIVE, { emailPlain: clickId });
    for (const asked of [keys({ clickNamed: [clickId] }), keys({ subject })])
      expect((await upgraded.load(asked)).conversions).toEqual([before.decision]);
    await database.close();
    await admin.run('DROP DATABASE facts_upgraded SYNC');
  });

  /** Decisions, old as those who write others come after the migration, and clicks, one of each per turn, until stopped. */
  function flow() {
    const decisions: ConversionDecided[] = [];
    const clicks: ClickRecorded[] = [];
    let isFlowing = true;
    const ended = (async () => {
      while (isFlowing) {
        const { decision, bytes } = anOldDecision();
        const click = aClick({ clickId: randomUUID(), customerId: randomUUID() });
        await publish(producer, [
          { topic: 'conversion.decided.v1', key: decision.conversionId, value: bytes },
          outgoing('click.recorded.v1', click.clickId, click),
        ]);
        decisions.push(decision);
        clicks.push(click);
      }
    })();
    return {
      stop: async () => {
        isFlowing = false;
        await ended;
        return { decisions, clicks };
      },
    };
  }

  /** A record as it was written before the schema grew, and how it reads since. */
  function anOldDecision(changes: Partial<ConversionDecided> = {}) {
    const [first, ...later] = LOCKED_SCHEMAS['conversion.decided.v1'] ?? [];
    const newest = later.at(-1);
    if (first === undefined || newest === undefined) throw new Error('there is no older schema');
    const { fields: oldFields } = first.schema as { fields: { name: string }[] };
    const { fields } = newest.schema as { fields: { name: string; default?: unknown }[] };
    const old = new Set(oldFields.map(({ name }) => name));
    const defaults = fields
      .filter(({ name }) => !old.has(name))
      .map(({ name, ...field }) => [name, field.default]);
    const decision: ConversionDecided = {
      ...aDecision({ conversionId: randomUUID(), customerId: randomUUID(), ...changes }),
      ...Object.fromEntries(defaults),
    };
    const type = avro.Type.forSchema(first.schema as avro.Schema);
    const plain = Object.entries(decision).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? Number(value) : value,
    ]);
    const header = Buffer.alloc(5);
    header.writeInt32BE(first.id, 1);
    return { decision, bytes: Buffer.concat([header, type.toBuffer(Object.fromEntries(plain))]) };
  }
});
