/** Every process setting in one table; the only reader of process.env, all faults told at once. */
import process from 'node:process';
import { z } from 'zod';

const port = (standard: number) => z.coerce.number().int().min(0).max(65_535).default(standard);
const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((value) => value === 'true');

/** Name, meaning and default of each variable; `.env.example` lists the same ones and a test compares them. */
const SETTINGS = {
  KAFKA_BROKERS: z
    .string()
    .default('127.0.0.1:9092')
    .transform((text) => text.split(',').map((broker) => broker.trim()))
    .describe('Kafka bootstrap servers, comma separated.'),
  KAFKA_RF: z.coerce
    .number()
    .int()
    .min(1)
    .default(1)
    .describe('Replication factor of the topics: 1 embedded, 3 on a cluster.'),
  CLICKHOUSE_URL: z.url().default('http://127.0.0.1:8123').describe('ClickHouse HTTP address.'),
  CLICKHOUSE_USER: z.string().default('tributary').describe('ClickHouse user of the services.'),
  CLICKHOUSE_PASSWORD: z.string().default('tributary').describe('Its password.'),
  CLICKHOUSE_DATABASE: z.string().default('tributary').describe('Database of every table.'),
  CLICKHOUSE_FLUSH_MS: z.coerce
    .number()
    .int()
    .min(50)
    .default(500)
    .describe('How often ClickHouse flushes what it read from Kafka: 500 embedded, 1000 on a cluster.'),
  CLICKHOUSE_REPORT_FLUSH_MS: z.coerce
    .number()
    .int()
    .min(50)
    .default(1_000)
    .describe('The same of decided conversions, for reports and keys: the longer, the cheaper each row.'),
  CLICKHOUSE_CLUSTER: z
    .string()
    .regex(/^\w*$/)
    .default('')
    .describe('Name of the ClickHouse cluster the tables are spread over; empty on a single server.'),
  CLICKHOUSE_CLUSTER_URLS: z
    .string()
    .default('')
    .transform((text) => text.split(',').flatMap((url) => (url.trim() === '' ? [] : [url.trim()])))
    .describe('HTTP address of every host of the cluster, comma separated: migrations run on each.'),
  CLICKHOUSE_CLUSTER_REPLICATED: z
    .enum(['true', 'false'])
    .default('true')
    .transform((value) => value === 'true')
    .describe('Whether the shards are replicated, with Keeper and the macros {shard} and {replica}.'),
  SCHEMA_REGISTRY_URL: z
    .url()
    .default('http://127.0.0.1:8085')
    .describe('Confluent-compatible schema registry.'),
  SCHEMA_IDS: z
    .enum(['locked', 'registry'])
    .default('locked')
    .describe('Which ids records carry: those of the lock file, or those the registry gave.'),
  SCHEMA_REGISTRY_PORT: port(8085).describe('Port of our own schema registry.'),
  INGESTION_PORT: port(8080).describe('Port of ingestion: clicks and postbacks.'),
  CONSOLE_PORT: port(8081).describe('Port of console: API under /api/v1.'),
  ATTRIBUTION_PORT: port(8082).describe('Port of attribution: health.'),
  FAN_OUT_PORT: port(8083).describe('Port of fan-out: health.'),
  SANDBOX_PORT: port(8090).describe('Port of the sandbox receivers.'),
  SANDBOX_TLS_PORT: port(0).describe(
    'Port of a receiver of the sandbox whose certificate nobody vouches for; 0 for none.',
  ),
  SANDBOX_STATE: z
    .string()
    .default('')
    .describe('Folder where the sandbox keeps what it received; empty keeps it in memory only.'),
  LISTEN_HOST: z.string().default('127.0.0.1').describe('Address the services listen on.'),
  CONSOLE_URL: z
    .url()
    .default('http://127.0.0.1:8081')
    .describe('Console as the commands reach it: npm run apply, npm run rotate-secrets.'),
  CONSOLE_API_KEY: z.string().min(16).describe('Bearer key of the console API, role admin.'),
  SECRETS_KEYS: z
    .string()
    .min(1)
    .describe('AES-256 keys, base64, comma separated: the first encrypts, all decrypt.'),
  ACCEPT_DEADLINE_MS: z.coerce
    .number()
    .int()
    .min(50)
    .default(5_000)
    .describe('How long a sender waits for Kafka and the spool before the answer is 503.'),
  INGESTION_STATE: z
    .string()
    .default('.tributary/ingestion')
    .describe('Folder of what ingestion keeps on disk; every instance needs one of its own.'),
  SPOOL_MAX_BYTES: z.coerce
    .number()
    .int()
    .min(1_048_576)
    .default(1_073_741_824)
    .describe('What the spool of an instance may take on disk; above it postbacks are answered 503.'),
  TRUSTED_PROXIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(16)
    .default(0)
    .describe('Proxies in front of ingestion whose X-Forwarded-For and X-Forwarded-Proto are believed.'),
  INGESTION_INSTANCES: z.coerce
    .number()
    .int()
    .min(1)
    .default(1)
    .describe("Instances of ingestion behind the load balancer: each takes its share of a source's rate."),
  IDEMPOTENCY_KEY_HOURS: z.coerce
    .number()
    .min(1)
    .max(24 * 31)
    .default(24)
    .describe('How long an Idempotency-Key is remembered, so that its reuse for another content is refused.'),
  DELIVERY_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(100)
    .default(10_000)
    .describe('Total time of one delivery attempt.'),
  DELIVERY_ALLOW_PRIVATE: flag.describe(
    'Let deliveries reach private addresses: only for the sandbox and tests.',
  ),
  DELIVERY_ALLOWED_NETWORKS: z
    .string()
    .default('')
    .transform((text) =>
      text.split(',').flatMap((network) => (network.trim() === '' ? [] : [network.trim()])),
    )
    .pipe(z.array(z.union([z.ipv4(), z.cidrv4(), z.ipv6(), z.cidrv6()])))
    .describe('Private networks that deliveries may reach, such as 10.1.0.0/16, comma separated.'),
  DRAIN_DELAY_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(15_000)
    .default(3_000)
    .describe('How long a stopping service answers not ready before it takes nothing more.'),
  CLICK_FALLBACK_URL: z
    .union([z.literal(''), z.url({ protocol: /^https$/ })])
    .default('')
    .describe('Where clicks on unknown and paused campaigns go, https only; empty answers them 404.'),
  COUNTRY_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]*$/)
    .default('')
    .transform((name) => name.toLowerCase())
    .describe('Header in which your proxy names the country of a caller, e.g. cf-ipcountry; empty for none.'),
  CLICK_LOG_SHARE: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the clicks that get a line in the log, chosen by click id: 0 to 1.'),
  METRICS_TOKEN: z
    .union([z.literal(''), z.string().min(16)])
    .default('')
    .describe('Bearer token of GET /metrics; while empty it answers direct callers on this machine alone.'),
  TRACING: z
    .enum(['on', 'off'])
    .default('off')
    .describe('Spans by OpenTelemetry: on or off; OTEL_EXPORTER_OTLP_ENDPOINT turns them on too.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .union([z.literal(''), z.url()])
    .default('')
    .describe('Collector of the spans, OTLP over HTTP; http://127.0.0.1:4318 when tracing is on without it.'),
  EXIT_WITH_PARENT: flag.describe(
    'Drain when standard input closes: set by the launcher, whose services never outlive it.',
  ),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('pino level.'),
} as const;

