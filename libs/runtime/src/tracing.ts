/** Spans by OpenTelemetry, sent to a collector over OTLP/HTTP; off unless asked for, and then nothing of it runs. */
import {
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Settings } from './settings.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** `noun.verb`, one of a few: ids belong into the attributes. */
  readonly name: string;
  /** Ids and codes; never a personal value, a secret or a URL. */
  readonly attributes?: SpanAttributes;
  /** Headers of the record that caused this; what is running now when absent. */
  readonly parent?: Readonly<Record<string, string>> | undefined;
  readonly kind?: 'internal' | 'server' | 'client' | 'consumer';
}

/** A piece of work in a trace that begins and ends apart from any one function. */
export interface OpenSpan {
  /** Runs `work` inside: records made by it carry the trace on, log lines its id. */
  run<T>(work: () => T): T;
  end(): void;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;
/** How long the last spans may take to leave when the service stops, within its drain. */
const FLUSH_BOUND_MS = 2_000;
const EXPORT_EVERY_MS = 1_000;

const NO_SPAN: OpenSpan = { run: (work) => work(), end: () => undefined };

let tracer: Tracer | undefined;
let provider: TracerProvider | undefined;

/** Starts tracing when the settings ask for it. @returns whether they do. */
export function startTracing(
  service: string,
  settings: Settings<'TRACING' | 'OTEL_EXPORTER_OTLP_ENDPOINT'>,
): boolean {
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (settings.TRACING !== 'on' && endpoint === '') return false;
  const base = endpoint === '' ? 'http://127.0.0.1:4318' : endpoint.replace(/\/+$/, '');
  const exporter = new OTLPTraceExporter({ url: `${base}/v1/traces` });
  provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.namespace': 'tributary' }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: EXPORT_EVERY_MS })],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  tracer = trace.getTracer('tributary');
  return true;
}

/** Sends what is left; a collector that is away loses it, and holds nothing up for long. */
export async function stopTracing(): Promise<void> {
  const stopping = provider?.shutdown().catch(() => undefined);
  provider = undefined;
  tracer = undefined;
  if (stopping === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FLUSH_BOUND_MS);
  });
  await Promise.race([stopping, bound]);
  clearTimeout(timer);
}

/** Begins a span whose end its caller says. */
export function openSpan(options: SpanOptions): OpenSpan {
  if (tracer === undefined) return NO_SPAN;
  const { name, attributes = {}, parent, kind = 'internal' } = options;
  const around = parent === undefined ? context.active() : propagation.extract(context.active(), parent);
  const span = tracer.startSpan(name, { attributes, kind: KINDS[kind] }, around);
  const inside = trace.setSpan(around, span);
  return { run: (work) => context.with(inside, work), end: () => span.end() };
}

/** Runs `work` as a span; one that throws is marked as failed with the kind of the error alone. */
export async function inSpan<T>(options: SpanOptions, work: () => Promise<T>): Promise<T> {
  if (tracer === undefined) return work();
  const span = openSpan(options);
  try {
    return await span.run(work);
  } catch (error) {
    span.run(() => trace.getActiveSpan()?.setStatus(failed(error)));
    throw error;
  } finally {
    span.end();
  }
}

/** Adds what became known to the span that is running, if any. */
export function noteOnSpan(attributes: SpanAttributes): void {
  if (tracer !== undefined) trace.getActiveSpan()?.setAttributes({ ...attributes });
}

/** Id of the trace that is running; undefined while tracing is off or outside of any. */
export function currentTraceId(): string | undefined {
  return tracer === undefined ? undefined : trace.getActiveSpan()?.spanContext().traceId;
}

function failed(error: unknown): Parameters<Span['setStatus']>[0] {
  return { code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'failed' };
}
