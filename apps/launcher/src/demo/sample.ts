/** The demo's sample: every case a first look should show, sent like real traffic. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { multiplyByFraction, parseDecimalToMicros } from '@tributary/domain';
import { DEMO, DEMO_PAYOUTS } from './demo-configuration.ts';
import type { Driver } from './driver.ts';
import type { ExpectedConversion, Journal } from './journal.ts';

const BEFORE_BUYING_MS = 1_500;
const EVERYWHERE = [DEMO.partnerDestinationId, DEMO.metaDestinationId];

/** Destinations of an attributed conversion: ad platforms have no event for a renewal, so it goes to the partner alone. */
function destinationsOf(eventType: string): readonly string[] {
  return eventType === 'renewal' ? [DEMO.partnerDestinationId] : EVERYWHERE;
}

/** What is owed for an event of the demo offer, reckoned apart from the pipeline. */
function payoutOfDemo(eventType: keyof typeof DEMO_PAYOUTS, revenue: string | null): bigint {
  const terms = DEMO_PAYOUTS[eventType];
  if (terms.kind === 'fixed') return micros(terms.amount);
  return multiplyByFraction(micros(revenue ?? '0'), BigInt(terms.percent), 100n);
}

export function micros(decimal: string): bigint {
  const parsed = parseDecimalToMicros(decimal);
  if (!parsed.ok) throw new Error(`${decimal} is no amount`);
  return parsed.micros;
}

/** A click id as a landing page mints it: UUIDv7 of the given time. */
export function mintClickId(at: Date): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at.getTime(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What is expected of a conversion that finds its click. */
export function attributed(
  fact: string,
  eventType: keyof typeof DEMO_PAYOUTS,
  revenue: string | null,
): ExpectedConversion {
  return {
    fact,
    eventType,
    revenueMicros: revenue === null ? null : micros(revenue),
    payoutMicros: payoutOfDemo(eventType, revenue),
    match: 'attributed',
    destinationIds: destinationsOf(eventType),
  };
}

/** Sends the sample; `run` makes its transaction ids new on every run. */
export async function sendSample(driver: Driver, journal: Journal, run: string): Promise<void> {
  const clicks = await Promise.all(
    [1, 2, 3].map((n) =>
      driver.click({
        partner_click_id: `${run}-p${n}`,
        sub1: 'newsletter',
        utm_source: 'demo',
        fbclid: `IwAR-${run}-${n}`,
      }),
    ),
  );
  const [first = '', second = '', third = ''] = clicks;
  // People take a moment between a click and a purchase; without it every postback would wait for its click.
  await delay(BEFORE_BUYING_MS);
  const person = { email: 'jo@example.com', customer_id: `${run}-jo` };

  journal.expect(attributed('lead', 'lead', null));
  await driver.postback('lead', { click_id: first, event_type: 'lead', ...person });

  journal.expect(attributed('sale', 'sale', '49.90'));
  const sale = {
    click_id: first,
    event_type: 'sale',
    transaction_id: `${run}-1001`,
    revenue: '49.90',
    currency: 'EUR',
  };
  await driver.postback('sale', { ...sale, ...person }, { dialect: 'form' });
  await driver.postback('sale', { ...sale, ...person }, { dialect: 'json' });

  for (const month of ['1', '2']) {
    const fact = `renewal-${month}`;
    journal.expect(attributed(fact, 'renewal', '9.90'));
    await driver.postback(fact, {
      click_id: second,
      event_type: 'renewal',
      transaction_id: `${run}-renewal-${month}`,
      revenue: '9.90',
    });
  }

  journal.expect(attributed('before-its-click', 'sale', '120.00'));
  const clickedAt = new Date(Date.now() - 60_000);
  const early = mintClickId(clickedAt);
  await driver.postback('before-its-click', {
    click_id: early,
    event_type: 'sale',
    transaction_id: `${run}-1002`,
    revenue: '120.00',
    ...person,
  });
  await driver.directClick(early, clickedAt, {
    partner_click_id: `${run}-p4`,
    landing_url: 'https://shop.example/landing',
    fbclid: `IwAR-${run}-4`,
  });

  journal.expect({
    fact: 'unknown-click',
    eventType: 'sale',
    revenueMicros: micros('15.00'),
    payoutMicros: null,
    match: 'unattributed',
    destinationIds: [],
  });
  await driver.postback('unknown-click', {
    click_id: mintClickId(new Date()),
    event_type: 'sale',
    transaction_id: `${run}-1003`,
    revenue: '15.00',
  });

  await driver.postback('malformed', {
    click_id: third,
    event_type: 'sale',
    transaction_id: `${run}-1004`,
    revenue: 'lots',
  });
  await driver.postback('bad-token', { click_id: third, event_type: 'lead' }, { token: 'not-the-token' });
}
