import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { ClickHouse } from '../clickhouse/client.js';
import type { Settings } from '../config/settings.js';
import type { HealthCheck } from '../dashboard/health.js';
import { createS3Client } from '../destinations/s3/client.js';
import type { Log } from '../observability/log.js';
import { countFromZero, createMetrics } from '../observability/metrics.js';
import type { Tracing } from '../observability/tracing.js';
import { enginesOf } from '../pipelines/engine.js';
import type { Pipeline } from '../pipelines/pipeline.js';
import { connectRedis } from '../queues/connection.js';
import { openDeliveryQueue } from '../queues/delivery.js';
import { openDiscoveryQueue } from '../queues/discovery.js';
import { openMaintenanceQueue } from '../queues/maintenance.js';
import { KINDS } from './pipelines/registry.js';
import type { KindParts } from './pipelines/kind.js';

/** The pipelines, their engines and what watches them: what a command needs that speaks to no queue. */
export interface Store extends KindParts {
  /** Undefined unless the settings name a collector, and in commands that nobody traces. */
  readonly tracing: Tracing | undefined;
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
  const clients: { clickhouse?: ClickHouse; s3?: S3Client } = {};
  const parts: KindParts = {
    ...{ settings, log, metrics, tracing },
    get clickhouse() {
      return (clients.clickhouse ??= new ClickHouse(settings, log));
    },
    get s3() {
      return (clients.s3 ??= createS3Client(settings));
    },
  };
  const pipelines = settings.pipelines.flatMap((kind) => KINDS[kind].open(parts));
  for (const { name } of pipelines) countFromZero(metrics, name);
  return {
    ...{ settings, log, metrics, tracing, pipelines },
    get clickhouse() {
      return parts.clickhouse;
    },
    get s3() {
      return parts.s3;
    },
    close: async () => {
      await Promise.all(pipelines.map((pipeline) => pipeline.close()));
      await clients.clickhouse?.close();
      clients.s3?.destroy();
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

/** How to ask each engine whether it is there: Redis, and those of the pipelines. */
export function healthChecks({ pipelines }: Pick<Store, 'pipelines'>, redis: Redis): readonly HealthCheck[] {
  const redisCheck = async (signal: AbortSignal): Promise<void> => {
    // A connection that is being made again would keep a command until it stands, however long that takes.
    if (redis.status !== 'ready') await once(redis, 'ready', { signal });
    await redis.ping();
  };
  return [{ engine: 'redis', check: redisCheck }, ...enginesOf(pipelines)];
}
