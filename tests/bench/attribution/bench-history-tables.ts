/** Fills the tables that attribution looks facts up in, inside ClickHouse, by copies of rows that the pipeline itself has written. */
import type { ClickhouseConnection } from '@tributary/store';
import {
  ADVERTISERS,
  clickedAtOf,
  clickIdOf,
  customerOf,
  DAY_MS,
  HISTORY_DAYS,
  type History,
  pastConversionOf,
  pastTransactionOf,
} from './bench-history.ts';

/** A click and its conversion, decided by attribution and stored by the feeds; both of number 0. */
export interface Specimen {
  readonly clickId: string;
  readonly receiptId: string;
}

/** Rows of one INSERT: bounds the memory of ClickHouse, and says often how far it is. */
const ROWS_AT_ONCE = 2_500_000;

const ADVERTISER = `leftPad(toString(n % ${ADVERTISERS}), 2, '0')`;
const TRANSACTION = "concat('p-', leftPad(toString(n), 9, '0'))";
const CUSTOMER = "concat('c-', leftPad(toString(n), 9, '0'))";

function clickedAtSql({ firstClickAt, stored }: History): string {
  return `toInt64(${firstClickAt} + intDiv(n * ${HISTORY_DAYS * DAY_MS}, ${stored}))`;
}

function clickIdSql(history: History): string {
  const time = `right(lower(hex(${clickedAtSql(history)})), 12)`;
  const random = "lower(hex(MD5(concat('click-', toString(n)))))";
  return `toUUID(concat(${time}, '7', substring(${random}, 1, 3), '8', substring(${random}, 4, 3), substring(${random}, 7, 12)))`;
}

/** As deterministicUuid makes it, of parts whose lengths are fixed. */
function conversionIdSql(): string {
  const lane = `concat('8:bench-', ${ADVERTISER})`;
  const parts = `concat('10:conversion', ${lane}, ${lane}, '8:purchase', '11:transaction', '11:', ${TRANSACTION})`;
  return sha256UuidSql(parts);
}

function sha256UuidSql(text: string): string {
  const digest = `SHA256(${text})`;
  const variant = `lower(hex(bitOr(bitAnd(reinterpretAsUInt8(substring(${digest}, 9, 1)), 63), 128)))`;
  const version = `lower(hex(bitOr(bitAnd(reinterpretAsUInt8(substring(${digest}, 7, 1)), 15), 128)))`;
  return `toUUID(concat(hex(substring(${digest}, 1, 6)), ${version}, hex(substring(${digest}, 8, 1)), ${variant}, hex(substring(${digest}, 10, 7))))`;
}

/** Before anything is stored: that SQL and this process make the same ids. @throws Error when they do not. */
export async function checkIds(clickhouse: ClickhouseConnection, history: History): Promise<void> {
  for (const n of [0, 1, history.stored - 1]) {
    const [row] = await clickhouse.rows<Readonly<Record<string, string>>>(
      `WITH toUInt64(${n}) AS n SELECT toString(${clickIdSql(history)}) AS click, toString(${conversionIdSql()}) AS conversion,
        ${TRANSACTION} AS transaction, ${CUSTOMER} AS customer, toString(${clickedAtSql(history)}) AS clickedAt`,
    );
    const ours = {
      click: clickIdOf(n, history),
      conversion: pastConversionOf(n),
      transaction: pastTransactionOf(n),
      customer: customerOf(n),
      clickedAt: String(clickedAtOf(n, history)),
    };
    if (JSON.stringify(row) !== JSON.stringify(ours))
      throw new Error(`ids differ: ${JSON.stringify(row)} in SQL, ${JSON.stringify(ours)} here`);
  }
}

/** Clicks, past conversions and customers 1 … stored - 1; those of number 0 are the specimen. */
export async function fillHistory(
  clickhouse: ClickhouseConnection,
  history: History,
  specimen: Specimen,
  onProgress: (text: string) => void,
): Promise<void> {
  const statements = await statementsOf(clickhouse, history, specimen);
  for (let from = 1; from < history.stored; from += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, history.stored - from);
    for (const statement of statements)
      await clickhouse.run(
        statement.replace('{{numbers}}', `SELECT number AS n FROM numbers_mt(${from}, ${count})`),
      );
    onProgress(`${from + count} of ${history.stored} stored`);
  }
}

