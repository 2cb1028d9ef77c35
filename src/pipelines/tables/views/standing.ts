import { z } from 'zod';
import { largestKey, smallestKey } from '../chunks.js';
import { keySql, quoted } from '../mysql/identifiers.js';
import { ORDERS } from '../mysql/schema.js';
import { isoOf, isoOfMicros } from '../mysql/times.js';
import type { ArchiverParts } from '../parts.js';
import { positionOf } from '../status-table.js';

/** What waits of one table. */
export interface Standing {
  /** Rows behind the last order, and those of orders that are open or failed. */
  readonly waitingRecords: number;
  readonly notOrdered: number;
  /** When the oldest of them came in, ISO 8601; null when none waits. */
  readonly oldestAt: string | null;
  readonly lastDeliveredAt: string | null;
}

const bookRow = z.object({
  records: z.coerce.number(),
  oldest: z.string().nullable(),
  delivered: z.string().nullable(),
});

/** What waits of one table, by the order book and the key's index. Rows that are not ordered are counted up to a million. */
export async function standingOf(
  { database, shapes, archiver }: ArchiverParts,
  table: string,
): Promise<Standing> {
  const [book] = await database.query(
    bookRow,
    'read what waits of a table',
    `SELECT COALESCE(SUM(CASE WHEN state IN ('open', 'failed') THEN records END), 0) AS records,
       MIN(CASE WHEN state IN ('open', 'failed') THEN oldest_at END) AS oldest,
       MAX(CASE WHEN kind <> 'taken' THEN delivered_at END) AS delivered
     FROM ${ORDERS} WHERE archiver = ? AND source_table = ?`,
    [archiver, table],
  );
  const behind = archiver === 'cleanup' ? { rows: 0, oldestAt: null } : await behindOrders();
  const times = [book?.oldest === null || book === undefined ? null : isoOf(book.oldest), behind.oldestAt];
  const known = times.filter((time) => time !== null).sort();
  const delivered = book?.delivered ?? null;
  return {
    waitingRecords: (book?.records ?? 0) + behind.rows,
    notOrdered: behind.rows,
    oldestAt: known[0] ?? null,
    lastDeliveredAt: delivered === null ? null : isoOf(delivered),
  };

  async function behindOrders(): Promise<{ rows: number; oldestAt: string | null }> {
    const shape = await shapes.of(table);
    const { ordered, status } = await positionOf(database, archiver, table);
    const after = ordered ?? status ?? ((await smallestKey(database, shape)) === 0 ? -1 : 0);
    const largest = await largestKey(database, shape);
    if (largest === undefined || largest <= after) return { rows: 0, oldestAt: null };
    const [name, key] = [quoted(table), quoted(shape.key)];
    const where = `WHERE ${key} > ${keySql(after)}`;
    const [counted] = await database.rowsOnce(
      'count the rows behind the last order',
      `SELECT COUNT(*) FROM (SELECT 1 FROM ${name} ${where} LIMIT ${String(COUNTED_ROWS)}) AS few`,
    );
    const [first] = await database.rowsOnce(
      'look for the oldest row that waits',
      `SELECT ${shape.timeSql} FROM ${name} ${where} ORDER BY ${key} LIMIT 1`,
    );
    const rows = Number(counted?.[0] ?? 0);
    const micros = first?.[0];
    return {
      // Where there are more, the distance of the keys says about how many.
      rows: rows < COUNTED_ROWS ? rows : largest - after,
      oldestAt: typeof micros === 'number' ? isoOfMicros(micros) : null,
    };
  }
}

/** Rows that are counted one by one. */
const COUNTED_ROWS = 1_000_000;
