/** The command line of `npm start`. */
import { parseArgs } from 'node:util';

/** Faults the ledger must notice, each made on purpose after the sample went through. */
export const SABOTAGES = ['drop-row', 'drop-delivery', 'double-row', 'change-amount'] as const;
export type Sabotage = (typeof SABOTAGES)[number];

export interface Arguments {
  /** Print the ledger and exit. */
  readonly once: boolean;
  /** Start without demo data. */
  readonly empty: boolean;
  readonly sabotage: Sabotage | null;
  /** Added to every port, so that two systems run side by side. */
  readonly portOffset: number;
  readonly help: boolean;
}

export const USAGE = `npm start -- [options]
  --once              run the demo, print the ledger, stop; exit code 1 when it does not balance
  --empty             start without demo data
  --port-offset N     add N to every port
  --sabotage NAME     damage the data on purpose, to see the ledger notice: ${SABOTAGES.join(', ')}
  --help              this text
State lives in .tributary, or where TRIBUTARY_HOME says. KAFKA_BROKERS, CLICKHOUSE_URL and SCHEMA_REGISTRY_URL
each replace an embedded engine by your own.`;

/** @throws Error with one line for a person. */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      once: { type: 'boolean', default: false },
      empty: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      sabotage: { type: 'string' },
      'port-offset': { type: 'string', default: '0' },
    },
  });
  const sabotage = SABOTAGES.find((name) => name === values.sabotage) ?? null;
  if (values.sabotage !== undefined && sabotage === null) {
    throw new Error(`--sabotage takes one of ${SABOTAGES.join(', ')}`);
  }
  const portOffset = Number(values['port-offset']);
  if (!Number.isInteger(portOffset) || portOffset < 0 || portOffset > 50_000) {
    throw new Error('--port-offset takes a number from 0 to 50000');
  }
  return { once: values.once, empty: values.empty, help: values.help, sabotage, portOffset };
}
