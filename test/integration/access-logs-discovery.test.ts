import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { countRanges } from '../../src/pipelines/access-logs/count-ranges.js';
import { cutSome } from '../../src/pipelines/access-logs/cut.js';
import { compareOffsets, type Offset } from '../../src/pipelines/access-logs/offset.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { secondsAgo, type TestRecord, type TestStore } from '../support/access-logs.js';
import { at, records, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

/** Few, so that cuts end where a statement does. */
const ROWS_A_STEP = 6;

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
  for (const order of first.orders)
    await store.pipeline.commit(order, { objects: [], records: 0, bytes: 0, earlier: [] });
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
        expect(await cutInSteps(store, orders, most)).toEqual(cuts);
      }),
      { numRuns: 15 },
    );
  });
});

/** Cuts the range of some orders again, with statements that see only some of it. */
async function cutInSteps(
  { clickhouse, tables }: TestStore,
  orders: readonly AccessLogOrder[],
  most: number,
): Promise<{ after: Offset | null; upTo: Offset; records: number }[]> {
  const [first] = orders;
  const last = orders.at(-1);
  if (first === undefined || last === undefined) return [];
  const all: { after: Offset | null; upTo: Offset; records: number }[] = [];
  for (let after = first.after; compareOffsets(after, last.upTo) < 0; after = all.at(-1)?.upTo ?? null) {
    const { bucket, raftSession } = first;
    const range = { source: { bucket, raftSession }, after, upTo: last.upTo };
    for (const { upTo, records } of await cutSome({ clickhouse, tables }, range, most, ROWS_A_STEP))
      all.push({ after: all.at(-1)?.upTo ?? first.after, upTo, records });
  }
  return all;
}

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
