import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { readOffsets } from '../../src/pipelines/access-logs/offsets.js';
import { OffsetsKeeper } from '../../src/pipelines/access-logs/offsets-keeper.js';
import { offsetFrom } from '../../src/pipelines/access-logs/offset.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import {
  isoSeconds,
  openTestStore,
  startTestEngines,
  type TestEngines,
  type TestStore,
} from '../support/access-logs.js';
import { startHttpProxy, type HttpProxy, type ProxiedRequest } from '../support/http-proxy.js';

let engines: TestEngines;
let proxy: HttpProxy;
let store: TestStore | undefined;

beforeAll(async () => {
  engines = await startTestEngines();
  proxy = await startHttpProxy(engines.clickhouseUrl);
});

beforeEach(() => {
  proxy.reset();
});

afterEach(async () => {
  proxy.reset();
  await store?.close();
});

afterAll(async () => {
  await proxy.close();
  await engines.stop();
});

const start = Math.floor(Date.now() / 1000) * 1000 - 7_200_000;
const at = (seconds: number): string => isoSeconds(start + seconds * 1000);
/** Does what a process does when it starts. */
async function commitAllOffsets({ clickhouse, tables, book }: TestStore): Promise<void> {
  await new OffsetsKeeper({ clickhouse, tables, book }).catchUp(new AbortController().signal);
}

/** Offsets are written when a test says so: by count, or at the end. */
const NEVER_BY_TIME = { 'offset.flush-time-threshold-ms': '600000' };

/** Opens a store with one order a record, each of another second. */
async function withOrders(
  count: number,
  flags: Parameters<typeof openTestStore>[1] = NEVER_BY_TIME,
  bucketName = 'source-bucket',
): Promise<{ store: TestStore; orders: AccessLogOrder[] }> {
  const made = await openTestStore(
    { ...engines, clickhouseUrl: proxy.url },
    { 'consumer.max-logs-per-bucket': '1', ...flags },
  );
  store = made;
  await made.insertRecords(
    Array.from({ length: count }, (_, second) => ({ bucketName, insertedAt: at(second) })),
  );
  const { orders } = await made.discover();
  proxy.reset();
  return { store: made, orders: [...orders] };
}

async function commit(to: TestStore, order: AccessLogOrder | undefined): Promise<void> {
  if (order === undefined) throw new Error('there is no such order');
  const object = { bucket: 'target-logs', prefix: '', key: order.id, records: 1, bytes: 10, sha256: 'ab' };
  await to.pipeline.commit(order, { objects: [object], records: 1, bytes: 10, earlier: [] });
}

/** The startTime of the committed offset of the only source, in ms after the first record's. */
async function committedMilliseconds(from: TestStore): Promise<number | undefined> {
  const [row] = await readOffsets(from.clickhouse, from.tables);
  return row === undefined ? undefined : row.committed[1] - Date.parse(at(0));
}

/** The committed offset of the only source, as the second at which it stands. */
async function committedSecond(from: TestStore): Promise<number | undefined> {
  const [row] = await readOffsets(from.clickhouse, from.tables);
  return row === undefined ? undefined : (Date.parse(offsetFrom(row.committed).insertedAt) - start) / 1000;
}

const writesOffsets = ({ body }: ProxiedRequest): boolean =>
  /^INSERT INTO \w+\.offsets/.test(body.toString());
const writesBook = ({ url, body }: ProxiedRequest): boolean =>
  /INSERT INTO \w+\.work_orders/.test(decodeURIComponent(url.replaceAll('+', ' ')) + body.toString());

