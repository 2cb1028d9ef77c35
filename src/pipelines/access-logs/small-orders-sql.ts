import { constantSql } from '../../clickhouse/constant.js';
import type { Tables } from '../../clickhouse/tables.js';
import { logLineExpression } from './log-line-sql.js';
import type { KeyFormat } from './object-key.js';
import { rawOffsetOf } from './offset.js';
import { ELIGIBLE_SQL, type AccessLogOrder } from './order.js';
import { daySql } from './plan.js';
import { sourcesSql } from './sources.js';

/** Records up to which an object's content is answered: orders may have grown since they were made. */
const MOST_RECORDS = 10_000;

/** Bytes of content up to which a statement answers it: lines may be long. */
const MOST_BYTES = 32 * 1024 * 1024;

const BOUNDARIES =
  'Array(Tuple(UInt32, UInt16, String, UInt32, Int64, String, UInt32, Int64, String))' as const;

/**
 * The objects of several orders, with their content: a row each, in the order of their orders. The lines of an object
 * stand in order of startTime, then req_id, then of the lines themselves, as when they are fetched alone.
 *
 * Content is empty, which that of an object never is, where an object or all of the answer has become too large; such
 * an order is to be fetched alone. Each row says how many rows there are: the answer is whole when so many came.
 *
 * An order's position is that among those given.
 */
export function smallOrdersSql(tables: Tables, orders: readonly AccessLogOrder[], format: KeyFormat): string {
  return `SELECT position, targetBucket, targetPrefix, day, records, oldestMs, count() OVER () AS rows,
      length(lines) AS bytes, sum(bytes) OVER (ORDER BY position, targetBucket, targetPrefix, day) AS upToHere,
      if(upToHere <= ${String(MOST_BYTES)}, lines, '') AS content
    FROM (
      SELECT ordered.1 AS position, loggingTargetBucket AS targetBucket, loggingTargetPrefix AS targetPrefix,
        ${daySql(format)} AS day, count() AS records, toUnixTimestamp64Milli(min(startTime)) AS oldestMs,
        arraySort(groupArray(${String(MOST_RECORDS)})((startTime, req_id, ${logLineExpression()}))) AS sorted,
        if(records <= ${String(MOST_RECORDS)}, arrayStringConcat(arrayMap(one -> concat(one.3, '\\n'), sorted)), '') AS lines
      FROM ${tables.logs}
      INNER JOIN (
        SELECT arrayJoin(${constantSql(BOUNDARIES, orders.map(boundariesOf))}) AS ordered,
          ordered.2 AS orderedSession, ordered.3 AS orderedBucket
      ) AS orders ON raftSessionID = orderedSession AND bucketName = orderedBucket
      WHERE ${candidatesSql(orders)} AND ${ELIGIBLE_SQL}
        AND (insertedAt, startTime, req_id) > (toDateTime(ordered.4), fromUnixTimestamp64Milli(ordered.5), ordered.6)
        AND (insertedAt, startTime, req_id) <= (toDateTime(ordered.7), fromUnixTimestamp64Milli(ordered.8), ordered.9)
      GROUP BY position, targetBucket, targetPrefix, day
    )
    ORDER BY position, targetBucket, targetPrefix, day`;
}

function boundariesOf({ raftSession, bucket, after, upTo }: AccessLogOrder, position: number): unknown[] {
  return [position, raftSession, bucket, ...rawOffsetOf(after), ...rawOffsetOf(upTo)];
}

/** Holds for all records of the orders, and lets ClickHouse skip partitions and granules. */
function candidatesSql(orders: readonly AccessLogOrder[]): string {
  const first = Math.min(...orders.map(({ after }) => rawOffsetOf(after)[0]));
  const last = Math.max(...orders.map(({ upTo }) => rawOffsetOf(upTo)[0]));
  return `${sourcesSql(orders)}
        AND insertedAt >= toDateTime(${String(first)}) AND insertedAt <= toDateTime(${String(last)})`;
}
