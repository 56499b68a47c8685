/** What the figures of attribution are compared with: each of its parts alone, doing nothing else. */
import { setTimeout as delay } from 'node:timers/promises';
import { FactsStore } from '@tributary/store';
import type { AttributionSystem } from './attribution-system.ts';
import { clickIdOf, HISTORY_DAYS, type History } from './bench-history.ts';

export interface Ceilings {
  /** kafkajs reading postback.received, records a second. */
  readonly consume: number;
  /** Clicks found by id a second, four fifths of them of the last day. */
  readonly clickLookup: number;
  /** Postbacks of the topic joined with all clicks in one statement, a second. */
  readonly sqlJoin: number;
}

const LOOKUPS = 40;
const IDS_AT_ONCE = 500;
const CONSUME_BOUND_MS = 120_000;

/** @param sent postbacks that stand in the topic. */
export async function measureCeilings(
  system: AttributionSystem,
  history: History,
  sent: number,
): Promise<Ceilings> {
  return {
    consume: await consumed(system, sent),
    clickLookup: await lookedUp(system, history),
    sqlJoin: await joined(system),
  };
}

async function consumed({ connection }: AttributionSystem, sent: number): Promise<number> {
  const consumer = connection.kafka.consumer({ groupId: 'bench-ceiling', maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic: 'postback.received.v1', fromBeginning: true });
  let read = 0;
  let startedAt = 0;
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      startedAt ||= performance.now();
      read += batch.messages.length;
    },
  });
  const deadline = performance.now() + CONSUME_BOUND_MS;
  while (read < sent && performance.now() < deadline) await delay(5);
  const perSecond = (read / (performance.now() - startedAt)) * 1_000;
  await consumer.disconnect();
  if (read < sent) throw new Error(`${read} of ${sent} postbacks were read`);
  return perSecond;
}

async function lookedUp({ clickhouse }: AttributionSystem, history: History): Promise<number> {
  const store = new FactsStore(clickhouse);
  const { stored } = history;
  const lastDay = Math.ceil(stored / HISTORY_DAYS);
  const startedAt = performance.now();
  let found = 0;
  for (let lookup = 0; lookup < LOOKUPS; lookup += 1) {
    const ids = Array.from({ length: IDS_AT_ONCE }, (_, index) => {
      const spread = (lookup * IDS_AT_ONCE + index) * 7_919;
      return clickIdOf(
        index % 5 === 0 ? 1 + (spread % (stored - 1)) : stored - 1 - (spread % lastDay),
        history,
      );
    });
    found += (await store.clicksById([...new Set(ids)])).length;
  }
  return (found / (performance.now() - startedAt)) * 1_000;
}

async function joined({ clickhouse }: AttributionSystem): Promise<number> {
  const startedAt = performance.now();
  const [row] = await clickhouse.rows<{ n: string }>(
    `SELECT count() AS n FROM clicks AS c
     INNER JOIN (SELECT toUUIDOrZero(assumeNotNull(clickId)) AS clickId FROM postbacks WHERE clickId IS NOT NULL) AS p
     ON c.clickId = p.clickId`,
  );
  return (Number(row?.n ?? 0) / (performance.now() - startedAt)) * 1_000;
}
