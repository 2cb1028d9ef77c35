import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { z } from 'zod';
import { openStore, type Store } from '../../src/cli/assembly.js';
import { applySchema } from '../../src/clickhouse/schema.js';
import { tablesOf } from '../../src/clickhouse/tables.js';
import { loadSettings } from '../../src/config/load.js';
import type { Settings } from '../../src/config/settings.js';
import type { Engines } from '../../src/embedded/engines.js';
import { silentLog } from '../../src/observability/log.js';
import { createAccessLogs } from '../../src/pipelines/access-logs/pipeline.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { AuditReport, Pipeline } from '../../src/pipelines/pipeline.js';
import { runCli, type CliResult, type Environment } from './cli.js';

/** Nothing waits: every record is ready at once, failed attempts are repeated at once, and all ports are free ones. */
const PROMPT: Environment = {
  LOG_COURIER_CONSUMER_PROCESSING_DELAY_SECONDS: '0',
  LOG_COURIER_CONSUMER_TIME_THRESHOLD_SECONDS: '0',
  LOG_COURIER_RETRY_INITIAL_BACKOFF_SECONDS: '0.1',
  LOG_COURIER_RETRY_MAX_BACKOFF_SECONDS: '0.2',
  LOG_COURIER_OFFSET_FLUSH_TIME_THRESHOLD_MS: '10',
  LOG_COURIER_DASHBOARD_LISTEN_PORT: '0',
  LOG_COURIER_METRICS_SERVER_LISTEN_PORT: '0',
  LOG_COURIER_LOG_LEVEL: 'error',
  S3_MAX_RETRY_ATTEMPTS: '1',
};

/** Records of one bucket, as a test wants them. */
export interface Records {
  readonly bucket: string;
  readonly target: string;
  readonly count: number;
  readonly prefix?: string;
  readonly raftSession?: number;
  /** Time since the last of them was inserted; the others came in a second before each other. */
  readonly ageSeconds?: number;
  /** Length of each record's user agent: makes large objects of few records. */
  readonly padding?: number;
}

/** A log-courier of a test's own: a database and a Redis prefix, on engines that are shared. */
export interface Deployment {
  readonly environment: Environment;
  readonly settings: Settings;
  readonly store: Store;
  readonly pipeline: Pipeline<AccessLogOrder>;
  readonly cli: (...words: string[]) => Promise<CliResult>;
  readonly addRecords: (records: Records) => Promise<void>;
  readonly createBucket: (name: string) => Promise<void>;
  /** Removes a bucket with all that is in it. */
  readonly deleteBucket: (name: string) => Promise<void>;
  /** Keys of the objects in a bucket, in order. */
  readonly keysIn: (bucket: string) => Promise<readonly string[]>;
  /** A deep audit. */
  readonly audit: () => Promise<AuditReport>;
  readonly close: () => Promise<void>;
}

/** Sets one up, with the schema applied. */
export async function deploy(engines: Engines, name: string, more: Environment = {}): Promise<Deployment> {
  const environment = {
    ...PROMPT,
    ...engines.environment,
    LOG_COURIER_CLICKHOUSE_DATABASE: name,
    LOG_COURIER_REDIS_KEY_PREFIX: name,
    ...more,
  };
  const { settings } = loadSettings({ flags: {}, environment });
  const store = openStore(settings, silentLog());
  const { clickhouse, s3 } = store;
  await applySchema(clickhouse, settings);
  const pipeline = createAccessLogs(store);
  const keysIn = async (bucket: string): Promise<readonly string[]> => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
    return Contents.flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
  };
  return {
    environment,
    settings,
    store,
    pipeline,
    cli: (...words) => runCli(words, { environment }),
    addRecords: (records) => addRecords(store, records),
    createBucket: async (bucket) => {
      await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    },
    deleteBucket: async (bucket) => {
      for (const key of await keysIn(bucket)) {
        await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      }
      await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
    },
    keysIn,
    audit: () => pipeline.audit({ deep: true }),
    close: async () => {
      await pipeline.close();
      await store.close();
    },
  };
}

async function addRecords({ clickhouse, settings }: Store, records: Records): Promise<void> {
  const { bucket, target, count, prefix = '', raftSession = 1, ageSeconds = 60, padding = 0 } = records;
  await clickhouse.command(
    `INSERT INTO ${tablesOf(settings).logs} (insertedAt, startTime, bucketName, raftSessionID, req_id, operation,
       requestURI, httpCode, userAgent, loggingEnabled, loggingTargetBucket, loggingTargetPrefix)
     SELECT now() - {age:UInt32} - ({count:UInt32} - number) AS at, at, {bucket:String}, {raftSession:UInt16},
       concat({bucket:String}, '-', toString({age:UInt32}), '-', toString(number)), 'REST.GET.OBJECT',
       'GET /a HTTP/1.1', 200, repeat('x', {padding:UInt32}), true, {target:String}, {prefix:String}
     FROM numbers({count:UInt32})`,
    {
      doing: 'add records',
      parameters: { bucket, target, count, prefix, raftSession, age: ageSeconds, padding },
    },
  );
}

/** What a deep audit says when so many records are all delivered, once each. */
export function everythingDelivered(records: number): Partial<AuditReport> {
  return {
    records,
    delivered: records,
    missing: 0,
    duplicated: 0,
    undelivered: 0,
    outstanding: 0,
    skipped: 0,
  };
}

/** Of each delivered order, how many records it had at each of its deliveries. */
export async function deliveriesIn({ store, settings }: Deployment): Promise<readonly (readonly number[])[]> {
  const rows = await store.clickhouse.query(
    z.object({ records: z.array(z.number()) }),
    `SELECT deliveries.records AS records FROM ${tablesOf(settings).workOrders} FINAL WHERE state = 'delivered'`,
    { doing: 'look' },
  );
  return rows.map(({ records }) => records);
}

/** What `status --json` prints. */
export const statusSchema = z.array(
  z.object({
    pipeline: z.string(),
    undeliveredRecords: z.number(),
    oldestAgeSeconds: z.number().nullable(),
    orders: z.object({
      open: z.number(),
      failed: z.number(),
      skipped: z.number(),
      delivered: z.number(),
    }),
    failures: z.array(
      z.object({
        code: z.string(),
        reason: z.string(),
        sources: z.array(z.string()),
        orders: z.number(),
        records: z.number(),
      }),
    ),
  }),
);
