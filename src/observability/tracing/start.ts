import type { Tracing } from '../tracing.js';
import type { TracingOptions } from './options.js';

/**
 * Begins to trace this process; undefined when no collector is named. One process traces once.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing | undefined> {
  if (options.endpoint === '') return undefined;
  const { createTracing } = await import('./otlp.js');
  return createTracing(options);
}
