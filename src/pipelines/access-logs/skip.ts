import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { AlreadyDeliveredError, NoSuchOrderError } from '../errors.js';
import type { Skip, SkippedOrder } from '../pipeline.js';
import { arrivedOf, type BookEntry } from './book-row.js';
import { countRanges } from './count-ranges.js';
import { commitOffsets } from './offsets.js';
import type { AccessLogOrder } from './order.js';
import type { OrderBook } from './order-book.js';

/** What giving up works with. */
export interface SkipParts {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly book: OrderBook;
}

/**
 * Writes into the order book that an order is given up, by whom, why, and how many records stay undelivered by it;
 * then brings the offsets of its source past it. A delivery outranks it, whenever it is committed.
 *
 * @throws {NoSuchOrderError} when the book does not have the order
 * @throws {AlreadyDeliveredError} when the order is delivered, or was while it was being given up
 */
export async function skipOrder(
  { clickhouse, tables, book }: SkipParts,
  which: string | AccessLogOrder,
  given: Pick<Skip, 'by' | 'reason'>,
  signal: AbortSignal,
): Promise<SkippedOrder<AccessLogOrder>> {
  const before = await entryOf(book, which);
  const orderId = before.order.id;
  if (before.skip !== undefined) return { order: before.order, skip: before.skip, already: true };
  const [counted = 0] = await countRanges(clickhouse, tables, [before.order], signal);
  await book.markSkipped(before, { ...given, records: undeliveredOf(before, counted) });
  // The revision decides between this and a delivery at the same time: only the book knows who won.
  const { order, skip } = await entryOf(book, before.order);
  await commitOffsets(clickhouse, tables, [order], signal);
  if (skip === undefined) throw new Error(`work order ${orderId} could not be given up; try again`);
  return { order, skip };
}

async function entryOf(book: OrderBook, which: string | AccessLogOrder): Promise<BookEntry> {
  const entry = typeof which === 'string' ? await book.find(which) : await book.entry(which);
  if (entry === undefined) throw new NoSuchOrderError(typeof which === 'string' ? which : which.id);
  if (entry.state === 'delivered') throw new AlreadyDeliveredError(entry.order.id);
  return entry;
}

/**
 * Records of an order that are in no log object: those counted now, or when it was ordered if ClickHouse has removed
 * some since, without those that did arrive in some of its targets. `counted` is what ClickHouse counts now.
 */
export function undeliveredOf(
  { order, objects }: Pick<BookEntry, 'order' | 'objects'>,
  counted: number,
): number {
  return Math.max(0, Math.max(order.records, counted) - arrivedOf(objects));
}
