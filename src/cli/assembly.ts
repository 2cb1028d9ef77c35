import { once } from 'node:events';
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
import { createAccessLogs } from '../pipelines/access-logs/pipeline.js';
import type { Pipeline } from '../pipelines/pipeline.js';
import { answersAtAll } from '../destinations/s3/errors.js';
import { connectRedis } from '../queues/connection.js';
import { openDeliveryQueue } from '../queues/delivery.js';
import { openDiscoveryQueue } from '../queues/discovery.js';

/** A pipeline, its engines and what watches them: what a command needs that speaks to no queue. */
export interface Store {
  readonly settings: Settings;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clickhouse: ClickHouse;
  readonly s3: S3Client;
  readonly pipelines: readonly Pipeline[];
  /** Writes what is held back and lets go of everything. */
  close(): Promise<void>;
}

/** Puts together what delivers and audits, without Redis. */
export function openStore(settings: Settings, log: Log): Store {
  const metrics = createMetrics();
  const clickhouse = new ClickHouse(settings, log);
  const s3 = createS3Client(settings);
  const pipelines: readonly Pipeline[] = [createAccessLogs({ settings, clickhouse, s3, metrics, log })];
  return {
    settings,
    log,
    metrics,
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
  readonly deliveries: readonly { readonly pipeline: Pipeline; readonly queue: Queue }[];
  close(): Promise<void>;
}

/** Opens the queues of all pipelines. */
export function openQueues({ settings, pipelines, log }: Store): Queues {
  const redis = connectRedis(settings);
  const discovery = openDiscoveryQueue(settings);
  const deliveries = pipelines.map((pipeline) => ({
    pipeline,
    queue: openDeliveryQueue(settings, pipeline.name),
  }));
  const queues = [discovery, ...deliveries.map(({ queue }) => queue)];
  const ignore = (err: unknown): void => {
    log.debug({ err }, 'connection to Redis');
  };
  for (const emitter of [redis, ...queues]) emitter.on('error', ignore);
  return {
    redis,
    discovery,
    deliveries,
    close: async () => {
      await Promise.all(queues.map((queue) => queue.close()));
      redis.disconnect();
    },
  };
}

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
