import type { Parameters } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { OFFSET_COLUMNS, rawOffsetSql } from './offset.js';
import { ELIGIBLE_SQL } from './order.js';

/** Which delivered orders an audit counts again. */
export interface LateWindow {
  /** ClickHouse's clock, ms. */
  readonly nowMs: number;
  /** Orders delivered within this time before now, ms. */
  readonly windowMs: number;
  /** How long ClickHouse keeps records, ms: an order that has begun to expire is left alone. */
  readonly retentionMs: number;
}

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 86_400;

/** Values for the statements of this file. */
export function windowParameters({ nowMs, windowMs, retentionMs }: LateWindow): Parameters {
  const retainedFrom = Math.max(0, Math.floor((nowMs - retentionMs) / 1000));
  return {
    deliveredFromMs: nowMs - windowMs,
    windowSeconds: Math.ceil(windowMs / 1000),
    retainedFrom,
    // An order is made behind its records: what was ordered long before none was retained need not be read.
    orderedFrom: Math.max(0, retainedFrom - DAY_SECONDS),
  };
}

/** The last version of each order that can be in the window; `condition` is on columns of the sorting key. */
export function recentOrdersSql(workOrders: string, condition = 'true'): string {
  return `(SELECT * FROM ${workOrders} FINAL WHERE orderedAt >= toDateTime({orderedFrom:UInt32}) AND ${condition})`;
}

/** Holds for orders in the window. */
export const IN_WINDOW_SQL = `state = 'delivered'
  AND updatedAt >= fromUnixTimestamp64Milli({deliveredFromMs:Int64})
  AND oldestInsertedAt > toDateTime({retainedFrom:UInt32})`;

/** How many orders are in the window, and how many records they delivered. */
export function windowTotalsSql({ workOrders }: Tables): string {
  return `SELECT count() AS orders, sum(deliveredRecords) AS records
    FROM ${recentOrdersSql(workOrders)} WHERE ${IN_WINDOW_SQL}`;
}

/**
 * Runs of orders in the window that have more records than were delivered. A run is a sequence of delivered orders of
 * one source without a gap: so what is not delivered yet, and lies between, is never counted.
 *
 * Sends the logs to the shards, each of which asks its own part of the order book: a source stands on one shard. The
 * set of (source, hour) lets ClickHouse read the sorting key of those hours of those sources alone; it reaches back
 * from an order's first record at most by the window, however long the source was silent before.
 */
export function grownRunsSql({ logs, workOrdersLocal }: Tables): string {
  const window = `SELECT raftSessionID, bucketName, deliveredRecords,
      (toDateTime(afterInsertedAt), toDateTime64(afterStartTime, 3), afterReqId) AS after,
      (toDateTime(upToInsertedAt), toDateTime64(upToStartTime, 3), upToReqId) AS upTo,
      greatest(toUnixTimestamp(afterInsertedAt), toUnixTimestamp(oldestInsertedAt) - {windowSeconds:Int64}) AS fromSeconds
    FROM ${recentOrdersSql(workOrdersLocal)} WHERE ${IN_WINDOW_SQL}`;
  const bySource = 'PARTITION BY raftSessionID, bucketName ORDER BY upTo';
  const runs = `SELECT raftSessionID, bucketName, min(after) AS runAfter, max(upTo) AS runUpTo, sum(deliveredRecords) AS delivered
    FROM (
      SELECT *, sum(begins) OVER (${bySource} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
      FROM (
        SELECT *, after != lagInFrame(upTo) OVER (${bySource} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS begins
        FROM (${window})
      )
    ) GROUP BY raftSessionID, bucketName, run`;
  const hour = (seconds: string): string => `intDiv(${seconds}, ${String(HOUR_SECONDS)})`;
  const hours = `SELECT DISTINCT raftSessionID, bucketName,
      arrayJoin(range(toUInt32(${hour('fromSeconds')}), toUInt32(${hour('toUnixTimestamp(upTo.1)')} + 1))) FROM (${window})`;
  return `SELECT raftSessionID, bucketName, count() AS counted, delivered,
      ${rawOffsetSql('runAfter')} AS after, ${rawOffsetSql('runUpTo')} AS upTo
    FROM ${logs} AS l INNER JOIN (${runs}) AS runs USING (raftSessionID, bucketName)
    WHERE ${ELIGIBLE_SQL} AND (raftSessionID, bucketName, ${hour('toUnixTimestamp(insertedAt)')}) IN (${hours})
      AND ${OFFSET_COLUMNS} > runAfter AND ${OFFSET_COLUMNS} <= runUpTo
    GROUP BY raftSessionID, bucketName, runAfter, runUpTo, delivered
    HAVING counted > delivered
    ORDER BY cityHash64(raftSessionID, bucketName, {salt:Int64}) LIMIT {mostRuns:UInt64}`;
}
