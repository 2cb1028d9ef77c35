import type { WorkOrder } from '../pipelines/pipeline.js';
import { keepBookFigures, type BookFigures, type OrderFigures } from '../queues/figures.js';
import type { MaintenanceParts, TaskOutcome } from './maintenance-task.js';
import type { PipelineQueue } from '../queues/pipeline-queue.js';

/**
 * Looks at what the order book has that is not settled, and keeps it in Redis, from where every process takes it into
 * its metrics. Reads no record and no delivered order, so it can be done often.
 */
export async function measure(
  { settings, redis }: Pick<MaintenanceParts, 'settings' | 'redis'>,
  { pipeline }: Pick<PipelineQueue, 'pipeline'>,
): Promise<TaskOutcome> {
  const open = await pipeline.outstanding({ shard: 0, shards: 1 });
  const failed = (await pipeline.failed({})).map(({ order }) => order);
  const figures: BookFigures = {
    open: figuresOf(open),
    failed: figuresOf(failed),
    stuckSources: new Set(failed.map(({ source }) => source)).size,
  };
  await keepBookFigures(redis, settings, pipeline.name, figures);
  const { stuckSources } = figures;
  return { found: false, figures: { open: open.length, failed: failed.length, stuckSources } };
}

function figuresOf(orders: readonly WorkOrder[]): OrderFigures {
  return {
    orders: orders.length,
    records: orders.reduce((sum, { records }) => sum + records, 0),
    oldestAt: orders.reduce<string | null>(
      (least, { oldestAt }) =>
        least === null || Date.parse(oldestAt) < Date.parse(least) ? oldestAt : least,
      null,
    ),
  };
}
