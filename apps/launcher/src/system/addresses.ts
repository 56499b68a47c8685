/** Where everything listens, and which engines are the user's own. */
import process from 'node:process';

export interface Addresses {
  /** Null: embedded. */
  readonly ownKafka: string | null;
  readonly ownClickhouse: string | null;
  readonly ownSchemaRegistry: string | null;
  readonly ports: Readonly<Record<PortName, number>>;
}

const STANDARD_PORTS = {
  ingestion: 8080,
  console: 8081,
  attribution: 8082,
  fanOut: 8083,
  schemaRegistry: 8085,
  sandbox: 8090,
  kafka: 9092,
  kafkaController: 9093,
  clickhouseHttp: 8123,
  clickhouseTcp: 9000,
} as const;
export type PortName = keyof typeof STANDARD_PORTS;

const PORT_VARIABLES: Partial<Record<PortName, string>> = {
  ingestion: 'INGESTION_PORT',
  console: 'CONSOLE_PORT',
  attribution: 'ATTRIBUTION_PORT',
  fanOut: 'FAN_OUT_PORT',
  schemaRegistry: 'SCHEMA_REGISTRY_PORT',
  sandbox: 'SANDBOX_PORT',
};

export function readAddresses(
  portOffset: number,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Addresses {
  const ports = Object.entries(STANDARD_PORTS).map(([name, standard]) => {
    const variable = PORT_VARIABLES[name as PortName];
    const chosen = variable === undefined ? undefined : environment[variable];
    return [name, chosen ? Number(chosen) : standard + portOffset];
  });
  return {
    ownKafka: environment['KAFKA_BROKERS'] || null,
    ownClickhouse: environment['CLICKHOUSE_URL'] || null,
    ownSchemaRegistry: environment['SCHEMA_REGISTRY_URL'] || null,
    ports: Object.fromEntries(ports) as Record<PortName, number>,
  };
}
