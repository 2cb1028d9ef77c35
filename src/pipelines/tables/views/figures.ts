import { z } from 'zod';
import type { MinuteFigures } from '../../views.js';
import type { Database } from '../mysql/database.js';
import { ORDERS } from '../mysql/schema.js';
import { isoOf, sqlTimeOf } from '../mysql/times.js';
import type { Archiver } from '../order.js';

const orderRow = z.object({
  minute: z.string(),
  records: z.number(),
  objects: z.number(),
  lag: z.coerce.number(),
});
const failureRow = z.object({ minute: z.string(), failures: z.number() });

const minuteOf = (column: string): string => `DATE_FORMAT(${column}, '%Y-%m-%d %H:%i:00')`;

/** What an archiver did in each minute of [from, to), both in ms since 1970. */
export async function figuresOf(
  database: Database,
  archiver: Archiver,
  fromMs: number,
  toMs: number,
): Promise<readonly MinuteFigures[]> {
  const span = [archiver, ...[fromMs, toMs].map((ms) => sqlTimeOf(new Date(ms).toISOString()))];
  const delivered = await database.query(
    orderRow,
    'read what was delivered',
    `SELECT ${minuteOf('delivered_at')} AS minute, delivered_records AS records,
       JSON_LENGTH(COALESCE(NULLIF(objects, ''), '[]')) AS objects, TIMESTAMPDIFF(MICROSECOND, oldest_at, delivered_at) / 1e6 AS lag
     FROM ${ORDERS} WHERE archiver = ? AND delivered_at >= ? AND delivered_at < ? AND kind <> 'taken'`,
    span,
  );
  const failed = await database.query(
    failureRow,
    'read what failed',
    `SELECT ${minuteOf('updated_at')} AS minute, COUNT(*) AS failures FROM ${ORDERS}
     WHERE archiver = ? AND state = 'failed' AND updated_at >= ? AND updated_at < ? GROUP BY minute`,
    span,
  );
  const failures = new Map(failed.map(({ minute, failures: count }) => [minute, count]));
  const minutes = new Set([...delivered.map(({ minute }) => minute), ...failures.keys()]);
  return [...minutes].sort().map((minute) => {
    const orders = delivered.filter((order) => order.minute === minute);
    const lags = orders.map(({ lag }) => lag).sort((a, b) => a - b);
    return {
      at: isoOf(minute),
      records: orders.reduce((sum, { records }) => sum + records, 0),
      objects: orders.reduce((sum, { objects }) => sum + objects, 0),
      failures: failures.get(minute) ?? 0,
      lagP50Seconds: quantile(lags, 0.5),
      lagP99Seconds: quantile(lags, 0.99),
    };
  });
}

function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}
