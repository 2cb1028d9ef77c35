import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { ClickHouse } from '../clickhouse/client.js';
import type { Settings } from '../config/settings.js';
import type { HealthCheck } from '../dashboard/health.js';
import { createS3Client } from '../destinations/s3/client.js';
import type { Log } from '../observability/log.js';
import { createMetrics, type Metrics } from '../observability/metrics.js';
import type { Tracing } from '../observability/tracing.js';
import { createAccessLogs } from '../pipelines/access-logs/pipeline.js';
import type { Pipeline } from '../pipelines/pipeline.js';
import { answersAtAll } from '../destinations/s3/errors.js';
import { connectRedis } from '../queues/connection.js';
import { openDeliveryQueue } from '../queues/delivery.js';
import { openDiscoveryQueue } from '../queues/discovery.js';
import { openMaintenanceQueue } from '../queues/maintenance.js';

/** A pipeline, its engines and what watches them: what a command needs that speaks to no queue. */
export interface Store {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Undefined unless the settings name a collector, and in commands that nobody traces. */
  readonly tracing: Tracing | undefined;
  readonly clickhouse: ClickHouse;
  readonly s3: S3Client;
  readonly pipelines: readonly Pipeline[];
  /** Writes what is held back and lets go of everything. */
  close(): Promise<void>;
}

/**
 * Puts together what delivers and audits, without Redis.
 *
 * @param tracing the caller closes it
 */
export function openStore(settings: Settings, log: Log, tracing?: Tracing): Store {
  const metrics = createMetrics();
  const clickhouse = new ClickHouse(settings, log);
  const s3 = createS3Client(settings);
  const pipelines: readonly Pipeline[] = [
    createAccessLogs({ settings, clickhouse, s3, metrics, log, tracing }),
  ];
  for (const { name } of pipelines) metrics.recordsExpired.inc({ pipeline: name }, 0);
  return {
    settings,
    log,
    metrics,
    tracing,
    clickhouse,
    s3,
    pipelines,
    close: async () => {
      await Promise.all(pipelines.map((pipeline) => pipeline.close()));
      await clickhouse.close();
      s3.destroy();
    },
  };
}

/** The queues of a process, and a connection for leases. */
export interface Queues {
  readonly redis: Redis;
  readonly discovery: Queue;
  readonly maintenance: Queue;
  readonly deliveries: readonly { readonly pipeline: Pipeline; readonly queue: Queue }[];
  close(): Promise<void>;
}

/** Opens the queues of all pipelines. */
export function openQueues({ settings, pipelines, log, tracing }: Store): Queues {
  const redis = connectRedis(settings);
  const discovery = openDiscoveryQueue(settings);
  const maintenance = openMaintenanceQueue(settings);
  const deliveries = pipelines.map((pipeline) => ({
    pipeline,
    queue: openDeliveryQueue(settings, pipeline.name, tracing?.queues),
  }));
  const queues = [discovery, maintenance, ...deliveries.map(({ queue }) => queue)];
  const ignore = (err: unknown): void => {
    log.debug({ err }, 'connection to Redis');
  };
  for (const emitter of [redis, ...queues]) emitter.on('error', ignore);
  return {
    redis,
    discovery,
    maintenance,
    deliveries,
    close: async () => {
      const done = new AbortController();
      const closed = Promise.all(queues.map((queue) => queue.close())).finally(() => {
        done.abort();
      });
      // A connection takes its leave of Redis and waits for the answer, which may never come when Redis is away.
      const patience = sleep(CLOSE_PATIENCE_MS, undefined, { signal: done.signal }).catch(() => undefined);
      await Promise.race([closed, patience]);
      if (!done.signal.aborted) for (const queue of queues) queue.disconnect().catch(ignore);
      redis.disconnect();
    },
  };
}

/** How long a connection to Redis may take to close in order; ms. */
const CLOSE_PATIENCE_MS = 2000;

/** How to ask each engine whether it is there. */
export function healthChecks(store: Store, redis: Redis): readonly HealthCheck[] {
  return [
    {
      engine: 'redis',
      check: async (signal) => {
        // A connection that is being made again would keep a command until it stands, however long that takes.
        if (redis.status !== 'ready') await once(redis, 'ready', { signal });
        await redis.ping();
      },
    },
    { engine: 'clickhouse', check: (signal) => store.clickhouse.ping(signal) },
    {
      engine: 's3',
      check: async (signal) => {
        try {
          await store.s3.send(new ListBucketsCommand({ MaxBuckets: 1 }), { abortSignal: signal });
        } catch (error) {
          if (!answersAtAll(error)) throw error;
        }
      },
    },
  ];
}
