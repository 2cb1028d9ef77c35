import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import { ONE_THREAD } from '../../clickhouse/one-thread.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { ObjectContent } from './object-content.js';
import { objectKey, type KeyFormat, type KeyOptions, type KeyTarget } from './object-key.js';
import { orderParameters, orderSql, type AccessLogOrder } from './order.js';

/** One log object of an order, before it is delivered. */
export interface PlannedObject extends KeyTarget {
  readonly key: string;
  /** Records that ClickHouse counts for it. */
  readonly records: number;
  /** What it is to hold, when that has been fetched with the plan. */
  readonly content?: ObjectContent;
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

/** One object as ClickHouse counts it. */
export type CountedObject = z.infer<typeof planRow>;

/** The UTC day of a record's event, empty when keys do not depend on it. */
export function daySql(format: KeyFormat): string {
  return format === 'partitioned-by-event-time' ? "toString(toDate(startTime, 'UTC'))" : "''";
}

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
  const rows = await clickhouse.query(
    planRow,
    `SELECT loggingTargetBucket AS targetBucket, loggingTargetPrefix AS targetPrefix, ${daySql(options.format)} AS day,
       count() AS records, toUnixTimestamp64Milli(min(startTime)) AS oldestMs
     FROM ${tables.logs} WHERE ${orderSql()} GROUP BY targetBucket, targetPrefix, day`,
    {
      doing: `count the records of work order ${order.id}`,
      parameters: orderParameters(order),
      settings: ONE_THREAD,
      signal,
    },
  );
  return planOf(order, rows.sort(byTarget), options);
}

/** Sorted here, since ClickHouse takes longer to prepare for sorting a row or two than it takes to count. */
function byTarget(a: CountedObject, b: CountedObject): number {
  return (
    compareText(a.targetBucket, b.targetBucket) ||
    compareText(a.targetPrefix, b.targetPrefix) ||
    compareText(a.day, b.day)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * Makes the plan of what ClickHouse counts.
 *
 * @param contentOf what an object is to hold, when that is known
 */
export function planOf<Row extends CountedObject>(
  order: AccessLogOrder,
  rows: readonly Row[],
  options: KeyOptions,
  contentOf?: (row: Row) => ObjectContent,
): DeliveryPlan {
  const oldest = Math.min(...rows.map((row) => row.oldestMs));
  return {
    objects: rows.map((row) => {
      const { targetBucket, targetPrefix, day, records } = row;
      const target = { targetBucket, targetPrefix, day };
      const content = contentOf === undefined ? {} : { content: contentOf(row) };
      return { ...target, records, key: objectKey(order, target, options), ...content };
    }),
    records: rows.reduce((sum, row) => sum + row.records, 0),
    oldestStartTime: Number.isFinite(oldest) ? new Date(oldest).toISOString() : null,
  };
}