async function statementsOf(
  clickhouse: ClickhouseConnection,
  history: History,
  specimen: Specimen,
): Promise<readonly string[]> {
  const [conversionRow] = await clickhouse.rows<{ conversionId: string; recordVersion: string }>(
    'SELECT conversionId, recordVersion FROM conversions LIMIT 1',
  );
  const [decision] = await clickhouse.rows<{ value: string }>(
    'SELECT base64Encode(value) AS value FROM decision_records LIMIT 1',
  );
  if (conversionRow === undefined || decision === undefined) throw new Error('the specimen is not stored');
  const [clickState] = await clickhouse.rows<{ record: string; recordVersion: string }>(
    'SELECT record, recordVersion FROM click_states LIMIT 1',
  );
  if (clickState === undefined) throw new Error('the click of the specimen is not stored');
  const click = clickIdSql(history);
  const conversion = conversionIdSql();
  const places: readonly (readonly [string, string])[] = [
    [conversionRow.conversionId, `toString(${conversion})`],
    [specimen.clickId, `toString(${click})`],
    [specimen.receiptId, `toString(${sha256UuidSql("concat('receipt', toString(n))")})`],
    [pastTransactionOf(0), TRANSACTION],
    [customerOf(0), CUSTOMER],
    ['bench-00', `concat('bench-', ${ADVERTISER})`],
    ['offer-00', `concat('offer-', ${ADVERTISER})`],
    ['campaign-00', `concat('campaign-', ${ADVERTISER})`],
    ['source-00', `concat('source-', ${ADVERTISER})`],
  ];
  const clickEnd = specimen.clickId.slice(-12);
  const clickPlaces: readonly (readonly [string, string])[] = [
    ...places,
    [clickEnd, `right(toString(${click}), 12)`],
    [clickEnd.toUpperCase(), `upper(right(toString(${click}), 12))`],
    [String(clickedAtOf(0, history)), `toString(${clickedAtSql(history)})`],
  ];
  const scope = `concat('bench-', ${ADVERTISER}, '\\0', 'bench-', ${ADVERTISER}, '\\0live\\0')`;
  const clickScope = `concat('bench-', ${ADVERTISER}, '\\0live\\0')`;
  const hashOf = (key: string) => `reinterpretAsUInt64(SHA256(${key}))`;
  const settings = 'SETTINGS max_insert_threads = 2, max_block_size = 65536';
  return [
    `INSERT INTO clicks SELECT specimen.* REPLACE (
        newId AS clickId, newAt AS clickedAt, newAt AS receivedAt,
        concat('bench-', ${ADVERTISER}) AS advertiserId, concat('offer-', ${ADVERTISER}) AS offerId,
        concat('campaign-', ${ADVERTISER}) AS campaignId,
        concat('network-', right(toString(newId), 12)) AS partnerClickId,
        [('fbclid', concat('IwAR-', right(toString(newId), 12)), newAt)] AS adPlatformIds,
        concat('https://shop.example/landing?cid=', toString(newId), '&s=newsletter') AS landingUrl,
        unhex(right(toString(newId), 12)) AS ipCiphertext,
        if(n % 10 = 0, ${CUSTOMER}, NULL) AS customerId)
      FROM (SELECT n, ${click} AS newId, fromUnixTimestamp64Milli(${clickedAtSql(history)}, 'UTC') AS newAt
        FROM ({{numbers}})) AS numbered
      CROSS JOIN (SELECT * FROM clicks WHERE clickId = '${specimen.clickId}' LIMIT 1) AS specimen ${settings}`,
    `INSERT INTO click_states SELECT ${click}, ${clickState.recordVersion}, ${textSql(clickState.record, clickPlaces)}
      FROM ({{numbers}}) ${settings}`,
    `INSERT INTO click_keys SELECT ${hashOf(`concat('customer\\0', ${clickScope}, ${CUSTOMER})`)}, ${click}
      FROM ({{numbers}}) WHERE n % 10 = 0 ${settings}`,
    `INSERT INTO decision_records SELECT ${conversion}, ${bytesSql(Buffer.from(decision.value, 'base64'), places)}, n % 12, n
      FROM ({{numbers}}) ${settings}`,
    `INSERT INTO conversion_keys SELECT ${hashOf('key')}, conversionId FROM (
        SELECT ${conversion} AS conversionId, arrayJoin([
          concat('conversion\\0', toString(${conversion})),
          concat('transaction\\0', ${scope}, ${TRANSACTION}),
          concat('customer\\0', ${scope}, ${CUSTOMER}),
          concat('click\\0', toString(${click}))]) AS key
        FROM ({{numbers}})) ${settings}`,
    // Of this wide table attribution reads only what tells that a conversion waits.
    `INSERT INTO conversions (conversionId, revision, match, state, triggerPartition, recordVersion)
      SELECT ${conversion}, 1, 'attributed', 'payable', n % 12, ${conversionRow.recordVersion} FROM ({{numbers}}) ${settings}`,
  ];
}

/** The text with an expression in each of its places, as one concat: a copy then costs one pass. */
function textSql(text: string, places: readonly (readonly [string, string])[]): string {
  return concatSql(text, places, quoted);
}

/** The same of a record's bytes. Each place is as long as what comes there, so that the lengths in the record stay true. */
function bytesSql(bytes: Buffer, places: readonly (readonly [string, string])[]): string {
  const hexSql = (part: string) => `unhex('${Buffer.from(part, 'latin1').toString('hex')}')`;
  return concatSql(bytes.toString('latin1'), places, hexSql);
}

function concatSql(
  text: string,
  places: readonly (readonly [string, string])[],
  literal: (part: string) => string,
): string {
  const expressions = new Map(places);
  const pattern = new RegExp(`(${places.map(([place]) => place).join('|')})`);
  const parts = text.split(pattern).map((part) => expressions.get(part) ?? literal(part));
  return `concat(${parts.join(', ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
