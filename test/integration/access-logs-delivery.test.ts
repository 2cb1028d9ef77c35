import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { MissingRecordsError, UnknownOrderError } from '../../src/pipelines/access-logs/deliver.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import { DeliveryError, failureOf } from '../../src/pipelines/errors.js';
import type { Receipt } from '../../src/pipelines/pipeline.js';
import type { TestRecord, TestStore } from '../support/access-logs.js';
import { startHttpProxy, type HttpProxy } from '../support/http-proxy.js';
import { at, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

/** A proxy in front of S3. */
async function startS3Proxy(): Promise<HttpProxy> {
  return startHttpProxy((await open()).settings['s3.endpoint']);
}

/** Inserts records and makes the one order of them. */
async function orderFor(store: TestStore, records: readonly TestRecord[]): Promise<AccessLogOrder> {
  await store.insertRecords(records);
  const [order, ...others] = (await store.discover()).orders;
  if (order === undefined || others.length > 0) throw new Error('one order was expected');
  return order;
}

/** The error of a delivery. */
async function failureIn(delivery: Promise<Receipt>): Promise<DeliveryError> {
  const error: unknown = await delivery.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof DeliveryError) return error;
  throw new Error('a DeliveryError was expected', { cause: error });
}

describe('a log object', () => {
  test('has one line a record, ordered by startTime and then request id, as plain text', async () => {
    const store = await open();
    await store.createBucket('lines-logs');
    const target = { loggingTargetBucket: 'lines-logs' };
    const order = await orderFor(store, [
      { ...target, insertedAt: at(0), startTime: at(9).replace('Z', '.000Z'), req_id: 'LAST' },
      { ...target, insertedAt: at(1), startTime: at(3).replace('Z', '.001Z'), req_id: 'SECOND' },
      { ...target, insertedAt: at(2), startTime: at(3).replace('Z', '.001Z'), req_id: 'THIRD' },
      { ...target, insertedAt: at(3), startTime: at(3).replace('Z', '.000Z'), req_id: 'ZERO' },
    ]);
    const receipt = await store.deliver(order);
    const [object, ...others] = await store.readObjects('lines-logs');
    expect(others).toEqual([]);
    expect(object?.ids).toEqual(['ZERO', 'SECOND', 'THIRD', 'LAST']);
    expect(object?.contentType).toBe('text/plain');
    expect(object?.metadata).toEqual({
      'log-courier-order': order.id,
      'log-courier-records': '4',
      'log-courier-sha256': createHash('sha256')
        .update(object?.text ?? '')
        .digest('hex'),
    });
    const content = object?.text ?? '';
    expect(receipt).toEqual({
      records: 4,
      bytes: Buffer.byteLength(content),
      earlier: [],
      objects: [
        {
          bucket: 'lines-logs',
          prefix: 'logs/',
          key: object?.key,
          records: 4,
          bytes: Buffer.byteLength(content),
          sha256: createHash('sha256').update(content).digest('hex'),
        },
      ],
    });
  });

  test('is the same, byte by byte, however often its order is delivered', async () => {
    const store = await open();
    await store.createBucket('same-logs');
    const twin = { loggingTargetBucket: 'same-logs', insertedAt: at(0), req_id: 'TWIN' };
    await store.insertRecords(
      Array.from({ length: 6 }, (_, n) => ({ ...twin, objectKey: `twin-${String(n)}` })),
    );
    const order = await orderFor(store, [{ ...twin, objectKey: 'twin-6' }]);
    await store.deliver(order);
    const first = await store.readObjects('same-logs');
    // The rows come in another order from the one big part that a merge makes of the small ones.
    await store.insertRecords([{ ...twin, loggingEnabled: false }]);
    await store.command(`OPTIMIZE TABLE ${store.tables.logs} FINAL`);
    await store.deliver(order);
    const second = await store.readObjects('same-logs');
    expect(second).toEqual(first);
    expect(first[0]?.lines).toHaveLength(7);
    expect(first[0]?.lines).toEqual([...(first[0]?.lines ?? [])].sort());
  });

  test('has records that came late, after their order was made and before it was delivered', async () => {
    const store = await open();
    await store.createBucket('late-logs');
    const target = { loggingTargetBucket: 'late-logs' };
    const order = await orderFor(store, [
      { ...target, insertedAt: at(0), req_id: 'FIRST' },
      { ...target, insertedAt: at(9), req_id: 'LAST' },
    ]);
    const late: TestRecord = { ...target, insertedAt: at(5), startTime: '2025-01-01T00:00:00.000Z' };
    await store.insertRecords([{ ...late, req_id: 'LATE' }]);
    expect((await store.deliver(order)).records).toBe(3);
    const [object] = await store.readObjects('late-logs');
    expect(object?.ids).toEqual(['LATE', 'FIRST', 'LAST']);
    expect(object?.key).toContain(`logs/${at(0).slice(0, 19).replaceAll(/[T:]/g, '-')}-`);
  });

  test('goes to each target that the records name, also when it changes in the middle of an order', async () => {
    const store = await open();
    await store.createBucket('before-logs');
    await store.createBucket('after-logs');
    const order = await orderFor(store, [
      { insertedAt: at(0), req_id: 'A', loggingTargetBucket: 'before-logs', loggingTargetPrefix: 'x/' },
      { insertedAt: at(1), req_id: 'B', loggingTargetBucket: 'after-logs', loggingTargetPrefix: 'x/' },
      { insertedAt: at(2), req_id: 'C', loggingTargetBucket: 'after-logs', loggingTargetPrefix: '' },
      { insertedAt: at(3), req_id: 'D', loggingTargetBucket: 'after-logs', loggingTargetPrefix: 'x/' },
    ]);
    const receipt = await store.deliver(order);
    expect(receipt.objects).toHaveLength(3);
    expect((await store.readObjects('before-logs')).map(({ ids }) => ids)).toEqual([['A']]);
    const after = await store.readObjects('after-logs');
    expect(after.map(({ key, ids }) => [key.startsWith('x/'), ids])).toEqual([
      [false, ['C']],
      [true, ['B', 'D']],
    ]);
  });

  test('holds one UTC day when keys are partitioned by event time', async () => {
    const store = await open({
      'object-key.format': 'partitioned-by-event-time',
      'object-key.source-account': '123456789012',
      'object-key.source-region': 'eu-west-1',
    });
    await store.createBucket('daily-logs');
    const target = { loggingTargetBucket: 'daily-logs', loggingTargetPrefix: '' };
    const order = await orderFor(store, [
      { ...target, insertedAt: at(0), startTime: '2026-03-31T23:59:59.999Z', req_id: 'MARCH' },
      { ...target, insertedAt: at(1), startTime: '2026-04-01T00:00:00.000Z', req_id: 'APRIL' },
    ]);
    await store.deliver(order);
    const folder = '123456789012/eu-west-1/source-bucket';
    expect(
      (await store.readObjects('daily-logs')).map(({ key, ids }) => [key.replace(/[0-9A-F]{16}$/, ''), ids]),
    ).toEqual([
      [`${folder}/2026/03/31/2026-03-31-00-00-00-`, ['MARCH']],
      [`${folder}/2026/04/01/2026-04-01-00-00-00-`, ['APRIL']],
    ]);
  });

  test('takes hostile names and prefixes as they are', async () => {
    const store = await open();
    await store.createBucket('hostile-logs');
    const bucketName = `'); DROP TABLE logs; -- {bucket:String} ?`;
    const order = await orderFor(store, [
      { bucketName, loggingTargetBucket: 'hostile-logs', loggingTargetPrefix: `a'b "c" é/` },
      { bucketName, loggingTargetBucket: 'hostile-logs', loggingTargetPrefix: `a'b "c" é/` },
    ]);
    await store.settle([order]);
    const [object] = await store.readObjects('hostile-logs');
    expect(object?.key).toMatch(/^a'b "c" é\/\d{4}-/);
    expect(object?.lines).toHaveLength(2);
    expect(await store.book.entry(order)).toMatchObject({ state: 'delivered', deliveredRecords: 2 });
  });
});

describe('nothing is uploaded', () => {
  test('when ClickHouse has fewer records than were ordered', async () => {
    const store = await open();
    await store.createBucket('fewer-logs');
    const target = { loggingTargetBucket: 'fewer-logs' };
    const order = await orderFor(store, [
      { ...target, insertedAt: at(0) },
      { ...target, insertedAt: at(1) },
    ]);
    await store.command(`TRUNCATE TABLE ${store.tables.logs}`);
    await store.insertRecords([{ ...target, insertedAt: at(0) }]);
    const delivery = store.deliver(order);
    await expect(delivery).rejects.toThrow(MissingRecordsError);
    await expect(delivery).rejects.toThrow(
      /2 records were ordered but ClickHouse counts 1 now; nothing is delivered/,
    );
    expect(await store.readObjects('fewer-logs')).toEqual([]);
  });

  test('for an order that the order book does not have', async () => {
    const store = await open();
    const order = await orderFor(store, [{}]);
    await store.command(`TRUNCATE TABLE ${store.tables.workOrders}`);
    await expect(store.deliver(order)).rejects.toThrow(UnknownOrderError);
  });

  test('for an order that has been delivered: its receipt says so', async () => {
    const store = await open();
    await store.createBucket('once-logs');
    const order = await orderFor(store, [{ loggingTargetBucket: 'once-logs' }]);
    const receipt = await store.deliver(order);
    await store.pipeline.commit(order, receipt);
    await store.insertRecords([{ loggingTargetBucket: 'once-logs' }]);
    expect(await store.deliver(order)).toEqual({
      ...receipt,
      already: 'delivered',
      earlier: [{ at: expect.any(String), by: expect.any(String), records: 1, bytes: receipt.bytes }],
    });
  });

  test('when the delivery is told to stop', async () => {
    const store = await open();
    await store.createBucket('stopped-logs');
    const order = await orderFor(store, [{ loggingTargetBucket: 'stopped-logs' }]);
    const stopped = AbortSignal.abort(new Error('the processor stops'));
    await expect(store.deliver(order, stopped)).rejects.toThrow('the processor stops');
    expect(await store.readObjects('stopped-logs')).toEqual([]);
  });
});

describe('a target that cannot be delivered to', () => {
  test.each([
    ['has no valid name', { loggingTargetBucket: 'No_Bucket' }, 'InvalidBucketName'],
    ['does not exist', { loggingTargetBucket: 'absent-logs' }, 'NoSuchBucket'],
    [
      'has a prefix that makes keys too long',
      { loggingTargetBucket: 'long-logs', loggingTargetPrefix: 'é'.repeat(500) },
      'KeyTooLongError',
    ],
  ])('is a permanent failure when it %s', async (_, target, code) => {
    const store = await open();
    const error = await failureIn(store.deliver(await orderFor(store, [target])));
    expect(error.permanent).toBe(true);
    expect(error.failures).toMatchObject([{ code, permanent: true }]);
    expect(error.message).toContain(`target bucket ${JSON.stringify(target.loggingTargetBucket)}`);
  });

  test('does not keep the others from being delivered, and the retry does not repeat those', async () => {
    const proxy = await startS3Proxy();
    const store = await open({ 's3.endpoint': proxy.url, 's3.conditional-writes': 'on' });
    await store.createBucket('good-logs');
    const order = await orderFor(store, [
      { insertedAt: at(0), loggingTargetBucket: 'absent-at-first' },
      { insertedAt: at(1), loggingTargetBucket: 'good-logs' },
    ]);
    const error = await failureIn(store.deliver(order));
    expect(error.failures).toMatchObject([{ code: 'NoSuchBucket' }]);
    expect(error.objects).toMatchObject([{ bucket: 'good-logs', records: 1 }]);
    await store.pipeline.fail(order, failureOf(error));
    await store.createBucket('absent-at-first');
    await store.pipeline.reopen([order]);
    proxy.reset();
    const receipt = await store.deliver(order);
    expect(receipt.objects).toMatchObject([{ bucket: 'absent-at-first' }, { bucket: 'good-logs' }]);
    expect(proxy.requests.map(({ method, url }) => [method, url.split('/')[1]])).toEqual([
      ['PUT', 'absent-at-first'],
    ]);
    await store.pipeline.commit(order, receipt);
    expect(await store.book.entry(order)).toMatchObject({ state: 'delivered', deliveredRecords: 2 });
    await proxy.close();
  });

  test('is worth a retry as long as one of the failures may pass by itself', async () => {
    const proxy = await startS3Proxy();
    const store = await open({ 's3.endpoint': proxy.url, 's3.max-retry-attempts': '1' });
    const order = await orderFor(store, [
      { insertedAt: at(0), loggingTargetBucket: 'absent-logs' },
      { insertedAt: at(1), loggingTargetBucket: 'busy-logs' },
    ]);
    proxy.rule(({ url }) =>
      url.startsWith('/busy-logs')
        ? { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code><Message>slow</Message></Error>' }
        : { kind: 'pass' },
    );
    const error = await failureIn(store.deliver(order));
    expect(error.permanent).toBe(false);
    expect(error.failures).toMatchObject([
      { code: 'NoSuchBucket', permanent: true },
      { code: 'SlowDown', permanent: false },
    ]);
    expect(failureOf(error)).toMatchObject({ code: 'NoSuchBucket', objects: [] });
    await proxy.close();
  });

  test('invariant 3: a delivered object is never replaced by one with fewer records', async () => {
    const store = await open();
    await store.createBucket('shrink-logs');
    const target = { loggingTargetBucket: 'shrink-logs' };
    const records = [
      { ...target, insertedAt: at(0), req_id: 'A' },
      { insertedAt: at(2), req_id: 'B', loggingTargetBucket: 'absent-logs' },
    ];
    const order = await orderFor(store, records);
    const late = { ...target, insertedAt: at(1), req_id: 'LATE' };
    await store.insertRecords([late]);
    const error = await failureIn(store.deliver(order));
    expect(error.objects).toMatchObject([{ bucket: 'shrink-logs', records: 2 }]);
    await store.pipeline.fail(order, failureOf(error));
    await store.pipeline.reopen([order]);
    // As a replica would answer that does not have the late record yet.
    await store.command(`TRUNCATE TABLE ${store.tables.logs}`);
    await store.insertRecords(records);
    const second = await failureIn(store.deliver(order));
    expect(second.failures).toMatchObject([
      { code: 'NoSuchBucket' },
      { code: 'ShrunkObjectError', permanent: false },
    ]);
    await store.pipeline.fail(order, failureOf(second));
    expect(await store.book.entry(order)).toMatchObject({ objects: error.objects });
    expect((await store.readObjects('shrink-logs')).map(({ ids }) => ids)).toEqual([['A', 'LATE']]);
  });
});
