import type { Settings } from '../config/settings.js';
import type { RetryFilter, WorkOrder } from '../pipelines/pipeline.js';
import { enqueueAgain } from './delivery.js';
import type { PipelineQueue } from './pipeline-queue.js';

/**
 * Puts failed orders back into the queue. The book first: whatever happens next, discovery enqueues what is open there.
 * A delivery that is under way, because somebody has pressed the board's button, goes on.
 */
export async function putBack(
  { pipeline, queue }: PipelineQueue,
  settings: Settings,
  orders: readonly WorkOrder[],
): Promise<void> {
  await pipeline.reopen(orders);
  await enqueueAgain(queue, pipeline, settings, orders);
}

/** How many orders something was done with. */
export interface Done {
  readonly orders: number;
  readonly records: number;
}

/** Orders that are read and put back at a time. */
const ORDERS_A_TIME = 1000;

/** Puts all failed orders back that fit a filter and had failed when this began, some at a time. */
export async function retryFailed(
  on: PipelineQueue,
  settings: Settings,
  filter: Pick<RetryFilter, 'source' | 'order' | 'group'>,
): Promise<Done> {
  let done: Done = { orders: 0, records: 0 };
  for await (const orders of failedOrders(on, filter, ORDERS_A_TIME)) {
    await putBack(on, settings, orders);
    done = { orders: done.orders + orders.length, records: done.records + sumRecords(orders) };
  }
  return done;
}

/**
 * The failed orders that fit a filter and had failed when this began, some at a time; each only once. Whoever takes
 * them changes their state, so that the next are others.
 */
export async function* failedOrders(
  { pipeline }: Pick<PipelineQueue, 'pipeline'>,
  filter: Pick<RetryFilter, 'source' | 'order' | 'group'>,
  limit: number,
): AsyncGenerator<readonly WorkOrder[]> {
  const began = performance.now();
  const seen = new Set<string>();
  for (;;) {
    const failedForSeconds = seen.size === 0 ? 0 : (performance.now() - began) / 1000;
    const failed = await pipeline.failed({ ...filter, failedForSeconds, limit });
    const orders = failed.map(({ order }) => order).filter(({ id }) => !seen.has(id));
    if (orders.length > 0) yield orders;
    for (const { id } of orders) seen.add(id);
    if (failed.length < limit || orders.length === 0) return;
  }
}

/** Records in some orders. */
export function sumRecords(orders: readonly WorkOrder[]): number {
  return orders.reduce((sum, { records }) => sum + records, 0);
}
