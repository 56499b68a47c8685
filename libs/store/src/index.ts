/** The ClickHouse side: connection, migrations, reads of each service, and reading one's own writes. */
export * from './connection.ts';
export * from './delivery-store.ts';
export * from './event-rows.ts';
export * from './evidence-store.ts';
export * from './facts-store.ts';
export * from './key-hash.ts';
export * from './migrate.ts';
export * from './overlay.ts';
export * from './reattribution-store.ts';
export * from './rebuild.ts';
export * from './rebuild-comparison.ts';
export * from './rebuild-plan.ts';
export * from './receipt-store.ts';
export * from './render-migration.ts';
export * from './signal-store.ts';
export * from './stored-offsets.ts';
export * from './undecoded-store.ts';
