/** `npm run rebuild`: makes a ClickHouse table anew from its topic, while the system goes on, and swaps it in. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { KafkaConnection } from '@tributary/bus';
import { createLogger, readSettings } from '@tributary/runtime';
import { clickhouseOf, REBUILD_BOUND_MS, type RebuildOutcome, TableRebuild } from '@tributary/store';
import type { Command } from './command.ts';

/** What the command needs of its surroundings. */
export interface RebuildSurroundings {
  open(): { readonly rebuild: Pick<TableRebuild, 'run' | 'tables' | 'dropKept'>; close(): Promise<void> };
  print(line: string): void;
  now(): number;
  /** Ends when a person breaks the command off. */
  signal(): AbortSignal;
}

const DONE = 0;
const REFUSED = 2;

const USAGE = `npm run rebuild -- TABLE [--from-table] [--accept-loss]
npm run rebuild -- TABLE --drop-old
  Reads the topic of a ClickHouse table once more, by a second queue with a group of its own, into a fresh table; compares
  the two; and swaps them in one step. The live table is read and written as ever meanwhile. What is in the way of it is
  said, and nothing is changed then. The table of before stays as TABLE_before_TIME. Without a table, lists those that can
  be rebuilt.
  --from-table   what the topic no longer holds is taken from the table that keeps all of its records (clicks, decisions, …)
  --accept-loss  swaps even when the live table has rows that are not in the topic
  --drop-old     drops what earlier swaps of the table have left, and does nothing else
  Ctrl-C removes what was made. Another rebuild, or a migration, cannot run at the same time. Not for a cluster.
  Exit code: 0 done; 2 refused, with the reason; 1 failed. docs/runbooks/rebuild-a-table.md tells what each line means.
  Reads KAFKA_BROKERS, CLICKHOUSE_URL, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD and CLICKHOUSE_DATABASE.`;

export function rebuildCommandIn({ open, print, now, signal }: RebuildSurroundings): Command {
  return {
    usage: USAGE,
    run: async (argv) => {
      const { values, positionals } = parseArgs({
        args: [...argv],
        allowPositionals: true,
        options: {
          'from-table': { type: 'boolean', default: false },
          'accept-loss': { type: 'boolean', default: false },
          'drop-old': { type: 'boolean', default: false },
        },
      });
      const [table, ...more] = positionals;
      if (more.length > 0) throw new Error(USAGE);
      const { rebuild, close } = open();
      try {
        if (table === undefined) {
          print(`tables that can be rebuilt: ${(await rebuild.tables()).join(', ')}`);
          return REFUSED;
        }
        if (values['drop-old']) {
          print(`dropped: ${(await rebuild.dropKept(table)).join(', ') || 'none'}`);
          return DONE;
        }
        const outcome = await rebuild.run({
          table,
          startedAt: now(),
          isFedFromTable: values['from-table'],
          isLossAccepted: values['accept-loss'],
          print,
          signal: signal(),
        });
        return ended(outcome, table, print);
      } finally {
        await close();
      }
    },
  };
}

function ended(outcome: RebuildOutcome, table: string, print: (line: string) => void): number {
  if (outcome.kind === 'refused') {
    print(`refused, ${outcome.code}: ${outcome.detail}`);
    print(`${table} is as it was`);
    return REFUSED;
  }
  print(`when nobody needs ${outcome.keptAs} any more: npm run rebuild -- ${table} --drop-old`);
  return DONE;
}

export const rebuildCommand: Command = rebuildCommandIn({
  open: () => {
    const settings = readSettings([
      'KAFKA_BROKERS',
      'CLICKHOUSE_URL',
      'CLICKHOUSE_USER',
      'CLICKHOUSE_PASSWORD',
      'CLICKHOUSE_DATABASE',
      'LOG_LEVEL',
    ]);
    const logger = createLogger('rebuild', settings.LOG_LEVEL);
    const log = new KafkaConnection({ brokers: settings.KAFKA_BROKERS, clientId: 'rebuild', logger });
    const clickhouse = clickhouseOf(settings, { requestTimeoutMs: REBUILD_BOUND_MS });
    return {
      rebuild: new TableRebuild(clickhouse, log),
      close: async () => {
        await Promise.all([log.close(), clickhouse.close()]);
      },
    };
  },
  print: (line) => console.log(line),
  now: () => Date.now(),
  signal: () => {
    const controller = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
    return controller.signal;
  },
});
