/** Prometheus metrics of this process: one collection, names by convention, never a personal value in a label. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric of a process; `GET /metrics` prints it. */
export const processMetrics = new Registry();

/** Starts the standard process metrics (CPU, memory, event-loop lag, open files); called once by startService. */
export function collectProcessMetrics(service: string): void {
  processMetrics.setDefaultLabels({ service });
  collectDefaultMetrics({ register: processMetrics });
}

interface MetricText<Label extends string> {
  /** `tributary_<what>_<unit>`, `_total` for a counter: https://prometheus.io/docs/practices/naming/ */
  readonly name: `tributary_${string}`;
  readonly help: string;
  readonly labels?: readonly Label[];
}

/** Upper bounds in seconds: from a produce on this machine (2 ms) to a delivery that runs into its timeout. */
const LATENCY_BOUNDS_SECONDS = [
  0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800,
];

export function counter<Label extends string = never>(text: MetricText<Label>): Counter<Label> {
  return new Counter({ ...options(text), registers: [processMetrics] });
}

export function gauge<Label extends string = never>(text: MetricText<Label>): Gauge<Label> {
  return new Gauge({ ...options(text), registers: [processMetrics] });
}

/** A histogram of seconds. */
export function latency<Label extends string = never>(text: MetricText<Label>): Histogram<Label> {
  return new Histogram({ ...options(text), buckets: LATENCY_BOUNDS_SECONDS, registers: [processMetrics] });
}

function options<Label extends string>({ name, help, labels = [] }: MetricText<Label>) {
  return { name, help, labelNames: [...labels] };
}
