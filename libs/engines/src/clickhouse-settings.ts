/** The configuration and the users of the embedded ClickHouse server. */
import { createHash } from 'node:crypto';

/** The services' user: everything is allowed, including grants. */
export const CLICKHOUSE_SERVICE_USER = 'tributary';
/** The user for people and their tools: reads only, and always deduplicated rows. */
export const CLICKHOUSE_ANALYST_USER = 'analyst';

/**
 * What the analyst may read: a table that is not here, none; a column that is named here, not. Tables and not all of the
 * database, because whoever selects from a queue takes its records away from the pipeline, and a view shows what its
 * table hides.
 *
 * Hidden is what says more of a person than analysis needs: encrypted addresses, unsalted hashes of e-mail and phone (who
 * has an address can look whether it is there), whole calls and bodies, raw bytes of records.
 */
export const ANALYST_TABLES: Readonly<Record<string, readonly string[]>> = {
  clicks: ['subjectHashes', 'ipCiphertext'],
  postbacks: ['subjectHashes', 'ipCiphertext', 'rawCall'],
  refused_postbacks: ['rawCall'],
  receipts: [],
  decisions: ['subjectHashes', 'ipCiphertext', 'clickIpCiphertext'],
  conversions: ['subjectHashes', 'ipCiphertext', 'clickIpCiphertext'],
  lifecycle_signals: ['subjectHashes'],
  // Lookups of attribution: the whole record, and hashes that some were made of hashes of persons.
  decision_records: ['value'],
  conversion_keys: ['keyHash'],
  conversion_revisions: [],
  click_states: ['record'],
  click_keys: ['keyHash'],
  person_clicks: [],
  cap_places: [],
  tier_places: [],
  delivery_attempts: ['requestHeaders', 'requestBody', 'responseHeaders', 'responseBody'],
  deliveries: [],
  holdings: [],
  wrong_holdings: [],
  held_deliveries: [],
  delivery_commands: [],
  replays: [],
  dead_letters: ['key', 'value', 'headers'],
  configuration_changes: [],
  undecoded_records: ['key', 'value', 'error'],
  republished_records: [],
  schema_migrations: [],
};
/** Rows the analyst does not see: entities whose documents hold the hashes of credentials. */
const ANALYST_ROW_FILTERS: Readonly<Record<string, string>> = {
  configuration_changes: "entityType NOT IN ('source', 'api_key')",
};

const ANALYST_SECONDS_PER_QUERY = 60;
const ANALYST_BYTES_PER_QUERY = 4 * 1024 ** 3;
const ANALYST_RESULT_ROWS = 1_000_000;

/**
 * Paths relative to the server's working directory: ClickHouse takes braces, stars and question marks in a file name
 * for patterns, and a home may lie under any name.
 */
export const CLICKHOUSE_LOG = '../logs/clickhouse.log';
export const CLICKHOUSE_USERS_FILE = 'users.xml';

/** A cluster of embedded servers on this machine, one shard each; replication needs Keeper, which they have not. */
export interface ClickhouseCluster {
  readonly name: string;
  /** Native port of every shard, this server's own among them, in the order all of them know. */
  readonly shardTcpPorts: readonly number[];
  /** Of the user `tributary`, as which the servers speak to each other. */
  readonly password: string;
}

/** Content of config.xml. */
export function configXml(cluster?: ClickhouseCluster): string {
  return `<clickhouse>${cluster === undefined ? '' : remoteServersXml(cluster)}
  <users_config>${CLICKHOUSE_USERS_FILE}</users_config>
  <logger>
    <level>information</level>
    <log>${CLICKHOUSE_LOG}</log>
    <errorlog>../logs/clickhouse-errors.log</errorlog>
    <size>10M</size>
    <count>3</count>
  </logger>
  <!-- With librdkafka's default of 45 s, a Kafka table waits that long after a crash before it consumes again. -->
  <kafka>
    <session_timeout_ms>6000</session_timeout_ms>
    <heartbeat_interval_ms>1000</heartbeat_interval_ms>
  </kafka>
  <!-- A Kafka table holds a thread of this pool while it polls; with fewer threads than tables they take turns. -->
  <background_message_broker_schedule_pool_size>32</background_message_broker_schedule_pool_size>
</clickhouse>
`;
}

