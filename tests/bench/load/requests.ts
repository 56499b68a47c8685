/** What the ingestion benchmark sends, by number: request n is the same in every run of a name, and so is the event it must become. */
import { createHash, createHmac } from 'node:crypto';
import type { PostbackReceived } from '@tributary/contracts';
import { deterministicUuid } from '@tributary/domain';

export const SOURCE_ID = 'bench-network';
export const SIGNED_SOURCE_ID = 'bench-backend';
export const CAMPAIGN_ID = 'bench-campaign';
export const TOKEN = 'bench-source-token';
export const SIGNING_SECRET = 'bench-signing-secret-of-32-bytes';
export const ROWS_PER_BATCH = 1_000;

/** The source's own names for what it sends. */
export const PROFILE = {
  aliases: {
    clickId: ['aff_sub'],
    transactionId: ['order'],
    eventType: ['goal'],
    revenue: ['sale_amount'],
    currency: ['cur'],
    occurredAt: ['datetime'],
  },
  eventTypes: { '1': 'sale', '2': 'lead' },
  statuses: { ok: 'approved' },
};

const HOST = 'Host: 127.0.0.1\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n';
const FIRST_OCCURRED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);

interface Fact {
  readonly clickId: string;
  readonly transactionId: string;
  readonly revenueCents: number;
  readonly occurredAt: number;
}

function factOf(run: string, index: number): Fact {
  return {
    clickId: deterministicUuid('bench', run, String(index)),
    transactionId: `${run}-${index}`,
    revenueCents: 100 + (index % 99_900),
    occurredAt: FIRST_OCCURRED_AT + index * 1_000,
  };
}

/** Twelve parameters, the token among them. */
function parametersOf(run: string, index: number): [string, string][] {
  const { clickId, transactionId, revenueCents, occurredAt } = factOf(run, index);
  return [
    ['aff_sub', clickId],
    ['order', transactionId],
    ['goal', '1'],
    ['status', 'ok'],
    ['sale_amount', `${Math.floor(revenueCents / 100)}.${String(revenueCents % 100).padStart(2, '0')}`],
    ['cur', 'EUR'],
    ['datetime', new Date(occurredAt).toISOString()],
    ['customer_id', `customer-${index % 10_000}`],
    ['product', 'plan-annual'],
    ['sub1', 'newsletter'],
    ['sub2', `placement-${index % 50}`],
    ['token', TOKEN],
  ];
}

function queryOf(run: string, index: number): string {
  return parametersOf(run, index)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
}

/** What the ceiling is asked: the same query, which it takes whole. */
export function ceilingRequest(run: string, index: number): Buffer {
  const { clickId } = factOf(run, index);
  return Buffer.from(`GET /?click_id=${clickId}&${queryOf(run, index)} HTTP/1.1\r\n${HOST}\r\n`);
}

export function postbackRequest(run: string, index: number): Buffer {
  return Buffer.from(`GET /postback/${SOURCE_ID}?${queryOf(run, index)} HTTP/1.1\r\n${HOST}\r\n`);
}

/** The same facts as JSON, signed as docs/signing.md says. */
export function signedRequest(run: string, index: number): Buffer {
  const target = `/postback/${SIGNED_SOURCE_ID}`;
  const body = JSON.stringify(bodyOf(run, index));
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const nonce = `nonce-${run}-${index}`.padEnd(24, '-');
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const canonical = ['v1', 'POST', target, '', bodyHash, timestamp, nonce].join('\n');
  const signature = createHmac('sha256', SIGNING_SECRET).update(canonical).digest('hex');
  const proof = `X-Signature: v1=${signature}\r\nX-Timestamp: ${timestamp}\r\nX-Nonce: ${nonce}\r\n`;
  const head = `POST ${target} HTTP/1.1\r\n${HOST}${proof}Content-Type: application/json\r\n`;
  return Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** Without the token: what proves the sender stands beside the body. */
function bodyOf(run: string, index: number): Readonly<Record<string, string>> {
  return Object.fromEntries(parametersOf(run, index).filter(([name]) => name !== 'token'));
}

/** The facts of a batch, by number. */
export function rowsOfBatch(index: number): readonly number[] {
  return Array.from({ length: ROWS_PER_BATCH }, (_, row) => index * ROWS_PER_BATCH + row);
}

/** A batch as NDJSON. */
export function batchRequest(run: string, index: number): Buffer {
  const rows = rowsOfBatch(index).map((row) => JSON.stringify(bodyOf(run, row)));
  const body = rows.join('\n');
  const head = `POST /v1/postbacks?source=${SOURCE_ID} HTTP/1.1\r\n${HOST}X-Token: ${TOKEN}\r\nContent-Type: application/x-ndjson\r\n`;
  return Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

export function clickRequest(run: string, index: number): Buffer {
  const query = `partner_click_id=${run}-${index}&sub1=newsletter&sub2=placement-${index % 50}&utm_source=bench&utm_medium=cpc&fbclid=IwAR-${index}`;
  return Buffer.from(`GET /c/${CAMPAIGN_ID}?${query} HTTP/1.1\r\n${HOST}\r\n`);
}

/** Of the event, what its request fixes. */
export function expectedPostback(run: string, index: number): Partial<PostbackReceived> {
  const { clickId, transactionId, revenueCents, occurredAt } = factOf(run, index);
  return {
    clickId,
    transactionId,
    eventType: 'sale',
    eventTypeSent: '1',
    status: 'approved',
    statusSent: 'ok',
    revenueMicros: BigInt(revenueCents) * 10_000n,
    currency: 'EUR',
    occurredAt,
    occurredAtIsAssumed: false,
    customerId: `customer-${index % 10_000}`,
    productId: 'plan-annual',
    subIds: { sub1: 'newsletter', sub2: `placement-${index % 50}` },
  };
}
