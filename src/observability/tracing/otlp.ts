import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  diag,
  DiagLogLevel,
  propagation,
  SpanStatusCode,
  trace,
  type Span,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { BullMQOtel } from 'bullmq-otel';
import { isError } from '../is-error.js';
import type { SpanAttributes, Tracing } from '../tracing.js';
import type { TracingOptions } from './options.js';
import { WorkSampler } from './sampler.js';

const TRACER = 'log-courier';
/** How long the collector may take to answer, in ms. */
const TIMEOUT_MS = 5000;
/** How long a process that ends waits until the last spans are sent, in ms. */
const CLOSE_PATIENCE_MS = 5000;
/** Least time between two problems that are told, in ms. */
const TELL_EVERY_MS = 600_000;
/** Longest text of an attribute: BullMQ notes whole results. */
const LONGEST_ATTRIBUTE = 1024;

/** Sends spans to a collector by OTLP over HTTP, in batches, beside the work. */
export function createTracing(options: TracingOptions): Tracing {
  tellProblems(options.onError);
  const exporter = new OTLPTraceExporter({
    url: tracesUrl(options.endpoint),
    headers: headersFrom(options.headers),
    timeoutMillis: TIMEOUT_MS,
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      [ATTR_SERVICE_NAME]: options.serviceName,
      [ATTR_SERVICE_VERSION]: options.version,
      // Of the conventions that are not stable yet.
      'service.instance.id': `${hostname()}-${String(process.pid)}`,
      'host.name': hostname(),
      'process.pid': process.pid,
    }),
    sampler: new WorkSampler(options.sampleRatio),
    spanLimits: { attributeValueLengthLimit: LONGEST_ATTRIBUTE },
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register();
  const tracer = trace.getTracer(TRACER, options.version);
  return {
    during: (name, attributes, work, after) =>
      tracer.startActiveSpan(name, { attributes: { ...attributes } }, async (span) => {
        try {
          const result = await work();
          if (after !== undefined) span.setAttributes(after(result));
          return result;
        } catch (error) {
          noteFailure(span, error);
          throw error;
        } finally {
          span.end();
        }
      }),
    begin: (name: string, attributes: SpanAttributes) => {
      const span = tracer.startSpan(name, { attributes: { ...attributes } });
      return () => {
        span.end();
      };
    },
    queues: new BullMQOtel({ tracerName: TRACER, version: options.version }),
    close: async () => {
      // A collector that is away is no reason to stay, nor a failure.
      const sent = provider.shutdown().catch((error: unknown) => {
        options.onError(String(error));
      });
      await Promise.race([sent, sleep(CLOSE_PATIENCE_MS, undefined, { ref: false })]);
      trace.disable();
      context.disable();
      propagation.disable();
      diag.disable();
    },
  };
}

/** The address of the traces: the collector's own, unless the setting names it whole. */
function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (!url.pathname.endsWith('/v1/traces')) url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`;
  return url.href;
}

/** Reads headers: name=value, comma-separated, values percent-encoded. */
function headersFrom(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at === -1 ? [] : [[pair.slice(0, at), decoded(pair.slice(at + 1))] as const];
  });
  return Object.fromEntries(pairs);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function noteFailure(span: Span, error: unknown): void {
  const message = isError(error) ? error.message : String(error);
  span.recordException(isError(error) ? error : message);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** The library's own log: what goes wrong with sending, not each time while a collector is away. */
function tellProblems(onError: (problem: string) => void): void {
  const ignore = (): void => undefined;
  let quietUntil = -Infinity;
  const tell = (message: string): void => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + TELL_EVERY_MS;
    onError(message);
  };
  diag.setLogger(
    { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
