import { enqueueAgain, notInQueue } from '../queues/delivery.js';
import type { MaintenanceContext, MaintenanceParts, TaskOutcome } from './maintenance-task.js';
import type { PipelineQueue } from '../queues/pipeline-queue.js';

/** The repeatable audit: {@link enqueueGrown} for what was delivered within `audit.window-hours`. */
export async function deliverLate(
  parts: Pick<MaintenanceParts, 'settings' | 'metrics'>,
  on: PipelineQueue,
  { signal }: Pick<MaintenanceContext, 'signal'>,
): Promise<TaskOutcome> {
  const figures = await enqueueGrown(parts, on, parts.settings['audit.window-hours'], signal);
  return { found: figures.orders > 0, figures: { ...figures } };
}

/** What one look for late records found, cost and did. */
export interface GrownFigures {
  /** Delivered orders that late records have joined. */
  readonly orders: number;
  /** Those records. */
  readonly records: number;
  /** Orders that were put into the queue. */
  readonly enqueued: number;
  readonly ordersExamined: number;
  readonly recordsExamined: number;
  /** Rows that the store read. */
  readonly rowsRead: number;
}

/**
 * Counts the orders delivered within the last `windowHours` again, and enqueues those that late records have joined:
 * they are delivered again under the same keys, now complete. Orders that are in the queue already, e.g. because
 * their second delivery is under way, stay as they are.
 */
export async function enqueueGrown(
  { settings, metrics }: Pick<MaintenanceParts, 'settings' | 'metrics'>,
  { pipeline, queue }: PipelineQueue,
  windowHours: number,
  signal: AbortSignal,
): Promise<GrownFigures> {
  const stop = metrics.auditSeconds.startTimer();
  const late = await pipeline.findLate({ windowHours, signal });
  stop();
  const { orders, records, ordersExamined, recordsExamined, rowsRead } = late;
  metrics.audits.inc();
  metrics.auditRowsRead.inc(rowsRead);
  metrics.auditOrdersExamined.inc(ordersExamined);
  const idle = await notInQueue(queue, orders);
  await enqueueAgain(queue, pipeline, settings, idle);
  const found = { orders: orders.length, records, enqueued: idle.length };
  return { ...found, ordersExamined, recordsExamined, rowsRead };
}
