import type { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { ClickHouse } from '../../src/clickhouse/client.js';
import { applySchema } from '../../src/clickhouse/schema.js';
import { tablesOf, type Tables } from '../../src/clickhouse/tables.js';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import { silentLog } from '../../src/observability/log.js';
import { ACCESS_LOGS } from '../../src/pipelines/access-logs/order.js';
import { openDeliveryQueue } from '../../src/queues/delivery.js';
import { redisOptions } from '../../src/queues/connection.js';
import type { Lab } from './lab.js';
import type { SinkProcess } from './sink-process.js';

/** A deployment of log-courier: a database, a queue, and a sink as its S3. */
export interface Site {
  readonly lab: Lab;
  readonly sink: SinkProcess;
  readonly settings: Settings;
  /** Settings that are not at their defaults, besides addresses. */
  readonly changed: Readonly<Record<string, unknown>>;
  readonly tables: Tables;
  readonly clickhouse: ClickHouse;
  readonly redis: Redis;
  readonly queue: Queue;
  /** What processes of this deployment are started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Lets go of the connections; the database stays. */
  readonly close: () => Promise<void>;
}

/** Any will do: the sink looks at no signature. */
const CREDENTIALS = { S3_ACCESS_KEY_ID: 'bench', S3_SECRET_ACCESS_KEY: 'bench-bench-bench' };

/** Statements of the harness make and count millions of rows. */
const PATIENT = { LOG_COURIER_CLICKHOUSE_TIMEOUT_SECONDS: '3600' };

/**
 * Opens a deployment, with the schema applied.
 *
 * @param database its name in ClickHouse; one that is there already is used again
 * @param changed settings that are not to be at their defaults, as environment variables
 */
export async function openSite(
  lab: Lab,
  sink: SinkProcess,
  database: string,
  changed: Readonly<Record<string, string>> = {},
): Promise<Site> {
  const addresses = {
    LOG_COURIER_CLICKHOUSE_URL: lab.clickhouse.url,
    LOG_COURIER_CLICKHOUSE_DATABASE: database,
    LOG_COURIER_REDIS_URL: lab.redis.url,
    LOG_COURIER_REDIS_KEY_PREFIX: database,
    LOG_COURIER_METRICS_SERVER_LISTEN_PORT: '0',
    LOG_COURIER_DASHBOARD_LISTEN_PORT: '0',
    S3_ENDPOINT: sink.url,
    ...CREDENTIALS,
  };
  const environment = { ...addresses, ...changed };
  const { settings } = loadSettings({ flags: {}, environment: { ...environment, ...PATIENT } });
  const clickhouse = new ClickHouse(settings, silentLog());
  await applySchema(clickhouse, settings);
  const redis = new Redis(redisOptions(settings));
  const queue = openDeliveryQueue(settings, ACCESS_LOGS);
  for (const connection of [redis, queue]) connection.on('error', () => undefined);
  return {
    lab,
    sink,
    settings,
    changed: changedSettings(changed),
    tables: tablesOf(settings),
    clickhouse,
    redis,
    queue,
    environment,
    close: async () => {
      await queue.close();
      redis.disconnect();
      await clickhouse.close();
    },
  };
}

/** The settings that variables set, by name. */
function changedSettings(variables: Readonly<Record<string, string>>): Record<string, unknown> {
  const { settings, origins } = loadSettings({ flags: {}, environment: variables });
  const given = new Set<string>();
  for (const [name, { kind }] of origins) if (kind !== 'default') given.add(name);
  return Object.fromEntries(Object.entries(settings).filter(([name]) => given.has(name)));
}

/** Has the deployment forget all orders and deliveries; the records stay. No order may be under way. */
export async function forgetOrders({ clickhouse, tables, redis, sink }: Site): Promise<void> {
  const { workOrdersLocal, offsetsLocal, orderClaimsLocal } = tables;
  for (const table of [workOrdersLocal, offsetsLocal, orderClaimsLocal])
    await clickhouse.command(`TRUNCATE TABLE ${table}`, { doing: 'forget all orders' });
  await redis.flushall();
  await sink.reset();
}
