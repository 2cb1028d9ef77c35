import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { StoreStateReader, type StoreState } from '../../src/pipelines/access-logs/circumstances.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { progressFrom } from '../../src/pipelines/access-logs/progress.js';
import { silentLog } from '../../src/observability/log.js';
import { discoveryContext, secondsAgo, type TestStore } from '../support/access-logs.js';
import { discoverWith, identityOf, TRUSTED, UNTRUSTED } from '../support/discovery.js';
import { at, records, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

const THRESHOLDS = { 'consumer.count-threshold': '3', 'consumer.time-threshold-seconds': '900' };

const shownIn = (orders: readonly AccessLogOrder[]): unknown[] =>
  orders.map(({ id, records: count, oldestAt }) => ({ id, count, oldestAt }));

describe('discovery by what has arrived finds what a scan of everything finds', () => {
  const scenarios: readonly (readonly [string, (store: TestStore) => Promise<void>])[] = [
    ['nothing', () => Promise.resolve()],
    [
      'few young ones, enough, old ones',
      (store) =>
        store.insertRecords([
          ...records(2, { bucketName: 'few-and-young', insertedAt: secondsAgo(600) }),
          ...records(3, { bucketName: 'enough', insertedAt: secondsAgo(600) }),
          ...records(1, { bucketName: 'old', insertedAt: secondsAgo(1000) }),
        ]),
    ],
    [
      'a bucket in two raft sessions, and records that go nowhere',
      (store) =>
        store.insertRecords([
          ...records(3, { raftSessionID: 1 }),
          ...records(4, { raftSessionID: 2 }),
          ...records(5, { bucketName: 'off', loggingEnabled: false }),
          ...records(5, { bucketName: 'nowhere', loggingTargetBucket: '' }),
        ]),
    ],
    [
      'records of one offset, partly passed by an offset that another deployment wrote',
      async (store) => {
        await store.insertRecords([
          { insertedAt: at(0), req_id: 'A' },
          { insertedAt: at(1), req_id: 'B' },
          { insertedAt: at(1), req_id: 'B' },
          { insertedAt: at(1), req_id: 'C' },
          { insertedAt: at(1), req_id: 'C' },
          { bucketName: 'passed', insertedAt: at(1), req_id: 'D' },
        ]);
        const written = { raftSessionID: 1, lastProcessedInsertedAt: at(1), lastProcessedReqId: 'B' };
        const lastProcessedStartTime = at(1).replace('Z', '.000Z');
        await store.clickhouse.insert(
          store.tables.offsets,
          [
            { bucketName: 'source-bucket', ...written, lastProcessedStartTime },
            { bucketName: 'passed', ...written, lastProcessedStartTime, lastProcessedReqId: 'D' },
          ],
          { doing: 'write offsets' },
        );
      },
    ],
    [
      'a bucket whose last order is stuck since long, others that are delivered or open',
      async (store) => {
        await store.insertRecords([
          { bucketName: 'stuck', insertedAt: secondsAgo(200_000) },
          { bucketName: 'delivered', insertedAt: secondsAgo(100_000) },
          { bucketName: 'open', insertedAt: secondsAgo(5000) },
        ]);
        const { orders } = await store.discover();
        const of = (name: string): AccessLogOrder[] => orders.filter(({ bucket }) => bucket === name);
        for (const order of of('stuck'))
          await store.pipeline.fail(order, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
        for (const order of of('delivered'))
          await store.pipeline.commit(order, { objects: [], records: 1, bytes: 0, earlier: [] });
        await store.insertRecords([
          ...records(2, { bucketName: 'stuck', insertedAt: secondsAgo(4000) }),
          ...records(2, { bucketName: 'delivered', insertedAt: secondsAgo(3000) }),
          ...records(2, { bucketName: 'new', insertedAt: secondsAgo(2000) }),
        ]);
      },
    ],
    [
      'many orders of one bucket',
      (store) => store.insertRecords(Array.from({ length: 25 }, (_, second) => ({ insertedAt: at(second) }))),
    ],
  ];

  const ways: readonly (readonly [string, Partial<StoreState>, boolean])[] = [
    ['without progress', TRUSTED, false],
    ['with progress', TRUSTED, true],
    ['without either', UNTRUSTED, false],
  ];

  describe.each(ways)('%s', (_, change, hasProgress) => {
    test.each(scenarios)('%s', async (__, prepare) => {
      const store = await open({ ...THRESHOLDS, 'consumer.max-logs-per-bucket': '10' });
      const { progress } = hasProgress ? await discoverWith(store, undefined, change) : {};
      await prepare(store);
      const expected = await store.pipeline.preview();
      const found = await discoverWith(store, progress, change);
      expect(shownIn(found.orders)).toEqual(shownIn(expected));
      expect((await discoverWith(store, found.progress, change)).orders).toEqual([]);
    });
  });
});

describe('a discovery that follows another', () => {
  test('finds records that come in long after their insertedAt, of buckets that were never seen', async () => {
    const store = await open(THRESHOLDS);
    await store.insertRecords(records(3));
    const first = await discoverWith(store, undefined, TRUSTED);
    await store.insertRecords(records(1, { bucketName: 'imported', insertedAt: secondsAgo(200_000) }));
    const second = await discoverWith(store, first.progress, TRUSTED);
    expect(second.orders).toMatchObject([{ bucket: 'imported', records: 1 }]);
  });

  test('keeps what is not ready yet, and what a discovery was not allowed to order', async () => {
    const store = await open({ ...THRESHOLDS, 'consumer.max-buckets-per-discovery': '1' });
    await store.insertRecords([
      ...records(3, { bucketName: 'first', insertedAt: secondsAgo(7000) }),
      ...records(3, { bucketName: 'second', insertedAt: secondsAgo(5000) }),
      ...records(2, { bucketName: 'young', insertedAt: secondsAgo(100) }),
    ]);
    const first = await discoverWith(store, undefined, TRUSTED);
    expect(first.orders).toMatchObject([{ bucket: 'first' }]);
    const second = await discoverWith(store, first.progress, TRUSTED);
    expect(second.orders).toMatchObject([{ bucket: 'second' }]);
    await store.insertRecords(records(1, { bucketName: 'young', insertedAt: secondsAgo(90) }));
    const third = await discoverWith(store, second.progress, TRUSTED);
    expect(third.orders).toMatchObject([{ bucket: 'young', records: 3 }]);
  });

  test('scans from the progress on when there is no view, and does not miss what comes in a little late', async () => {
    const store = await open(THRESHOLDS);
    await store.insertRecords(records(3, { insertedAt: secondsAgo(7000) }));
    const first = await discoverWith(store, undefined, UNTRUSTED);
    expect(first.orders).toMatchObject([{ records: 3 }]);
    await store.insertRecords([
      ...records(3, { bucketName: 'late', insertedAt: secondsAgo(600) }),
      ...records(2, { bucketName: 'young', insertedAt: secondsAgo(10) }),
    ]);
    const second = await discoverWith(store, first.progress, UNTRUSTED);
    expect(second.orders).toMatchObject([{ bucket: 'late', records: 3 }]);
    await store.insertRecords(records(1, { bucketName: 'young', insertedAt: secondsAgo(5) }));
    expect((await discoverWith(store, second.progress, UNTRUSTED)).orders).toMatchObject([
      { bucket: 'young', records: 3 },
    ]);
  });

  test('goes on with all that is ready as long as its orders are taken', async () => {
    const store = await open({ ...THRESHOLDS, 'consumer.max-buckets-per-discovery': '2' });
    const names = Array.from({ length: 7 }, (_, n) => `bucket-${String(n)}`);
    await store.insertRecords(names.flatMap((bucketName) => records(3, { bucketName })));
    const taken: number[] = [];
    const take = (orders: readonly AccessLogOrder[]): Promise<boolean> => {
      taken.push(orders.length);
      return Promise.resolve(true);
    };
    const { orders } = await store.pipeline.discover({ ...discoveryContext(), take });
    expect(orders.map(({ bucket }) => bucket).sort()).toEqual(names);
    expect(taken).toEqual([2, 5]);
  });

  test('makes nothing of arrivals that were counted twice', async () => {
    const store = await open(THRESHOLDS);
    await store.insertRecords(records(2, { insertedAt: secondsAgo(100) }));
    const { arrivals } = store.tables;
    await store.command(`INSERT INTO ${arrivals} SELECT * FROM ${arrivals}`);
    const first = await discoverWith(store, undefined, TRUSTED);
    expect(first.orders).toEqual([]);
    await store.insertRecords(records(1, { insertedAt: secondsAgo(90) }));
    expect((await discoverWith(store, first.progress, TRUSTED)).orders).toMatchObject([{ records: 3 }]);
  });

  test('finds by a scan what the view has not counted, when ClickHouse was started since', async () => {
    const store = await open(THRESHOLDS);
    const first = await discoverWith(store, undefined, TRUSTED);
    await store.insertRecords(records(3, { insertedAt: secondsAgo(100) }));
    await store.command(`TRUNCATE TABLE ${store.tables.arrivals}`);
    const scannedAt = Math.floor(Date.now() / 1000);
    const seen = JSON.stringify({ ...progressFrom(first.progress, await identityOf(store)), scannedAt });
    const second = await discoverWith(store, seen, TRUSTED);
    expect(second.orders).toEqual([]);
    const restarted = { ...TRUSTED, upSince: scannedAt + 1 };
    expect((await discoverWith(store, second.progress, restarted)).orders).toMatchObject([{ records: 3 }]);
  });

  test('begins from the beginning when the progress is about other tables', async () => {
    const store = await open(THRESHOLDS);
    const first = await discoverWith(store, undefined, TRUSTED);
    await store.insertRecords(records(3, { insertedAt: secondsAgo(200_000) }));
    await store.command(`TRUNCATE TABLE ${store.tables.arrivals}`);
    const elsewhere = (first.progress ?? '').replace('"of":"', '"of":"another ');
    expect((await discoverWith(store, elsewhere, UNTRUSTED)).orders).toMatchObject([{ records: 3 }]);
  });
});

describe('the view on the logs', () => {
  const trustedFrom = async (store: TestStore): Promise<number | undefined> =>
    (await new StoreStateReader(store.clickhouse, store.tables, silentLog()).read()).trustedFrom;

  test('is trusted from a while after it was made, and no longer when it is gone', async () => {
    const store = await open();
    const { now } = await new StoreStateReader(store.clickhouse, store.tables, silentLog()).read();
    const from = (await trustedFrom(store)) ?? 0;
    expect(from).toBeGreaterThan(now);
    expect(from).toBeLessThan(now + 3600);
    await store.command(`DROP TABLE ${store.tables.arrivals}_mv`);
    expect(await trustedFrom(store)).toBeUndefined();
    await store.insertRecords(records(3, { insertedAt: secondsAgo(100) }));
    expect((await store.discover()).orders).toMatchObject([{ records: 3 }]);
  });

  test('counts what shippers insert, eligible and not, by source', async () => {
    const store = await open();
    const row = { bucketName: 'b', raftSessionID: 7, startTime: at(0), insertedAt: at(0), req_id: 'R' };
    await store.clickhouse.insert(
      store.tables.ingest,
      [
        { ...row, loggingEnabled: true, loggingTargetBucket: 't' },
        { ...row, loggingEnabled: true, loggingTargetBucket: 't', insertedAt: at(5) },
        { ...row, loggingEnabled: true },
        { ...row, loggingEnabled: false },
      ],
      { doing: 'ingest' },
    );
    const arrival = z.object({
      bucketName: z.string(),
      raftSessionID: z.number(),
      records: z.number(),
      first: z.number(),
      last: z.number(),
      loggingOff: z.number(),
      noTarget: z.number(),
    });
    const sql = `SELECT bucketName, raftSessionID, records, toUnixTimestamp(first) AS first,
        toUnixTimestamp(last.1) AS last, loggingOff, noTarget FROM ${store.tables.arrivals}`;
    expect(await store.select(arrival, sql)).toEqual([
      {
        bucketName: 'b',
        raftSessionID: 7,
        records: 2,
        first: Date.parse(at(0)) / 1000,
        last: Date.parse(at(5)) / 1000,
        loggingOff: 1,
        noTarget: 1,
      },
    ]);
  });
});
