/** What must be true before anything starts, told in one line each with the way out. */
import process from 'node:process';
import {
  areKafkaJarsComplete,
  checkJava,
  checkMaven,
  checkPlatform,
  checkPortFree,
  checkWritable,
  kafkaJarsDirectory,
  type PreflightProblem,
} from '@tributary/engines';
import type { Addresses, PortName } from './addresses.ts';

const SERVICE_PORTS: readonly PortName[] = [
  'ingestion',
  'console',
  'attribution',
  'fanOut',
  'schemaRegistry',
  'sandbox',
];

/** Problems that would stop the start; engines of one's own are not asked for what only embedded ones need. */
export async function preflight(home: string, addresses: Addresses): Promise<readonly PreflightProblem[]> {
  const checks = [
    checkWritable(home),
    ...(addresses.ownKafka === null ? [checkJava()] : []),
    ...(needsMaven(home, addresses) ? [checkMaven()] : []),
    ...(addresses.ownClickhouse === null ? [checkPlatform()] : []),
    ...SERVICE_PORTS.filter((name) => name !== 'schemaRegistry' || addresses.ownSchemaRegistry === null).map(
      (name) => checkPortFree(addresses.ports[name]),
    ),
  ];
  return (await Promise.all(checks)).filter((problem) => problem !== undefined);
}

/** Maven only fetches Kafka's jars, once. */
function needsMaven(home: string, { ownKafka }: Addresses): boolean {
  return ownKafka === null && !areKafkaJarsComplete(process.env['KAFKA_JARS'] || kafkaJarsDirectory(home));
}
