import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { TestStore } from '../support/access-logs.js';
import { at, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

/** The tables of a deployment that log-courier did not make: the other names, no order book. */
const FEDERATION = { 'clickhouse.table-layout': 'federation' } as const;
const RECORDS = 12;

/** The target bucket of a test: stores share their S3. */
const targetOf = (store: TestStore): string => store.tables.database.replaceAll('_', '-');

/** Records of two sources, one a second, several with the same second of insertedAt. */
async function insertRecords(store: TestStore): Promise<void> {
  await store.createBucket(targetOf(store));
  await store.insertRecords(
    ['first', 'second'].flatMap((bucketName, source) =>
      Array.from({ length: RECORDS }, (_, index) => ({
        bucketName,
        raftSessionID: source + 1,
        insertedAt: at(Math.floor(index / 3)),
        startTime: at(index).replace('Z', '.000Z'),
        req_id: `${bucketName}-${String(index).padStart(2, '0')}`,
        loggingTargetBucket: targetOf(store),
        loggingTargetPrefix: `${bucketName}/`,
      })),
    ),
  );
}

const ids = (bucketName: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${bucketName}-${String(from + index).padStart(2, '0')}`);

async function deliveredIds(store: TestStore): Promise<readonly string[]> {
  return (await store.readObjects(targetOf(store))).flatMap((object) => object.ids).sort();
}

/** Writes an offset as the other deployment does: a row with the last record that it delivered. */
async function writeOffset(store: TestStore, bucketName: string, last: number): Promise<void> {
  await store.command(
    `INSERT INTO ${store.tables.offsets}
       (bucketName, raftSessionID, lastProcessedInsertedAt, lastProcessedStartTime, lastProcessedReqId)
     SELECT bucketName, raftSessionID, insertedAt, startTime, req_id FROM ${store.tables.logs}
     WHERE req_id = {id:String}`,
    { id: `${bucketName}-${String(last).padStart(2, '0')}` },
  );
}

/**
 * What the other deployment would deliver next, by its own rule: everything behind the highest committed offset of a
 * source, from the columns that all deployments share.
 */
async function nextOfTheOther(store: TestStore): Promise<readonly string[]> {
  const rows = await store.select(
    z.object({ id: z.string() }),
    `SELECT req_id AS id FROM ${store.tables.logs} AS l LEFT JOIN (
       SELECT bucketName, raftSessionID,
         max((lastProcessedInsertedAt, lastProcessedStartTime, lastProcessedReqId)) AS reached
       FROM ${store.tables.offsets} GROUP BY bucketName, raftSessionID
     ) AS o USING (bucketName, raftSessionID)
     WHERE loggingEnabled AND (insertedAt, startTime, req_id) > reached ORDER BY id`,
  );
  return rows.map(({ id }) => id);
}

async function deliverEverything(store: TestStore): Promise<void> {
  await store.settle((await store.discover()).orders);
}

describe.each([
  ['default', {}],
  ['federation', FEDERATION],
])('takeover in the %s layout', (_, layout) => {
  test('from another deployment: begins exactly behind its offsets', async () => {
    const store = await open(layout);
    await insertRecords(store);
    // The other deployment wrote several rows for one source, and stopped amid records of one second.
    for (const last of [1, 6, 4]) await writeOffset(store, 'first', last);
    await deliverEverything(store);
    expect(await deliveredIds(store)).toEqual([...ids('first', 7, RECORDS), ...ids('second', 0, RECORDS)]);
    expect(await store.pipeline.audit({ deep: true })).toMatchObject({ missing: 0, duplicated: 0 });
  });

  test('by another deployment: it would begin exactly behind what was delivered', async () => {
    const store = await open({ ...layout, 'consumer.max-logs-per-bucket': '5' });
    await insertRecords(store);
    const { orders } = await store.discover();
    expect(orders).toHaveLength(6);
    // The first bucket's second order is not delivered: everything behind it would be delivered once more.
    const [one, stuck, last] = orders.filter(({ bucket }) => bucket === 'first');
    if (one === undefined || stuck === undefined || last === undefined)
      throw new Error('orders were expected');
    await store.settle([one, last, ...orders.filter(({ bucket }) => bucket === 'second')]);
    await store.pipeline.close();
    expect(await nextOfTheOther(store)).toEqual(ids('first', one.records, RECORDS));
    await store.settle([stuck]);
    await store.pipeline.close();
    expect(await nextOfTheOther(store)).toEqual([]);
  });

  test('there and back: neither delivers what the other one has delivered', async () => {
    const store = await open(layout);
    await insertRecords(store);
    await writeOffset(store, 'first', 3);
    await writeOffset(store, 'second', 5);
    await deliverEverything(store);
    await store.pipeline.close();
    expect(await nextOfTheOther(store)).toEqual([]);
    const more = ['first', 'second'].map((bucketName, source) => ({
      bucketName,
      raftSessionID: source + 1,
      insertedAt: at(100),
      loggingTargetBucket: targetOf(store),
      req_id: `${bucketName}-98`,
    }));
    await store.insertRecords(more);
    expect(await nextOfTheOther(store)).toEqual(['first-98', 'second-98']);
    await writeOffset(store, 'first', 98);
    await deliverEverything(store);
    expect(await deliveredIds(store)).toEqual([
      ...ids('first', 4, RECORDS),
      ...ids('second', 6, RECORDS),
      'second-98',
    ]);
  });
});
