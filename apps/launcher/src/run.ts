/** One run of the launcher from preflight to the last process stopped. */
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { readSettings } from '@tributary/runtime';
import type { Arguments } from './arguments.ts';
import { applyDemoConfiguration, DEMO } from './demo/demo-configuration.ts';
import { Driver } from './demo/driver.ts';
import { Journal } from './demo/journal.ts';
import { sendSample } from './demo/sample.ts';
import { printLedger } from './ledger/ledger.ts';
import { sabotage } from './ledger/sabotage.ts';
import { readLedger, settledLedger } from './ledger/settle.ts';
import { type Addresses, readAddresses } from './system/addresses.ts';
import { homeFolder } from './system/home.ts';
import { preflight } from './system/preflight.ts';
import { RunMarker } from './system/run-marker.ts';
import { TributarySystem } from './system/tributary-system.ts';

/** The demo's slowest case, a click that never comes, is given up after 6 s and decided within seconds more. */
const SETTLE_BOUND_MS = 60_000;
/** A service drains within 25 s. */
const LEFTOVER_BOUND_MS = 30_000;
const LEFTOVER_POLL_MS = 500;
/** What a service would refuse only after the engines are up; those the launcher makes itself are not among them. */
const CHECKED_SETTINGS = [
  'KAFKA_BROKERS',
  'KAFKA_RF',
  'CLICKHOUSE_URL',
  'CLICKHOUSE_FLUSH_MS',
  'CLICKHOUSE_REPORT_FLUSH_MS',
  'SCHEMA_REGISTRY_URL',
  'INGESTION_PORT',
  'CONSOLE_PORT',
  'ATTRIBUTION_PORT',
  'FAN_OUT_PORT',
  'SCHEMA_REGISTRY_PORT',
  'SANDBOX_PORT',
  'ACCEPT_DEADLINE_MS',
  'DELIVERY_TIMEOUT_MS',
  'DELIVERY_ALLOW_PRIVATE',
  'CLICK_LOG_SHARE',
  'TRUSTED_PROXIES',
  'INGESTION_INSTANCES',
  'IDEMPOTENCY_KEY_HOURS',
  'DRAIN_DELAY_MS',
  'METRICS_TOKEN',
  'TRACING',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'LOG_LEVEL',
] as const;

/** @returns the exit code: 0, or 1 when the ledger does not balance. @throws Error for a person. */
export async function run(options: Arguments): Promise<number> {
  readSettings(CHECKED_SETTINGS);
  const home = homeFolder();
  const addresses = readAddresses(options.portOffset);
  const startedAt = performance.now();
  const onProgress = (message: string) => {
    console.log(`[${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${message}`);
  };
  const marker = new RunMarker(home);
  await requireStartable(home, addresses, marker, onProgress);
  marker.set();
  const system = new TributarySystem({ home, addresses, onProgress });
  const interrupted = untilInterrupted(() => onProgress('Draining'));
  try {
    return await Promise.race([serve(system, options, interrupted, onProgress), interrupted]);
  } finally {
    await system.stop();
    marker.clear();
    onProgress('Stopped');
  }
}

async function serve(
  system: TributarySystem,
  { once, empty, sabotage: kind }: Arguments,
  interrupted: Promise<number>,
  onProgress: (message: string) => void,
): Promise<number> {
  await system.start();
  const exitCode = empty ? 0 : await demonstrate(system, kind, onProgress);
  if (once) return exitCode;
  console.log(welcome(system));
  return interrupted;
}

/**
 * Nothing stands in the way of a start. What a crashed launcher left ends by itself once its pipe has closed, so its
 * ports are waited for.
 * @throws Error with one line for each problem.
 */
async function requireStartable(
  home: string,
  addresses: Addresses,
  marker: RunMarker,
  onProgress: (message: string) => void,
): Promise<void> {
  const earlier = marker.earlierRun();
  if (earlier === 'alive')
    throw new Error(
      `Tributary already runs on ${home}: stop it, or set TRIBUTARY_HOME to another directory.`,
    );
  let problems = await preflight(home, addresses);
  if (earlier === 'crashed' && problems.some(({ code }) => code === 'port_taken')) {
    onProgress('The run before did not stop cleanly: waiting for what is left of it to end');
    const deadline = performance.now() + LEFTOVER_BOUND_MS;
    while (performance.now() < deadline && problems.some(({ code }) => code === 'port_taken')) {
      await delay(LEFTOVER_POLL_MS);
      problems = await preflight(home, addresses);
    }
  }
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'));
}

async function demonstrate(
  system: TributarySystem,
  kind: Arguments['sabotage'],
  onProgress: (message: string) => void,
): Promise<number> {
  onProgress('Applying the demo configuration');
  await applyDemoConfiguration(system.urlOf('console'), system.consoleApiKey, system.urlOf('sandbox'));
  onProgress('Sending the sample; one click never comes and is given up after 6 s');
  const journal = new Journal(Date.now());
  const driver = new Driver({
    ingestionUrl: system.urlOf('ingestion'),
    journal,
  });
  await sendSample(driver, journal, journal.startedAt.toString(36));
  const clickhouse = system.connectClickhouse();
  const sources = { journal, clickhouse, sandboxUrl: system.urlOf('sandbox') };
  let ledger = await settledLedger(sources, SETTLE_BOUND_MS);
  if (kind !== null && ledger.difference === 0) {
    onProgress(`Sabotage: ${kind}`);
    await sabotage(kind, journal, clickhouse, sources.sandboxUrl);
    ledger = await readLedger(sources);
  }
  await clickhouse.close();
  console.log(`\n${printLedger(ledger)}\n`);
  return ledger.difference === 0 ? 0 : 1;
}

function untilInterrupted(onSignal: () => void): Promise<number> {
  return new Promise((resolve) => {
    let isEnding = false;
    const end = () => {
      if (!isEnding) onSignal();
      isEnding = true;
      resolve(0);
    };
    // Not once: a second signal would end this process, and with it everything, in the middle of the drain.
    process.on('SIGINT', end);
    process.on('SIGTERM', end);
  });
}

function welcome(system: TributarySystem): string {
  return `Serving until Ctrl-C.
  a click      ${system.urlOf('ingestion')}/c/${DEMO.campaignId}?partner_click_id=abc&sub1=try
  a postback   curl '${system.urlOf('ingestion')}/postback/${DEMO.sourceId}?token=${DEMO.token}&event_type=sale&transaction_id=1&revenue=10&click_id=…'
  console      ${system.urlOf('console')}/api/v1/campaigns (Authorization: Bearer, key in keys.json of the state folder)
  receivers    ${system.urlOf('sandbox')}/admin/received/summary
  ClickHouse   curl '${system.clickhouseUrl}/?user=analyst&password=analyst&database=tributary' -d 'SELECT eventType, match, state, count() FROM conversions GROUP BY ALL'
  Kafka        ${system.brokers}`;
}
