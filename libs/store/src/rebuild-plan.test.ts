/** Plans of a rebuild: the chain from topic to table is found in the catalogue, and what was made is told from what is live. */
import { describe, expect, it } from 'vitest';
import {
  type CatalogueTable,
  dropWhole,
  keptTables,
  planRebuild,
  rebuildableTables,
  remainsOf,
} from './rebuild-plan.ts';

const STAMP = '20260102030405';
const UNFINISHED = 'being rebuilt, not for reading';

function table(name: string, changes: Partial<CatalogueTable> = {}): CatalogueTable {
  const engine = changes.engine ?? 'ReplacingMergeTree';
  return {
    name,
    engine,
    definition: `CREATE TABLE db.${name} (\`id\` UUID) ENGINE = ${engine}(recordVersion) ORDER BY id SETTINGS index_granularity = 1024`,
    query: '',
    sortingKey: 'id',
    views: [],
    comment: '',
    bytes: '10',
    columns: ['id', 'recordPartition', 'recordOffset', 'recordVersion'],
    ...changes,
  };
}

const view = (name: string, target: string, query: string) =>
  table(name, {
    engine: 'MaterializedView',
    definition: `CREATE MATERIALIZED VIEW db.${name} TO db.${target} (\`id\` UUID) AS ${query}`,
    query,
  });

const QUEUE = `CREATE TABLE db.clicks_queue (\`id\` UUID) ENGINE = Kafka SETTINGS kafka_topic_list = 'click.recorded.v1', kafka_group_name = 'clickhouse.db.click.recorded.v1', kafka_flush_interval_ms = 200`;

const CLICKS = [
  table('clicks'),
  table('click_keys'),
  table('clicks_queue', { engine: 'Kafka', definition: QUEUE, views: ['clicks_intake'] }),
  table('clicks_stream', {
    engine: 'Null',
    definition: 'CREATE TABLE db.clicks_stream (`id` UUID) ENGINE = Null',
    views: [
      'clicks_feed',
      'click_keys_feed',
      'click_customers_feed',
      'clicks_undecoded',
      'clicks_republished',
    ],
    columns: ['id', '_topic', '_offset'],
  }),
  view('clicks_intake', 'clicks_stream', 'SELECT * FROM db.clicks_queue'),
  view('clicks_feed', 'clicks', "SELECT id FROM db.clicks_stream WHERE _error = ''"),
  view('click_keys_feed', 'click_keys', 'SELECT id FROM db.clicks_stream'),
  view('click_customers_feed', 'click_keys', 'SELECT id FROM db.clicks_stream WHERE 2'),
  view('clicks_undecoded', 'undecoded_records', "SELECT id FROM db.clicks_stream WHERE _error != ''"),
  view('clicks_republished', 'republished_records', 'SELECT id FROM db.clicks_stream WHERE 1'),
];
const SIDE = [table('undecoded_records'), table('republished_records')];
const CATALOGUE = [...CLICKS, ...SIDE, table('schema_migrations', { engine: 'MergeTree' })];

function planOf(name: string, catalogue: readonly CatalogueTable[] = CATALOGUE) {
  const plan = planRebuild(catalogue, name, STAMP);
  if (plan.kind === 'refused') throw new Error(plan.detail);
  return plan;
}

