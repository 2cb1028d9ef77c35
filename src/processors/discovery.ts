import { Worker, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Settings } from '../config/settings.js';
import type { Log } from '../observability/log.js';
import type { Metrics } from '../observability/metrics.js';
import { ATTRIBUTE, type Tracing } from '../observability/tracing.js';
import type { Discovery, WorkOrder } from '../pipelines/pipeline.js';
import { REDIS_RETRY_MS, redisOptions } from '../queues/connection.js';
import { enqueue, enqueueAgain, notInQueue } from '../queues/delivery.js';
import {
  discoveryIntervalMs,
  discoveryJobSchema,
  scheduleDiscovery,
  schedulerId,
  type DiscoveryJob,
} from '../queues/discovery.js';
import { keepDiscovered } from '../queues/figures.js';
import { DISCOVERY_QUEUE } from '../queues/names.js';
import { discoveryPause } from '../queues/pauses.js';
import { Lease } from './lease.js';
import { HELD_UP_MS, levelOfFailure, type HeldUpBy, type Outages } from './outages.js';
import { findPipeline, needsOf, type PipelineQueue } from '../queues/pipeline-queue.js';
import { redrive } from './redrive.js';
import { watchRetention } from './retention.js';
import { untilCancelled } from './until-cancelled.js';

/** What discovery works with. */
export interface DiscoveryParts {
  readonly settings: Settings;
  readonly pipelines: readonly PipelineQueue[];
  readonly discoveryQueue: Queue;
  readonly redis: Redis;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
  /** Who knows of engines that are away: what fails without them is not told at length. */
  readonly outages?: Outages | undefined;
  /** Without it nothing is held up. */
  readonly heldUpBy?: HeldUpBy | undefined;
}

/** What one discovery did; kept as the job's result, where the board shows it. */
export interface DiscoveryOutcome {
  /** New orders. */
  readonly orders: number;
  readonly records: number;
  /** Open orders of the book that the queue did not have. */
  readonly restored: number;
  /** Orders that failed some time ago and are tried again. */
  readonly redriven: number;
  /** True when too many orders were open to make all that could be made. */
  readonly saturated: boolean;
}

/** How long a discovery may be silent before another process may take its place, in ms. */
const LEASE_MS = 15_000;

/**
 * Runs one discovery: new orders into the book and the queue, open orders of the book that the queue has lost back
 * into it, and orders that failed some time ago once more. Now and then it looks for records that will be lost. At most one runs for each pipeline and shard, whatever the number of processes.
 *
 * @returns undefined when another process is at it
 */
export async function runDiscovery(
  parts: DiscoveryParts,
  job: DiscoveryJob,
  signal: AbortSignal,
): Promise<DiscoveryOutcome | undefined> {
  const { settings, redis, metrics, tracing } = parts;
  const on = findPipeline(parts.pipelines, job.pipeline);
  const prefix = settings['redis.key-prefix'];
  const lease = await Lease.take(redis, `${prefix}:discovering:${schedulerId(job)}`, LEASE_MS);
  if (lease === undefined) return undefined;
  const stop = metrics.cycleSeconds.startTimer({ pipeline: job.pipeline });
  try {
    if (tracing === undefined) return await discoverWithLease(parts, on, job, lease, signal);
    return await tracing.during(
      'discovery',
      { [ATTRIBUTE.pipeline]: job.pipeline, [ATTRIBUTE.shard]: `${String(job.shard)}/${String(job.shards)}` },
      () => discoverWithLease(parts, on, job, lease, signal),
      ({ orders, records }) => ({ [ATTRIBUTE.orders]: orders, [ATTRIBUTE.records]: records }),
    );
  } finally {
    stop();
    await lease.release();
  }
}

/** All of a discovery that the lease is for. */
async function discoverWithLease(
  parts: DiscoveryParts,
  on: PipelineQueue,
  job: DiscoveryJob,
  lease: Lease,
  signal: AbortSignal,
): Promise<DiscoveryOutcome> {
  const { settings, redis, metrics } = parts;
  const { pipeline } = on;
  const found = await discover(parts, job, lease, signal);
  const open = await pipeline.outstanding(job);
  const restored = await restore(parts, job, open, signal);
  // Whoever discovers meanwhile, because this lease has run out, tries them again.
  const redriven = lease.remainingMs() > 0 ? await redrive(parts, on, job, open.length) : 0;
  await watchRetention(parts, pipeline, signal);
  metrics.cycles.inc({ pipeline: pipeline.name });
  await keepDiscovered(redis, settings, job, found.waitingSince);
  return {
    orders: found.orders.length,
    records: sumRecords(found.orders),
    restored,
    redriven,
    saturated: found.saturated,
  };
}

