import { Queue } from 'bullmq';
import { z } from 'zod';
import type { Settings } from '../config/settings.js';
import { redisOptions } from './connection.js';
import { DISCOVERY_QUEUE } from './names.js';
import { intervalInForce, schedule } from './schedule.js';

/** Name of the jobs in the discovery queue. */
export const DISCOVER = 'discover';

/** Payload of a discovery job: which pipeline, and which part of its sources. */
export const discoveryJobSchema = z.object({
  pipeline: z.string().min(1),
  shard: z.int().nonnegative(),
  shards: z.int().positive(),
});

/** See {@link discoveryJobSchema}. */
export type DiscoveryJob = z.infer<typeof discoveryJobSchema>;

/** Opens the discovery queue; the caller closes it. */
export function openDiscoveryQueue(settings: Settings): Queue {
  return new Queue(DISCOVERY_QUEUE, {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
  });
}

/** Id of the scheduler that repeats one discovery. */
export function schedulerId({ pipeline, shard, shards }: DiscoveryJob): string {
  return `${pipeline}-${String(shard)}-of-${String(shards)}`;
}

/** The discoveries of a pipeline: one for each shard. */
export function discoveriesOf(pipeline: string, shards: number): readonly DiscoveryJob[] {
  return Array.from({ length: shards }, (_, shard) => ({ pipeline, shard, shards }));
}

/**
 * Time until the next discovery: short while there is work, long when idle, with a random part up or down so that
 * several deployments do not beat in time.
 *
 * @param foundWork whether the last discovery made orders, or had to stop because too many were open
 * @param random a number from 0 up to, but not including, 1
 * @returns ms
 */
export function discoveryIntervalMs(settings: Settings, foundWork: boolean, random: number): number {
  const seconds = foundWork
    ? settings['consumer.min-discovery-interval-seconds']
    : settings['consumer.max-discovery-interval-seconds'];
  const jitter = 1 + settings['consumer.discovery-interval-jitter-factor'] * (2 * random - 1);
  return Math.max(100, Math.round(seconds * jitter * 1000));
}

/** Sets when a discovery comes next, in `intervalMs` from now; it replaces what was set before. */
export async function scheduleDiscovery(
  queue: Pick<Queue, 'upsertJobScheduler'>,
  settings: Settings,
  job: DiscoveryJob,
  intervalMs: number,
): Promise<void> {
  const data = discoveryJobSchema.parse(job);
  await schedule(queue, settings, { id: schedulerId(job), name: DISCOVER, data, intervalMs });
}

/**
 * Sets up the repetition of a discovery when Redis does not have it, or has stopped to follow it. A queue that somebody
 * has paused follows none: that is no fault of its schedule.
 */
export async function ensureScheduled(queue: Queue, settings: Settings, job: DiscoveryJob): Promise<void> {
  if (await queue.isPaused()) return;
  if ((await intervalInForce(queue, schedulerId(job))) !== undefined) return;
  await scheduleDiscovery(queue, settings, job, FIRST_DISCOVERY_MS);
}

/** A fresh deployment does not wait for a whole interval before its first discovery. */
const FIRST_DISCOVERY_MS = 200;

/** Removes repetitions that the settings no longer ask for, e.g. after the number of shards was changed. */
export async function removeOtherSchedulers(queue: Queue, wanted: readonly DiscoveryJob[]): Promise<void> {
  const ids = new Set(wanted.map(schedulerId));
  const pipelines = new Set(wanted.map((job) => job.pipeline));
  for (const { key } of await queue.getJobSchedulers()) {
    const pipeline = key.replace(/-\d+-of-\d+$/, '');
    if (!ids.has(key) && pipelines.has(pipeline)) await queue.removeJobScheduler(key);
  }
}
