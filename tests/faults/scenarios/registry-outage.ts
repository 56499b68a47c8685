/** The schema registry refuses, then answers 404, then a column is added, all under load: every accepted event ends in its table. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaConnection, KafkaEventProducer } from '@tributary/bus';
import { encodeEvent, SUBJECT_VERSIONS } from '@tributary/contracts';
import { findFreePorts } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { type ClickhouseConnection, migrate, UndecodedStore } from '@tributary/store';
import { aClick, eventually, JARS_DIRECTORY } from '@tributary/testing';
import avro from 'avsc';
import { mintClickId } from '../../../apps/launcher/src/demo/sample.ts';
import { REPOSITORY } from '../../../apps/launcher/src/system/home.ts';
import { SupervisedService } from '../../../apps/launcher/src/system/supervised-service.ts';
import { TributarySystem } from '../../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../../free-addresses.ts';
import type { ScenarioResult } from '../totals.ts';
import { RegistryProxy } from './registry-proxy.ts';
import { SteadyLoad } from './steady-load.ts';

export interface RegistryOutageOptions {
  /** How long the registry is refused, and then how long it answers 404. */
  readonly phaseMs: number;
  /** Accepted by ingestion, all the time. */
  readonly eventsPerSecond: number;
  readonly log: (line: string) => void;
}

const TOPIC = 'click.recorded.v1';
const NEW_FIELD = 'scenarioNote';
const MIGRATIONS = join(REPOSITORY, 'migrations/clickhouse');
const FEEDS = '0003_feeds_through_streams.sql';
/** Share of the load asked for that counts as load, on a machine that also runs everything else. */
const LEAST_LOAD = 0.8;
const READING_BOUND_MS = 90_000;
const DRAIN_BOUND_MS = 300_000;
const OFFER = {
  advertiserId: 'outage-shop',
  campaignId: 'outage',
  sourceId: 'outage',
  token: 'outage-source-token',
};

export async function registryOutage(options: RegistryOutageOptions): Promise<ScenarioResult> {
  const { phaseMs, eventsPerSecond, log } = options;
  const home = mkdtempSync(join(tmpdir(), 'tributary-registry-'));
  const [registryPort = 0, proxyPort = 0] = await findFreePorts(2);
  const proxy = new RegistryProxy(`http://127.0.0.1:${registryPort}`, proxyPort);
  const registry = new SupervisedService({
    name: 'schema-registry',
    port: registryPort,
    environment: { SCHEMA_REGISTRY_PORT: String(registryPort) },
    logFile: join(home, 'logs/schema-registry.log'),
    onProgress: log,
  });
  process.env['KAFKA_JARS'] ??= JARS_DIRECTORY;
  const addresses = await freeAddresses({ SCHEMA_REGISTRY_URL: proxy.url });
  const system = new TributarySystem({ home, addresses, onProgress: log });
  try {
    registry.start();
    await Promise.all([registry.ready(), proxy.put('open')]);
    await system.start();
    await configure(system);
    const load = new SteadyLoad({ ...OFFER, ingestionUrl: system.urlOf('ingestion'), eventsPerSecond });
    const clickhouse = system.connectClickhouse();
    const outages = [
      await outage(system, clickhouse, proxy, load, 'refused', options),
      await outage(system, clickhouse, proxy, load, 'not_found', options),
    ];
    await proxy.put('open');
    const noted = await addColumn(system, clickhouse, proxy, log);
    await delay(Math.min(phaseMs, 10_000));
    await load.stop();
    log(`load stopped: ${load.total} events accepted, ${load.rate}/s, ${load.ambiguous} without an answer`);
    const result = await drained(clickhouse, load, noted, outages, log);
    await clickhouse.close();
    return result;
  } finally {
    await system.stop();
    await registry.stop();
    await proxy.put('refused');
    rmSync(home, { recursive: true, force: true });
  }
}

