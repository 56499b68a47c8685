/** The configuration topic keeps the promises of the port that libs/configuration declares, the same ones its in-memory twin keeps. */
import { randomUUID } from 'node:crypto';
import { ensureTopics, KafkaConfigurationLog, KafkaConnection, KafkaEventProducer } from '@tributary/bus';
import { configurationLogConformance } from '@tributary/configuration';
import { createLogger } from '@tributary/runtime';
import { eventually } from '@tributary/testing';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';

const connection = new KafkaConnection({
  brokers: inject('brokers').split(','),
  clientId: 'configuration-test',
  logger: createLogger('configuration-test', 'silent'),
});
const producer = new KafkaEventProducer({ connection });
const log = new KafkaConfigurationLog({
  connection,
  producer,
  probeEveryMs: 100,
  onFatal: (error) => {
    throw error;
  },
});

beforeAll(async () => {
  await ensureTopics(connection, 1);
});

afterAll(async () => {
  await producer.close();
  await connection.close();
});

describe('the configuration log over Kafka', () => {
  it.each(configurationLogConformance(log, randomUUID().slice(0, 8)))('$name', ({ run }) => run());
});

it('tells when it was last known to have handed over everything', async () => {
  const followed = await log.follow(() => undefined);
  const { lastHeardAt } = followed;
  await eventually(
    () => followed.lastHeardAt,
    (heardAt) => heardAt > lastHeardAt,
  );
  await followed.stop();
});
