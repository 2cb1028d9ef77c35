import { Worker, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import type { Pipeline, WorkOrder } from '../pipelines/pipeline.js';
import { redisOptions } from '../queues/connection.js';
import { enqueue, enqueueAgain, notInQueue } from '../queues/delivery.js';
import {
  discoveryIntervalMs,
  discoveryJobSchema,
  scheduleDiscovery,
  schedulerId,
  type DiscoveryJob,
} from '../queues/discovery.js';
import { DISCOVERY_QUEUE } from '../queues/names.js';
import { Lease } from './lease.js';

/** A pipeline with the queue that delivers its orders. */
export interface PipelineQueue {
  readonly pipeline: Pipeline;
  readonly queue: Queue;
}

/** What discovery works with. */
export interface DiscoveryParts {
  readonly settings: Settings;
  readonly pipelines: readonly PipelineQueue[];
  readonly discoveryQueue: Queue;
  readonly redis: Redis;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** What one discovery did; kept as the job's result, where the board shows it. */
export interface DiscoveryOutcome {
  /** New orders. */
  readonly orders: number;
  readonly records: number;
  /** Open orders of the book that the queue did not have. */
  readonly restored: number;
  /** True when too many orders were open to make all that could be made. */
  readonly saturated: boolean;
}

/** How long a discovery may be silent before another process may take its place, in ms. */
const LEASE_MS = 60_000;

/** A job names a pipeline that this process does not know. */
export class UnknownPipelineError extends Error {
  override readonly name = 'UnknownPipelineError';

  /** @param pipeline the name in the job's payload */
  constructor(pipeline: string) {
    super(
      `no pipeline is called ${JSON.stringify(pipeline)}; is an older version of log-courier running beside a newer one?`,
    );
  }
}

/**
 * Runs one discovery: new orders into the book and the queue, and open orders of the book that the queue has lost back
 * into it. At most one runs for each pipeline and shard, whatever the number of processes.
 *
 * @returns undefined when another process is at it
 */
export async function runDiscovery(
  parts: DiscoveryParts,
  job: DiscoveryJob,
  signal: AbortSignal,
): Promise<DiscoveryOutcome | undefined> {
  const { settings, redis, metrics } = parts;
  const { pipeline, queue } = find(parts, job.pipeline);
  const prefix = settings['redis.key-prefix'];
  const lease = await Lease.take(redis, `${prefix}:discovering:${schedulerId(job)}`, LEASE_MS);
  if (lease === undefined) return undefined;
  const stop = metrics.cycleSeconds.startTimer();
  const counted = `${prefix}:passed-over-counted:${schedulerId(job)}`;
  try {
    const { shard, shards } = job;
    const countedUpTo = (await redis.get(counted)) ?? undefined;
    const found = await pipeline.discover({
      shard,
      shards,
      signal,
      countedUpTo,
      leaseRemainingMs: lease.remainingMs,
    });
    await enqueue(queue, pipeline, settings, found.orders);
    await redis.set(counted, found.countedUpTo);
    const restored = await restore(parts, job, signal);
    metrics.cycles.inc();
    return {
      orders: found.orders.length,
      records: sumRecords(found.orders),
      restored,
      saturated: found.saturated,
    };
  } finally {
    stop();
    await lease.release();
  }
}

/** Puts the open orders of the book that Redis has lost back into the queue: Redis holds no truth. */
async function restore(parts: DiscoveryParts, job: DiscoveryJob, signal: AbortSignal): Promise<number> {
  const { pipeline, queue } = find(parts, job.pipeline);
  const lost = await notInQueue(queue, await pipeline.outstanding(job));
  if (lost.length === 0 || signal.aborted) return 0;
  // A job may have ended between the two look-ups: only what is open still, now that it is known to be in no list,
  // was really lost.
  const ids = new Set(lost.map((order) => order.id));
  const stillOpen = (await pipeline.outstanding(job)).filter((order) => ids.has(order.id));
  const stillLost = await notInQueue(queue, stillOpen);
  await enqueueAgain(queue, pipeline, parts.settings, stillLost);
  if (stillLost.length > 0) {
    parts.log.warn(
      { pipeline: pipeline.name, orders: stillLost.length },
      'work orders that the queue had lost are back in it',
    );
  }
  return stillLost.length;
}

/** Takes the repeatable discovery jobs, and sets after each when the next one comes. */
export function startDiscoveryWorker(parts: DiscoveryParts): Worker {
  const { settings, discoveryQueue, log } = parts;
  const worker = new Worker<unknown, DiscoveryOutcome | { skipped: string }>(
    DISCOVERY_QUEUE,
    async (job, _token, signal) => {
      const payload = discoveryJobSchema.parse(job.data);
      let foundWork = false;
      try {
        const outcome = await runDiscovery(parts, payload, signal ?? new AbortController().signal);
        if (outcome === undefined) return { skipped: 'another process is at it' };
        foundWork = outcome.orders > 0 || outcome.saturated;
        log[foundWork ? 'info' : 'debug']({ ...payload, ...outcome }, 'discovery');
        return outcome;
      } finally {
        if (!worker.closing) {
          const interval = discoveryIntervalMs(settings, foundWork, Math.random());
          await scheduleDiscovery(discoveryQueue, settings, payload, interval);
        }
      }
    },
    {
      connection: redisOptions(settings),
      prefix: settings['redis.key-prefix'],
      concurrency: Math.min(settings['consumer.discovery-shards'], MOST_DISCOVERIES_AT_A_TIME),
      lockDuration: settings['queue.lock-duration-seconds'] * 1000,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    },
  );
  worker.on('failed', (job, err) => {
    log.error({ err, ...asObject(job?.data) }, 'discovery failed; the next one tries again');
  });
  worker.on('error', (err) => {
    log.debug({ err }, 'discovery worker');
  });
  return worker;
}

/** Discoveries of several shards that one process runs side by side. */
const MOST_DISCOVERIES_AT_A_TIME = 8;

function find({ pipelines }: DiscoveryParts, name: string): PipelineQueue {
  const found = pipelines.find(({ pipeline }) => pipeline.name === name);
  if (found === undefined) throw new UnknownPipelineError(name);
  return found;
}

function sumRecords(orders: readonly WorkOrder[]): number {
  return orders.reduce((sum, order) => sum + order.records, 0);
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
