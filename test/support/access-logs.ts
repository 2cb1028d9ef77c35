import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  CreateBucketCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { z } from 'zod';
import { ClickHouse, type Parameters } from '../../src/clickhouse/client.js';
import { applySchema } from '../../src/clickhouse/schema.js';
import { tablesOf, type Tables } from '../../src/clickhouse/tables.js';
import { loadSettings } from '../../src/config/load.js';
import type { SettingName, Settings } from '../../src/config/settings.js';
import { createS3Client } from '../../src/destinations/s3/client.js';
import { readableBody } from '../../src/destinations/s3/read.js';
import { startClickHouse } from '../../src/embedded/clickhouse.js';
import { S3_CREDENTIALS, startS3 } from '../../src/embedded/s3.js';
import { silentLog } from '../../src/observability/log.js';
import { createMetrics, type Metrics } from '../../src/observability/metrics.js';
import { OrderBook } from '../../src/pipelines/access-logs/order-book.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { createAccessLogs } from '../../src/pipelines/access-logs/pipeline.js';
import type { Discovery, DiscoveryContext, Pipeline, Receipt } from '../../src/pipelines/pipeline.js';

/** ClickHouse and S3 for one test file. */
export interface TestEngines {
  readonly clickhouseUrl: string;
  readonly s3Url: string;
  readonly stop: () => Promise<void>;
}

/** Starts both engines on free ports, with directories of their own. */
export async function startTestEngines(): Promise<TestEngines> {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-store-'));
  const [clickhouse, s3] = await Promise.all([
    startClickHouse({ dir: join(dir, 'clickhouse') }),
    startS3({ dir: join(dir, 's3') }),
  ]);
  return {
    clickhouseUrl: clickhouse.url,
    s3Url: s3.url,
    stop: async () => {
      await Promise.all([clickhouse.stop(), s3.stop()]);
      await rm(dir, { recursive: true });
    },
  };
}

/** Columns of one record; what is left out gets a value that suits most tests. */
export interface TestRecord {
  readonly bucketName?: string;
  readonly raftSessionID?: number;
  /** ISO 8601, whole seconds. */
  readonly insertedAt?: string;
  /** ISO 8601, ms. */
  readonly startTime?: string;
  readonly req_id?: string;
  readonly loggingEnabled?: boolean;
  readonly loggingTargetBucket?: string;
  readonly loggingTargetPrefix?: string;
  readonly objectKey?: string;
  readonly userAgent?: string;
}