function remoteServersXml({ name, shardTcpPorts, password }: ClickhouseCluster): string {
  const shards = shardTcpPorts.map(
    (port) => `
      <shard>
        <replica>
          <host>127.0.0.1</host>
          <port>${port}</port>
          <user>${CLICKHOUSE_SERVICE_USER}</user>
          <password>${xmlText(password)}</password>
        </replica>
      </shard>`,
  );
  return `
  <remote_servers>
    <${name}>${shards.join('')}
    </${name}>
  </remote_servers>`;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * Content of users.xml.
 *
 * \`default\` must exist and must have no password: the process itself logs in under this name to open its listeners
 * (measured: without it no statement runs). It is closed to everybody else by a limit of one session, which the process
 * holds for as long as it lives. Otherwise any page in the developer's browser could send queries to the HTTP port.
 *
 * \`readonly\` is 2 and not 1 for the analyst: 1 forbids every setting, and common clients send some with each query.
 * The constraints keep those that matter where they are.
 *
 * \`default\` is also the profile of the Kafka tables: on a cluster they must not commit before the other shard has its
 * rows (measured: otherwise they did, and half of the rows were not there).
 *
 * @param database whose tables the analyst reads.
 */
export function usersXml(servicePassword: string, analystPassword: string, database = 'tributary'): string {
  return `<clickhouse>
  <profiles>
    <default>
      <distributed_foreground_insert>1</distributed_foreground_insert>
    </default>
    <own_session>
      <max_sessions_for_user>1</max_sessions_for_user>
    </own_session>
    <analyst>
      <readonly>2</readonly>
      <final>1</final>
      <max_execution_time>${ANALYST_SECONDS_PER_QUERY}</max_execution_time>
      <max_memory_usage>${ANALYST_BYTES_PER_QUERY}</max_memory_usage>
      <max_result_rows>${ANALYST_RESULT_ROWS}</max_result_rows>
      <constraints>
        <final><const/></final>
        <stream_like_engine_allow_direct_select><const/></stream_like_engine_allow_direct_select>
        <max_execution_time><min>1</min><max>${ANALYST_SECONDS_PER_QUERY}</max></max_execution_time>
        <max_memory_usage><min>1</min><max>${ANALYST_BYTES_PER_QUERY}</max></max_memory_usage>
        <max_result_rows><min>1</min><max>${ANALYST_RESULT_ROWS}</max></max_result_rows>
      </constraints>
    </analyst>
  </profiles>
  <quotas>
    <default/>
  </quotas>
  <users>
    <default>
      <password/>
      <networks><ip>::1</ip></networks>
      <profile>own_session</profile>
      <quota>default</quota>
    </default>
    <${CLICKHOUSE_SERVICE_USER}>
      <password_sha256_hex>${sha256(servicePassword)}</password_sha256_hex>
      <networks><ip>::1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <access_management>1</access_management>
    </${CLICKHOUSE_SERVICE_USER}>
    <${CLICKHOUSE_ANALYST_USER}>
      <password_sha256_hex>${sha256(analystPassword)}</password_sha256_hex>
      <networks><ip>::1</ip></networks>
      <profile>analyst</profile>
      <quota>default</quota>
      <grants>
${analystGrants(database)}
      </grants>
      <databases>
        <${database}>
${analystRowFilters()}
        </${database}>
      </databases>
    </${CLICKHOUSE_ANALYST_USER}>
  </users>
</clickhouse>
`;
}

function analystGrants(database: string): string {
  return Object.entries(ANALYST_TABLES)
    .flatMap(([table, hidden]) => [
      `GRANT SELECT ON ${database}.${table}`,
      ...(hidden.length > 0 ? [`REVOKE SELECT(${hidden.join(', ')}) ON ${database}.${table}`] : []),
    ])
    .map((statement) => `        <query>${statement}</query>`)
    .join('\n');
}

function analystRowFilters(): string {
  return Object.entries(ANALYST_ROW_FILTERS)
    .map(([table, filter]) => `          <${table}><filter>${filter}</filter></${table}>`)
    .join('\n');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
