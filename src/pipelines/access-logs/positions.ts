import type { Tables } from '../../clickhouse/tables.js';
import type { Source } from './order.js';
import { sourcesSql } from './sources.js';

/** Which positions are read, and of which orders. */
export interface PositionsScope {
  /** Only of orders that reach beyond the parameter `recentFrom`, in seconds. */
  readonly recent?: boolean;
  /** Only of these; of all when left out. */
  readonly sources?: readonly Source[];
}

/**
 * One row a source: `reached`, the highest offset that was ordered or committed, from the local tables of a shard, and
 * `known`, 1 when an order says so.
 *
 * An order reaches no further than to the time at which it was made. So those that reach beyond a time are found in the
 * partitions from that time on; and the position of a source that has one of these is exact, whatever else the book has.
 */
export function positionsSql(tables: Tables, { recent = false, sources }: PositionsScope = {}): string {
  const ofSources = sources === undefined ? '' : ` AND ${sourcesSql(sources)}`;
  const since = recent
    ? ' AND orderedAt >= toDateTime({recentFrom:UInt32}) AND upToInsertedAt >= toDateTime({recentFrom:UInt32})'
    : '';
  return `
    SELECT bucketName, raftSessionID, max(reached) AS reached, max(isOrder) AS known FROM (
      SELECT bucketName, raftSessionID, 1 AS isOrder,
        max((toDateTime(upToInsertedAt), toDateTime64(upToStartTime, 3), upToReqId)) AS reached
      FROM ${tables.workOrdersLocal} WHERE state != 'proposed'${since}${ofSources} GROUP BY bucketName, raftSessionID
      UNION ALL
      SELECT bucketName, raftSessionID, 0 AS isOrder,
        max((lastProcessedInsertedAt, lastProcessedStartTime, lastProcessedReqId)) AS reached
      FROM ${tables.offsetsLocal} WHERE true${ofSources} GROUP BY bucketName, raftSessionID
    ) GROUP BY bucketName, raftSessionID`;
}
