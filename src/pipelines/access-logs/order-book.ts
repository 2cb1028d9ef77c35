import { hostname } from 'node:os';
import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { DiscoveryShard, Failure, OrderState, Receipt, RetryFilter } from '../pipeline.js';
import {
  BOOK_COLUMNS,
  bookEntryOf,
  bookRowSchema,
  revisionOf,
  rowOf,
  writerName,
  type BookEntry,
} from './book-row.js';
import type { AccessLogOrder } from './order.js';
import { compareOffsets, type Offset } from './offset.js';

/**
 * Settings of every statement by which discovery reads or extends the book. On Replicated tables an order is in the
 * book when a majority of the replicas has it, and a replica that does not have all such orders refuses to answer;
 * so discovery never cuts twice because it asked a replica that lags. Plain tables ignore these settings.
 */
const CONSISTENT = {
  insert_quorum: 'auto',
  insert_quorum_parallel: 0,
  select_sequential_consistency: '1',
} as const;

/** Rows of the last version of each order; proposals are not orders. */
const ORDERS = "state != 'proposed'";

/** The order book of the access logs: a ClickHouse table beside the logs. */
export class OrderBook {
  readonly #clickhouse: ClickHouse;
  readonly #tables: Tables;
  readonly #writer: string;

  constructor(clickhouse: ClickHouse, tables: Tables) {
    this.#clickhouse = clickhouse;
    this.#tables = tables;
    this.#writer = writerName(hostname(), process.pid);
  }

