import { z } from 'zod';
import type { Settings } from '../../../src/config/settings.js';
import { openDeliveryQueue } from '../../../src/queues/delivery.js';

const payload = z.looseObject({ id: z.string() });

/**
 * Orders with more than one job in the queue, ended ones included. A job's id follows from its order, so there can be
 * one at most, however often an order is enqueued.
 */
export async function ordersWithSeveralJobs(
  settings: Settings,
  pipeline: string,
): Promise<readonly string[]> {
  const queue = openDeliveryQueue(settings, pipeline);
  try {
    const jobs = await queue.getJobs(
      ['waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed'],
      0,
      -1,
    );
    const seen = new Set<string>();
    const doubled = new Set<string>();
    for (const { data } of jobs) {
      const { id } = payload.parse(data);
      if (seen.has(id)) doubled.add(id);
      seen.add(id);
    }
    return [...doubled];
  } finally {
    await queue.close();
  }
}
