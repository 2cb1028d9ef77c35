import { z } from 'zod';
import type { ClickHouse } from '../../../clickhouse/client.js';
import { constantSql, WITH_CONSTANTS } from '../../../clickhouse/constant.js';
import type { Tables } from '../../../clickhouse/tables.js';
import type { Settings } from '../../../config/settings.js';
import type { Timeline, TimelineOrder, TimelinePage } from '../../views.js';
import { BOOK_COLUMNS, bookEntryOf, bookRowSchema, type BookEntry } from '../book-row.js';
import type { StateReader } from '../circumstances.js';
import { queryDays } from '../unsettled.js';
import { UNDELIVERED_SQL } from './failures.js';
import type { SourceTable } from './source-table.js';

/** What a timeline is read with. */
export interface TimelineParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly state: StateReader;
  readonly sourceTable: SourceTable;
}

const totalsRow = z.object({ orders: z.number(), delivered: z.number() });
const unsettledRow = z.object({ orders: z.number(), records: z.number(), oldestSeconds: z.number() });

/** Orders of one bucket that the book has, whatever became of them. The sorting key of the book finds them. */
const ofBucket = ({ workOrders }: Tables, columns: string): string =>
  `(SELECT ${columns} FROM ${workOrders} FINAL WHERE bucketName = {bucket:String})`;

/** What became of the records of one bucket. Reads the sorting key of that bucket's orders, and one page of them. */
export async function timelineOf(
  parts: TimelineParts,
  bucket: string,
  page: TimelinePage,
  signal?: AbortSignal,
): Promise<Timeline> {
  const { settings, clickhouse, tables, sourceTable } = parts;
  const options = { doing: `read the orders of a bucket`, ...(signal === undefined ? {} : { signal }) };
  const [[totals], entries, unordered, unsettled, { now }] = await Promise.all([
    clickhouse.query(
      totalsRow,
      `SELECT count() AS orders, countIf(state = 'delivered') AS delivered
       FROM ${ofBucket(tables, 'state')} WHERE state != 'proposed'`,
      { ...options, parameters: { bucket } },
    ),
    pageOf(parts, bucket, page, signal),
    sourceTable.unordered(bucket, signal),
    queryDays(clickhouse, tables, ['open', 'failed'], unsettledRow, {
      ...options,
      sql: (orders) => `SELECT count() AS orders, sum(${UNDELIVERED_SQL}) AS records,
          toUnixTimestamp(min(oldestInsertedAt)) AS oldestSeconds
        FROM ${orders} WHERE bucketName = {bucket:String}`,
      parameters: { bucket },
    }),
    parts.state.read(signal),
  ]);
  const waiting = [
    ...unsettled.filter(({ orders }) => orders > 0),
    ...(unordered === undefined ? [] : [unordered]),
  ];
  const oldest = Math.min(...waiting.map(({ oldestSeconds }) => oldestSeconds));
  const isWaiting = Number.isFinite(oldest);
  const isDelivered = (totals?.delivered ?? 0) > 0 || sourceTable.knows(bucket);
  // What has come in since the table was read last is not known to it, nor what is being inserted at this moment.
  const seenTo = sourceTable.lookedAt - settings['consumer.processing-delay-seconds'];
  return {
    at: isoOf(now),
    orders: entries.map(orderOf),
    totalOrders: totals?.orders ?? 0,
    waitingRecords: waiting.reduce((sum, { records }) => sum + records, 0),
    oldestAt: isWaiting ? isoOf(oldest) : null,
    completeUpTo: isDelivered ? isoOf(Math.min(oldest, seenTo)) : null,
    retentionEndsAt: isWaiting ? isoOf(oldest + settings['retention.record-hours'] * 3600) : null,
  };
}

/** One page of a bucket's orders, newest first. */
async function pageOf(
  { clickhouse, tables }: TimelineParts,
  bucket: string,
  { page, pageSize }: TimelinePage,
  signal?: AbortSignal,
): Promise<readonly BookEntry[]> {
  const options = { doing: 'read the timeline of a bucket', ...(signal === undefined ? {} : { signal }) };
  const sorted = 'ORDER BY orderedAt DESC, upToInsertedAt DESC, upToStartTime DESC, upToReqId DESC, orderId';
  const ids = await clickhouse.query(
    z.object({ orderId: z.string() }),
    `SELECT orderId FROM ${ofBucket(tables, 'orderId, state, orderedAt, upToInsertedAt, upToStartTime, upToReqId')}
     WHERE state != 'proposed' ${sorted} LIMIT {pageSize:UInt32} OFFSET {skipped:UInt64}`,
    { ...options, parameters: { bucket, pageSize, skipped: (page - 1) * pageSize } },
  );
  if (ids.length === 0) return [];
  const named = constantSql(
    'Array(String)',
    ids.map(({ orderId }) => orderId),
  );
  const rows = await clickhouse.query(
    bookRowSchema,
    `SELECT ${BOOK_COLUMNS} FROM ${ofBucket(tables, '*')} WHERE orderId IN (${named}) ${sorted}`,
    { ...options, parameters: { bucket }, settings: WITH_CONSTANTS },
  );
  return rows.map(bookEntryOf);
}

/** What the book says of one order of a bucket. */
export async function orderOfBucket(
  { clickhouse, tables }: Pick<TimelineParts, 'clickhouse' | 'tables'>,
  bucket: string,
  id: string,
  signal?: AbortSignal,
): Promise<BookEntry | undefined> {
  const rows = await clickhouse.query(
    bookRowSchema,
    `SELECT ${BOOK_COLUMNS} FROM ${ofBucket(tables, '*')} WHERE orderId = {id:String} AND state != 'proposed'`,
    {
      doing: 'look up a work order of a bucket',
      parameters: { bucket, id },
      ...(signal === undefined ? {} : { signal }),
    },
  );
  return rows.map(bookEntryOf)[0];
}

function orderOf(entry: BookEntry): TimelineOrder {
  const { order, state, updatedAt, deliveredRecords, failureCode, failureReason, skip, objects } = entry;
  return {
    id: order.id,
    state,
    orderedAt: order.orderedAt,
    updatedAt,
    records: order.records,
    deliveredRecords,
    oldestAt: order.oldestAt,
    failure: failureCode === '' ? null : { code: failureCode, reason: failureReason },
    skip: skip ?? null,
    objects,
  };
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
