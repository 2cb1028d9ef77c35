import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { offsetFrom, rawOffsetSchema, rawOffsetSql } from '../../src/pipelines/access-logs/offset.js';
import { orderOf } from '../../src/pipelines/access-logs/order.js';
import type { TestStore } from '../support/access-logs.js';
import { start, useTestStores } from '../support/test-stores.js';

const open = useTestStores();

const HOUR_SECONDS = 3600;
/** Rows that ClickHouse reads at least where it reads anything. */
const GRANULE = 8192;

interface Load {
  /** What the buckets' names begin with. */
  readonly name: string;
  readonly buckets: number;
  readonly records: number;
  /** The records are spread evenly over so many hours. */
  readonly hours: number;
  /** The last of these hours ended so many hours before the tests began. */
  readonly endedHoursAgo: number;
}

async function insert({ command, tables }: TestStore, load: Load): Promise<void> {
  const { name, buckets, records, hours, endedHoursAgo } = load;
  await command(
    `INSERT INTO ${tables.logs} (insertedAt, startTime, bucketName, raftSessionID, req_id, loggingEnabled,
       loggingTargetBucket)
     SELECT toDateTime({from:UInt32}) + intDiv(number * {seconds:UInt32}, {records:UInt32}) AS at, at,
       concat({name:String}, toString(number % {buckets:UInt16})), number % 4, leftPad(toString(number), 9, '0'), true,
       'target-logs'
     FROM numbers({records:UInt32})`,
    {
      ...{ name, buckets, records, seconds: hours * HOUR_SECONDS },
      from: start / 1000 - (endedHoursAgo + hours) * HOUR_SECONDS,
    },
  );
}

const sourceRow = z.object({
  bucketName: z.string(),
  raftSessionID: z.number(),
  hour: z.number(),
  records: z.number(),
  first: rawOffsetSchema,
  last: rawOffsetSchema,
});

/** Writes into the book that all records of some buckets were delivered so many hours ago: an order for each hour. */
async function deliverAll(store: TestStore, { name }: Load, hoursAgo: number): Promise<number> {
  const { select, command, book, tables } = store;
  const offset = '(insertedAt, startTime, req_id)';
  const rows = await select(
    sourceRow,
    `SELECT bucketName, raftSessionID, intDiv(toUnixTimestamp(insertedAt), 3600) AS hour, count() AS records,
       ${rawOffsetSql(`min(${offset})`)} AS first, ${rawOffsetSql(`max(${offset})`)} AS last
     FROM ${tables.logs} WHERE startsWith(bucketName, {name:String})
     GROUP BY bucketName, raftSessionID, hour ORDER BY bucketName, raftSessionID, hour`,
    { name },
  );
  const deliveries = rows.map(
    ({ bucketName: bucket, raftSessionID: raftSession, records, first, last }, position) => {
      const before = rows[position - 1];
      const isNext = before?.bucketName === bucket && before.raftSessionID === raftSession;
      const { insertedAt, startTime } = offsetFrom(first);
      const cut = { upTo: offsetFrom(last), records, firstStartTime: startTime, oldestAt: insertedAt };
      const order = orderOf({ bucket, raftSession }, isNext ? offsetFrom(before.last) : null, cut, startTime);
      return { order, receipt: { objects: [], records, bytes: 1, earlier: [] } };
    },
  );
  await book.delivered(deliveries);
  await command(
    `INSERT INTO ${tables.workOrders}
     SELECT * REPLACE (updatedAt - toIntervalHour({hoursAgo:UInt32}) AS updatedAt, revision + 1 AS revision)
     FROM ${tables.workOrders} FINAL WHERE startsWith(bucketName, {name:String})`,
    { hoursAgo, name },
  );
  return deliveries.length;
}

describe('an audit of delivered orders reads', () => {
  test('about the records of the orders in its window, however many there are beside them', async () => {
    const store = await open();
    // The search reaches back from an order's first record by the window, and so up to eleven hours here.
    const old = { name: 'old-', buckets: 40, records: 300_000, hours: 24, endedHoursAgo: 11 };
    const recent = { name: 'recent-', buckets: 20, records: 100_000, hours: 5, endedHoursAgo: 0 };
    await insert(store, old);
    await insert(store, recent);
    const orders = (await deliverAll(store, old, 10)) + (await deliverAll(store, recent, 0));

    const found = await store.pipeline.findLate({ windowHours: 6 });
    expect(found).toMatchObject({ orders: [], recordsExamined: 100_000 });
    expect(found.ordersExamined).toBeGreaterThanOrEqual(100);
    // The order book is read three times, and has two versions of each order here.
    const constant = 3 * 2 * orders + 10 * GRANULE;
    expect(found.rowsRead).toBeGreaterThanOrEqual(100_000);
    expect(found.rowsRead).toBeLessThanOrEqual(2 * 100_000 + constant);

    const more = { ...old, name: 'more-' };
    await insert(store, more);
    const further = await deliverAll(store, more, 10);
    const again = await store.pipeline.findLate({ windowHours: 6 });
    expect(again).toMatchObject({ ordersExamined: found.ordersExamined, recordsExamined: 100_000 });
    // Each of the three looks into the order book reads whole granules.
    expect(again.rowsRead).toBeLessThanOrEqual(found.rowsRead + 3 * (2 * further + GRANULE));
  });
});
