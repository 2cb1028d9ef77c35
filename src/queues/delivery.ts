import { Queue, type JobsOptions, type Telemetry } from 'bullmq';
import type { Settings } from '../config/settings.js';
import type { Pipeline, WorkOrder } from '../pipelines/pipeline.js';
import { redisOptions } from './connection.js';
import { deliveryQueueOf } from './names.js';

/** Name of the jobs in a delivery queue. */
export const DELIVER = 'deliver';

/** Job id of a work order. BullMQ refuses ids that are whole numbers, which 16 hex digits can be. */
export function jobIdOf(order: Pick<WorkOrder, 'id'>): string {
  return `order-${order.id}`;
}

/**
 * Opens the delivery queue of a pipeline; the caller closes it.
 *
 * @param telemetry carries traces with the jobs, if there are any
 */
export function openDeliveryQueue(settings: Settings, pipeline: string, telemetry?: Telemetry): Queue {
  return new Queue(deliveryQueueOf(pipeline), {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
    ...(telemetry === undefined ? {} : { telemetry }),
  });
}

/** Five minutes: what one step of priority stands for, in ms. */
const PRIORITY_STEP_MS = 300_000;
/** BullMQ's largest priority, which is the least urgent. */
const LAST_PRIORITY = 2_097_151;
/** Priorities count from here; with five minutes a step they last until 2044. */
const PRIORITY_EPOCH_MS = Date.UTC(2025, 0, 1);

/**
 * Priority of an order: older ones first. Each further order of the same source that is enqueued with it counts as
 * five minutes younger, so that a bucket with a thousand orders does not hold up the others.
 *
 * @param oldestAtMs when the oldest record came in
 * @param rank position among the orders of its source, from 0
 * @returns 1 (first) to 2,097,151
 */
export function priorityOf(oldestAtMs: number, rank: number): number {
  const steps = Math.floor((oldestAtMs - PRIORITY_EPOCH_MS) / PRIORITY_STEP_MS) + rank;
  return Math.min(LAST_PRIORITY, Math.max(1, steps));
}

const SECONDS_A_DAY = 86_400;

/**
 * Options of a delivery job. Failed jobs stay until they are retried, or the order book has forgotten their orders;
 * completed ones for a bounded time.
 */
export function deliveryJobOptions(settings: Settings, order: WorkOrder, rank: number): JobsOptions {
  return {
    jobId: jobIdOf(order),
    priority: priorityOf(Date.parse(order.oldestAt), rank),
    attempts: settings['retry.max-retries'] + 1,
    backoff: { type: 'capped-exponential' },
    removeOnComplete: {
      age: settings['queue.keep-completed-seconds'],
      count: settings['queue.keep-completed-count'],
    },
    removeOnFail: { age: settings['order-book.retention-days'] * SECONDS_A_DAY },
  };
}

/**
 * Wait before a retry: the initial backoff, doubled with each further one up to the largest, and a random part of it
 * up or down.
 *
 * @param attempts attempts made so far, from 1
 * @param random a number from 0 up to, but not including, 1
 * @returns ms
 */
export function backoffMs(settings: Settings, attempts: number, random: number): number {
  const doubled = settings['retry.initial-backoff-seconds'] * 2 ** (attempts - 1);
  const capped = Math.min(doubled, settings['retry.max-backoff-seconds']);
  const jitter = 1 + settings['retry.backoff-jitter-factor'] * (2 * random - 1);
  return Math.round(capped * jitter * 1000);
}

/**
 * Enqueues orders. Harmless when they are in the queue already: a job's id follows from its order.
 *
 * @throws {z.ZodError} when an order is not of its pipeline's form
 */
export async function enqueue<Order extends WorkOrder>(
  queue: Queue,
  pipeline: Pick<Pipeline<Order>, 'orderSchema'>,
  settings: Settings,
  orders: readonly Order[],
): Promise<void> {
  const ranks = new Map<string, number>();
  const jobs = orders.map((order) => {
    const rank = ranks.get(order.source) ?? 0;
    ranks.set(order.source, rank + 1);
    return {
      name: DELIVER,
      data: pipeline.orderSchema.parse(order),
      opts: deliveryJobOptions(settings, order, rank),
    };
  });
  for (let from = 0; from < jobs.length; from += JOBS_A_TIME)
    await queue.addBulk(jobs.slice(from, from + JOBS_A_TIME));
}

/** Jobs that one transaction adds: keeps Redis answering others in between. */
const JOBS_A_TIME = 500;

/**
 * The orders that are on no list of the queue from which they would be taken: forgotten by Redis, or with a job that
 * has ended although the order book has them open.
 */
export async function notInQueue<Order extends WorkOrder>(
  queue: Queue,
  orders: readonly Order[],
): Promise<Order[]> {
  if (orders.length === 0) return [];
  const waiting = await queue.getRanges(['waiting', 'prioritized', 'delayed', 'active'], 0, -1);
  const ids = new Set(waiting);
  return orders.filter((order) => !ids.has(jobIdOf(order)));
}

/**
 * Enqueues orders whose earlier jobs, if Redis still has them, have ended. BullMQ neither removes a job that a
 * processor is at nor adds a second one of its id: such an order is left alone.
 */
export async function enqueueAgain<Order extends WorkOrder>(
  queue: Queue,
  pipeline: Pick<Pipeline<Order>, 'orderSchema'>,
  settings: Settings,
  orders: readonly Order[],
): Promise<void> {
  for (let from = 0; from < orders.length; from += JOBS_A_TIME) {
    const some = orders.slice(from, from + JOBS_A_TIME);
    await Promise.all(some.map((order) => queue.remove(jobIdOf(order))));
  }
  await enqueue(queue, pipeline, settings, orders);
}

/**
 * Takes an order's job out of the queue.
 *
 * @returns false when a processor is at it: that job stays
 */
export async function dropJob(queue: Queue, order: Pick<WorkOrder, 'id'>): Promise<boolean> {
  await queue.remove(jobIdOf(order));
  return (await queue.getJobState(jobIdOf(order))) !== 'active';
}
