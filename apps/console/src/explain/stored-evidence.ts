/** The console's evidence of conversions on a real ClickHouse. */
import type { Settings } from '@tributary/runtime';
import { clickhouseOf, EvidenceStore } from '@tributary/store';
import type { ConsoleEvidence } from '../console.module.ts';

export function storedEvidence(
  settings: Settings<'CLICKHOUSE_URL' | 'CLICKHOUSE_USER' | 'CLICKHOUSE_PASSWORD' | 'CLICKHOUSE_DATABASE'>,
): ConsoleEvidence {
  const clickhouse = clickhouseOf(settings);
  return { reader: new EvidenceStore(clickhouse), close: () => clickhouse.close() };
}
