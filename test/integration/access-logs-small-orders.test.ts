import { describe, expect, test } from '@jest/globals';
import { MissingRecordsError } from '../../src/pipelines/access-logs/deliver.js';
import { DeliveryError } from '../../src/pipelines/errors.js';
import type { Receipt } from '../../src/pipelines/pipeline.js';
import {
  deliverAll,
  empty,
  insertHostile,
  isFetch,
  isSingleFetch,
  makeOrders,
  oneByOne,
  outcomesOf,
  targetOf,
  useStoresBehindProxy,
} from '../support/small-orders.js';
import { at, useTestStores } from '../support/test-stores.js';

const open = useTestStores();
const openBehindProxy = useStoresBehindProxy(open);

describe('small orders', () => {
  test.each(['simple', 'partitioned-by-event-time', 'partitioned-by-delivery-time'])(
    'make the same objects together as one by one, byte by byte: keys are %s',
    async (format) => {
      const store = await open({ 'object-key.format': format, 'object-key.source-account': '1234' });
      await store.createBucket(targetOf(store));
      await insertHostile(store, ['ties', "it's", 'back\\slash\n"', '日本']);
      await store.insertRecords(
        ['plain', 'gone'].map((bucketName) => ({ bucketName, loggingTargetBucket: targetOf(store) })),
      );
      const { orders } = await store.discover();
      expect(orders).toHaveLength(6);
      const receipts = await deliverAll(store, orders);
      const objects = await store.readObjects(targetOf(store));
      expect(objects.length).toBeGreaterThanOrEqual(10);
      expect(receipts.reduce((sum, { records }) => sum + records, 0)).toBe(402);
      await empty(store, targetOf(store));
      const alone = await oneByOne(store);
      const expected: Receipt[] = [];
      for (const order of orders) expected.push(await alone.deliver(order));
      expect(receipts).toEqual(expected);
      expect(await store.readObjects(targetOf(store))).toEqual(objects);
    },
  );

  test('of the same source have each its own records, also when they end at the same moment', async () => {
    const store = await open({ 'consumer.max-logs-per-bucket': '3' });
    await store.createBucket(targetOf(store));
    const [first, ...others] = await makeOrders(store, ['busy'], {}, 10);
    expect(others.length).toBeGreaterThanOrEqual(2);
    const all = first === undefined ? [] : [first, ...others];
    const receipts = await deliverAll(store, all);
    expect(receipts.map(({ records }) => records)).toEqual(all.map(({ records }) => records));
    const ids = (await store.readObjects(targetOf(store))).flatMap((object) => object.ids);
    expect(new Set(ids).size).toBe(10);
    expect(ids).toHaveLength(10);
  });

  test('cost ClickHouse one look into the book, one fetch and one commit', async () => {
    const { store, clickhouse } = await openBehindProxy();
    await store.createBucket(targetOf(store));
    const orders = await makeOrders(
      store,
      Array.from({ length: 30 }, (_, n) => `many-${String(n)}`),
    );
    clickhouse.reset();
    const receipts = await deliverAll(store, orders);
    await Promise.all(orders.map((order, n) => store.pipeline.commit(order, receipts[n] ?? never())));
    const statements = clickhouse.requests.map(({ body, url }) => `${url}${body.toString()}`);
    expect(statements.filter((text) => text.includes('upToHere'))).toHaveLength(1);
    expect(statements.filter((text) => text.includes('FINAL) WHERE'))).toHaveLength(1);
    expect(statements.filter((text) => /INSERT(\+|%20| )INTO/.test(text))).toHaveLength(1);
    expect(await store.readObjects(targetOf(store))).toHaveLength(30);
  });

  test('that the setting turns off are delivered one by one', async () => {
    const { store, clickhouse } = await openBehindProxy();
    await store.createBucket(targetOf(store));
    const orders = await makeOrders(store, ['one', 'two']);
    clickhouse.reset();
    await deliverAll(await oneByOne(store), orders);
    expect(clickhouse.requests.filter(isFetch)).toEqual([]);
    expect(clickhouse.requests.filter(isSingleFetch)).toHaveLength(2);
  });

  test('that reach back differently far are fetched apart', async () => {
    const { store, clickhouse } = await openBehindProxy();
    await store.createBucket(targetOf(store));
    const early = await makeOrders(store, ['far', 'near']);
    await store.settle(early);
    await store.insertRecords([
      { bucketName: 'far', loggingTargetBucket: targetOf(store), insertedAt: at(6000) },
      { bucketName: 'near', loggingTargetBucket: targetOf(store), insertedAt: at(100) },
    ]);
    const { orders } = await store.discover();
    expect(orders).toHaveLength(2);
    clickhouse.reset();
    await deliverAll(store, orders);
    expect(clickhouse.requests.filter(isFetch)).toHaveLength(2);
  });

  test('that late records have made large are fetched as a stream', async () => {
    const { store, clickhouse } = await openBehindProxy();
    await store.createBucket(targetOf(store));
    const orders = await makeOrders(store, ['calm', 'flooded']);
    await store.insertRecords(
      Array.from({ length: 10_000 }, () => ({
        bucketName: 'flooded',
        loggingTargetBucket: targetOf(store),
        insertedAt: at(1),
      })),
    );
    clickhouse.reset();
    const receipts = await deliverAll(store, orders);
    expect(receipts.map(({ records }) => records)).toEqual([5, 10_005]);
    expect(clickhouse.requests.filter(isSingleFetch)).toHaveLength(1);
  });

  test('with records that came late are delivered with them, and again when more come', async () => {
    const store = await open();
    await store.createBucket(targetOf(store));
    const orders = await makeOrders(store, ['late', 'punctual']);
    await store.insertRecords([
      { bucketName: 'late', loggingTargetBucket: targetOf(store), insertedAt: at(1) },
    ]);
    expect((await deliverAll(store, orders)).map(({ records }) => records)).toEqual([6, 5]);
    await store.settle(orders);
    await store.insertRecords([
      { bucketName: 'late', loggingTargetBucket: targetOf(store), insertedAt: at(2) },
    ]);
    const again = await deliverAll(store, orders);
    expect(again.map(({ records, already }) => [records, already])).toEqual([
      [7, undefined],
      [5, 'delivered'],
    ]);
    expect((await store.readObjects(targetOf(store))).map(({ ids }) => ids.length).sort()).toEqual([5, 7]);
  });
});

