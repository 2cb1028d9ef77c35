import pLimit from 'p-limit';
import { AlreadyDeliveredError } from '../pipelines/errors.js';
import type { RetryFilter, Skip, SkippedOrder, WorkOrder } from '../pipelines/pipeline.js';
import { dropJob } from './delivery.js';
import type { PipelineQueue } from './pipeline-queue.js';
import { failedOrders, type Done } from './put-back.js';

/** Longest reason for giving an order up, in characters. */
export const LONGEST_REASON = 1000;

/** Tells whether a text of an operator is one line of at most so many characters, and not empty. */
export function isOneLine(text: string, longest: number): boolean {
  return text.length > 0 && text.length <= longest && !/\p{Cc}/u.test(text);
}

/** What giving an order up came to. */
export interface GivenUp extends SkippedOrder<WorkOrder> {
  /** Whether a processor is at it: the delivery may still win. */
  readonly underWay: boolean;
}

/**
 * Gives one order up and takes its job out of the queue. It takes longer to find when only its id is given.
 *
 * @throws {NoSuchOrderError} {@link AlreadyDeliveredError}
 */
export async function giveUp(
  { pipeline, queue }: PipelineQueue,
  which: string | WorkOrder,
  given: Pick<Skip, 'by' | 'reason'>,
): Promise<GivenUp> {
  const skipped = await pipeline.skip(which, given);
  const dropped = await dropJob(queue, skipped.order);
  return { ...skipped, underWay: !dropped };
}

/** What giving several orders up came to. */
export interface AllGivenUp extends Done {
  /** Of the orders, those that a processor is at: their deliveries may still win. */
  readonly underWay: number;
}

/** Orders that are read at a time, and that are given up side by side. */
const ORDERS_A_TIME = 200;
const AT_THE_SAME_TIME = 16;

/** Gives all failed orders up that fit a filter and had failed when this began. Those delivered meanwhile do not count. */
export async function giveUpFailed(
  on: PipelineQueue,
  filter: Pick<RetryFilter, 'source' | 'order' | 'group'>,
  given: Pick<Skip, 'by' | 'reason'>,
): Promise<AllGivenUp> {
  const limit = pLimit(AT_THE_SAME_TIME);
  let [orders, records, underWay] = [0, 0, 0];
  for await (const some of failedOrders(on, filter, ORDERS_A_TIME)) {
    const all = await limit.map(some, (order) => giveUp(on, order, given).catch(unlessDelivered));
    for (const one of all) {
      if (one === undefined) continue;
      orders += 1;
      records += one.skip.records;
      underWay += one.underWay ? 1 : 0;
    }
  }
  return { orders, records, underWay };
}

function unlessDelivered(error: unknown): undefined {
  if (!(error instanceof AlreadyDeliveredError)) throw error;
}