describe('a plan', () => {
  it('copies the feed of one table, and none of its neighbours', () => {
    const fresh = `clicks_rebuild_${STAMP}`;
    expect(planOf('clicks')).toMatchObject({
      topic: 'click.recorded.v1',
      liveGroup: 'clickhouse.db.click.recorded.v1',
      group: `clickhouse.db.click.recorded.v1.rebuild.${STAMP}`,
      flushMs: 200,
      feeds: ['clicks_feed'],
      kept: `clicks_before_${STAMP}`,
      build: [
        `CREATE TABLE db.${fresh} (\`id\` UUID) ENGINE = ReplacingMergeTree(recordVersion) ORDER BY id SETTINGS index_granularity = 1024 COMMENT '${UNFINISHED}'`,
        expect.stringContaining(`CREATE TABLE db.${fresh}_undecoded_records `),
        expect.stringContaining(`CREATE TABLE db.${fresh}_republished_records `),
        `CREATE TABLE db.${fresh}_clicks_stream (\`id\` UUID) ENGINE = Null`,
        `CREATE MATERIALIZED VIEW ${fresh}_clicks_feed TO ${fresh} AS SELECT id FROM db.${fresh}_clicks_stream WHERE _error = ''`,
        `CREATE MATERIALIZED VIEW ${fresh}_clicks_undecoded TO ${fresh}_undecoded_records AS SELECT id FROM db.${fresh}_clicks_stream WHERE _error != ''`,
        `CREATE MATERIALIZED VIEW ${fresh}_clicks_republished TO ${fresh}_republished_records AS SELECT id FROM db.${fresh}_clicks_stream WHERE 1`,
      ],
      attach: [
        `CREATE TABLE db.${fresh}_clicks_queue (\`id\` UUID) ENGINE = Kafka SETTINGS kafka_topic_list = 'click.recorded.v1', kafka_group_name = 'clickhouse.db.click.recorded.v1.rebuild.${STAMP}', kafka_flush_interval_ms = 200`,
        `CREATE MATERIALIZED VIEW ${fresh}_clicks_intake TO ${fresh}_clicks_stream AS SELECT * FROM db.${fresh}_clicks_queue`,
      ],
      join: [
        `CREATE MATERIALIZED VIEW ${fresh}_join_1 TO ${fresh} AS SELECT id FROM db.clicks_stream WHERE _error = ''`,
      ],
      swap: `EXCHANGE TABLES clicks AND ${fresh}`,
    });
  });

  it('copies every view of the stream into the table', () => {
    const { feeds, join } = planOf('click_keys');
    expect(feeds).toEqual(['click_keys_feed', 'click_customers_feed']);
    expect(join).toHaveLength(2);
  });

  it('takes what the topic has lost from the table that the stream is named after', () => {
    const first = new Map([
      [0, 5],
      [1, 0],
      [2, 7],
    ]);
    const fill = planOf('click_keys').fill(first);
    expect(fill).toContain(`INSERT INTO click_keys_rebuild_${STAMP}_clicks_stream (\`id\`, _topic,`);
    expect(fill).toContain('FROM clicks FINAL');
    expect(fill).toContain(
      'WHERE (recordPartition = 0 AND recordOffset < 5) OR (recordPartition = 2 AND recordOffset < 7)',
    );
  });

  it.each([
    ['no table holds every field', table('clicks', { columns: ['recordPartition', 'recordOffset'] })],
    ['no table says where its records stood', table('clicks', { columns: ['id'] })],
  ])('takes nothing from a table when %s', (_name, clicks) => {
    expect(planOf('click_keys', [clicks, ...CATALOGUE.slice(1)]).fill(new Map([[0, 5]]))).toBeNull();
  });

  const changed = (name: string, changes: Partial<CatalogueTable>) =>
    CATALOGUE.map((each) => (each.name === name ? { ...each, ...changes } : each));

  it.each<[string, string, string, readonly CatalogueTable[]]>([
    ['unknown_table', 'visits', 'nobody knows', CATALOGUE],
    ['not_fed', 'schema_migrations', 'no view feeds', CATALOGUE],
    ['not_fed', 'clicks_queue', 'is the queue', CATALOGUE],
    ['not_fed', 'clicks', 'no queue feeds', changed('clicks_queue', { engine: 'MergeTree' })],
    ['on_a_cluster', 'clicks', 'is spread', changed('clicks', { engine: 'Distributed' })],
    ['feeds_views', 'clicks', 'feeds others', changed('clicks', { views: ['sums'] })],
    [
      'hidden_settings',
      'clicks',
      'has a password',
      changed('clicks_queue', { definition: `${QUEUE}, kafka_sasl_password = '[HIDDEN]'` }),
    ],
    [
      'several_topics',
      'undecoded_records',
      'two topics feed',
      [
        ...CATALOGUE,
        table('others_stream', { engine: 'Null', views: ['others_undecoded'] }),
        view('others_undecoded', 'undecoded_records', 'SELECT id FROM db.others_stream'),
      ],
    ],
  ])('%s: %s, which %s', (code, name, _why, catalogue) => {
    expect(planRebuild(catalogue, name, STAMP)).toMatchObject({ kind: 'refused', code });
  });

  it('is there for tables with a feed of their own', () => {
    const remains = [table(`clicks_before_${STAMP}`), table(`clicks_rebuild_${STAMP}`)];
    expect(rebuildableTables([...CATALOGUE, ...remains])).toEqual(
      expect.arrayContaining(['clicks', 'click_keys']),
    );
    expect(rebuildableTables([...CATALOGUE, ...remains])).not.toEqual(
      expect.arrayContaining([expect.stringContaining(STAMP)]),
    );
  });
});

