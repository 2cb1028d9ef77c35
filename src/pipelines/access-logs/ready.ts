import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { DiscoveryShard } from '../pipeline.js';
import { cutOf } from './cut.js';
import {
  offsetFrom,
  offsetOrNull,
  OFFSET_COLUMNS,
  rawOffsetSchema,
  rawOffsetSql,
  type Offset,
} from './offset.js';
import { ELIGIBLE_SQL, type Cut, type Source } from './order.js';
import { positionsSql } from './positions.js';

/** When a source is ready, and how much of it is looked at. */
export interface Thresholds {
  /** Ready with this many undelivered records. */
  readonly countThreshold: number;
  /** Ready when the oldest undelivered record was inserted this many seconds ago. */
  readonly timeThresholdSeconds: number;
  /** Records younger than this are not looked at. */
  readonly processingDelaySeconds: number;
  /** Most sources of one discovery. */
  readonly maxSources: number;
}

/** A source with undelivered records. */
export interface ReadySource extends Source {
  /** Up to where it has been ordered or delivered. */
  readonly after: Offset | null;
  /** All that is undelivered, as if it were one order. */
  readonly waiting: Cut;
}

const readyRow = z.object({
  bucketName: z.string(),
  raftSessionID: z.number(),
  records: z.number(),
  after: rawOffsetSchema,
  first: rawOffsetSchema,
  last: rawOffsetSchema,
});

/**
 * The sources that are ready, oldest first.
 *
 * Reads: of the logs the columns of the sorting key, of all records from the lowest position of any source; of order
 * book and offsets one position a source. A source continues after the highest of: the last record of its last
 * order (delivered or not), and its committed offset.
 *
 * Sends one distributed table to the shards; the others are named by their local names, whose rows for a source stand
 * on the same shard, because all are sharded by raft session.
 *
 * @param nowSeconds the time from which ages are counted, by ClickHouse's clock
 */
export async function findReady(
  clickhouse: ClickHouse,
  tables: Tables,
  thresholds: Thresholds,
  { shard, shards }: DiscoveryShard,
  nowSeconds: number,
  signal?: AbortSignal,
): Promise<ReadySource[]> {
  const sql = `
    SELECT bucketName, raftSessionID, count() AS records,
      ${rawOffsetSql('any(reached)')} AS after,
      ${rawOffsetSql(`min(${OFFSET_COLUMNS})`)} AS first,
      ${rawOffsetSql(`max(${OFFSET_COLUMNS})`)} AS last
    FROM ${tables.logs} AS l
    LEFT JOIN (${positionsSql(tables)}) AS positions USING (bucketName, raftSessionID)
    WHERE ${ELIGIBLE_SQL}
      AND raftSessionID % {shards:UInt16} = {shard:UInt16}
      AND insertedAt <= toDateTime({horizon:UInt32})
      AND insertedAt >= reached.1 AND ${OFFSET_COLUMNS} > reached
    GROUP BY bucketName, raftSessionID
    HAVING records >= {countThreshold:UInt64} OR min(insertedAt) <= toDateTime({oldEnough:UInt32})
    ORDER BY first, bucketName, raftSessionID
    LIMIT {maxSources:UInt64}`;
  const rows = await clickhouse.query(readyRow, sql, {
    doing: 'find ready buckets',
    settings: { select_sequential_consistency: '1' },
    parameters: {
      shard,
      shards,
      horizon: Math.max(0, nowSeconds - thresholds.processingDelaySeconds),
      oldEnough: Math.max(0, nowSeconds - thresholds.timeThresholdSeconds),
      countThreshold: thresholds.countThreshold,
      maxSources: thresholds.maxSources,
    },
    ...(signal === undefined ? {} : { signal }),
  });
  return rows.map(({ bucketName, raftSessionID, records, after, first, last }) => ({
    bucket: bucketName,
    raftSession: raftSessionID,
    after: offsetOrNull(after),
    waiting: cutOf(records, first, offsetFrom(last)),
  }));
}
