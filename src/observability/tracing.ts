import type { Telemetry } from 'bullmq';

/** What a span says of its work. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/**
 * Traces of a process. Whoever works with it has it or has none: where there is none, nothing is made or called for it,
 * and the packages that it takes are not loaded.
 */
export interface Tracing {
  /**
   * Does work within a span, a child of the one that it is done in. What it throws is noted there.
   *
   * @param attributes what is known before the work is done
   * @param after says what is known of its result
   */
  during<Result>(
    name: string,
    attributes: SpanAttributes,
    work: () => Promise<Result>,
    after?: (result: Result) => SpanAttributes,
  ): Promise<Result>;
  /** Begins a span whose end is told by a call; a child of the one that this is called in. */
  begin(name: string, attributes: SpanAttributes): () => void;
  /** Carries traces with jobs from those who enqueue them to those who take them. */
  readonly queues: Telemetry;
  /** Sends what has not been sent yet, within a few seconds, and ends. */
  close(): Promise<void>;
}

/** Names of the attributes of our own. */
export const ATTRIBUTE = {
  pipeline: 'log_courier.pipeline',
  /** The order's id: the same that stands in the log, the job, the order book and the object's metadata. */
  order: 'log_courier.order',
  source: 'log_courier.source',
  target: 'log_courier.target',
  key: 'log_courier.key',
  records: 'log_courier.records',
  bytes: 'log_courier.bytes',
  orders: 'log_courier.orders',
  attempt: 'log_courier.attempt',
  shard: 'log_courier.shard',
} as const;
