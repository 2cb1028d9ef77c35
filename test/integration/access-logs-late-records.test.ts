import { describe, expect, test } from '@jest/globals';
import type { LateRecords } from '../../src/pipelines/pipeline.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { TestRecord, TestStore } from '../support/access-logs.js';
import { at, records, start, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

/** Orders of at most ten records. */
const SMALL = { 'consumer.max-logs-per-bucket': '10' };
const WINDOW_HOURS = 6;

function late(store: TestStore, windowHours = WINDOW_HOURS): Promise<LateRecords<AccessLogOrder>> {
  return store.pipeline.findLate({ windowHours });
}

/** Has orders delivered as far as the book knows; no object is made. */
async function commit(store: TestStore, orders: readonly AccessLogOrder[]): Promise<void> {
  await store.book.delivered(
    orders.map((order) => ({
      order,
      receipt: { objects: [], records: order.records, bytes: 1, earlier: [] },
    })),
  );
}

/** So many records a second apart, from a second on. */
function sequence(count: number, from: number, columns: TestRecord = {}): TestRecord[] {
  return Array.from({ length: count }, (_, position) => ({ ...columns, insertedAt: at(from + position) }));
}

/** A record that joins an order: just before its last one. */
function lateRecordOf({ bucket, raftSession, upTo }: AccessLogOrder): TestRecord {
  return { bucketName: bucket, raftSessionID: raftSession, insertedAt: upTo.insertedAt, req_id: '0' };
}

function idsOf(orders: readonly AccessLogOrder[]): string[] {
  return orders.map(({ id }) => id).sort();
}

/** A store with orders of ten records of some buckets on some raft sessions, none of them delivered. */
async function prepare(
  buckets: readonly string[],
  each = 50,
  raftSessions = 3,
): Promise<{ store: TestStore; orders: readonly AccessLogOrder[] }> {
  const store = await open(SMALL);
  await store.insertRecords(
    buckets.flatMap((bucketName, position) =>
      sequence(each, 0, { bucketName, raftSessionID: position % raftSessions }),
    ),
  );
  const { orders } = await store.discover();
  expect(orders).toHaveLength((buckets.length * each) / 10);
  return { store, orders };
}

const BUCKETS = Array.from({ length: 12 }, (_, position) => `bucket-${String(position)}`);

describe('late records', () => {
  test('are found in exactly the order that they joined, among many', async () => {
    const { store, orders } = await prepare(BUCKETS);
    await commit(store, orders);
    const hit = orders.filter(({ bucket }) => bucket === 'bucket-7')[2];
    if (hit === undefined) throw new Error('there is no such order');
    await store.insertRecords(records(3, lateRecordOf(hit)));
    const found = await late(store);
    expect(found).toMatchObject({ records: 3, ordersExamined: 60, recordsExamined: 600 });
    expect(found.orders).toEqual([hit]);
  });

  test('are found in several orders of several sources at a time', async () => {
    const { store, orders } = await prepare(BUCKETS);
    await commit(store, orders);
    const hits = orders.filter((_, position) => position % 7 === 0);
    await store.insertRecords(hits.map(lateRecordOf));
    const found = await late(store);
    expect(idsOf(found.orders)).toEqual(idsOf(hits));
    expect(found.records).toBe(hits.length);
  });

  test('are found before the first record of a source’s first order', async () => {
    const { store, orders } = await prepare(['photos']);
    await commit(store, orders);
    await store.insertRecords([{ bucketName: 'photos', raftSessionID: 0, insertedAt: at(-7200) }]);
    expect((await late(store)).orders).toEqual(orders.slice(0, 1));
  });

  test('are not found where there are none: in new records, in records that go nowhere, in other raft sessions', async () => {
    const { store, orders } = await prepare(BUCKETS);
    await commit(store, orders);
    const inside = { bucketName: 'bucket-1', raftSessionID: 1, insertedAt: at(5) };
    await store.insertRecords([
      { ...inside, insertedAt: at(60) },
      { ...inside, loggingEnabled: false },
      { ...inside, loggingTargetBucket: '' },
      { ...inside, raftSessionID: 2 },
      { ...inside, bucketName: 'unknown' },
    ]);
    expect(await late(store)).toMatchObject({ orders: [], records: 0, ordersExamined: 60 });
  });

  test('are found beside orders that are not delivered, and not in those', async () => {
    const { store, orders } = await prepare(['photos', 'music'], 100);
    const isDelivered = (_: AccessLogOrder, position: number): boolean => position % 3 !== 1;
    const delivered = orders.filter(isDelivered);
    await commit(store, delivered);
    const none = await late(store);
    expect(none).toMatchObject({ orders: [], records: 0, ordersExamined: delivered.length });
    await store.insertRecords(orders.map(lateRecordOf));
    expect(idsOf((await late(store)).orders)).toEqual(idsOf(delivered));
  });

  test('are not looked for in orders delivered longer ago than the window', async () => {
    const { store, orders } = await prepare(['photos']);
    await commit(store, orders);
    await store.insertRecords([{ bucketName: 'photos', raftSessionID: 0, insertedAt: at(5) }]);
    await store.command(
      `INSERT INTO ${store.tables.workOrders} SELECT * REPLACE (updatedAt - INTERVAL 7 HOUR AS updatedAt, revision + 1 AS revision)
       FROM ${store.tables.workOrders} FINAL WHERE state = 'delivered'`,
    );
    expect(await late(store)).toMatchObject({ orders: [], ordersExamined: 0 });
    expect((await late(store, 8)).orders).toHaveLength(1);
  });

  test('are no reason to deliver an order again that lacks records by now', async () => {
    const { store, orders } = await prepare(['photos']);
    await commit(store, orders);
    const [first] = orders;
    await store.command(
      `ALTER TABLE ${store.tables.logs} DELETE WHERE insertedAt = toDateTime({first:UInt32}) SETTINGS mutations_sync = 1`,
      { first: start / 1000 },
    );
    await store.insertRecords(sequence(5, 1, { bucketName: 'photos', raftSessionID: 0, req_id: '0' }));
    expect(first?.oldestAt).toBe(at(0));
    expect(await late(store)).toMatchObject({ orders: [], records: 0 });
  });

  test('are no longer found once they have been delivered', async () => {
    const { store, orders } = await prepare(['photos'], 10);
    await commit(store, orders);
    await store.insertRecords([{ bucketName: 'photos', raftSessionID: 0, insertedAt: at(5) }]);
    const { orders: grown } = await late(store);
    await commit(
      store,
      grown.map((order) => ({ ...order, records: 11 })),
    );
    expect(await late(store)).toMatchObject({ orders: [], ordersExamined: 1, recordsExamined: 11 });
  });
});