/** Has the pipeline discover, and puts its orders into the queue as they come. */
async function discover(
  { settings, redis, metrics, pipelines }: DiscoveryParts,
  job: DiscoveryJob,
  lease: Lease,
  signal: AbortSignal,
): Promise<Discovery<WorkOrder>> {
  const { pipeline, queue } = findPipeline(pipelines, job.pipeline);
  const keyOf = (what: string): string => `${settings['redis.key-prefix']}:${what}:${schedulerId(job)}`;
  const [countedKey, progressKey] = [keyOf('passed-over-counted'), keyOf('discovered')];
  const [countedUpTo, progress] = await redis.mget(countedKey, progressKey);
  const { shard, shards } = job;
  const found = await pipeline.discover({
    shard,
    shards,
    signal,
    countedUpTo: countedUpTo ?? undefined,
    progress: progress ?? undefined,
    leaseRemainingMs: lease.remainingMs,
    take: async (orders) => {
      await enqueue(queue, pipeline, settings, orders);
      return lease.remainingMs() > 0;
    },
  });
  metrics.discoveryRowsRead.inc(found.rowsRead);
  await redis.set(countedKey, found.countedUpTo);
  if (found.progress !== undefined) await redis.set(progressKey, found.progress);
  return found;
}

/** Puts the open orders of the book that Redis has lost back into the queue: Redis holds no truth. */
async function restore(
  parts: DiscoveryParts,
  job: DiscoveryJob,
  open: readonly WorkOrder[],
  signal: AbortSignal,
): Promise<number> {
  const { pipeline, queue } = findPipeline(parts.pipelines, job.pipeline);
  const lost = await notInQueue(queue, open);
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
      const cancelled = signal ?? new AbortController().signal;
      let foundWork = false;
      const heldUp = parts.heldUpBy?.(findPipeline(parts.pipelines, payload.pipeline).pipeline);
      try {
        if (heldUp !== undefined) return { skipped: heldUp };
        const paused = await whilePaused(parts, payload, cancelled);
        if (paused !== undefined) return { skipped: paused };
        const outcome = await untilCancelled(runDiscovery(parts, payload, cancelled), cancelled);
        if (outcome === undefined) return { skipped: 'another process is at it' };
        foundWork = outcome.orders > 0 || outcome.saturated;
        log[foundWork ? 'info' : 'debug']({ ...payload, ...outcome }, 'discovery');
        return outcome;
      } catch (error) {
        if (cancelled.aborted) return { skipped: 'the process stopped' };
        throw error;
      } finally {
        if (!worker.closing) {
          const interval =
            heldUp === undefined ? discoveryIntervalMs(settings, foundWork, Math.random()) : HELD_UP_MS;
          await scheduleDiscovery(discoveryQueue, settings, payload, interval);
        }
      }
    },
    {
      connection: redisOptions(settings),
      prefix: settings['redis.key-prefix'],
      concurrency:
        parts.pipelines.length * Math.min(settings['consumer.discovery-shards'], MOST_DISCOVERIES_AT_A_TIME),
      lockDuration: settings['queue.lock-duration-seconds'] * 1000,
      runRetryDelay: REDIS_RETRY_MS,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    },
  );
  worker.on('failed', (job, err) => {
    void levelOfFailure(parts.outages, needsOf(parts.pipelines, job?.data), job).then((level) => {
      log[level]({ err, ...asObject(job?.data) }, 'discovery failed; the next one tries again');
    });
  });
  worker.on('error', (err) => {
    log.debug({ err }, 'discovery worker');
  });
  return worker;
}

/**
 * What a discovery does when somebody has paused it: it looks only for records that will be lost meanwhile.
 *
 * @returns who paused it; undefined when it is not paused
 */
async function whilePaused(
  parts: DiscoveryParts,
  job: DiscoveryJob,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { pipeline } = findPipeline(parts.pipelines, job.pipeline);
  const pause = await discoveryPause(parts.redis, parts.settings, pipeline.name);
  if (pause === undefined) return undefined;
  await untilCancelled(watchRetention(parts, pipeline, signal), signal);
  return `discovery is paused by ${pause.by} since ${pause.at}`;
}

/** Discoveries of several shards of a pipeline that one process runs side by side. */
const MOST_DISCOVERIES_AT_A_TIME = 8;

function sumRecords(orders: readonly WorkOrder[]): number {
  return orders.reduce((sum, order) => sum + order.records, 0);
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
