import { z } from 'zod';
import type { ClickHouse } from '../../../clickhouse/client.js';
import type { Tables } from '../../../clickhouse/tables.js';
import type { MinuteFigures } from '../../views.js';

const minuteRow = z.object({
  minute: z.number(),
  records: z.number(),
  objects: z.number(),
  failures: z.number(),
  /** Null for a quantile of nothing. */
  lags: z.array(z.number().nullable()),
});

/**
 * What became of orders within [from, to), by minute, both in ms. Of the order book's days only those up to `to` are
 * read, and of older days, thanks to the index on the time of change, little but what changed then.
 *
 * Each order counts once a minute and state, however many rows say so. An order that was delivered again counts with
 * the records that it had more, and not for the lag. A failure that has been tried again since may be gone: ask soon.
 */
export async function figuresByMinute(
  clickhouse: ClickHouse,
  tables: Tables,
  fromMs: number,
  toMs: number,
  signal?: AbortSignal,
): Promise<readonly MinuteFigures[]> {
  const before = 'if(length(deliveries) > 1, deliveries[-2].2, 0)';
  const isFirst = "state = 'delivered' AND again = 0";
  const rows = await clickhouse.query(
    minuteRow,
    `SELECT toUnixTimestamp(toStartOfMinute(at)) AS minute,
       sumIf(delivered, state = 'delivered') AS records, sumIf(written, state = 'delivered') AS objects,
       countIf(state = 'failed') AS failures,
       arrayMap(l -> round(l, 3), quantilesIf(0.5, 0.99)(lag, ${isFirst})) AS lags
     FROM (
       SELECT state, max(updatedAt) AS at, max(length(deliveries) > 1) AS again,
         max(if(deliveredRecords > ${before}, deliveredRecords - ${before}, 0)) AS delivered,
         max(length(objects)) AS written,
         max(greatest(0, (toUnixTimestamp64Milli(updatedAt) - toInt64(toUnixTimestamp(oldestInsertedAt)) * 1000) / 1000)) AS lag
       FROM ${tables.workOrders}
       WHERE state IN ('delivered', 'failed')
         AND updatedAt >= fromUnixTimestamp64Milli({fromMs:Int64}) AND updatedAt < fromUnixTimestamp64Milli({toMs:Int64})
         AND orderedAt < fromUnixTimestamp64Milli({orderedTo:Int64})
       GROUP BY raftSessionID, bucketName, orderId, state, toStartOfMinute(updatedAt)
     ) GROUP BY minute ORDER BY minute`,
    {
      doing: 'count what was delivered by minute',
      // Clocks of processes may differ: an order may seem to be made shortly after its delivery.
      parameters: { fromMs, toMs, orderedTo: toMs + CLOCK_DIFFERENCE_MS },
      ...(signal === undefined ? {} : { signal }),
    },
  );
  return rows.map(({ minute, records, objects, failures, lags: [p50, p99] }) => ({
    at: new Date(minute * 1000).toISOString(),
    ...{ records, objects, failures },
    lagP50Seconds: p50 ?? null,
    lagP99Seconds: p99 ?? null,
  }));
}

/** How far apart the clocks of ClickHouse and the processes may be, in ms. */
const CLOCK_DIFFERENCE_MS = 300_000;
