/** Trace context between services, in the W3C form, carried in record and HTTP headers; costs nothing while tracing is off. */
import { context, propagation } from '@opentelemetry/api';

/** `traceparent` and `tracestate` of what is running now; empty while tracing is off. */
export function traceHeaders(): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** Runs `work` as a part of the trace that the headers name. */
export function withTraceHeaders<T>(headers: Readonly<Record<string, string>>, work: () => T): T {
  return context.with(propagation.extract(context.active(), headers), work);
}
