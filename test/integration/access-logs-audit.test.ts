import { describe, expect, test } from '@jest/globals';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { AuditReport } from '../../src/pipelines/pipeline.js';
import type { TestRecord, TestStore } from '../support/access-logs.js';
import { at, useTestStores } from '../support/test-stores.js';

const open = useTestStores();
let names = 0;

interface Prepared {
  readonly store: TestStore;
  /** The target bucket. */
  readonly bucket: string;
  readonly orders: readonly AccessLogOrder[];
  readonly record: (seconds: number) => TestRecord;
}

/** Six records, a second apart, in three orders of two. */
async function prepare(): Promise<Prepared> {
  names += 1;
  const bucket = `audit-logs-${String(names)}`;
  const store = await open({ 'consumer.max-logs-per-bucket': '2' });
  await store.createBucket(bucket);
  const record = (seconds: number): TestRecord => ({ loggingTargetBucket: bucket, insertedAt: at(seconds) });
  await store.insertRecords([0, 1, 2, 3, 4, 5].map(record));
  const { orders } = await store.discover();
  expect(orders).toHaveLength(3);
  return { store, bucket, orders, record };
}

async function delivered(): Promise<Prepared> {
  const prepared = await prepare();
  await prepared.store.settle(prepared.orders);
  return prepared;
}

async function audits(of: TestStore): Promise<readonly [shallow: AuditReport, deep: AuditReport]> {
  return [await of.pipeline.audit({ deep: false }), await of.pipeline.audit({ deep: true })];
}

const clean = {
  pipeline: 'access-logs',
  records: 6,
  delivered: 6,
  missing: 0,
  duplicated: 0,
  undelivered: 0,
  outstanding: 0,
  skipped: 0,
  objects: 3,
  orders: { open: 0, failed: 0, skipped: 0, delivered: 3 },
};

describe('an audit finds', () => {
  test('nothing wrong when every record is in one object', async () => {
    const { store } = await delivered();
    expect(await audits(store)).toEqual([clean, clean]);
  });

  test('nothing at all in an empty store', async () => {
    const store = await open();
    const empty = {
      ...clean,
      records: 0,
      delivered: 0,
      objects: 0,
      orders: { ...clean.orders, delivered: 0 },
    };
    expect(await audits(store)).toEqual([empty, empty]);
  });

  test('what is not ordered, and what is in orders that are open or failed: none of it is missing', async () => {
    const { store, orders, record } = await prepare();
    const [first, second] = orders;
    if (first === undefined || second === undefined) throw new Error('orders were expected');
    await store.settle([first]);
    await store.pipeline.fail(second, { code: 'AccessDenied', reason: 'no', objects: [] });
    await store.insertRecords([record(9)]);
    const found = {
      records: 7,
      delivered: 2,
      missing: 0,
      duplicated: 0,
      undelivered: 1,
      outstanding: 4,
      objects: 1,
      orders: { open: 1, failed: 1, skipped: 0, delivered: 1 },
    };
    expect(await audits(store)).toMatchObject([found, found]);
  });

  test('a record that surfaced late in a range that had been delivered', async () => {
    const { store, record } = await delivered();
    await store.insertRecords([record(1)]);
    const found = { records: 7, delivered: 6, missing: 1, duplicated: 0, undelivered: 0 };
    expect(await audits(store)).toMatchObject([found, found]);
  });

  test('an object that was deleted, when it reads the objects', async () => {
    const { store, bucket } = await delivered();
    const [victim] = await store.readObjects(bucket);
    await store.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: victim?.key }));
    const [shallow, deep] = await audits(store);
    expect(shallow).toEqual(clean);
    expect(deep).toMatchObject({ delivered: 4, missing: 2, duplicated: 0, objects: 2 });
  });

  test('an object that is there twice, when it reads the objects', async () => {
    const { store, bucket } = await delivered();
    const [original] = await store.readObjects(bucket);
    const copy = `${original?.key.slice(0, -16) ?? ''}${'0'.repeat(16)}`;
    await store.s3.send(new PutObjectCommand({ Bucket: bucket, Key: copy, Body: original?.text ?? '' }));
    const [shallow, deep] = await audits(store);
    expect(shallow).toEqual(clean);
    expect(deep).toMatchObject({ delivered: 6, missing: 0, duplicated: 2, objects: 4 });
  });

  test('a gap between two orders', async () => {
    const { store, orders } = await prepare();
    const [first, , third] = orders;
    if (first === undefined || third === undefined) throw new Error('orders were expected');
    await store.command(`TRUNCATE TABLE ${store.tables.workOrders}`);
    const deadline = (await store.book.now()) + 60_000;
    expect(await store.book.add([first], deadline, new AbortController().signal)).toHaveLength(1);
    expect(await store.book.add([third], deadline, new AbortController().signal)).toHaveLength(1);
    await store.settle([first, third]);
    const found = { records: 6, delivered: 4, missing: 2, duplicated: 0, undelivered: 0 };
    expect(await audits(store)).toMatchObject([found, found]);
  });

  test('no fault with records that another deployment delivered before', async () => {
    const { store, orders } = await prepare();
    const [, second, third] = orders;
    if (second === undefined || third === undefined) throw new Error('orders were expected');
    await store.command(`TRUNCATE TABLE ${store.tables.workOrders}`);
    const deadline = (await store.book.now()) + 60_000;
    await store.book.add([second, third], deadline, new AbortController().signal);
    await store.settle([second, third]);
    const found = { records: 4, delivered: 4, missing: 0, duplicated: 0, undelivered: 0 };
    expect(await audits(store)).toMatchObject([found, found]);
  });

  test('records that are not eligible nowhere', async () => {
    const { store, record } = await delivered();
    await store.insertRecords([
      { ...record(1), loggingEnabled: false },
      { ...record(1), loggingTargetBucket: '' },
    ]);
    expect(await audits(store)).toEqual([clean, clean]);
  });
});

describe('status', () => {
  test('counts what is undelivered, with its age, and groups the failures', async () => {
    const { store, orders, record } = await prepare();
    const [first, second, third] = orders;
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('orders were expected');
    await store.settle([first]);
    await store.pipeline.fail(second, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
    await store.pipeline.fail(third, { code: 'NoSuchBucket', reason: 'gone', objects: [] });
    await store.insertRecords([record(30), { ...record(31), bucketName: 'other-bucket' }]);
    const status = await store.pipeline.status();
    expect(status).toMatchObject({
      pipeline: 'access-logs',
      undeliveredRecords: 6,
      orders: { open: 0, failed: 2, skipped: 0, delivered: 1 },
      failures: [{ code: 'NoSuchBucket', reason: 'gone', sources: ['source-bucket'], orders: 2, records: 4 }],
    });
    expect(status.oldestAgeSeconds).toBeGreaterThanOrEqual(7200 - 2);
  });

  test('says that there is nothing, when everything is delivered', async () => {
    const { store } = await delivered();
    expect(await store.pipeline.status()).toMatchObject({
      pipeline: 'access-logs',
      undeliveredRecords: 0,
      oldestAgeSeconds: null,
      orders: { open: 0, failed: 0, skipped: 0, delivered: 3 },
      failures: [],
      skippedRecords: 0,
      nearRetention: { records: 0, sources: 0, deadline: null, expiring: [], complete: true, expired: [] },
    });
  });
});
