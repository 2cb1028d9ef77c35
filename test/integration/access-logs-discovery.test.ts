import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { countRanges } from '../../src/pipelines/access-logs/count-ranges.js';
import { compareOffsets, type Offset } from '../../src/pipelines/access-logs/offset.js';
import { orderOf, type AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import {
  isoSeconds,
  openTestStore,
  secondsAgo,
  startTestEngines,
  type TestEngines,
  type TestRecord,
  type TestStore,
} from '../support/access-logs.js';

let engines: TestEngines;
const opened: TestStore[] = [];

beforeAll(async () => {
  engines = await startTestEngines();
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

afterAll(async () => {
  await engines.stop();
});

async function open(flags: Parameters<typeof openTestStore>[1] = {}): Promise<TestStore> {
  const store = await openTestStore(engines, flags);
  opened.push(store);
  return store;
}

/** Two hours ago, and seconds after that. */
const start = Math.floor(Date.now() / 1000) * 1000 - 7_200_000;
const at = (seconds: number): string => isoSeconds(start + seconds * 1000);

function records(count: number, columns: TestRecord = {}): TestRecord[] {
  return Array.from({ length: count }, () => columns);
}

const bucketsOf = (orders: readonly AccessLogOrder[]): string[] => orders.map(({ bucket }) => bucket);

describe('a bucket is ready', () => {
  const thresholds = { 'consumer.count-threshold': '3', 'consumer.time-threshold-seconds': '900' };

  test('with enough records, or with an old one, and not with a few young ones', async () => {
    const store = await open(thresholds);
    await store.insertRecords([
      ...records(2, { bucketName: 'few-and-young', insertedAt: secondsAgo(600) }),
      ...records(3, { bucketName: 'enough', insertedAt: secondsAgo(600) }),
      ...records(1, { bucketName: 'old', insertedAt: secondsAgo(1000) }),
    ]);
    const { orders } = await store.discover();
    expect(bucketsOf(orders)).toEqual(['old', 'enough']);
    expect(orders.map((order) => order.records)).toEqual([1, 3]);
  });

  test('by the records that are undelivered: those that were ordered count no more', async () => {
    const store = await open(thresholds);
    await store.insertRecords(records(3, { insertedAt: secondsAgo(600) }));
    expect((await store.discover()).orders).toHaveLength(1);
    await store.insertRecords(records(2, { insertedAt: secondsAgo(500) }));
    expect((await store.discover()).orders).toEqual([]);
    await store.insertRecords(records(1, { insertedAt: secondsAgo(400) }));
    expect((await store.discover()).orders).toMatchObject([{ records: 3 }]);
  });

  test('the oldest first, and no more buckets than one discovery may take', async () => {
    const store = await open({ 'consumer.max-buckets-per-discovery': '2' });
    await store.insertRecords([
      { bucketName: 'third', insertedAt: at(30) },
      { bucketName: 'first', insertedAt: at(10) },
      { bucketName: 'second', insertedAt: at(20) },
    ]);
    expect(bucketsOf((await store.discover()).orders)).toEqual(['first', 'second']);
    expect(bucketsOf((await store.discover()).orders)).toEqual(['third']);
  });
});

test('records younger than the processing delay are not looked at, and no order reaches them', async () => {
  const store = await open({ 'consumer.processing-delay-seconds': '300' });
  await store.createBucket('target-logs');
  await store.insertRecords([
    { req_id: 'SETTLED', insertedAt: secondsAgo(400) },
    { req_id: 'TOO-YOUNG', insertedAt: secondsAgo(100) },
    { bucketName: 'only-young', insertedAt: secondsAgo(100) },
  ]);
  const { orders } = await store.discover();
  expect(orders).toMatchObject([{ bucket: 'source-bucket', records: 1 }]);
  await store.settle(orders);
  expect((await store.readObjects('target-logs')).map(({ ids }) => ids)).toEqual([['SETTLED']]);
});

test('a discovery sees only the raft sessions of its shard', async () => {
  const store = await open();
  await store.insertRecords([4, 5, 6, 7].map((raftSessionID) => ({ raftSessionID })));
  const { orders } = await store.discover({ shard: 1, shards: 2 });
  expect(orders.map(({ raftSession }) => raftSession).sort()).toEqual([5, 7]);
  expect(await store.pipeline.outstanding({ shard: 0, shards: 2 })).toEqual([]);
});

test('no further orders are made than may be outstanding', async () => {
  const store = await open({ 'queue.max-outstanding-orders': '2', 'consumer.max-logs-per-bucket': '1' });
  await store.insertRecords([0, 1, 2].map((second) => ({ insertedAt: at(second) })));
  const first = await store.discover();
  expect(first).toMatchObject({ orders: [{ records: 1 }, { records: 1 }], saturated: true });
  expect(await store.discover()).toMatchObject({ orders: [], saturated: true });
  for (const order of first.orders) await store.pipeline.commit(order, { objects: [], records: 0, bytes: 0 });
  expect((await store.discover()).orders).toMatchObject([{ records: 1, after: first.orders[1]?.upTo }]);
});

test('preview tells what would be ordered, and orders nothing', async () => {
  const store = await open();
  await store.insertRecords(records(2));
  const preview = await store.pipeline.preview();
  expect(preview).toMatchObject([{ bucket: 'source-bucket', records: 2 }]);
  expect(await store.book.all()).toEqual([]);
  const { orders } = await store.discover();
  expect(orders.map(({ id }) => id)).toEqual(preview.map(({ id }) => id));
});

describe('records that go nowhere', () => {
  test('are passed over, counted once, and hold nothing up', async () => {
    const store = await open();
    await store.insertRecords([
      ...records(2, { loggingEnabled: false, insertedAt: secondsAgo(900) }),
      ...records(3, { loggingTargetBucket: '', insertedAt: secondsAgo(800) }),
      ...records(1, { insertedAt: secondsAgo(700) }),
      ...records(4, { bucketName: 'never-logged', loggingEnabled: false, insertedAt: secondsAgo(600) }),
    ]);
    const { orders, countedUpTo } = await store.discover();
    expect(orders).toMatchObject([{ bucket: 'source-bucket', records: 1 }]);
    await store.discover({ countedUpTo });
    const passedOver = 'discovery_records_passed_over_total';
    expect(await store.counted(passedOver, { reason: 'logging-off' })).toBe(6);
    expect(await store.counted(passedOver, { reason: 'no-target' })).toBe(3);
    expect((await store.discover({ countedUpTo })).orders).toEqual([]);
  });
});

describe('cutting', () => {
  test('the same bucket in two raft sessions makes separate orders and objects', async () => {
    const store = await open();
    await store.createBucket('two-sessions');
    const columns = { loggingTargetBucket: 'two-sessions', insertedAt: at(0) };
    await store.insertRecords([
      { ...columns, raftSessionID: 1, req_id: 'ONE' },
      { ...columns, raftSessionID: 2, req_id: 'TWO' },
    ]);
    const { orders } = await store.discover();
    expect(orders.map(({ raftSession }) => raftSession).sort()).toEqual([1, 2]);
    await store.settle(orders);
    const objects = await store.readObjects('two-sessions');
    expect(objects.map(({ ids }) => ids).sort()).toEqual([['ONE'], ['TWO']]);
  });

  test('an order holds no more records than it may', async () => {
    const store = await open({ 'consumer.max-logs-per-bucket': '3' });
    await store.insertRecords(Array.from({ length: 8 }, (_, second) => ({ insertedAt: at(second) })));
    const { orders } = await store.discover();
    expect(orders.map((order) => order.records)).toEqual([3, 3, 2]);
    expect(orders.map(({ after }) => after)).toEqual([null, orders[0]?.upTo, orders[1]?.upTo]);
  });

  const same = (second: number, count: number): TestRecord[] =>
    records(count, { insertedAt: at(second), req_id: `SAME-${String(second)}` });

  test('records of equal offset stay together: the cut moves back', async () => {
    const store = await open({ 'consumer.max-logs-per-bucket': '3' });
    await store.insertRecords([...same(0, 2), ...same(1, 2), ...same(2, 1)]);
    const { orders } = await store.discover();
    expect(orders.map((order) => order.records)).toEqual([2, 3]);
  });

  test('when all of them have one offset, the cut moves on and takes them all', async () => {
    const store = await open({ 'consumer.max-logs-per-bucket': '3' });
    await store.insertRecords([...same(0, 7), ...same(1, 1)]);
    const { orders } = await store.discover();
    expect(orders.map((order) => order.records)).toEqual([7, 1]);
  });

  test('orders cover every record once, in offset order, wherever equal offsets stand', async () => {
    const store = await open();
    const sizes = new Map<number, TestStore>();
    for (const most of [1, 3, 8])
      sizes.set(most, await store.another({ 'consumer.max-logs-per-bucket': String(most) }));
    let run = 0;
    const offset = fc.record({
      second: fc.integer({ min: 0, max: 2 }),
      ms: fc.integer({ min: 0, max: 1 }),
      reqId: fc.constantFrom('', 'a', 'B', 'é', '\u{fffd}', '\u{1f600}'),
    });
    const dataSet = fc.array(offset, { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(dataSet, fc.constantFrom(...sizes.keys()), async (given, most) => {
        run += 1;
        const bucketName = `run-${String(run)}`;
        const offsets = given.map(({ second, ms, reqId }) => ({
          insertedAt: at(second),
          startTime: at(0).replace('Z', `.00${String(ms)}Z`),
          reqId,
        }));
        await store.insertRecords(
          offsets.map(({ insertedAt, startTime, reqId }) => ({
            bucketName,
            insertedAt,
            startTime,
            req_id: reqId,
          })),
        );
        const { orders = [] } = (await sizes.get(most)?.discover()) ?? {};
        const cuts = orders.map(({ after, upTo, records }) => ({ after, upTo, records }));
        expect(cuts).toEqual(referenceCuts(offsets, most));
        const counts = await countRanges(store.clickhouse, store.tables, orders);
        expect(counts).toEqual(orders.map((order) => order.records));
      }),
      { numRuns: 15 },
    );
  });
});

/** What cutting must come to, record by record. */
function referenceCuts(
  unsorted: readonly Offset[],
  most: number,
): { after: Offset | null; upTo: Offset; records: number }[] {
  const offsets = [...unsorted].sort(compareOffsets);
  const groups: { upTo: Offset; records: number }[] = [];
  for (const upTo of offsets) {
    const last = groups.at(-1);
    if (last !== undefined && compareOffsets(last.upTo, upTo) === 0) last.records += 1;
    else groups.push({ upTo, records: 1 });
  }
  const cuts: { after: Offset | null; upTo: Offset; records: number }[] = [];
  for (const { upTo, records } of groups) {
    const last = cuts.at(-1);
    if (last !== undefined && last.records + records <= most) {
      last.records += records;
      last.upTo = upTo;
    } else {
      cuts.push({ after: last?.upTo ?? null, upTo, records });
    }
  }
  return cuts;
}

describe('the order book', () => {
  function orderUpTo(second: number, afterSecond?: number, bucket = 'source-bucket'): AccessLogOrder {
    const offset = (n: number): Offset => ({
      insertedAt: at(n),
      startTime: at(n).replace('Z', '.000Z'),
      reqId: 'X',
    });
    const cut = {
      upTo: offset(second),
      records: 1,
      firstStartTime: at(second).replace('Z', '.000Z'),
      oldestAt: at(second),
    };
    const after = afterSecond === undefined ? null : offset(afterSecond);
    return orderOf({ bucket, raftSession: 1 }, after, cut, new Date(start).toISOString());
  }
  const { signal } = new AbortController();

  test('has the orders of a discovery as they were made, open', async () => {
    const store = await open();
    await store.insertRecords(records(2));
    const { orders } = await store.discover();
    expect(await store.book.all()).toMatchObject([{ order: orders[0], state: 'open', objects: [] }]);
    expect(await store.pipeline.outstanding({ shard: 0, shards: 1 })).toEqual(orders);
  });

  test('a second discovery of the same state orders nothing twice', async () => {
    const store = await open();
    await store.insertRecords(records(3));
    expect((await store.discover()).orders).toHaveLength(1);
    expect((await store.discover()).orders).toEqual([]);
    expect(await store.book.all()).toHaveLength(1);
  });

  test('takes no order whose deadline has passed by the clock of ClickHouse', async () => {
    const store = await open();
    await store.insertRecords(records(1));
    expect((await store.discover({ leaseRemainingMs: () => -1 })).orders).toEqual([]);
    expect(await store.book.all()).toEqual([]);
    expect(await store.book.counts()).toEqual({ open: 0, failed: 0, skipped: 0, delivered: 0 });
    expect((await store.discover()).orders).toHaveLength(1);
  });

  test('refuses all of a source when another discovery has ordered some of it meanwhile', async () => {
    const store = await open();
    const deadline = (await store.book.now()) + 60_000;
    const other = orderUpTo(15);
    expect(await store.book.add([other], deadline, signal)).toEqual([other]);
    const elsewhere = orderUpTo(10, undefined, 'other-bucket');
    const late = [orderUpTo(10), orderUpTo(20, 10), elsewhere];
    expect(await store.book.add(late, deadline, signal)).toEqual([elsewhere]);
    const inBook = (await store.book.all()).map(({ order }) => order.id).sort();
    expect(inBook).toEqual([other.id, elsewhere.id].sort());
  });

  test('takes an order that was refused once, when it fits later', async () => {
    const store = await open();
    const now = await store.book.now();
    const both = [orderUpTo(10), orderUpTo(20, 10)];
    expect(await store.book.add(both, now - 1, signal)).toEqual([]);
    expect(await store.book.add(both.slice(0, 1), now + 60_000, signal)).toHaveLength(1);
    expect(await store.book.add(both.slice(1), now + 60_000, signal)).toEqual(both.slice(1));
    expect(await store.book.counts()).toMatchObject({ open: 2 });
  });

  test('a stuck order does not stop its bucket: the next one begins where the last one ends', async () => {
    const store = await open();
    await store.insertRecords([{ insertedAt: at(0) }]);
    const [stuck] = (await store.discover()).orders;
    if (stuck === undefined) throw new Error('nothing was ordered');
    await store.pipeline.fail(stuck, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
    await store.insertRecords([{ insertedAt: at(5) }]);
    expect((await store.discover()).orders).toMatchObject([{ after: stuck.upTo, records: 1 }]);
    expect(await store.book.counts()).toMatchObject({ open: 1, failed: 1 });
  });

  test('discovery begins behind the offsets that another deployment wrote', async () => {
    const store = await open();
    await store.insertRecords([
      { insertedAt: at(0), req_id: 'A' },
      { insertedAt: at(1), req_id: 'B' },
      { insertedAt: at(1), req_id: 'C' },
    ]);
    const write = (insertedAt: string, lastProcessedReqId: string): Promise<void> =>
      store.clickhouse.insert(
        store.tables.offsets,
        [
          {
            bucketName: 'source-bucket',
            raftSessionID: 1,
            lastProcessedInsertedAt: insertedAt,
            lastProcessedStartTime: insertedAt.replace('Z', '.000Z'),
            lastProcessedReqId,
          },
        ],
        { doing: 'write offsets' },
      );
    await write(at(1), 'B');
    await write(at(0), 'A');
    expect((await store.discover()).orders).toMatchObject([
      { after: { insertedAt: at(1), reqId: 'B' }, upTo: { reqId: 'C' }, records: 1 },
    ]);
  });

  test('an order that failed and was reopened is open, and keeps what had arrived', async () => {
    const store = await open();
    await store.insertRecords(records(1));
    const [order] = (await store.discover()).orders;
    if (order === undefined) throw new Error('nothing was ordered');
    const arrived = { bucket: 'target-logs', key: 'k', records: 1, bytes: 2, sha256: 'ab' };
    await store.pipeline.fail(order, { code: 'AccessDenied', reason: 'no', objects: [arrived] });
    expect(await store.pipeline.failed({})).toMatchObject([{ order, code: 'AccessDenied', reason: 'no' }]);
    expect(await store.pipeline.failed({ source: 'elsewhere' })).toEqual([]);
    expect(await store.pipeline.failed({ order: order.id })).toHaveLength(1);
    await store.pipeline.reopen([order]);
    expect(await store.book.entry(order)).toMatchObject({ state: 'open', objects: [arrived] });
    await store.pipeline.fail(order, { code: 'SlowDown', reason: 'again', objects: [] });
    expect(await store.book.entry(order)).toMatchObject({
      state: 'failed',
      failureCode: 'SlowDown',
      objects: [arrived],
    });
  });

  test('a process that was presumed dead cannot undo a delivery with its failure', async () => {
    const store = await open();
    await store.insertRecords(records(1));
    const [order] = (await store.discover()).orders;
    if (order === undefined) throw new Error('nothing was ordered');
    const object = { bucket: 'target-logs', key: 'k', records: 1, bytes: 2, sha256: 'ab' };
    await store.pipeline.commit(order, { objects: [object], records: 1, bytes: 2 });
    await store.pipeline.fail(order, { code: 'Error', reason: 'late', objects: [] });
    expect(await store.book.entry(order)).toMatchObject({ state: 'delivered', objects: [object] });
  });
});