describe('invariant 2: the committed offset', () => {
  test('is the end of the contiguous prefix: it waits for a hole, and jumps when the hole is filled', async () => {
    const { store, orders } = await withOrders(4, { 'offset.flush-count-threshold': '1' });
    const seen: (number | undefined)[] = [];
    for (const index of [1, 0, 3, 2]) {
      proxy.reset();
      await commit(store, orders[index]);
      await proxy.answered(writesOffsets);
      seen.push(await committedSecond(store));
    }
    expect(seen).toEqual([undefined, 1, 1, 3]);
  });

  test('never passes an order that failed, until that one is delivered', async () => {
    const { store, orders } = await withOrders(3);
    const [first, failed, last] = orders;
    if (failed === undefined) throw new Error('three orders were expected');
    await store.pipeline.fail(failed, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
    await commit(store, first);
    await commit(store, last);
    await commitAllOffsets(store);
    expect(await committedSecond(store)).toBe(0);
    await store.pipeline.reopen([failed]);
    await commitAllOffsets(store);
    expect(await committedSecond(store)).toBe(0);
    await commit(store, failed);
    await commitAllOffsets(store);
    expect(await committedSecond(store)).toBe(2);
  });

  test('never moves back, also when another deployment is further', async () => {
    const { store, orders } = await withOrders(2);
    const [insertedAt, startTime] = [at(60), at(60).replace('Z', '.000Z')];
    const further = {
      bucketName: 'source-bucket',
      raftSessionID: 1,
      lastProcessedInsertedAt: insertedAt,
      lastProcessedStartTime: startTime,
      lastProcessedReqId: 'X',
    };
    await store.clickhouse.insert(store.tables.offsets, [further], { doing: 'write offsets' });
    for (const order of orders) await commit(store, order);
    await commitAllOffsets(store);
    expect(await committedSecond(store)).toBe(60);
    await store.command(`OPTIMIZE TABLE ${store.tables.offsets} FINAL`);
    expect(await committedSecond(store)).toBe(60);
  });

  test('is kept for each raft session of a bucket', async () => {
    const { store } = await withOrders(0);
    await store.insertRecords([
      { raftSessionID: 1, insertedAt: at(1) },
      { raftSessionID: 2, insertedAt: at(2) },
    ]);
    const { orders } = await store.discover();
    await commit(
      store,
      orders.find(({ raftSession }) => raftSession === 2),
    );
    await commitAllOffsets(store);
    expect(await readOffsets(store.clickhouse, store.tables)).toMatchObject([{ raftSessionID: 2 }]);
  });

  test('is not written again when it would not change', async () => {
    const { store, orders } = await withOrders(1);
    await commit(store, orders[0]);
    for (let time = 0; time < 3; time += 1) await commitAllOffsets(store);
    const sql = `SELECT count() AS n FROM ${store.tables.offsets}`;
    expect(await store.select(z.object({ n: z.number() }), sql)).toEqual([{ n: 1 }]);
  });
});

describe('commits', () => {
  test('of many orders at once share a few writes of the order book', async () => {
    const { store, orders } = await withOrders(12);
    await Promise.all(orders.map((order) => commit(store, order)));
    expect(await store.book.counts()).toMatchObject({ delivered: 12, open: 0 });
    expect(proxy.requests.filter(writesBook).length).toBeLessThanOrEqual(2);
  });

  test('may be repeated: the order stays delivered, once', async () => {
    const { store, orders } = await withOrders(1);
    await commit(store, orders[0]);
    await commit(store, orders[0]);
    expect(await store.book.all()).toMatchObject([{ state: 'delivered', deliveredRecords: 1 }]);
  });

  test('that bring more records outrank those that bring fewer, in whatever order they come', async () => {
    const { store, orders } = await withOrders(1);
    const [order] = orders;
    if (order === undefined) throw new Error('an order was expected');
    const object = (records: number) => ({
      bucket: 'b',
      prefix: '',
      key: 'k',
      records,
      bytes: records,
      sha256: '',
    });
    await store.pipeline.commit(order, { objects: [object(5)], records: 5, bytes: 5, earlier: [] });
    await store.pipeline.commit(order, { objects: [object(4)], records: 4, bytes: 4, earlier: [] });
    expect(await store.book.all()).toMatchObject([{ deliveredRecords: 5, objects: [{ records: 5 }] }]);
  });

  test('that ClickHouse does not take are errors for those who wait, and the next ones go through', async () => {
    const { store, orders } = await withOrders(2);
    proxy.rule((request) => ({ kind: writesBook(request) ? 'reset' : 'pass' }));
    await expect(commit(store, orders[0])).rejects.toThrow(/commit deliveries to the order book: no answer/);
    proxy.reset();
    await commit(store, orders[1]);
    expect(await store.book.counts()).toMatchObject({ delivered: 1, open: 1 });
  });
});

describe('offsets are written', () => {
  test('after so many orders', async () => {
    const { store, orders } = await withOrders(3, {
      ...NEVER_BY_TIME,
      'offset.flush-count-threshold': '2',
    });
    await commit(store, orders[0]);
    expect(proxy.requests.some(writesOffsets)).toBe(false);
    await commit(store, orders[1]);
    await proxy.answered(writesOffsets);
    expect(await committedSecond(store)).toBe(1);
    expect(await store.counted('commit_flushes_total', { reason: 'count' })).toBe(1);
  });

  test('after some time', async () => {
    const { store, orders } = await withOrders(1, { 'offset.flush-time-threshold-ms': '20' });
    await commit(store, orders[0]);
    await proxy.answered(writesOffsets);
    expect(await committedSecond(store)).toBe(0);
    expect(await store.counted('commit_flushes_total', { reason: 'time' })).toBe(1);
  });

  test('at the end of the process', async () => {
    const { store, orders } = await withOrders(1);
    await commit(store, orders[0]);
    expect(await committedSecond(store)).toBeUndefined();
    await store.pipeline.close();
    expect(await committedSecond(store)).toBe(0);
    expect(await store.counted('commit_flushes_total', { reason: 'shutdown' })).toBe(1);
  });

  test('with the next ones, when a write of them failed', async () => {
    const { store, orders } = await withOrders(1, {
      ...NEVER_BY_TIME,
      'offset.flush-count-threshold': '1',
    });
    await store.insertRecords([{ bucketName: 'another-bucket' }]);
    const [another] = (await store.discover()).orders;
    proxy.reset();
    proxy.rule((request) => ({ kind: writesOffsets(request) ? 'reset' : 'pass' }));
    await commit(store, orders[0]);
    await proxy.answered(writesOffsets);
    expect(await committedSecond(store)).toBeUndefined();
    proxy.reset();
    await commit(store, another);
    await proxy.answered(writesOffsets);
    const buckets = (await readOffsets(store.clickhouse, store.tables)).map(({ bucketName }) => bucketName);
    expect(buckets).toEqual(['another-bucket', 'source-bucket']);
    expect(await store.counted('commit_offsets_flushed_total', { status: 'failed' })).toBe(1);
  });

  test('again, when a slower process has put an earlier one of the same second behind it', async () => {
    const { store, orders } = await withOrders(2);
    for (const order of orders) await commit(store, order);
    await store.discover();
    const { offsets } = store.tables;
    await store.command(
      `INSERT INTO ${offsets} SELECT bucketName, raftSessionID, lastProcessedInsertedAt,
         lastProcessedStartTime - 1, lastProcessedReqId FROM ${offsets} FINAL`,
    );
    await store.command(`OPTIMIZE TABLE ${offsets} FINAL`);
    expect(await committedMilliseconds(store)).toBe(0);
    await store.discover();
    await store.command(`OPTIMIZE TABLE ${offsets} FINAL`);
    expect(await committedMilliseconds(store)).toBe(1000);
  });

  test('at the next start, when the process ended before it could: from the order book alone', async () => {
    const { store, orders } = await withOrders(2);
    const receipt = { objects: [], records: 0, bytes: 0, earlier: [] };
    const deliveries = orders.map((order) => ({ order, receipt }));
    await store.book.delivered(deliveries);
    expect(await committedSecond(store)).toBeUndefined();
    const next = await store.another({});
    await next.discover();
    expect(await committedSecond(store)).toBe(1);
  });
});
