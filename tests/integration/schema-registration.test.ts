/** The schemas in a real registry, Apicurio: registered, adopted by the codec, read by others, and guarded. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { KafkaConnection, registerSchemas, SchemaRegistryClient, settleSchemaIds } from '@tributary/bus';
import {
  decodeEvent,
  type EventOf,
  encodeEvent,
  SUBJECT_VERSIONS,
  TOPIC_NAMES,
  TOPICS,
  type TopicName,
  writtenSchemaIds,
} from '@tributary/contracts';
import { createLogger } from '@tributary/runtime';
import { ClickhouseConnection } from '@tributary/store';
import {
  aClick,
  eventually,
  exampleEvent,
  javaForRegistry,
  type RealRegistry,
  startRealRegistry,
} from '@tributary/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const logger = createLogger('registration-test', 'silent');
const java = await javaForRegistry();
if (java === null) console.log('skipped: no Java 21 or newer was found, and Apicurio needs it');

const example = <T extends TopicName>(topic: T) => exampleEvent(TOPICS[topic].schema) as EventOf<T>;

describe.skipIf(java === null)('with Apicurio', () => {
  let registry: RealRegistry;
  const lockedIds = writtenSchemaIds();

  beforeAll(async () => {
    registry = await startRealRegistry(java ?? '');
    const unrelated = { schema: '{"type":"record","name":"Foreign","fields":[]}' };
    // Somebody else was here first: so the ids it gives are not ours by chance.
    await ask('/subjects/foreign-value/versions', { method: 'POST', body: JSON.stringify(unrelated) });
  });

  afterAll(() => registry?.stop());

  async function ask(path: string, request: RequestInit = {}): Promise<unknown> {
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
    return (await fetch(`${registry.url}${path}`, { headers, ...request })).json();
  }

  it('a service is told that the schemas are not there before they are', async () => {
    await expect(new SchemaRegistryClient({ url: registry.url }).ping()).rejects.toMatchObject({
      code: 'schema_registry_unavailable',
    });
  });

  it('every version of every subject is registered once, under FULL_TRANSITIVE', async () => {
    const first = await registerSchemas(registry.url);
    expect(first.map(({ subject, version }) => `${subject} ${version}`)).toEqual(
      SUBJECT_VERSIONS.map(({ subject, version }) => `${subject} ${version}`),
    );
    expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set(['registered']));
    expect(first.filter(({ lockedId, registryId }) => lockedId !== registryId)).not.toEqual([]);

    const again = await registerSchemas(registry.url);
    expect(again).toEqual(first.map((each) => ({ ...each, outcome: 'already_there' })));
    for (const topic of TOPIC_NAMES) {
      expect(await ask(`/config/${topic}-value`)).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' });
      expect(await ask(`/subjects/${topic}-value/versions`)).toEqual(
        SUBJECT_VERSIONS.filter(({ subject }) => subject === `${topic}-value`).map(({ version }) => version),
      );
    }
  });

  it('the command prints what the registry has', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(REPOSITORY, 'apps/cli/dist/main.js'), 'register-schemas'],
      { env: { ...process.env, SCHEMA_REGISTRY_URL: registry.url } },
    );
    expect(stdout).toMatch(/^subject +version +locked id +registry id +outcome$/m);
    for (const { subject, version } of SUBJECT_VERSIONS) {
      expect(stdout).toMatch(new RegExp(`^${subject} +${version} +\\d+ +\\d+ +already there$`, 'm'));
    }
    expect(stdout).toContain('SCHEMA_IDS=registry');
  });

  it('a version that readers could not read is refused, by the name of its field', async () => {
    const subject = 'postback.judged.v1-value';
    const versions = SUBJECT_VERSIONS.filter((version) => version.subject === subject);
    const { fields, ...rest } = JSON.parse(versions.at(-1)?.schema ?? '{}');
    const broken = { ...rest, fields: [...fields, { name: 'requiredField', type: 'string' }] };
    const next = { subject, version: 2, id: 4_000_000, schema: JSON.stringify(broken) };
    await expect(registerSchemas(registry.url, [...versions, next])).rejects.toThrow(
      /postback\.judged\.v1-value version 2 is refused: 409 .*requiredField/,
    );
  });

  describe('whose ids a service has adopted', () => {
    beforeAll(() => settleSchemaIds({ SCHEMA_IDS: 'registry', SCHEMA_REGISTRY_URL: registry.url }, logger));

    it('records carry its ids, and it proves to be ours', async () => {
      expect(writtenSchemaIds()).not.toEqual(lockedIds);
      await new SchemaRegistryClient({ url: registry.url }).ping();
    });

    it.each(TOPIC_NAMES)(
      '%s is read by our codec and by a client that knows only the registry',
      async (topic) => {
        const event = example(topic);
        const wire = encodeEvent(topic, event);
        expect(decodeEvent(topic, wire)).toEqual({ ok: true, value: event });

        const read = await new SchemaRegistry({ host: registry.url }).decode(wire);
        const asNumbers = JSON.parse(
          JSON.stringify(event, (_, v) => (typeof v === 'bigint' ? Number(v) : v)),
        );
        expect(JSON.parse(JSON.stringify(read))).toEqual(asNumbers);
      },
    );

    it('a record written before, under a locked id, is still read', () => {
      const event = example('click.recorded.v1');
      const wire = encodeEvent('click.recorded.v1', event);
      wire.writeInt32BE(lockedIds.get('click.recorded.v1') ?? 0, 1);
      expect(decodeEvent('click.recorded.v1', wire)).toEqual({ ok: true, value: event });
    });

    it('ClickHouse reads the records by it', { timeout: 120_000 }, async () => {
      const topic = `registered-clicks-${randomUUID()}`;
      const database = `registered_${randomUUID().replaceAll('-', '_')}`;
      const clicks = [aClick({ clickId: randomUUID() }), aClick({ clickId: randomUUID() })];
      await produce(
        topic,
        clicks.map((click) => encodeEvent('click.recorded.v1', click)),
      );
      const clickhouse = new ClickhouseConnection({
        url: inject('clickhouseUrl'),
        user: 'tributary',
        password: 'tributary',
        database: 'default',
      });
      for (const statement of [
        `CREATE DATABASE ${database} ENGINE = Atomic`,
        `CREATE TABLE ${database}.queue (clickId String, clickedAt DateTime64(3, 'UTC'), costMicros Nullable(Int64))
         ENGINE = Kafka SETTINGS kafka_broker_list = '${inject('brokers')}', kafka_topic_list = '${topic}',
           kafka_group_name = '${database}', kafka_format = 'AvroConfluent', kafka_flush_interval_ms = 200,
           format_avro_schema_registry_url = '${registry.url}', input_format_avro_allow_missing_fields = 1`,
        `CREATE TABLE ${database}.clicks (clickId String) ENGINE = MergeTree ORDER BY clickId`,
        `CREATE MATERIALIZED VIEW ${database}.feed TO ${database}.clicks AS SELECT clickId FROM ${database}.queue`,
      ]) {
        await clickhouse.run(statement);
      }
      try {
        const stored = await eventually(
          () =>
            clickhouse.rows<{ clickId: string }>(`SELECT clickId FROM ${database}.clicks ORDER BY clickId`),
          (rows) => rows.length === clicks.length,
          60_000,
        );
        expect(stored.map(({ clickId }) => clickId)).toEqual(clicks.map(({ clickId }) => clickId).toSorted());
      } finally {
        await clickhouse.run(`DROP DATABASE ${database} SYNC`);
        await clickhouse.close();
      }
    });
  });

  async function produce(topic: string, values: readonly Buffer[]): Promise<void> {
    const connection = new KafkaConnection({
      brokers: inject('brokers').split(','),
      clientId: 'registration-test',
      logger,
    });
    const admin = connection.kafka.admin();
    const producer = connection.kafka.producer();
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] });
    await producer.send({ topic, messages: values.map((value) => ({ key: 'k', value })) });
    await Promise.all([admin.disconnect(), producer.disconnect(), connection.close()]);
  }
});
