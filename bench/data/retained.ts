import { z } from 'zod';
import { rowOf, revisionOf } from '../../src/pipelines/access-logs/book-row.js';
import {
  offsetFrom,
  rawOffsetSchema,
  rawOffsetSql,
  OFFSET_COLUMNS,
  type Offset,
} from '../../src/pipelines/access-logs/offset.js';
import { commitOffsets } from '../../src/pipelines/access-logs/offsets.js';
import { orderOf, type AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { Site } from '../lab/site.js';
import { BUCKET_COLUMNS } from './records.js';

/** Records of which only what discovery could look at is filled in. */
export interface LightRecords {
  readonly count: number;
  readonly buckets: number;
  /** When the first one came in, in seconds since 1970. */
  readonly beginSeconds: number;
  /** Time over which they came in, evenly. */
  readonly spanSeconds: number;
}

const WRITER = 'bench';

/** Inserts records into the logs table, in the order in which they came in. */
export async function addLightRecords({ clickhouse, tables }: Site, records: LightRecords): Promise<void> {
  const { count, buckets, beginSeconds, spanSeconds } = records;
  const columns = {
    ...BUCKET_COLUMNS,
    insertedAt: 'arrivedAt',
    startTime: 'toDateTime64(arrivedAt, 3) + toIntervalMillisecond(cityHash64(number) % 1000)',
    req_id: `leftPad(hex(cityHash64(number, {begin:UInt32})), 16, '0')`,
  };
  await clickhouse.command(
    `INSERT INTO ${tables.logs} (${Object.keys(columns).join(', ')})
     SELECT ${Object.values(columns).join(', ')} FROM (
       SELECT number, number % {buckets:UInt64} AS bucketIndex,
         toDateTime({begin:UInt32} + intDiv(number * {span:UInt64}, {count:UInt64})) AS arrivedAt
       FROM numbers({count:UInt64})
     )`,
    {
      doing: `insert ${count} records`,
      parameters: { count, buckets, begin: beginSeconds, span: spanSeconds },
      settings: { max_partitions_per_insert_block: '0' },
    },
  );
}

const hourRow = z.object({
  bucketName: z.string(),
  raftSessionID: z.number(),
  hour: z.number(),
  records: z.number(),
  first: rawOffsetSchema,
  last: rawOffsetSchema,
});

/**
 * The orders that would have delivered all records of the logs table, one for each bucket and hour, oldest first.
 */
export async function hourlyOrders({ clickhouse, tables }: Site): Promise<readonly AccessLogOrder[]> {
  const rows = await clickhouse.query(
    hourRow,
    `SELECT bucketName, raftSessionID, toUnixTimestamp(toStartOfHour(insertedAt)) AS hour, count() AS records,
       ${rawOffsetSql(`min(${OFFSET_COLUMNS})`)} AS first, ${rawOffsetSql(`max(${OFFSET_COLUMNS})`)} AS last
     FROM ${tables.logs} GROUP BY bucketName, raftSessionID, hour ORDER BY hour, bucketName`,
    { doing: 'find the orders that delivered the retained records' },
  );
  const reached = new Map<string, Offset>();
  return rows.map(({ bucketName, raftSessionID, hour, records, first, last }) => {
    const upTo = offsetFrom(last);
    const oldest = offsetFrom(first);
    const after = reached.get(bucketName) ?? null;
    reached.set(bucketName, upTo);
    const cut = { upTo, records, firstStartTime: oldest.startTime, oldestAt: oldest.insertedAt };
    const orderedAt = new Date((hour + 3600) * 1000).toISOString();
    return orderOf({ bucket: bucketName, raftSession: raftSessionID }, after, cut, orderedAt);
  });
}

/** Has the order book say that orders were delivered, and brings the offsets up to it. */
export async function settle({ clickhouse, tables }: Site, orders: readonly AccessLogOrder[]): Promise<void> {
  const rows = orders.map((order) =>
    rowOf(order, 'delivered', revisionOf('delivered', 0, order.records), WRITER, {
      deliveredRecords: order.records,
      updatedAtMs: Date.parse(order.orderedAt),
    }),
  );
  await clickhouse.insert(tables.workOrders, rows, { doing: 'settle orders' });
  const sources = new Map(orders.map(({ bucket, raftSession }) => [bucket, { bucket, raftSession }]));
  await commitOffsets(clickhouse, tables, [...sources.values()], new AbortController().signal);
}

/** Has the order book say that an order has just failed. */
export async function fail({ clickhouse, tables }: Site, order: AccessLogOrder): Promise<void> {
  const outcome = { failureCode: 'NoSuchBucket', failureReason: 'made up by the benchmark' };
  const row = rowOf(order, 'failed', revisionOf('failed', 1), WRITER, outcome);
  await clickhouse.insert(tables.workOrders, [row], { doing: 'have an order fail' });
}
