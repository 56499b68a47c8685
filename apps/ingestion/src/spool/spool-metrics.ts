/** What the spool tells Prometheus. */
import { counter, gauge } from '@tributary/runtime';

export const spoolMetrics = {
  records: gauge({
    name: 'tributary_spool_records',
    help: 'Records on disk that Kafka does not have yet.',
  }),
  bytes: gauge({
    name: 'tributary_spool_bytes',
    help: 'What they take on disk, in whole pages.',
  }),
  oldestSeconds: gauge({
    name: 'tributary_spool_oldest_seconds',
    help: 'For how long the oldest of them has waited; 0 when there is none.',
  }),
  damaged: gauge({
    name: 'tributary_spool_damaged_records',
    help: 'Records set aside in the spool: they cannot be read, or Kafka refuses them for good.',
  }),
  spooled: counter({
    name: 'tributary_spool_spooled_records_total',
    help: 'Records that were synced to the spool instead of being acknowledged by Kafka.',
  }),
  drained: counter({
    name: 'tributary_spool_drained_records_total',
    help: 'Records of the spool that Kafka has acknowledged.',
  }),
  refused: counter({
    name: 'tributary_spool_refused_records_total',
    help: 'Records that neither Kafka nor the spool could take.',
    labels: ['code'],
  }),
  ambiguous: counter({
    name: 'tributary_spool_ambiguous_records_total',
    help: 'Records that were given up with Kafka while it may have stored them: each may come twice, under the same id.',
  }),
};
