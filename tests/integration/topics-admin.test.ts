/** Topics on a real broker: made as the table says, brought back to it, and never changed where a change would cost records. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTopics, KafkaConnection } from '@tributary/bus';
import { TOPIC_NAMES, TOPICS } from '@tributary/contracts';
import { findFreePorts, startEmbeddedKafka } from '@tributary/engines';
import { createLogger } from '@tributary/runtime';
import { eventually, JARS_DIRECTORY } from '@tributary/testing';
import { type Admin, ConfigResourceTypes } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';

let home: string;
let kafka: Awaited<ReturnType<typeof startEmbeddedKafka>>;
let connection: KafkaConnection;
let admin: Admin;

// A broker of its own: what is changed here would be seen by every other file of the suite.
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tributary-topics-'));
  const [port = 0, controllerPort = 0] = await findFreePorts(2);
  kafka = await startEmbeddedKafka({ home, port, controllerPort, jarsDirectory: JARS_DIRECTORY });
  const logger = createLogger('topics-test', 'silent');
  connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'topics-test', logger });
  admin = connection.kafka.admin();
  await admin.connect();
});

afterAll(async () => {
  await admin.disconnect();
  await connection.close();
  await kafka.stop();
  rmSync(home, { recursive: true, force: true });
});

async function configurationOf(topic: string): Promise<Readonly<Record<string, string>>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
  });
  const entries = resources[0]?.configEntries ?? [];
  return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
}

/** Alters a topic and waits until the broker shows it: the controller answers first. */
async function alter(topic: string, configuration: Readonly<Record<string, string>>): Promise<void> {
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: ConfigResourceTypes.TOPIC,
        name: topic,
        configEntries: Object.entries(configuration).map(([name, value]) => ({ name, value })),
      },
    ],
  });
  await seen(topic, configuration);
}

function seen(topic: string, configuration: Readonly<Record<string, string>>): Promise<unknown> {
  const isSeen = (current: Readonly<Record<string, string>>) =>
    Object.entries(configuration).every(([name, value]) => current[name] === value);
  return eventually(() => configurationOf(topic), isSeen);
}

it('makes every topic as the table says, once', { timeout: 180_000 }, async () => {
  expect(await ensureTopics(connection, 1)).toEqual({ created: TOPIC_NAMES, updated: [] });
  expect(await ensureTopics(connection, 1)).toEqual({ created: [], updated: [] });
  for (const name of TOPIC_NAMES) {
    const { cleanupPolicy, retentionMs, deleteRetentionMs } = TOPICS[name];
    const configuration = await configurationOf(name);
    expect(configuration).toMatchObject({
      'cleanup.policy': cleanupPolicy,
      'retention.ms': String(retentionMs),
      'retention.bytes': '-1',
      'min.insync.replicas': '1',
    });
    if (deleteRetentionMs !== null) {
      expect(configuration['delete.retention.ms']).toBe(String(deleteRetentionMs));
    }
  }
});

it('corrects what a topic keeps, and leaves what else was set on it', async () => {
  const topic = 'conversion.current.v1';
  await alter(topic, {
    'cleanup.policy': 'compact',
    'delete.retention.ms': '1000',
    'min.insync.replicas': '1',
    'max.message.bytes': '2000000',
    'segment.ms': '3600000',
  });

  expect(await ensureTopics(connection, 1)).toEqual({ created: [], updated: [topic] });
  await seen(topic, {
    'cleanup.policy': 'compact',
    'delete.retention.ms': String(30 * 86_400_000),
    'retention.ms': '-1',
    'max.message.bytes': '2000000',
    'segment.ms': '3600000',
  });
  expect((await ensureTopics(connection, 1)).updated).toEqual([]);
});

it('never compacts a topic that was not, and touches nothing of it', async () => {
  const topic = 'conversion.decided.v1';
  const before = { 'cleanup.policy': 'compact', 'retention.ms': '86400000' };
  await alter(topic, before);

  await expect(ensureTopics(connection, 1)).rejects.toThrow(
    `topic ${topic} has cleanup.policy compact, delete expected`,
  );
  expect(await configurationOf(topic)).toMatchObject(before);
});
