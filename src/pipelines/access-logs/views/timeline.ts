import { z } from 'zod';
import type { ClickHouse } from '../../../clickhouse/client.js';
import { constantSql, WITH_CONSTANTS } from '../../../clickhouse/constant.js';
import type { Tables } from '../../../clickhouse/tables.js';
import type { Settings } from '../../../config/settings.js';
import { timelineOrder } from '../../order-entries.js';
import type { Timeline, TimelinePage } from '../../views.js';
import { BOOK_COLUMNS, BOOK_SETTINGS, bookEntryOf, bookRowSchema, type BookEntry } from '../book-row.js';
import { sourcesSql } from '../sources.js';
import { UNDELIVERED_SQL } from './failures.js';
import type { SourceTable } from './source-table.js';

/** What a timeline is read with. */
export interface TimelineParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly sourceTable: SourceTable;
}

const bookRow = z.object({
  orders: z.number(),
  delivered: z.number(),
  unsettled: z.number(),
  records: z.number(),
  oldestSeconds: z.number(),
  ids: z.array(z.string()),
});

/**
 * The orders that the book has of one bucket, proposals too. The raft sessions, where they are known, lead ClickHouse to
 * them through the sorting key.
 */
function ofBucket({ tables, sourceTable }: ReadParts, bucket: string, columns: string): string {
  const sources = sourceTable.sourcesOf(bucket);
  const key = sources.length === 0 ? 'bucketName = {bucket:String}' : sourcesSql(sources);
  return `(SELECT ${columns} FROM ${tables.workOrders} FINAL WHERE ${key})`;
}

/** What the book is read with. */
type ReadParts = Pick<TimelineParts, 'clickhouse' | 'tables' | 'sourceTable'>;

/** What became of the records of one bucket. Reads that bucket's orders once, few columns, and one page of them whole. */
export async function timelineOf(
  parts: TimelineParts,
  bucket: string,
  page: TimelinePage,
  signal?: AbortSignal,
): Promise<Timeline> {
  const { settings, sourceTable } = parts;
  await sourceTable.ready(signal);
  const [{ book, entries }, unordered] = await Promise.all([
    readBook(parts, bucket, page, signal),
    sourceTable.unordered(bucket, signal),
  ]);
  const waiting = [...(book.unsettled > 0 ? [book] : []), ...(unordered === undefined ? [] : [unordered])];
  const oldest = Math.min(...waiting.map(({ oldestSeconds }) => oldestSeconds));
  const isWaiting = Number.isFinite(oldest);
  const isDelivered = book.delivered > 0 || sourceTable.knows(bucket);
  // What has come in since the table was read last is not known to it, nor what is being inserted at this moment.
  const seenTo = sourceTable.lookedAt - settings['consumer.processing-delay-seconds'];
  return {
    at: isoOf(sourceTable.now),
    orders: entries.map(timelineOrder),
    totalOrders: book.orders,
    waitingRecords: waiting.reduce((sum, { records }) => sum + records, 0),
    oldestAt: isWaiting ? isoOf(oldest) : null,
    completeUpTo: isDelivered ? isoOf(Math.min(oldest, seenTo)) : null,
    retentionEndsAt: isWaiting ? isoOf(oldest + settings['retention.record-hours'] * 3600) : null,
  };
}

/**
 * All versions of an order but proposals, which do not count here, lie in one partition: FINAL need not look for others
 * elsewhere.
 */
const READ_SETTINGS = {
  ...WITH_CONSTANTS,
  ...BOOK_SETTINGS,
  do_not_merge_across_partitions_select_final: 1,
} as const;

const UNSETTLED = "state IN ('open', 'failed')";
const NEWEST_FIRST =
  'ORDER BY orderedAt DESC, upToInsertedAt DESC, upToStartTime DESC, upToReqId DESC, orderId DESC';

/** What the book says of a bucket, and one page of its orders, newest first. */
async function readBook(
  parts: ReadParts,
  bucket: string,
  { page, pageSize }: TimelinePage,
  signal?: AbortSignal,
): Promise<{ readonly book: z.infer<typeof bookRow>; readonly entries: readonly BookEntry[] }> {
  const { clickhouse } = parts;
  const options = {
    doing: 'read the orders of a bucket',
    settings: READ_SETTINGS,
    ...(signal === undefined ? {} : { signal }),
  };
  const position = '(orderedAt, upToInsertedAt, upToStartTime, upToReqId, orderId)';
  const columns =
    'orderId, state, orderedAt, upToInsertedAt, upToStartTime, upToReqId, orderedRecords, objects, oldestInsertedAt';
  const [book] = await clickhouse.query(
    bookRow,
    `SELECT count() AS orders, countIf(state = 'delivered') AS delivered, countIf(${UNSETTLED}) AS unsettled,
       sumIf(${UNDELIVERED_SQL}, ${UNSETTLED}) AS records,
       toUnixTimestamp(minIf(oldestInsertedAt, ${UNSETTLED})) AS oldestSeconds,
       arrayMap(o -> o.5, arraySlice(arrayReverseSort(groupArray(${position})), {first:UInt64}, {pageSize:UInt32})) AS ids
     FROM ${ofBucket(parts, bucket, columns)} WHERE state != 'proposed'`,
    { ...options, parameters: { bucket, pageSize, first: (page - 1) * pageSize + 1 } },
  );
  if (book === undefined) throw new TypeError('ClickHouse has counted nothing, not even 0');
  if (book.ids.length === 0) return { book, entries: [] };
  const rows = await clickhouse.query(
    bookRowSchema,
    `SELECT ${BOOK_COLUMNS} FROM ${ofBucket(parts, bucket, '*')}
     WHERE orderId IN (${constantSql('Array(String)', book.ids)}) AND state != 'proposed' ${NEWEST_FIRST}`,
    { ...options, parameters: { bucket }, settings: READ_SETTINGS },
  );
  return { book, entries: rows.map(bookEntryOf) };
}

/** What the book says of one order of a bucket. */
export async function orderOfBucket(
  parts: ReadParts,
  bucket: string,
  id: string,
  signal?: AbortSignal,
): Promise<BookEntry | undefined> {
  const rows = await parts.clickhouse.query(
    bookRowSchema,
    `SELECT ${BOOK_COLUMNS} FROM ${ofBucket(parts, bucket, '*')} WHERE orderId = {id:String} AND state != 'proposed'`,
    {
      doing: 'look up a work order of a bucket',
      parameters: { bucket, id },
      settings: READ_SETTINGS,
      ...(signal === undefined ? {} : { signal }),
    },
  );
  return rows.map(bookEntryOf)[0];
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
