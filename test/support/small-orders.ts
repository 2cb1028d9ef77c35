import { afterEach } from '@jest/globals';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { constantSql } from '../../src/clickhouse/constant.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { Receipt } from '../../src/pipelines/pipeline.js';
import type { TestRecord, TestStore } from './access-logs.js';
import { hostileRecord } from './hostile-records.js';
import { startHttpProxy, type HttpProxy, type ProxiedRequest } from './http-proxy.js';
import { at } from './test-stores.js';

/** A store and the proxy between it and its ClickHouse. */
export interface StoreBehindProxy {
  readonly store: TestStore;
  readonly clickhouse: HttpProxy;
}

/**
 * Opens stores whose ClickHouse is behind a proxy, which ends after the test.
 *
 * @param open opens a store
 */
export function useStoresBehindProxy(open: () => Promise<TestStore>): () => Promise<StoreBehindProxy> {
  const proxies: HttpProxy[] = [];
  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
  });
  return async () => {
    const direct = await open();
    const clickhouse = await startHttpProxy(direct.settings['clickhouse.url'][0] ?? '');
    proxies.push(clickhouse);
    const store = await direct.another({
      'clickhouse.database': direct.settings['clickhouse.database'],
      'clickhouse.url': clickhouse.url,
    });
    return { store, clickhouse };
  };
}

/** A target bucket for one store alone: stores share the S3 of their file. */
export function targetOf({ settings }: TestStore): string {
  return `${settings['clickhouse.database'].replaceAll('_', '-')}-logs`;
}

/** The one request that brings the content of a group. */
export function isFetch({ body }: ProxiedRequest): boolean {
  return body.includes('upToHere');
}

/** A request for the lines of one object. */
export function isSingleFetch({ body }: ProxiedRequest): boolean {
  return body.includes('FORMAT TSVRaw');
}

/** Orders of some buckets with records of their own, in the order of the names. */
export async function makeOrders(
  store: TestStore,
  buckets: readonly string[],
  columns: TestRecord = {},
  count = 5,
): Promise<AccessLogOrder[]> {
  await store.insertRecords(
    buckets.flatMap((bucketName) =>
      Array.from({ length: count }, (_, n) => ({
        bucketName,
        insertedAt: at(n),
        loggingTargetBucket: targetOf(store),
        ...columns,
      })),
    ),
  );
  const { orders } = await store.discover();
  return [...orders].sort((a, b) => (a.bucket < b.bucket ? -1 : 1));
}

/** Delivers all at the same time. */
export async function deliverAll(store: TestStore, orders: readonly AccessLogOrder[]): Promise<Receipt[]> {
  return Promise.all(orders.map((order) => store.deliver(order)));
}

/** What became of each, delivered at the same time. */
export async function outcomesOf(
  store: TestStore,
  orders: readonly AccessLogOrder[],
): Promise<(Receipt | Error)[]> {
  const outcomes = await Promise.allSettled(orders.map((order) => store.deliver(order)));
  return outcomes.map((outcome) => {
    if (outcome.status === 'fulfilled') return outcome.value;
    if (outcome.reason instanceof Error) return outcome.reason;
    throw new Error('an error was expected', { cause: outcome.reason });
  });
}

/** The same store, with each order delivered by itself. */
export async function oneByOne(store: TestStore): Promise<TestStore> {
  const database = store.settings['clickhouse.database'];
  return store.another({ 'clickhouse.database': database, 'consumer.small-orders-in-flight': '0' });
}

const TEXT_COLUMNS = [
  ...['requester', 'operation', 'requestURI', 'errorCode', 'referer', 'userAgent', 'versionId', 'hostHeader'],
  ...['bucketOwner', 'clientIP', 'objectKey', 'signatureVersion', 'cipherSuite', 'req_id'],
];

/** Inserts hostile records: bytes of all kinds, and many that share startTime, request id or both. */
export async function insertHostile(store: TestStore, buckets: readonly string[]): Promise<void> {
  const records = fc.sample(hostileRecord(TEXT_COLUMNS), { numRuns: 400, seed: 20_260_102 });
  const rows = records.map((record, n) => [
    buckets[n % buckets.length],
    n % 60,
    n % 3,
    ...TEXT_COLUMNS.map((column) => record.text[column]?.toString('hex') ?? 'NULL'),
  ]);
  const text = TEXT_COLUMNS.map((column, n) => {
    const hex = `r.${String(n + 4)}`;
    if (column === 'req_id') return `if(r.2 % 2 = 0, 'TIE', toValidUTF8(unhex(${hex})))`;
    return `if(${hex} = 'NULL', NULL, unhex(${hex}))`;
  });
  const type = `Array(Tuple(String, UInt32, UInt32, ${TEXT_COLUMNS.map(() => 'String').join(', ')}))`;
  await store.clickhouse.command(
    `INSERT INTO ${store.tables.logs} (bucketName, raftSessionID, insertedAt, startTime, loggingEnabled,
       loggingTargetBucket, loggingTargetPrefix, httpCode, ${TEXT_COLUMNS.join(', ')})
     SELECT r.1, 1, toDateTime({start:UInt32}) + r.2, toDateTime64({start:UInt32} - 86400 * r.3, 3), true,
       {target:String}, if(r.3 = 0, 'it''s "a\\\\prefix"/日本/', 'plain/'), 200, ${text.join(', ')}
     FROM (SELECT arrayJoin(${constantSql(type, rows)}) AS r)`,
    {
      doing: 'insert hostile records',
      parameters: { target: targetOf(store), start: Math.floor(Date.parse(at(0)) / 1000) },
      settings: { max_query_size: '16000000' },
    },
  );
}

/** Removes all objects of a bucket. */
export async function empty(store: TestStore, bucket: string): Promise<void> {
  for (const { key } of await store.readObjects(bucket)) {
    await store.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
  }
}
