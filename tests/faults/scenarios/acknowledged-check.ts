/** Holds everything that was acknowledged against the topics, read from their beginning, and against ClickHouse. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaConnection } from '@tributary/bus';
import type { ClickhouseConnection } from '@tributary/store';
import { eventsOf } from '../../topic-events.ts';
import type { AcknowledgedLoad } from './acknowledged-load.ts';
import { contentOfEvent } from './posted-content.ts';

/** One line of the ledger: `off` is what does not add up. */
export interface CheckLine {
  readonly label: string;
  readonly expected: number;
  readonly found: number;
  readonly off: number;
}

export interface Check {
  readonly lines: readonly CheckLine[];
  /** Of what differs in content; null when nothing does. */
  readonly example: string | null;
  /** Records of postbacks in the topic beyond the first of their receipt. */
  readonly repeatedPostbacks: number;
  readonly repeatedClicks: number;
}

const STORED_BOUND_MS = 180_000;

export async function checkAcknowledged(
  load: AcknowledgedLoad,
  kafka: KafkaConnection,
  clickhouse: ClickhouseConnection,
): Promise<Check> {
  const postbacks = await eventsOf(kafka, 'postback.received.v1');
  const clicks = await eventsOf(kafka, 'click.recorded.v1');
  const contents = new Map<string, string>();
  let unlikeRepeats = 0;
  for (const event of postbacks) {
    const content = contentOfEvent(event);
    const before = contents.get(event.receiptId);
    if (before !== undefined && before !== content) unlikeRepeats += 1;
    contents.set(event.receiptId, before ?? content);
  }
  const partnerClickIds = new Map(clicks.map((event) => [event.clickId, event.partnerClickId]));
  const receipts = compared(load.receipts, contents);
  const redirected = compared(load.clicks, partnerClickIds);
  const rows = await storedRows(clickhouse, 'postbacks', 'receiptId', load.receipts, contents.size);
  const clickRows = await storedRows(clickhouse, 'clicks', 'clickId', load.clicks, partnerClickIds.size);
  const answered = load.receipts.size;
  const lines: CheckLine[] = [
    { label: 'receipts in the topic', expected: answered, found: receipts.equal, off: receipts.missing },
    { label: 'receipts with other content', expected: 0, found: receipts.unlike, off: receipts.unlike },
    { label: 'repeats with other content', expected: 0, found: unlikeRepeats, off: unlikeRepeats },
    {
      label: 'receipt ids given out twice',
      expected: 0,
      found: load.repeatedReceipts,
      off: load.repeatedReceipts,
    },
    { label: 'receipts with a row', expected: answered, found: rows.present, off: answered - rows.present },
    { label: 'receipts with several rows', expected: 0, found: rows.several, off: rows.several },
    {
      label: 'clicks in the topic',
      expected: load.clicks.size,
      found: redirected.equal,
      off: redirected.missing,
    },
    { label: 'clicks with other content', expected: 0, found: redirected.unlike, off: redirected.unlike },
    {
      label: 'clicks with a row',
      expected: load.clicks.size,
      found: clickRows.present,
      off: load.clicks.size - clickRows.present,
    },
    { label: 'clicks with several rows', expected: 0, found: clickRows.several, off: clickRows.several },
  ];
  return {
    lines,
    example: receipts.example ?? redirected.example,
    repeatedPostbacks: postbacks.length - contents.size,
    repeatedClicks: clicks.length - partnerClickIds.size,
  };
}

export function printCheck(lines: readonly CheckLine[], example: string | null): string[] {
  return [
    ...(example === null ? [] : [`  ${example}`]),
    `  ${'ledger'.padEnd(44)} ${'expected'.padStart(10)} ${'found'.padStart(10)}`,
    ...lines.map(
      ({ label, expected, found, off }) =>
        `  ${label.padEnd(44)} ${String(expected).padStart(10)} ${String(found).padStart(10)}${off === 0 ? '' : `  ← ${off}`}`,
    ),
  ];
}

function compared(
  acknowledged: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string | null>,
): { equal: number; missing: number; unlike: number; example: string | null } {
  let [equal, missing, unlike] = [0, 0, 0];
  let example: string | null = null;
  for (const [id, content] of acknowledged) {
    if (!found.has(id)) missing += 1;
    else if (found.get(id) === content) equal += 1;
    else {
      unlike += 1;
      example ??= `sent ${content}, found ${found.get(id)}`;
    }
  }
  return { equal, missing, unlike, example };
}

/** Of the acknowledged ids, how many have a row and how many several, once ClickHouse has stored all that is in the topic. */
async function storedRows(
  clickhouse: ClickhouseConnection,
  table: 'postbacks' | 'clicks',
  column: string,
  acknowledged: ReadonlyMap<string, string>,
  expected: number,
): Promise<{ present: number; several: number }> {
  const givenUpAt = performance.now() + STORED_BOUND_MS;
  for (;;) {
    const rows = await clickhouse.rows<{ id: string; n: string }>(
      `SELECT toString(${column}) AS id, toString(count()) AS n FROM ${table} FINAL GROUP BY id`,
    );
    const ours = rows.filter(({ id }) => acknowledged.has(id));
    if ((rows.length >= expected && ours.length === acknowledged.size) || performance.now() > givenUpAt)
      return { present: ours.length, several: ours.filter(({ n }) => n !== '1').length };
    await delay(1_000);
  }
}