describe('of small orders that are fetched together only', () => {
  test('the one whose target is gone fails', async () => {
    const store = await open();
    await store.createBucket(targetOf(store));
    await makeOrders(store, ['b-bad'], { loggingTargetBucket: 'nowhere-logs' });
    await makeOrders(store, ['a-good', 'c-good']);
    const orders = [...(await store.pipeline.outstanding({ shard: 0, shards: 1 }))].sort((a, b) =>
      a.bucket < b.bucket ? -1 : 1,
    );
    const [a, b, c] = await outcomesOf(store, orders);
    expect(a).toMatchObject({ records: 5 });
    expect(b).toBeInstanceOf(DeliveryError);
    expect(c).toMatchObject({ records: 5 });
  });

  test('the one of which ClickHouse has fewer records than were ordered is refused', async () => {
    const store = await open();
    await store.createBucket(targetOf(store));
    const orders = await makeOrders(store, ['lost', 'part', 'whole']);
    await store.command(
      `ALTER TABLE ${store.tables.logs} DELETE WHERE bucketName = 'lost' OR bucketName = 'part' AND insertedAt = {at:DateTime} SETTINGS mutations_sync = 1`,
      { at: Math.floor(Date.parse(at(2)) / 1000) },
    );
    const [lost, part, whole] = await outcomesOf(store, orders);
    expect(lost).toBeInstanceOf(MissingRecordsError);
    expect(lost).toMatchObject({
      message: expect.stringContaining('5 records were ordered but ClickHouse counts 0'),
    });
    expect(part).toBeInstanceOf(MissingRecordsError);
    expect(whole).toMatchObject({ records: 5 });
    expect(await store.readObjects(targetOf(store))).toHaveLength(1);
  });

  test('the one that is told to stop ends, while ClickHouse is at it', async () => {
    const { store, clickhouse } = await openBehindProxy();
    await store.createBucket(targetOf(store));
    const [stopped, other] = await makeOrders(store, ['a', 'b']);
    if (stopped === undefined || other === undefined) throw new Error('two orders were expected');
    const stop = new AbortController();
    clickhouse.rule((request) => {
      if (isFetch(request)) stop.abort(new Error('the lock was lost'));
      return { kind: 'pass' };
    });
    const delivering = store.deliver(other);
    await expect(store.deliver(stopped, stop.signal)).rejects.toThrow('the lock was lost');
    expect(await delivering).toMatchObject({ records: 5 });
    expect(await store.readObjects(targetOf(store))).toHaveLength(1);
  });

  test('the one that ClickHouse cannot format fails: the others are fetched without it', async () => {
    const store = await open();
    await store.createBucket(targetOf(store));
    const orders = await makeOrders(store, ['a', 'broken', 'c']);
    const { logs } = store.tables;
    await store.command(`RENAME TABLE ${logs} TO ${logs}_kept`);
    const failing = "if(throwIf(bucketName = 'broken', 'disk lost') = 0, objectKey, '') AS objectKey";
    await store.command(`CREATE VIEW ${logs} AS SELECT * REPLACE (${failing}) FROM ${logs}_kept`);
    const [a, broken, c] = await outcomesOf(store, orders);
    await store.command(`DROP VIEW ${logs}`);
    await store.command(`RENAME TABLE ${logs}_kept TO ${logs}`);
    expect(a).toMatchObject({ records: 5 });
    expect(broken).toMatchObject({
      name: 'ClickHouseQueryError',
      message: expect.stringContaining('disk lost'),
    });
    expect(c).toMatchObject({ records: 5 });
  });
});

function never(): never {
  throw new Error('a receipt was expected');
}