/** One advertiser without destinations: the load is about the tables. */
async function configure(system: TributarySystem): Promise<void> {
  const { advertiserId, campaignId, sourceId, token } = OFFER;
  const entities = [
    {
      path: `advertisers/${advertiserId}`,
      document: { name: 'Shop', currency: 'EUR', parkedForMs: 3_600_000 },
    },
    { path: 'partners/outage', document: { name: 'Partner' } },
    { path: 'offers/outage', document: { advertiserId, name: 'Offer', payouts: [] } },
    {
      path: `campaigns/${campaignId}`,
      document: {
        offerId: 'outage',
        partnerId: 'outage',
        name: 'Campaign',
        landingUrl: 'https://shop.example/?click_id={click_id}',
        status: 'active',
      },
    },
    {
      path: `sources/${sourceId}`,
      document: { advertiserId, name: 'Backend', profile: { defaultCurrency: 'EUR' } },
      tokens: [token],
    },
  ];
  for (const { path, ...body } of entities) {
    const response = await eventually(
      () =>
        fetch(`${system.urlOf('console')}/api/v1/${path}`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${system.consoleApiKey}`, 'content-type': 'application/json' },
          body: JSON.stringify({ ...body, document: { id: path.split('/')[1], ...body.document } }),
        }).catch(() => null),
      (answer) => answer !== null && answer.status !== 503,
      60_000,
    );
    if (!response?.ok) throw new Error(`console refused ${path}: ${await response?.text()}`);
  }
}

/** ClickHouse caches schemas: only one that has just started must ask, so it is killed first. @returns the line of it. */
async function outage(
  system: TributarySystem,
  clickhouse: ClickhouseConnection,
  proxy: RegistryProxy,
  load: SteadyLoad,
  door: 'refused' | 'not_found',
  { phaseMs, log }: RegistryOutageOptions,
): Promise<{ label: string; undecoded: number }> {
  await proxy.put(door);
  const before = load.total;
  await system.crash('clickhouse');
  const startedAt = performance.now();
  // Until its group has noticed the crash, ClickHouse reads nothing and needs no schema.
  await eventually(
    () => readers(clickhouse).catch(() => 0),
    (count) => count > 0,
    READING_BOUND_MS,
  );
  await delay(phaseMs);
  const undecoded = await new UndecodedStore(clickhouse).count();
  const rate = Math.round(((load.total - before) * 1_000) / (performance.now() - startedAt));
  const label = `registry ${door} for ${phaseMs / 1_000} s`;
  log(`${label}: ${load.total - before} events accepted meanwhile (${rate}/s), ${undecoded} undecoded`);
  return { label, undecoded };
}

/** Kafka tables that have been given partitions to read. */
async function readers(clickhouse: ClickhouseConnection): Promise<number> {
  const [row] = await clickhouse.rows<{ n: string }>(
    "SELECT count() AS n FROM system.kafka_consumers WHERE table = 'clicks_queue' AND notEmpty(assignments.partition_id)",
  );
  return Number(row?.n ?? 0);
}

/** In the order of a deploy: schema served, ClickHouse migrated, then a producer that writes it. @returns the notes written, by click. */
async function addColumn(
  system: TributarySystem,
  clickhouse: ClickhouseConnection,
  proxy: RegistryProxy,
  log: (line: string) => void,
): Promise<ReadonlyMap<string, string>> {
  const newest = SUBJECT_VERSIONS.findLast(({ subject }) => subject === `${TOPIC}-value`);
  if (newest === undefined) throw new Error(`no schema is locked for ${TOPIC}`);
  const schema = JSON.parse(newest.schema) as { fields: object[] };
  schema.fields.push({ name: NEW_FIELD, type: ['null', 'string'], default: null, doc: 'Added under load.' });
  const id = Math.max(...SUBJECT_VERSIONS.map((each) => each.id)) + 1_000;
  proxy.serve({ id, subject: newest.subject, schema: JSON.stringify(schema) });

  const startedAt = performance.now();
  await migrateColumn(system, clickhouse, proxy.url);
  log(`column ${NEW_FIELD} added in ${Math.round(performance.now() - startedAt)} ms`);

  const logger = createLogger('registry-outage', 'silent');
  const connection = new KafkaConnection({ brokers: system.brokers.split(','), clientId: 'outage', logger });
  const producer = new KafkaEventProducer({ connection });
  const notes = new Map(Array.from({ length: 1_000 }, (_, n) => [mintClickId(new Date()), `note ${n}`]));
  const field = avro.Type.forSchema(['null', 'string']);
  for (const [clickId, note] of notes) {
    // A field at the end: the new version's body is the old one's and the field.
    const value = Buffer.concat([encodeEvent(TOPIC, aClick({ clickId })), field.toBuffer(note)]);
    value.writeInt32BE(id, 1);
    await producer.produce([{ topic: TOPIC, key: clickId, value }]);
  }
  await producer.close();
  await connection.close();
  return notes;
}

/** The feed's statements of the migration that made it, with the column: what CONTRIBUTING asks of such a migration. */
async function migrateColumn(
  system: TributarySystem,
  clickhouse: ClickhouseConnection,
  schemaRegistryUrl: string,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'));
  for (const name of readdirSync(MIGRATIONS))
    writeFileSync(join(folder, name), readFileSync(join(MIGRATIONS, name)));
  const feeds = readFileSync(join(MIGRATIONS, FEEDS), 'utf8');
  const feed = feeds.slice(feeds.indexOf(`-- ${TOPIC}\n`), feeds.indexOf('-- postback.received.v1\n'));
  const column = `${NEW_FIELD} Nullable(String)`;
  const altered = feed
    .replace('CREATE TABLE', `ALTER TABLE clicks ADD COLUMN IF NOT EXISTS ${column};\n\nCREATE TABLE`)
    .replace('\n)\nENGINE = {{kafka', `,\n  ${column}\n)\nENGINE = {{kafka`);
  if (altered.split(column).length !== 3) throw new Error('the feed of clicks is not made as expected');
  writeFileSync(join(folder, '9000_click_note.sql'), altered);
  const admin = system.connectClickhouse('default');
  const kafkaBrokers = system.brokers.split(',');
  await migrate(admin, clickhouse, folder, {
    kafkaBrokers,
    schemaRegistryUrl,
    flushMs: 200,
    reportFlushMs: 200,
  });
  await admin.close();
  rmSync(folder, { recursive: true });
}

/** The ledger once nothing is missing, or after the bound. */
async function drained(
  clickhouse: ClickhouseConnection,
  load: SteadyLoad,
  noted: ReadonlyMap<string, string>,
  outages: readonly { label: string; undecoded: number }[],
  log: (line: string) => void,
): Promise<ScenarioResult> {
  const startedAt = performance.now();
  for (let last = ''; ; await delay(1_000)) {
    const undecoded = await new UndecodedStore(clickhouse).count();
    const isLast = performance.now() - startedAt > DRAIN_BOUND_MS;
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    if (undecoded > 0 && !isLast) {
      const line = `undecoded ${undecoded}`;
      if (line !== last && seconds % 5 === 0) log(`${line} after ${seconds} s`);
      last = line;
      continue;
    }
    const result = await ledger(clickhouse, load, noted, undecoded, outages);
    if (result.difference === 0 || isLast) {
      log(`drained in ${seconds} s`);
      return result;
    }
  }
}

async function ledger(
  clickhouse: ClickhouseConnection,
  load: SteadyLoad,
  noted: ReadonlyMap<string, string>,
  undecoded: number,
  outages: readonly { label: string; undecoded: number }[],
): Promise<ScenarioResult> {
  const ids = async (table: string, column: string) =>
    (await clickhouse.rows<{ id: string }>(`SELECT toString(${column}) AS id FROM ${table} FINAL`)).map(
      ({ id }) => id,
    );
  const [clicks, postbacks, receipts, republished, dead, notes] = await Promise.all([
    ids('clicks', 'clickId'),
    ids('postbacks', 'receiptId'),
    ids('receipts', 'receiptId'),
    ids('republished_records', 'recordOffset'),
    ids('dead_letters', 'deadLetterId'),
    clickhouse.rows<{ id: string; note: string }>(
      `SELECT toString(clickId) AS id, ${NEW_FIELD} AS note FROM clicks FINAL WHERE ${NEW_FIELD} IS NOT NULL`,
    ),
  ]);
  const noteOf = new Map(notes.map(({ id, note }) => [id, note]));
  const { clickIds, receiptIds } = load.accepted;
  const expectedClicks = new Set([...clickIds, ...noted.keys()]);
  const wrongNotes = [...noted].filter(([id, note]) => noteOf.get(id) !== note).length;
  const rows: readonly (readonly [string, number, number, number])[] = [
    ['clicks', expectedClicks.size, clicks.length, unlike(expectedClicks, clicks, load.sentClickIds)],
    ['postbacks', receiptIds.size, postbacks.length, unlike(receiptIds, postbacks, null, load.ambiguous)],
    ['verdicts', receiptIds.size, receipts.length, unlike(receiptIds, receipts, null, load.ambiguous)],
    [`clicks with ${NEW_FIELD}`, noted.size, notes.length, wrongNotes + Math.abs(noted.size - notes.length)],
    ['dead letters', 0, dead.length, dead.length],
    // An outage that nothing was set aside for, or without the load, has shown nothing.
    ['published again', 1, republished.length, republished.length === 0 ? 1 : 0],
    ['events per second', load.wantedRate, load.rate, load.rate < LEAST_LOAD * load.wantedRate ? 1 : 0],
    ['undecoded', 0, undecoded, undecoded],
  ];
  const difference = rows.reduce((sum, [, , , off]) => sum + off, 0);
  const lines = [
    `  accepted ${load.total} events at ${load.rate}/s, ${load.ambiguous} without an answer`,
    ...outages.map(({ label, undecoded: n }) => `  ${label}: ${n} undecoded at its end`),
    `  ${'ledger'.padEnd(28)} ${'accepted'.padStart(10)} ${'found'.padStart(10)}`,
    ...rows.map(
      ([label, expected, found, off]) =>
        `  ${label.padEnd(28)} ${String(expected).padStart(10)} ${String(found).padStart(10)}${off === 0 ? '' : `  ← ${off}`}`,
    ),
    `undecoded ${undecoded}`,
    `difference ${difference}`,
  ];
  return { lines, difference };
}

/** Missing ids, ids found twice, and ids nobody sent; what was sent without an answer may be there. */
function unlike(
  expected: ReadonlySet<string>,
  found: readonly string[],
  sent: ReadonlySet<string> | null,
  ambiguous = 0,
): number {
  const distinct = new Set(found);
  const missing = [...expected].filter((id) => !distinct.has(id)).length;
  const unexpected = [...distinct].filter((id) => !expected.has(id) && !(sent?.has(id) ?? false)).length;
  return missing + (found.length - distinct.size) + Math.max(0, unexpected - ambiguous);
}
