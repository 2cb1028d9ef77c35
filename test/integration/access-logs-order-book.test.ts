import { describe, expect, test } from '@jest/globals';
import { rowOf } from '../../src/pipelines/access-logs/book-row.js';
import type { Offset } from '../../src/pipelines/access-logs/offset.js';
import { orderOf, type AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { at, records, start, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

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

  test('invariant 1: of two discoveries that order the same records at the same moment, at most one does', async () => {
    const store = await open();
    for (let round = 0; round < 15; round += 1) {
      const bucket = `contested-${String(round)}`;
      const deadline = (await store.book.now()) + 60_000;
      // Their horizons differ, and so do their orders.
      const wanted = [[orderUpTo(10, undefined, bucket)], [orderUpTo(20, undefined, bucket)]];
      const taken = await Promise.all(wanted.map((orders) => store.book.add(orders, deadline, signal)));
      expect(taken.flat().length).toBeLessThanOrEqual(1);
    }
  });

  test('waits for proposals that may still become orders, and no longer than until they may not', async () => {
    const store = await open();
    const deadline = (await store.book.now()) + 60_000;
    const propose = (promoteBeforeMs: number): Promise<void> =>
      store.clickhouse.insert(
        store.tables.workOrders,
        [rowOf(orderUpTo(10), 'proposed', 0, 'another', { promoteBeforeMs })],
        { doing: 'propose as another discovery would' },
      );
    await propose(deadline);
    expect(await store.book.add([orderUpTo(20)], deadline, signal)).toEqual([]);
    await propose(0);
    expect(await store.book.add([orderUpTo(20)], deadline, signal)).toHaveLength(1);
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
    const arrived = { bucket: 'target-logs', prefix: 'l/', key: 'k', records: 1, bytes: 2, sha256: 'ab' };
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
    const object = { bucket: 'target-logs', prefix: 'l/', key: 'k', records: 1, bytes: 2, sha256: 'ab' };
    await store.pipeline.commit(order, { objects: [object], records: 1, bytes: 2, earlier: [] });
    await store.pipeline.fail(order, { code: 'Error', reason: 'late', objects: [] });
    expect(await store.book.entry(order)).toMatchObject({ state: 'delivered', objects: [object] });
  });
});
