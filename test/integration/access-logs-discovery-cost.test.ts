import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { OffsetsKeeper } from '../../src/pipelines/access-logs/offsets-keeper.js';
import { OrderBook } from '../../src/pipelines/access-logs/order-book.js';
import { progressFrom } from '../../src/pipelines/access-logs/progress.js';
import { silentLog } from '../../src/observability/log.js';
import { secondsAgo, type TestStore } from '../support/access-logs.js';
import { discoverWith, identityOf, TRUSTED } from '../support/discovery.js';
import { MeasuringClickHouse } from '../support/measuring.js';
import { records, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

const THRESHOLDS = { 'consumer.count-threshold': '3', 'consumer.time-threshold-seconds': '900' };
const count = z.object({ n: z.number() });

describe('what a discovery reads', () => {
  const HOURS = 60;

  /** Records of three days that are all delivered, and the offsets that say so. */
  async function retain(store: TestStore, rows: number): Promise<void> {
    const { logs, offsets } = store.tables;
    await store.command(
      `INSERT INTO ${logs} (insertedAt, startTime, bucketName, req_id, loggingEnabled, loggingTargetBucket, raftSessionID)
       SELECT toStartOfHour(now()) - 3 * 3600 - (number % ${String(HOURS)}) * 3600, now64(3), concat('bucket-', toString(number % 20)),
         toString(number), true, 'target-logs', 1 FROM numbers({rows:UInt64})`,
      { rows },
    );
    await store.command(
      `INSERT INTO ${offsets} SELECT bucketName, 1, toStartOfHour(now()) - 7200, toDateTime64(0, 3), ''
       FROM (SELECT DISTINCT bucketName FROM ${logs})`,
    );
    await store.command(`OPTIMIZE TABLE ${logs} FINAL`);
  }

  /** Rows read by a discovery that follows another, with the same undelivered records. */
  async function rowsRead(
    rows: number,
    prepare: (store: TestStore) => Promise<void> = () => Promise.resolve(),
  ): Promise<number> {
    const store = await open(THRESHOLDS);
    await retain(store, rows);
    await prepare(store);
    const { progress } = await discoverWith(store, undefined, TRUSTED);
    const scanned = JSON.stringify({
      ...progressFrom(progress, await identityOf(store)),
      scannedAt: Math.floor(Date.now() / 1000),
      arrivedFrom: Math.floor(Date.now() / 1000),
    });
    // What has just been retained arrived long ago in earnest.
    await store.command(`TRUNCATE TABLE ${store.tables.arrivals}`);
    await store.insertRecords(
      Array.from({ length: 100 }, (_, n) => ({
        bucketName: `bucket-${String(n % 10)}`,
        insertedAt: secondsAgo(1000),
      })),
    );
    const clickhouse = new MeasuringClickHouse(store.settings, silentLog());
    try {
      const found = await discoverWith(store, scanned, TRUSTED, clickhouse);
      expect(found.orders).toHaveLength(10);
      expect(found.rowsRead).toBeLessThanOrEqual(clickhouse.rowsRead);
      return clickhouse.rowsRead;
    } finally {
      await clickhouse.close();
    }
  }

  test('does not grow with the records that are retained', async () => {
    const [few, many] = [await rowsRead(20_000), await rowsRead(200_000)];
    expect(many).toBeLessThanOrEqual(few * 1.1);
    expect(many).toBeLessThan(5000);
  });

  test('does not grow with the age of an order that is stuck', async () => {
    const stuck = await rowsRead(20_000, async (store) => {
      await store.insertRecords([{ bucketName: 'stuck', insertedAt: secondsAgo(70 * 3600) }]);
      const { orders } = await discoverWith(store, undefined, TRUSTED);
      for (const order of orders)
        await store.pipeline.fail(order, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
      expect(orders).toHaveLength(1);
    });
    expect(stuck).toBeLessThan((await rowsRead(20_000)) + 1000);
  });

  test('does not grow with the orders that the book keeps', async () => {
    const store = await open();
    const { workOrders } = store.tables;
    const settled = (from: number, orders: number): Promise<void> =>
      store.command(
        `INSERT INTO ${workOrders} (orderId, bucketName, raftSessionID, upToInsertedAt, orderedAt, updatedAt, state, revision)
         SELECT toString({from:UInt64} + number), concat('bucket-', toString(number % 50)), 1, now() - 86400 * (1 + number % 20),
           now64(3) - 86400 * (1 + number % 20), now64(3) - 86400 * (1 + number % 20), 'delivered', 2000000000000000
         FROM numbers({orders:UInt64})`,
        { from, orders },
      );
    await settled(0, 1000);
    await store.insertRecords(records(3));
    const { orders } = await store.discover();
    expect(orders).toHaveLength(1);
    const clickhouse = new MeasuringClickHouse(store.settings, silentLog());
    const book = new OrderBook(clickhouse, store.tables);
    const keeper = new OffsetsKeeper({ clickhouse, tables: store.tables, book });
    const { signal } = new AbortController();
    await keeper.catchUp(signal);
    const read = async (): Promise<number> => {
      await store.command(`OPTIMIZE TABLE ${workOrders} FINAL`);
      clickhouse.rowsRead = 0;
      expect(await book.countOpen()).toBe(1);
      expect(await book.open({ shard: 0, shards: 1 })).toEqual(orders);
      expect(await book.failed({})).toEqual([]);
      await keeper.catchUp(signal);
      return clickhouse.rowsRead;
    };
    try {
      const few = await read();
      await settled(1000, 40_000);
      const n = await store.select(count, `SELECT count() AS n FROM ${workOrders}`);
      expect(n[0]?.n).toBeGreaterThan(40_000);
      expect(await read()).toBeLessThanOrEqual(few * 1.1 + 100);
    } finally {
      await clickhouse.close();
    }
  });
});