/** A log object as it stands in a bucket. */
export interface StoredObject {
  readonly key: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Request ids of its lines, in their order. */
  readonly ids: readonly string[];
  readonly contentType: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The access-logs pipeline with a database of its own. */
export interface TestStore {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly s3: S3Client;
  readonly tables: Tables;
  readonly book: OrderBook;
  readonly metrics: Metrics;
  readonly pipeline: Pipeline<AccessLogOrder>;
  readonly insertRecords: (records: readonly TestRecord[]) => Promise<void>;
  /** Rows of a SELECT. */
  readonly select: <Row>(row: z.ZodType<Row>, sql: string, parameters?: Parameters) => Promise<Row[]>;
  readonly command: (sql: string, parameters?: Parameters) => Promise<void>;
  readonly createBucket: (name: string) => Promise<void>;
  /** All objects of a bucket, by key. */
  readonly readObjects: (bucket: string) => Promise<StoredObject[]>;
  readonly discover: (context?: Partial<DiscoveryContext>) => Promise<Discovery<AccessLogOrder>>;
  readonly deliver: (order: AccessLogOrder, signal?: AbortSignal) => Promise<Receipt>;
  /** Delivers and commits. */
  readonly settle: (orders: readonly AccessLogOrder[]) => Promise<void>;
  /** A counter's value. */
  readonly counted: (metric: string, labels?: Readonly<Record<string, string>>) => Promise<number>;
  /** A pipeline of another process on the same data, with other settings. */
  readonly another: (flags: Partial<Record<SettingName, string>>) => Promise<TestStore>;
  readonly close: () => Promise<void>;
}

/** Settings under which every record is ready at once. */
const EAGER: Partial<Record<SettingName, string>> = {
  'consumer.count-threshold': '1',
  'consumer.processing-delay-seconds': '0',
  's3.access-key-id': S3_CREDENTIALS.accessKeyId,
  's3.secret-access-key': S3_CREDENTIALS.secretAccessKey,
  's3.max-backoff-delay-seconds': '0',
};

let databases = 0;
let requests = 0;

/** Opens the pipeline on a new database with the schema applied. */
export async function openTestStore(
  engines: Pick<TestEngines, 'clickhouseUrl' | 's3Url'>,
  flags: Partial<Record<SettingName, string>> = {},
): Promise<TestStore> {
  databases += 1;
  const own = { 'clickhouse.database': `test_${String(process.pid)}_${String(databases)}` };
  const store = openStore(engines, { ...own, ...flags });
  await applySchema(store.clickhouse, store.settings);
  return store;
}

function openStore(
  engines: Pick<TestEngines, 'clickhouseUrl' | 's3Url'>,
  flags: Partial<Record<SettingName, string>>,
): TestStore {
  const urls = { 'clickhouse.url': engines.clickhouseUrl, 's3.endpoint': engines.s3Url };
  const { settings } = loadSettings({ flags: { ...EAGER, ...urls, ...flags }, environment: {} });
  const log = silentLog();
  const clickhouse = new ClickHouse(settings, log);
  const s3 = createS3Client(settings);
  const metrics = createMetrics();
  const tables = tablesOf(settings);
  const pipeline = createAccessLogs({ settings, clickhouse, s3, metrics, log });
  const others: TestStore[] = [];
  const deliver = (order: AccessLogOrder, signal = new AbortController().signal): Promise<Receipt> =>
    pipeline.deliver(order, { signal, report: () => undefined });
  return {
    settings,
    clickhouse,
    s3,
    tables,
    metrics,
    pipeline,
    book: new OrderBook(clickhouse, tables),
    insertRecords: (records) =>
      clickhouse.insert(tables.logs, records.map(recordOf), { doing: 'insert test records' }),
    select: (row, sql, parameters = {}) => clickhouse.query(row, sql, { doing: 'look', parameters }),
    command: (sql, parameters = {}) => clickhouse.command(sql, { doing: 'prepare', parameters }),
    createBucket: async (name) => {
      await s3.send(new CreateBucketCommand({ Bucket: name }));
    },
    readObjects: (bucket) => readObjects(s3, bucket),
    discover: (context = {}) => pipeline.discover(discoveryContext(context)),
    deliver,
    settle: async (orders) => {
      for (const order of orders) await pipeline.commit(order, await deliver(order));
    },
    counted: async (name, labels = {}) => {
      const metric = await metrics.registry.getSingleMetric(`log_courier_${name}`)?.get();
      const fits = metric?.values.filter((value) =>
        Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted),
      );
      return (fits ?? []).reduce((sum, { value }) => sum + value, 0);
    },
    another: (more) => {
      const other = openStore(engines, { ...flags, ...more });
      others.push(other);
      return Promise.resolve(other);
    },
    close: async () => {
      for (const other of others) await other.close();
      await pipeline.close();
      await clickhouse.close();
      s3.destroy();
    },
  };
}

/** A discovery that has all sources to itself for a minute. */
export function discoveryContext(context: Partial<DiscoveryContext> = {}): DiscoveryContext {
  const signal = new AbortController().signal;
  return { shard: 0, shards: 1, signal, leaseRemainingMs: () => 60_000, ...context };
}

/** A time before now, in whole seconds, ISO 8601. */
export function secondsAgo(seconds: number): string {
  return isoSeconds(Date.now() - seconds * 1000);
}

/** ISO 8601 in whole seconds. */
export function isoSeconds(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

function recordOf(given: TestRecord): Record<string, unknown> {
  requests += 1;
  const insertedAt = given.insertedAt ?? secondsAgo(3600);
  return {
    bucketName: 'source-bucket',
    raftSessionID: 1,
    insertedAt,
    startTime: insertedAt.replace('Z', '.000Z'),
    req_id: `REQ${String(requests).padStart(8, '0')}`,
    operation: 'REST.GET.OBJECT',
    requestURI: 'GET /source-bucket/a HTTP/1.1',
    httpCode: 200,
    loggingEnabled: true,
    loggingTargetBucket: 'target-logs',
    loggingTargetPrefix: 'logs/',
    ...given,
  };
}

async function readObjects(s3: S3Client, bucket: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket })) {
    for (const { Key = '' } of page.Contents ?? []) {
      const {
        Body,
        ContentType,
        Metadata = {},
      } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      const content = await text(readableBody(Body));
      const lines = content.split('\n').slice(0, -1);
      const ids = lines.map((line) => /\] \S+ \S+ (\S+)/.exec(line)?.[1] ?? '');
      objects.push({ key: Key, text: content, lines, ids, contentType: ContentType, metadata: Metadata });
    }
  }
  return objects;
}
