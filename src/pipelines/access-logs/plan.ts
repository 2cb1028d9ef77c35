import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { objectKey, type KeyOptions, type KeyTarget } from './object-key.js';
import { orderParameters, orderSql, type AccessLogOrder } from './order.js';

/** One log object of an order, before it is delivered. */
export interface PlannedObject extends KeyTarget {
  readonly key: string;
  /** Records that ClickHouse counts for it. */
  readonly records: number;
}

/** The log objects of an order. */
export interface DeliveryPlan {
  readonly objects: readonly PlannedObject[];
  readonly records: number;
  /** startTime of the oldest request, ISO 8601; null for an empty order. */
  readonly oldestStartTime: string | null;
}

const planRow = z.object({
  targetBucket: z.string(),
  targetPrefix: z.string(),
  day: z.string(),
  records: z.number(),
  oldestMs: z.number(),
});

/**
 * Counts an order's records by target (and by UTC day, for keys partitioned by event time): each is an object.
 * When a bucket's logging configuration changed in the middle of the order, that makes several.
 */
export async function planDelivery(
  clickhouse: ClickHouse,
  tables: Tables,
  order: AccessLogOrder,
  options: KeyOptions,
  signal: AbortSignal,
): Promise<DeliveryPlan> {
  const day = options.format === 'partitioned-by-event-time' ? "toString(toDate(startTime, 'UTC'))" : "''";
  const rows = await clickhouse.query(
    planRow,
    `SELECT loggingTargetBucket AS targetBucket, loggingTargetPrefix AS targetPrefix, ${day} AS day,
       count() AS records, toUnixTimestamp64Milli(min(startTime)) AS oldestMs
     FROM ${tables.logs} WHERE ${orderSql()}
     GROUP BY targetBucket, targetPrefix, day ORDER BY targetBucket, targetPrefix, day`,
    { doing: `count the records of work order ${order.id}`, parameters: orderParameters(order), signal },
  );
  const oldest = Math.min(...rows.map((row) => row.oldestMs));
  return {
    objects: rows.map(({ targetBucket, targetPrefix, day, records }) => {
      const target = { targetBucket, targetPrefix, day };
      return { ...target, records, key: objectKey(order, target, options) };
    }),
    records: rows.reduce((sum, row) => sum + row.records, 0),
    oldestStartTime: Number.isFinite(oldest) ? new Date(oldest).toISOString() : null,
  };
}