export type SettingName = keyof typeof SETTINGS;
export type Settings<K extends SettingName> = { readonly [P in K]: z.output<(typeof SETTINGS)[P]> };

/** Names and meanings of every variable, for `.env.example`. */
export const SETTING_DESCRIPTIONS: ReadonlyMap<string, string> = new Map(
  Object.entries(SETTINGS).map(([name, schema]) => [name, schema.description ?? '']),
);

/**
 * The named settings, validated.
 * @throws Error that lists every fault, without the values: some are secrets.
 */
export function readSettings<const K extends SettingName>(
  names: readonly K[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Settings<K> {
  const faults: string[] = [];
  const entries = names.map((name) => {
    const raw = environment[name];
    const parsed = SETTINGS[name].safeParse(raw === '' ? undefined : raw);
    if (!parsed.success)
      faults.push(`${name}: ${parsed.error.issues.map(({ message }) => message).join('; ')}`);
    return [name, parsed.data];
  });
  if (faults.length > 0) throw new Error(`these settings are missing or wrong:\n  ${faults.join('\n  ')}`);
  return Object.fromEntries(entries) as Settings<K>;
}

/** A variable that a file of the user names, e.g. a secret of a configuration file; undefined when it is not set or empty. */
export function environmentVariable(name: string): string | undefined {
  return process.env[name] || undefined;
}
