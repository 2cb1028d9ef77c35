import { z } from 'zod';
import type { Site } from '../lab/site.js';

/** Quantiles of the time until delivery of the records that came in within one minute, or of all; in ms. */
const lagRow = z.object({
  /** Counted from 0; -1 for all together. */
  minute: z.number(),
  records: z.number(),
  /** p50, p95, p99 and the largest, counted from when a record could be delivered by the settings. */
  afterEligible: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** The same, counted from when it came in. */
  afterInsertion: z.tuple([z.number(), z.number(), z.number(), z.number()]),
});

/** See {@link lagRow}. */
export type Lag = z.infer<typeof lagRow>;

/**
 * Reads how long records took, out of logs and order book: by minute, and all together.
 *
 * A record is in the first order of its bucket that reaches as far as its second. It can be delivered, by the
 * settings, when it is older than the processing delay and the oldest record of its order is older than the time
 * threshold, whichever is later. It is delivered when the order book says so.
 */
export async function readLags({ clickhouse, tables, settings }: Site): Promise<readonly Lag[]> {
  const quantiles = (column: string): string =>
    `arrayConcat(arrayMap(q -> toFloat64(q), quantilesExactWeighted(0.5, 0.95, 0.99)(${column}, weight)), [toFloat64(max(${column}))])`;
  const each = `
    SELECT weight, intDiv(second - begin, 60) AS inMinute,
      deliveredMs - second * 1000 AS sinceInsertion,
      deliveredMs - greatest(second + {delay:UInt32}, oldest + {threshold:UInt32}) * 1000 AS sinceEligible
    FROM (
      SELECT bucketName, toInt64(toUnixTimestamp(insertedAt)) AS second, count() AS weight
      FROM ${tables.logs} GROUP BY bucketName, insertedAt
    ) AS came
    ASOF INNER JOIN (
      SELECT bucketName, toInt64(toUnixTimestamp(upToInsertedAt)) AS reach,
        toInt64(toUnixTimestamp(oldestInsertedAt)) AS oldest, toUnixTimestamp64Milli(updatedAt) AS deliveredMs
      FROM ${tables.workOrders} FINAL WHERE state = 'delivered'
    ) AS orders ON came.bucketName = orders.bucketName AND came.second <= orders.reach
    CROSS JOIN (SELECT toInt64(toUnixTimestamp(min(insertedAt))) AS begin FROM ${tables.logs}) AS start`;
  return clickhouse.query(
    lagRow,
    `SELECT if(GROUPING(inMinute) = 1, -1, inMinute) AS minute, sum(weight) AS records,
       ${quantiles('sinceEligible')} AS afterEligible, ${quantiles('sinceInsertion')} AS afterInsertion
     FROM (${each}) GROUP BY GROUPING SETS ((inMinute), ()) ORDER BY minute`,
    {
      doing: 'read how long records took',
      parameters: {
        delay: settings['consumer.processing-delay-seconds'],
        threshold: settings['consumer.time-threshold-seconds'],
      },
    },
  );
}
