import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { DiscoveryShard } from '../pipelines/pipeline.js';
import { notInQueue } from '../queues/delivery.js';
import type { PipelineQueue } from '../queues/pipeline-queue.js';
import { putBack } from '../queues/put-back.js';

/** Most failed orders that one discovery tries again: those that failed the longest ago. */
const MOST_A_DISCOVERY = 1000;

/** What trying failed orders again works with. */
export interface RedriveParts {
  readonly settings: Settings;
  readonly log: Log;
}

/**
 * Tries orders again that failed `retry.redrive-interval-seconds` ago. They fill at most half of
 * `queue.max-outstanding-orders`, so that new orders always find room, and those that somebody is trying again on the
 * board at this moment are left alone.
 *
 * `open` is how many orders of the shard are open already.
 *
 * @returns how many
 */
export async function redrive(
  { settings, log }: RedriveParts,
  on: PipelineQueue,
  { shard, shards }: DiscoveryShard,
  open: number,
): Promise<number> {
  const limit = redriveLimit(settings['queue.max-outstanding-orders'], shards, open);
  if (limit === 0) return 0;
  const failed = await on.pipeline.failed({
    shard: { shard, shards },
    failedForSeconds: settings['retry.redrive-interval-seconds'],
    limit,
  });
  const orders = await notInQueue(
    on.queue,
    failed.map(({ order }) => order),
  );
  await putBack(on, settings, orders);
  if (orders.length > 0)
    log.info({ pipeline: on.pipeline.name, orders: orders.length }, 'failed work orders are tried again');
  return orders.length;
}

/**
 * How many failed orders a discovery may try again.
 *
 * @param room `queue.max-outstanding-orders`, of all shards together
 * @param open orders of this shard that are open
 */
export function redriveLimit(room: number, shards: number, open: number): number {
  const half = Math.ceil(room / (2 * shards));
  return Math.max(0, Math.min(MOST_A_DISCOVERY, half - open));
}