  /** ClickHouse's clock, in ms. */
  async now(): Promise<number> {
    const row = z.object({ nowMs: z.number() });
    const rows = await this.#clickhouse.query(row, 'SELECT toUnixTimestamp64Milli(now64(3)) AS nowMs', {
      doing: "read ClickHouse's clock",
    });
    return rows[0]?.nowMs ?? 0;
  }

  /**
   * Writes new orders, all or none of a source's, so that no gap opens between them. First as proposals, which count for nothing; then one statement
   * turns them into orders, unless by ClickHouse's own clock the deadline has passed, or the book has meanwhile got
   * an order of the same source that reaches beyond the beginning of the first proposal. So a discovery that was paused, or that
   * runs beside another one, cannot order records a second time.
   *
   * @param deadlineMs by ClickHouse's clock, see {@link OrderBook.now}
   * @returns the orders of these sources that are open now, as the book has them
   */
  async add(
    orders: readonly AccessLogOrder[],
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<AccessLogOrder[]> {
    if (orders.length === 0) return [];
    const proposals = withBatchStarts(orders).map(({ order, batchAfter }) =>
      rowOf(order, 'proposed', revisionOf('proposed', 0), this.#writer, { batchAfter }),
    );
    await this.#clickhouse.insert(this.#tables.workOrders, proposals, {
      doing: 'propose work orders',
      settings: CONSISTENT,
      signal,
    });
    const ids = orders.map((order) => order.id);
    const parameters = { ids, buckets: [...new Set(orders.map((order) => order.bucket))], deadlineMs };
    await this.#clickhouse.command(this.#promotion(), {
      doing: 'write work orders into the order book',
      parameters,
      settings: CONSISTENT,
      signal,
    });
    const entries = await this.#entries(
      `orderId IN {ids:Array(String)} AND bucketName IN {buckets:Array(String)} AND state = 'open'`,
      parameters,
      'read new work orders back',
    );
    return inOffsetOrder(entries.map((entry) => entry.order));
  }

  /** Turns proposals into open orders where they still fit; see {@link OrderBook.add}. */
  #promotion(): string {
    const { workOrders, workOrdersLocal, offsetsLocal } = this.#tables;
    const upTo = '(upToInsertedAt, upToStartTime, upToReqId)';
    return `INSERT INTO ${workOrders}
      SELECT p.* REPLACE ('open' AS state, toUInt64(${String(revisionOf('open', 0))}) AS revision)
      FROM ${workOrders} AS p
      LEFT JOIN (
        SELECT bucketName, raftSessionID, max(reached) AS reached FROM (
          SELECT bucketName, raftSessionID, max(${upTo}) AS reached FROM ${workOrdersLocal}
          WHERE ${ORDERS} AND bucketName IN {buckets:Array(String)} GROUP BY bucketName, raftSessionID
          UNION ALL
          SELECT bucketName, raftSessionID,
            max((toDateTime(lastProcessedInsertedAt, 'UTC'), toDateTime64(lastProcessedStartTime, 3, 'UTC'), lastProcessedReqId)) AS reached
          FROM ${offsetsLocal} WHERE bucketName IN {buckets:Array(String)} GROUP BY bucketName, raftSessionID
        ) GROUP BY bucketName, raftSessionID
      ) AS book ON book.bucketName = p.bucketName AND book.raftSessionID = p.raftSessionID
      WHERE p.orderId IN {ids:Array(String)} AND p.bucketName IN {buckets:Array(String)} AND p.state = 'proposed'
        AND p.batchAfter >= book.reached
        AND now64(3) < fromUnixTimestamp64Milli({deadlineMs:Int64})
      LIMIT 1 BY p.orderId`;
  }

  /** What the book says of one order; undefined when it is not there. */
  async entry(order: AccessLogOrder): Promise<BookEntry | undefined> {
    const { id, bucket, raftSession } = order;
    const entries = await this.#entries(
      'raftSessionID = {raftSession:UInt16} AND bucketName = {bucket:String} AND orderId = {id:String}',
      { id, bucket, raftSession },
      `look up work order ${id}`,
    );
    return entries[0];
  }

  /** Open orders of a shard, oldest first. */
  async open({ shard, shards }: DiscoveryShard): Promise<AccessLogOrder[]> {
    const entries = await this.#entries(
      "state = 'open' AND raftSessionID % {shards:UInt16} = {shard:UInt16}",
      { shard, shards },
      'read open work orders',
    );
    return inOffsetOrder(entries.map((entry) => entry.order));
  }

  /** Every order that the book still has. */
  async all(): Promise<BookEntry[]> {
    return this.#entries('true', {}, 'read the order book');
  }

  /** Failed orders: all, one bucket's, or a single one. */
  async failed({ source, order }: RetryFilter): Promise<BookEntry[]> {
    return this.#entries(
      `state = 'failed' AND ({source:String} = '' OR bucketName = {source:String})
       AND ({order:String} = '' OR orderId = {order:String})`,
      { source: source ?? '', order: order ?? '' },
      'read failed work orders',
    );
  }

  /** How many orders are in each state. */
  async counts(): Promise<Record<OrderState, number>> {
    const row = z.object({ state: z.enum(['open', 'failed', 'skipped', 'delivered']), orders: z.number() });
    const rows = await this.#clickhouse.query(
      row,
      `SELECT state, count() AS orders FROM ${this.#tables.workOrders} FINAL WHERE ${ORDERS} GROUP BY state`,
      { doing: 'count work orders' },
    );
    const counts: Record<OrderState, number> = { open: 0, failed: 0, skipped: 0, delivered: 0 };
    for (const { state, orders } of rows) counts[state] = orders;
    return counts;
  }

  /** How many orders are open. */
  async countOpen(): Promise<number> {
    return (await this.counts()).open;
  }

  /** Writes deliveries down, several in one insert. */
  async delivered(
    deliveries: readonly { readonly order: AccessLogOrder; readonly receipt: Receipt }[],
    signal?: AbortSignal,
  ): Promise<void> {
    const at = new Date().toISOString();
    const rows = deliveries.map(({ order, receipt: { objects, records, bytes, earlier } }) =>
      rowOf(order, 'delivered', revisionOf('delivered', 0, records), this.#writer, {
        deliveredRecords: records,
        objects,
        deliveries: [...earlier, { at, records, bytes, by: this.#writer }],
      }),
    );
    await this.#write(rows, 'commit deliveries to the order book', signal);
  }

  /** Writes a failure down; the revision sees to it that a delivery is never undone. */
  async markFailed(order: AccessLogOrder, failure: Failure, previous: number): Promise<void> {
    const row = rowOf(order, 'failed', revisionOf('failed', previous), this.#writer, {
      objects: failure.objects,
      failureCode: failure.code,
      failureReason: failure.reason,
    });
    await this.#write([row], `write down that work order ${order.id} failed`);
  }

  /** Marks failed orders as open again; what they had delivered stays noted. */
  async reopen(entries: readonly BookEntry[]): Promise<void> {
    const rows = entries.map(({ order, objects, revision }) =>
      rowOf(order, 'open', revisionOf('open', revision), this.#writer, { objects }),
    );
    await this.#write(rows, 'reopen failed work orders');
  }

  async #write(rows: readonly object[], doing: string, signal?: AbortSignal): Promise<void> {
    await this.#clickhouse.insert(this.#tables.workOrders, rows, {
      doing,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #entries(
    condition: string,
    parameters: Record<string, unknown>,
    doing: string,
  ): Promise<BookEntry[]> {
    // The condition on the version of a row must come after FINAL has chosen it, hence the sub-query.
    const sql = `SELECT ${BOOK_COLUMNS} FROM (SELECT * FROM ${this.#tables.workOrders} FINAL) WHERE ${ORDERS} AND (${condition})`;
    const rows = await this.#clickhouse.query(bookRowSchema, sql, {
      doing,
      parameters,
      settings: { select_sequential_consistency: '1' },
    });
    return rows.map(bookEntryOf);
  }
}

function inOffsetOrder(orders: AccessLogOrder[]): AccessLogOrder[] {
  return orders.sort((a, b) =>
    a.oldestAt < b.oldestAt ? -1 : a.oldestAt > b.oldestAt ? 1 : compareOffsets(a.upTo, b.upTo),
  );
}

/** Adds to each order where the first order of its source in this batch begins. */
function withBatchStarts(
  orders: readonly AccessLogOrder[],
): { readonly order: AccessLogOrder; readonly batchAfter: Offset | null }[] {
  const starts = new Map<string, Offset | null>();
  const keyOf = ({ raftSession, bucket }: AccessLogOrder): string => `${String(raftSession)}/${bucket}`;
  for (const order of orders) {
    const start = starts.get(keyOf(order));
    if (start === undefined || compareOffsets(order.after, start) < 0) starts.set(keyOf(order), order.after);
  }
  return orders.map((order) => ({ order, batchAfter: starts.get(keyOf(order)) ?? null }));
}