describe('what a run has left', () => {
  const fresh = `clicks_rebuild_${STAMP}`;
  const made = (comment: string) => [
    table(fresh, { comment }),
    table(`${fresh}_clicks_queue`, {
      engine: 'Kafka',
      definition: QUEUE.replace("recorded.v1', kafka_fl", `recorded.v1.rebuild.${STAMP}', kafka_fl`),
      views: [`${fresh}_clicks_intake`],
    }),
    table(`${fresh}_clicks_stream`, { engine: 'Null' }),
    view(`${fresh}_clicks_intake`, `${fresh}_clicks_stream`, ''),
    view(`${fresh}_join_1`, fresh, ''),
  ];

  it('is nothing in a database at rest', () => {
    expect(remainsOf([...CATALOGUE, table(`clicks_before_${STAMP}`)])).toEqual({
      statements: [],
      groups: [],
    });
  });

  it('goes in an order that never leaves the live queue with a view into nowhere', () => {
    expect(remainsOf([...CATALOGUE, ...made(UNFINISHED)]).statements).toEqual([
      `DROP VIEW IF EXISTS ${fresh}_join_1 SYNC`,
      `DROP TABLE IF EXISTS ${fresh}_clicks_queue SYNC`,
      `DROP VIEW IF EXISTS ${fresh}_clicks_intake SYNC`,
      dropWhole(fresh),
      dropWhole(`${fresh}_clicks_stream`),
    ]);
  });

  it('keeps the table that an exchange has put in the place of the fresh one', () => {
    const exchanged = [...CATALOGUE.slice(1), table('clicks', { comment: UNFINISHED }), ...made('')];
    const { statements } = remainsOf(exchanged);
    expect(statements).toContain(`RENAME TABLE ${fresh} TO clicks_before_${STAMP}`);
    expect(statements).not.toContain(dropWhole(fresh));
    expect(statements.at(-1)).toBe("ALTER TABLE clicks MODIFY COMMENT ''");
  });

  it('is told from that of another run', () => {
    const later = `clicks_rebuild_${Number(STAMP) + 1}`;
    const both = [...CATALOGUE, ...made(UNFINISHED), table(later, { comment: UNFINISHED })];
    expect(remainsOf(both, { table: 'clicks', fresh: later }).statements).toEqual([dropWhole(later)]);
    expect(remainsOf(both).statements).toHaveLength(6);
  });

  it('names its groups, and never that of a live queue', () => {
    expect(remainsOf([...CATALOGUE, ...made(UNFINISHED)]).groups).toEqual([
      `clickhouse.db.click.recorded.v1.rebuild.${STAMP}`,
    ]);
  });

  it('does not count as a kept table of another one', () => {
    const kept = [
      table(`clicks_before_${STAMP}`),
      table(`click_keys_before_${STAMP}`),
      table('clicks_before'),
    ];
    expect(keptTables([...CATALOGUE, ...kept], 'clicks')).toEqual([`clicks_before_${STAMP}`]);
  });
});
