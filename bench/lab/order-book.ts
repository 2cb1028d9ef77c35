import { z } from 'zod';
import type { Site } from './site.js';

const bookRow = z.object({
  open: z.number(),
  openRecords: z.number(),
  delivered: z.number(),
  deliveredRecords: z.number(),
  failed: z.number(),
  reason: z.string(),
});

/** What the order book of a deployment has: orders, and their records, by state. */
export type BookCounts = z.infer<typeof bookRow>;

/** Counts the orders of a deployment. */
export async function countOrders({
  clickhouse,
  tables,
}: Pick<Site, 'clickhouse' | 'tables'>): Promise<BookCounts> {
  const [row] = await clickhouse.query(
    bookRow,
    `SELECT countIf(state = 'open') AS open, sumIf(orderedRecords, state = 'open') AS openRecords,
       countIf(state = 'delivered') AS delivered, sum(deliveredRecords) AS deliveredRecords,
       countIf(state = 'failed') AS failed, anyIf(failureReason, state = 'failed') AS reason
     FROM ${tables.workOrders} FINAL WHERE state != 'proposed'`,
    { doing: 'count the orders' },
  );
  if (row === undefined) throw new RangeError('ClickHouse answered no row');
  return row;
}

/**
 * Sees to it that all records are delivered: what was measured counts for nothing otherwise.
 *
 * @throws {Error} when they are not
 */
export async function checkDelivered(site: Site, records: number): Promise<BookCounts> {
  const book = await countOrders(site);
  if (book.deliveredRecords === records && book.open === 0 && book.failed === 0) return book;
  throw new Error(`${records} records were to be delivered, but the order book has ${JSON.stringify(book)}`);
}
