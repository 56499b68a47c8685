/** What the bus tells Prometheus; labels are topic names, partition numbers and codes of closed lists. */
import { counter, gauge, latency } from '@tributary/runtime';

export const busMetrics = {
  recordsProduced: counter({
    name: 'tributary_bus_records_produced_total',
    help: 'Records acknowledged by Kafka.',
    labels: ['topic'],
  }),
  produceSeconds: latency({
    name: 'tributary_bus_produce_seconds',
    help: 'From the start of a flush until Kafka has acknowledged all of it.',
  }),
  resends: counter({
    name: 'tributary_bus_resends_total',
    help: 'Partitions sent again because the response did not speak of them.',
  }),
  producersDiscarded: counter({
    name: 'tributary_bus_producers_discarded_total',
    help: 'Producers thrown away after a failure.',
  }),
  recordsConsumed: counter({
    name: 'tributary_bus_records_consumed_total',
    help: 'Records done: handled or set aside.',
    labels: ['topic'],
  }),
  batchSeconds: latency({
    name: 'tributary_bus_batch_seconds',
    help: 'One call of a handler with a batch, whatever its end.',
    labels: ['topic'],
  }),
  deadLetters: counter({
    name: 'tributary_bus_dead_letters_total',
    help: 'Records set aside.',
    labels: ['topic', 'reason'],
  }),
  commitsRefused: counter({
    name: 'tributary_bus_commits_refused_total',
    help: 'Commits the broker refused or did not answer; their records come again.',
    labels: ['topic'],
  }),
  lag: gauge({
    name: 'tributary_bus_consumer_lag_records',
    help: 'Records of an owned partition that are not done yet.',
    labels: ['topic', 'partition'],
  }),
};
