import { once as eventOf } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueEvents, type Queue } from 'bullmq';
import { within } from '../observability/within.js';
import type { Pipeline } from '../pipelines/pipeline.js';
import { runDiscovery } from '../processors/discovery.js';
import { redisOptions } from '../queues/connection.js';
import { discoveriesOf } from '../queues/discovery.js';
import type { Queues, Store } from './assembly.js';

/** What `run --once` did. */
export interface OnceResult {
  /** New orders. */
  readonly orders: number;
  readonly records: number;
  /** Orders that were delivered meanwhile, new ones and others. */
  readonly delivered: number;
  /** Orders that failed meanwhile, whichever process had them. */
  readonly failed: number;
}

/** How long to wait for an event of a queue before its counts are looked at anyway, in ms. */
const LOOK_AGAIN_MS = 1000;

/**
 * Discovers and delivers until nothing is ready and nothing is in flight. The processors of this process must be
 * running.
 */
export async function runOnce(store: Store, queues: Queues, stop: AbortSignal): Promise<OnceResult> {
  const { settings, metrics, log, tracing } = store;
  const jobs = store.pipelines.flatMap(({ name }) =>
    discoveriesOf(name, settings['consumer.discovery-shards']),
  );
  const watched = await Promise.all(
    queues.deliveries.map(({ pipeline, queue }) => watch(store, pipeline, queue)),
  );
  const parts = {
    ...{ settings, metrics, log, tracing },
    pipelines: queues.deliveries,
    discoveryQueue: queues.discovery,
    redis: queues.redis,
  };
  let [orders, records] = [0, 0];
  try {
    for (;;) {
      let found = 0;
      for (const job of jobs) {
        stop.throwIfAborted();
        const outcome = await runDiscovery(parts, job, stop);
        orders += outcome?.orders ?? 0;
        records += outcome?.records ?? 0;
        // Another process may be at it, or there was no room for all: look again when the queue is empty.
        if (outcome === undefined) await sleep(LOOK_AGAIN_MS, undefined, { signal: stop });
        found += outcome === undefined || outcome.saturated ? 1 : outcome.orders + outcome.restored;
      }
      for (const queue of watched) await queue.idle(stop);
      if (found === 0) break;
    }
    const total = (which: 'failed' | 'completed'): number =>
      watched.reduce((sum, queue) => sum + queue[which].size, 0);
    return { orders, records, delivered: total('completed'), failed: total('failed') };
  } finally {
    await Promise.all(watched.map((queue) => queue.close()));
  }
}

interface WatchedQueue {
  /** Ids of the jobs that failed for good while the queue was watched. */
  readonly failed: ReadonlySet<string>;
  /** Ids of the jobs that completed. */
  readonly completed: ReadonlySet<string>;
  /** Resolves when no job waits, runs or is to be retried. */
  idle(stop: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

async function watch({ settings, log }: Store, pipeline: Pipeline, queue: Queue): Promise<WatchedQueue> {
  const events = new QueueEvents(queue.name, {
    connection: redisOptions(settings),
    prefix: settings['redis.key-prefix'],
  });
  events.on('error', (err) => {
    log.debug({ err, pipeline: pipeline.name }, 'queue events');
  });
  await events.waitUntilReady();
  const failed = new Set<string>();
  const completed = new Set<string>();
  events.on('failed', ({ jobId }) => failed.add(jobId));
  events.on('completed', ({ jobId }) => {
    completed.add(jobId);
    failed.delete(jobId);
  });
  return {
    failed,
    completed,
    idle: async (stop) => {
      while ((await inFlight(queue)) > 0) {
        stop.throwIfAborted();
        const ended = (signal: AbortSignal): Promise<unknown> =>
          Promise.race(['completed', 'failed'].map((name) => eventOf(events, name, { signal })));
        await within(LOOK_AGAIN_MS, stop, ended).catch(() => undefined);
      }
    },
    close: () => events.close(),
  };
}

async function inFlight(queue: Queue): Promise<number> {
  const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed');
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
