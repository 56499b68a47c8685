/** What a sender sees on the whole system: what became of its receipt, of a repeat, of a test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { eventually, JARS_DIRECTORY } from '@tributary/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyDemoConfiguration, DEMO } from '../../apps/launcher/src/demo/demo-configuration.ts';
import { TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../free-addresses.ts';

const PARKED_FOR_MS = 120_000;

let home: string;
let system: TributarySystem;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tributary-senders-'));
  process.env['KAFKA_JARS'] = JARS_DIRECTORY;
  system = new TributarySystem({
    home,
    addresses: await freeAddresses(),
    onProgress: () => undefined,
  });
  await system.start();
  const { consoleApiKey } = system;
  await applyDemoConfiguration(
    system.urlOf('console'),
    consoleApiKey,
    system.urlOf('sandbox'),
    PARKED_FOR_MS,
  );
});

afterAll(async () => {
  await system.stop();
  rmSync(home, { recursive: true, force: true });
});

/** The click id of a redirect. */
async function click(): Promise<string> {
  const url = `${system.urlOf('ingestion')}/c/${DEMO.campaignId}?partner_click_id=p1`;
  const response = await fetch(url, { redirect: 'manual' });
  return response.headers.get('x-click-id') ?? '';
}

async function postback(parameters: Record<string, string>): Promise<string> {
  const response = await fetch(`${system.urlOf('ingestion')}/postback/${DEMO.sourceId}`, {
    method: 'POST',
    headers: { 'x-token': DEMO.token, 'content-type': 'application/json' },
    body: JSON.stringify({ event_type: 'sale', revenue: '20.00', currency: 'EUR', ...parameters }),
  });
  expect(response.status).toBe(200);
  return response.headers.get('x-receipt-id') ?? '';
}

async function verdictOf(receiptId: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${system.urlOf('ingestion')}/v1/receipts/${receiptId}?wait=10s`, {
    headers: { 'x-token': DEMO.token },
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

it('a receipt tells its verdict and where its conversion stands, the repeat which one it repeats', async () => {
  const clickId = await click();
  const sale = { click_id: clickId, transaction_id: 'order-1' };
  const receiptId = await postback(sale);
  const first = await verdictOf(receiptId);
  // A click of a moment ago may show after its postback, which is then parked for a second.
  expect(['counted', 'parked']).toContain(first['verdict']);
  const attributed = await eventually(
    () => verdictOf(receiptId),
    ({ conversion }) => (conversion as { match: string }).match === 'attributed',
  );
  expect(attributed).toMatchObject({
    status: 'accepted',
    sourceId: DEMO.sourceId,
    verdict: first['verdict'],
    conversion: { match: 'attributed', state: 'payable' },
  });
  const repeat = await verdictOf(await postback(sale));
  expect(repeat).toMatchObject({ verdict: 'duplicate_of', conversion: attributed['conversion'] });
  const other = await verdictOf(await postback({ ...sale, revenue: '21.00' }));
  expect(other).toMatchObject({ verdict: 'conflict', reasonCode: 'values_differ' });
});

it('a receipt whose click is not there yet says that it is parked', async () => {
  const receiptId = await postback({
    click_id: '019b7c0a-1c88-7000-8000-000000000001',
    transaction_id: 'order-2',
  });
  expect(await verdictOf(receiptId)).toMatchObject({
    verdict: 'parked',
    reasonCode: 'click_not_found',
    conversion: { match: 'parked' },
  });
});

it('a receipt that is not of the asking source is unknown', async () => {
  const receiptId = await postback({ transaction_id: 'order-3' });
  const url = `${system.urlOf('ingestion')}/v1/receipts/${receiptId}`;
  expect((await fetch(url, { headers: { 'x-token': 'another' } })).status).toBe(404);
  expect((await fetch(url)).status).toBe(401);
});
