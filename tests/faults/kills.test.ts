/** SIGKILL of services and of ClickHouse once, each with work in flight: after the restart the ledger balances. Attribution, fan-out and Kafka have theirs in loops.test.ts. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { JARS_DIRECTORY } from '@tributary/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyDemoConfiguration } from '../../apps/launcher/src/demo/demo-configuration.ts';
import { Driver } from '../../apps/launcher/src/demo/driver.ts';
import { Journal } from '../../apps/launcher/src/demo/journal.ts';
import { type Ledger, printLedger } from '../../apps/launcher/src/ledger/ledger.ts';
import { settledLedger } from '../../apps/launcher/src/ledger/settle.ts';
import { TributarySystem } from '../../apps/launcher/src/system/tributary-system.ts';
import { freeAddresses } from '../free-addresses.ts';
import { Traffic } from './traffic.ts';

const SETTLE_BOUND_MS = 90_000;
/** Longer than any outage here: a click may reach us only when its sender has tried for a while. */
const PARKED_FOR_MS = 120_000;

let home: string;
let system: TributarySystem;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'tributary-faults-'));
  process.env['KAFKA_JARS'] = JARS_DIRECTORY;
  system = new TributarySystem({ home, addresses: await freeAddresses(), onProgress: console.log });
  await system.start();
  await applyDemoConfiguration(
    system.urlOf('console'),
    system.consoleApiKey,
    system.urlOf('sandbox'),
    PARKED_FOR_MS,
  );
});

afterAll(async () => {
  await system.stop();
  rmSync(home, { recursive: true, force: true });
});

/** Lets `drive` send, waits until all has settled, and holds the ledger to its balance. */
async function balanced(drive: (traffic: Traffic) => Promise<void>): Promise<Ledger> {
  const journal = new Journal(Date.now());
  const driver = new Driver({ ingestionUrl: system.urlOf('ingestion'), journal });
  await drive(new Traffic(driver, journal, randomBytes(4).toString('hex')));
  const clickhouse = system.connectClickhouse();
  const ledger = await settledLedger(
    { journal, clickhouse, sandboxUrl: system.urlOf('sandbox') },
    SETTLE_BOUND_MS,
  );
  await clickhouse.close();
  console.log(printLedger(ledger));
  expect(ledger.difference).toBe(0);
  return ledger;
}

/** Sends a flow of conversions and does `strike` in the middle of it, with requests in flight. */
async function through(victim: string, strike: () => Promise<void>): Promise<void> {
  await balanced(async (traffic) => {
    const flowing = traffic.flow();
    await traffic.reached(40);
    console.log(
      `SIGKILL of ${victim} with ${traffic.inFlight} requests in flight, ${traffic.sent} conversions sent`,
    );
    expect(traffic.inFlight).toBeGreaterThan(0);
    await strike();
    await flowing;
  });
}

describe('after a SIGKILL in mid-flow the ledger balances', () => {
  it.each(['ingestion', 'console', 'sandbox', 'schema-registry'] as const)('%s', async (name) => {
    const service = system.service(name);
    const restarts = service.restarts;
    await through(name, async () => {
      service.kill();
      await delay(100);
    });
    expect(service.restarts).toBe(restarts + 1);
    await service.ready();
  });

  it('clickhouse', () => through('clickhouse', () => system.crash('clickhouse')));
});

describe('the same fact again and again', () => {
  it('counts once and is delivered once per destination when posted 100 times in parallel', async () => {
    const ledger = await balanced((traffic) => traffic.sameSale(100));
    const lines = new Map(ledger.lines.map(({ label, actual }) => [label, actual]));
    expect(lines.get('accepted')).toBe(100);
    expect(lines.get('  duplicate_of')).toBe(99);
    expect(lines.get('deliveries delivered')).toBe(2);
  });
});
