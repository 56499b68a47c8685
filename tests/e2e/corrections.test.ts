/** From parked to refunded on the whole system: after each step every platform's own count and sum are what the ledger says it holds. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { DESTINATIONS } from '@tributary/destinations';
import { formatUnits } from '@tributary/domain';
import type { ClickhouseConnection } from '@tributary/store';
import { eventually, JARS_DIRECTORY } from '@tributary/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import type { ReceiverSummary } from '../../apps/sandbox/src/summary.ts';
import { freeAddresses } from '../free-addresses.ts';
import { type SandboxedPlatform, sandboxedPlatforms } from './sandboxed-platforms.ts';

const TOKEN = 'the-token-of-the-shop';
const SETTLE_BOUND_MS = 60_000;
const TEST_BOUND_MS = 8 * SETTLE_BOUND_MS;
const PERSON = {
  email: 'jane.doe@example.com',
  phone: '+16505550100',
  ip: '203.0.113.77',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36',
  ga_client_id: 'GA1.1.123456789.1767315845',
};
const AD_PLATFORM_IDS = {
  fbclid: 'IwAR0AbC-dEf_123',
  gclid: 'Cj0KCQiA-example_BwE',
  ttclid: 'E.C.P.example-ttclid',
  ScCid: 'example-ScCid-0001',
  epik: 'dj0yJnU9example',
  li_fat_id: '3f1c9f0e-1111-4222-8333-944455566677',
  rdt_cid: '5012345678901234567',
  msclkid: '0123456789abcdef0123456789abcdef',
  twclid: '2-example_twclid',
};

/** Two destinations of each platform: one is told of what is payable, the other already of what is pending. */
const AUDIENCES = [
  { n: 1, name: 'payable', states: ['payable'] },
  { n: 2, name: 'pending', states: ['pending', 'payable'] },
] as const;

type Audience = (typeof AUDIENCES)[number];

interface Watched extends SandboxedPlatform {
  readonly id: string;
  readonly definition: string;
  readonly audience: Audience['name'];
  readonly states: Audience['states'];
}

interface Standing {
  readonly count: number;
  readonly sum: string;
}
type Standings = Readonly<Record<string, Standing>>;

let home: string;
let system: TributarySystem;
let clickhouse: ClickhouseConnection;
let watched: readonly Watched[];

