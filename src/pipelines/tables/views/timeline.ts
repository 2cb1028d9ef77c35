import { z } from 'zod';
import { timelineOrder } from '../../order-entries.js';
import type { Timeline, TimelinePage } from '../../views.js';
import { ORDERS } from '../mysql/schema.js';
import { isoOf } from '../mysql/times.js';
import type { ArchiverParts } from '../parts.js';
import { standingOf } from './standing.js';

const countRow = z.object({ orders: z.number(), delivered_at: z.string().nullable() });

/** What became of the rows of one table. */
export async function timelineOf(
  parts: ArchiverParts,
  table: string,
  { page, pageSize }: TimelinePage,
): Promise<Timeline> {
  const { book, database, archiver } = parts;
  const [count] = await database.query(
    countRow,
    'count the orders of a table',
    `SELECT COUNT(*) AS orders, MAX(delivered_at) AS delivered_at FROM ${ORDERS} WHERE archiver = ? AND source_table = ?`,
    [archiver, table],
  );
  const offset = (page - 1) * pageSize;
  const entries = await book.entries(
    `source_table = ? ORDER BY ordered_at DESC, up_to_key DESC, id DESC LIMIT ${String(pageSize)} OFFSET ${String(offset)}`,
    [table],
  );
  const standing = await standingOf(parts, table);
  const at = await book.now();
  const isDelivered = count?.delivered_at !== null && count !== undefined;
  return {
    at,
    orders: entries.map(timelineOrder),
    totalOrders: count?.orders ?? 0,
    waitingRecords: standing.waitingRecords,
    oldestAt: standing.oldestAt,
    completeUpTo: isDelivered ? (standing.oldestAt ?? isoOf(count.delivered_at ?? '')) : null,
    retentionEndsAt: null,
    note: (await parts.notes.all()).get(table),
  };
}
