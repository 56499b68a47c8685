/** The console's evidence of conversions on a real ClickHouse. */
import { SchemaRegistryClient } from '@tributary/bus';
import type { Settings } from '@tributary/runtime';
import { clickhouseOf, EvidenceStore } from '@tributary/store';
import type { ConsoleEvidence } from '../console.module.ts';

export function storedEvidence(
  settings: Settings<
    | 'CLICKHOUSE_URL'
    | 'CLICKHOUSE_USER'
    | 'CLICKHOUSE_PASSWORD'
    | 'CLICKHOUSE_DATABASE'
    | 'SCHEMA_REGISTRY_URL'
  >,
): ConsoleEvidence {
  const clickhouse = clickhouseOf(settings);
  const schemas = new SchemaRegistryClient({ url: settings.SCHEMA_REGISTRY_URL });
  return { reader: new EvidenceStore(clickhouse, schemas), close: () => clickhouse.close() };
}