async function put(path: string, body: object): Promise<void> {
  const response = await fetch(`${system.urlOf('console')}/api/v1/${path}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${system.consoleApiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tributary-corrections-'));
  process.env['KAFKA_JARS'] = JARS_DIRECTORY;
  system = new TributarySystem({
    home,
    addresses: await freeAddresses(),
    onProgress: () => undefined,
  });
  await system.start();
  clickhouse = system.connectClickhouse();
  const document = (fields: object) => ({ document: { name: 'Chain', ...fields } });
  await put(
    'advertisers/shop',
    document({ currency: 'EUR', parkedForMs: 120_000, onRepeat: { sale: 'update' } }),
  );
  await put('partners/network', document({}));
  await put(
    'offers/shoes',
    document({ advertiserId: 'shop', payouts: [{ eventType: 'sale', kind: 'percent', percent: '10' }] }),
  );
  await put(
    'campaigns/summer',
    document({
      offerId: 'shoes',
      partnerId: 'network',
      landingUrl: `${system.urlOf('sandbox')}/landing?cid={click_id}`,
      status: 'active',
    }),
  );
  await put('sources/shop', {
    ...document({
      advertiserId: 'shop',
      profile: { defaultCurrency: 'EUR' },
      allowedExtras: ['ga_client_id', 'event_source_url'],
    }),
    tokens: [TOKEN],
  });
  watched = AUDIENCES.flatMap(({ n, name, states }) =>
    Object.entries(sandboxedPlatforms(system.urlOf('sandbox'), n)).map(([definition, platform]) => ({
      ...platform,
      id: `${definition}-${name}`,
      definition,
      audience: name,
      states,
    })),
  );
  for (const { id, definition, settings, secrets, states } of watched) {
    await put(`destinations/${id}`, { ...document({ definition, settings, status: 'active' }), secrets });
    await put(`subscriptions/${id}`, { document: { destinationId: id, filter: { states } } });
  }
});

afterAll(async () => {
  await clickhouse?.close();
  await system.stop();
  rmSync(home, { recursive: true, force: true });
});

async function postback(parameters: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(`${system.urlOf('ingestion')}/postback/shop`, {
    method: 'POST',
    headers: { 'x-token': TOKEN, 'content-type': 'application/json' },
    body: JSON.stringify({ ...PERSON, event_source_url: 'https://shop.example/thanks', ...parameters }),
  });
  expect(response.status).toBe(200);
}

async function click(clickId: string): Promise<void> {
  const response = await fetch(`${system.urlOf('ingestion')}/v1/clicks`, {
    method: 'POST',
    headers: { 'user-agent': PERSON.user_agent, 'content-type': 'application/json' },
    body: JSON.stringify({
      campaign: 'summer',
      click_id: clickId,
      partner_click_id: 'p-1',
      clicked_at: new Date(Date.now() - 3_600_000).toISOString(),
      landing_url: 'https://shop.example/landing',
      ...AD_PLATFORM_IDS,
    }),
  });
  expect(response.status).toBe(200);
}

/** What the ledger says that each destination holds. */
async function ledger(): Promise<Standings> {
  const rows = await clickhouse.rows<{ id: string; n: string; revenue: string; payout: string }>(
    `SELECT destinationId AS id, count() AS n,
       toString(sum(toInt128(ifNull(revenueMicros, 0)))) AS revenue, toString(sum(toInt128(ifNull(payoutMicros, 0)))) AS payout
     FROM (
       SELECT destinationId, ifNull(outcome, '') = 'delivered' AS isDelivered,
         if(isDelivered, toldState, heldState) AS state,
         if(isDelivered, toldRevenueMicros, heldRevenueMicros) AS revenueMicros,
         if(isDelivered, toldPayoutMicros, heldPayoutMicros) AS payoutMicros
       FROM holdings FINAL
     ) WHERE state IS NOT NULL GROUP BY id`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return standings(({ id, amount }) => {
    const row = byId.get(id);
    return { count: Number(row?.n ?? 0), sum: formatUnits(BigInt(row?.[amount] ?? 0)) };
  });
}

/** What each receiver of the sandbox has counted, by its platform's rules. */
async function counted(): Promise<Standings> {
  const summaries = new Map<string, ReceiverSummary>();
  for (const value of ['revenue', 'payout'] as const) {
    const query = `keyParameter=conversion&valueParameter=${value}&currencyParameter=currency`;
    const response = await fetch(`${system.urlOf('sandbox')}/admin/received/summary?${query}`);
    const { receivers } = (await response.json()) as { receivers: readonly ReceiverSummary[] };
    for (const each of receivers) summaries.set(`${value}/${each.kind}/${each.name}`, each);
  }
  return standings(({ receiver: { kind, name }, amount }) => {
    const summary = summaries.get(`${amount}/${kind}/${name}`);
    return { count: summary?.countedEvents ?? 0, sum: summary?.valueByCurrency['EUR'] ?? '0' };
  });
}

function standings(of: (platform: Watched) => Standing): Standings {
  return Object.fromEntries(watched.map((platform) => [platform.id, of(platform)]));
}

/** The destinations that the ledger lists with a wrong holding, each as often as it holds one. */
async function listedAsWrong(): Promise<readonly string[]> {
  const rows = await clickhouse.rows<{ id: string }>(
    "SELECT concat(destinationId, ' ', reasonCode) AS id FROM wrong_holdings ORDER BY id",
  );
  return rows.map(({ id }) => id);
}

interface Expected {
  /** Units of revenue by what the platform can take back; the payout is a tenth. */
  readonly sums: Readonly<Record<SandboxedPlatform['corrects'], number>>;
  readonly count: number;
  /** How many of its conversions a platform still holds wrongly, by the same. */
  readonly wrong: Readonly<Record<SandboxedPlatform['corrects'], number>>;
}

const NOTHING: Expected = expected(0, 0);

function expected(count: number, sum: number): Expected {
  return { count, sums: { any: sum, lower: sum, none: sum }, wrong: { any: 0, lower: 0, none: 0 } };
}

async function expectStep(by: Readonly<Record<Audience['name'], Expected>>): Promise<void> {
  const right = standings(({ audience, amount, corrects }) => {
    const { count, sums } = by[audience];
    return { count, sum: String(amount === 'payout' ? sums[corrects] / 10 : sums[corrects]) };
  });
  const wrong = watched
    .flatMap(({ id, audience, corrects }) => {
      const reason = corrects === 'lower' ? 'amount_raised' : 'correction_not_taken';
      return Array.from({ length: by[audience].wrong[corrects] }, () => `${id} ${reason}`);
    })
    .sort();
  await eventually(
    async () => [await ledger(), await counted(), await listedAsWrong()] as const,
    (read) => JSON.stringify(read) === JSON.stringify([right, right, wrong]),
    SETTLE_BOUND_MS,
  ).catch(() => undefined);
  expect(await counted()).toEqual(right);
  expect(await ledger()).toEqual(right);
  expect(await listedAsWrong()).toEqual(wrong);
}

async function expectConversions(match: string, state: string): Promise<void> {
  const read = () =>
    clickhouse.rows<{ match: string; state: string }>(
      "SELECT match, state FROM conversions FINAL WHERE eventType = 'sale'",
    );
  await eventually(
    read,
    (rows) =>
      rows.length === ORDERS.length && rows.every((row) => row.match === match && row.state === state),
    SETTLE_BOUND_MS,
  );
}

const ORDERS = [
  { transaction_id: 'lowered', click_id: randomUUID(), revenue: '20.00' },
  { transaction_id: 'raised', click_id: randomUUID(), revenue: '30.00' },
  { transaction_id: 'kept', click_id: randomUUID(), revenue: '10.00' },
];

it('has a destination of every platform', () => {
  const keys = Object.keys(sandboxedPlatforms('http://sandbox.example', 1));
  expect(keys.sort()).toEqual(DESTINATIONS.map(({ key }) => key).sort());
});

it(
  'parked → attributed → approved → value updated → refunded',
  async () => {
    const sale = { event_type: 'sale', status: 'pending' };
    for (const order of ORDERS) await postback({ ...sale, ...order });
    await expectConversions('parked', 'pending');
    await expectStep({ payable: NOTHING, pending: NOTHING });

    for (const { click_id: clickId } of ORDERS) await click(clickId);
    await expectConversions('attributed', 'pending');
    await expectStep({ payable: NOTHING, pending: expected(3, 60) });

    for (const order of ORDERS) await postback({ ...sale, ...order, status: 'approved' });
    await expectConversions('attributed', 'payable');
    await expectStep({ payable: expected(3, 60), pending: expected(3, 60) });

    const [lowered, raised, kept] = ORDERS.map((order) => ({ ...sale, ...order, status: 'approved' }));
    await postback({ ...lowered, revenue: '12.50' });
    await postback({ ...raised, revenue: '45.25' });
    // 12.50 + 45.25 + 10; a raised value is taken by few, and a lowered one by some.
    const updated: Expected = {
      count: 3,
      sums: { any: 67.75, lower: 52.5, none: 60 },
      wrong: { any: 0, lower: 1, none: 2 },
    };
    await expectStep({ payable: updated, pending: updated });

    for (const [order, revenue] of [
      [lowered, '12.50'],
      [raised, '20.25'],
      [kept, '10.00'],
    ] as const)
      await postback({
        event_type: 'refund',
        original_transaction_id: order?.transaction_id ?? '',
        revenue,
      });
    // Of 45.25 remain 25: less than the 30 that were told, so that who takes lower values is right again.
    const refunded: Expected = {
      count: 3,
      sums: { any: 25, lower: 25, none: 60 },
      wrong: { any: 0, lower: 0, none: 3 },
    };
    await expectStep({ payable: refunded, pending: refunded });
  },
  TEST_BOUND_MS,
);
