import { hostname } from 'node:os';
import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import { constantSql, WITH_CONSTANTS } from '../../clickhouse/constant.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { DiscoveryShard, Failure, OrderState, Receipt, RetryFilter, Skip } from '../pipeline.js';
import { addOrders } from './add-orders.js';
import {
  BOOK_COLUMNS,
  bookEntryOf,
  bookRowSchema,
  revisionOf,
  rowOf,
  writerName,
  type BookEntry,
  type Outcome,
} from './book-row.js';
import { GroupLoader } from '../group-loader.js';
import { askedTogether, Crowd } from './asked-together.js';
import type { AccessLogOrder } from './order.js';
import { compareOffsets } from './offset.js';
import { countUnsettled, readUnsettled } from './unsettled.js';

/** Rows of the last version of each order; proposals are not orders. */
const ORDERS = "state != 'proposed'";

/** More orders than a book can have. */
const NO_LIMIT = 1e12;

/** Orders that one statement names: keeps statements short. */
const ORDERS_A_STATEMENT = 1000;

/** The order book of the access logs: a ClickHouse table beside the logs. */
export class OrderBook {
  readonly #clickhouse: ClickHouse;
  readonly #tables: Tables;
  readonly #writer: string;
  /** Entries of single orders, which are looked up together. */
  readonly #lookUps: GroupLoader<AccessLogOrder, BookEntry | undefined>;

  /** @param crowd the orders with which those that are looked up are delivered */
  constructor(clickhouse: ClickHouse, tables: Tables, crowd = new Crowd()) {
    this.#clickhouse = clickhouse;
    this.#tables = tables;
    this.#writer = writerName(hostname(), process.pid);
    this.#lookUps = new GroupLoader({
      ...askedTogether(crowd),
      load: (orders, signal) => this.#entriesOf(orders, signal),
    });
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
   * Writes new orders, all or none of a source's, so that no gap opens between them. First as proposals, which count
   * for nothing; then one statement turns them into orders, unless
   * - by ClickHouse's own clock the deadline has passed: a discovery that was paused;
   * - the book has meanwhile got an order of the same source that reaches beyond the beginning of the first proposal:
   *   another discovery was faster;
   * - the book has other proposals for the same source whose time has not passed: another discovery is at it. Of two
   *   at least the one that proposed last sees the other's, so never do both go on.
   *
   * Sources that were read lately and others are written apart, some at a time: so ClickHouse need look for what is in
   * the way only where that can be.
   *
   * @param deadlineMs by ClickHouse's clock, see {@link OrderBook.now}
   * @returns the orders of these sources that are open now, as the book has them
   */
  async add(
    given: readonly AccessLogOrder[],
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<AccessLogOrder[]> {
    const adding = { clickhouse: this.#clickhouse, tables: this.#tables, writer: this.#writer, book: this };
    return inOffsetOrder(await addOrders(adding, given, deadlineMs, signal));
  }

  /** What the book says of one order; undefined when it is not there. */
  async entry(
    order: AccessLogOrder,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<BookEntry | undefined> {
    return this.#lookUps.load(order, signal);
  }

  async #entriesOf(
    orders: readonly AccessLogOrder[],
    signal: AbortSignal,
  ): Promise<(BookEntry | undefined)[]> {
    const keys = orders.map(({ raftSession, bucket, id }) => [raftSession, bucket, id]);
    const entries = await this.#entries(
      `(raftSessionID, bucketName, orderId) IN (${constantSql('Array(Tuple(UInt16, String, String))', keys)})`,
      {},
      `look up ${String(orders.length)} work order(s)`,
      '',
      signal,
    );
    const found = new Map(entries.map((entry) => [entry.order.id, entry]));
    return orders.map(({ id }) => found.get(id));
  }

  /** Open orders of a shard, oldest first. */
  async open({ shard, shards }: DiscoveryShard): Promise<AccessLogOrder[]> {
    const entries = await readUnsettled(
      this.#clickhouse,
      this.#tables,
      ['open'],
      'raftSessionID % {shards:UInt16} = {shard:UInt16}',
      { shard, shards },
      'read open work orders',
    );
    return inOffsetOrder(entries.map((entry) => entry.order));
  }

  /** Every order that the book still has. */
  async all(): Promise<BookEntry[]> {
    return this.#entries('true', {}, 'read the order book');
  }

  /** What the book says of an order of which only the id is known; reads the whole book. */
  async find(id: string): Promise<BookEntry | undefined> {
    const entries = await this.#entries('orderId = {id:String}', { id }, `look for work order ${id}`);
    return entries[0];
  }

  /** Failed orders that fit a filter, the one that failed the longest ago first. */
  async failed({ source, order, group, shard, failedForSeconds, limit }: RetryFilter): Promise<BookEntry[]> {
    const most = limit ?? NO_LIMIT;
    const entries = await readUnsettled(
      this.#clickhouse,
      this.#tables,
      ['failed'],
      `({source:String} = '' OR bucketName = {source:String}) AND ({order:String} = '' OR orderId = {order:String})
       AND ({anyGroup:UInt8} = 1 OR (failureCode = {code:String} AND failureTargets = {targets:Array(String)}))
       AND raftSessionID % {shards:UInt16} = {shard:UInt16}
       AND ({failedForMs:UInt64} = 0 OR updatedAt <= now64(3) - toIntervalMillisecond({failedForMs:UInt64}))`,
      {
        source: source ?? '',
        order: order ?? '',
        anyGroup: group === undefined ? 1 : 0,
        code: group?.code ?? '',
        targets: group?.targets ?? [],
        shard: shard?.shard ?? 0,
        shards: shard?.shards ?? 1,
        failedForMs: Math.round((failedForSeconds ?? 0) * 1000),
        limit: most,
      },
      'read failed work orders',
      'ORDER BY updatedAt, orderId LIMIT {limit:UInt64}',
    );
    return entries
      .sort((a, b) => byText(a.updatedAt, b.updatedAt) || byText(a.order.id, b.order.id))
      .slice(0, most);
  }

  /**
   * Open and failed orders whose oldest record was inserted up to a time, the oldest first.
   *
   * @param upToSeconds seconds since 1970
   */
  async unsettledUpTo(upToSeconds: number): Promise<BookEntry[]> {
    const entries = await readUnsettled(
      this.#clickhouse,
      this.#tables,
      ['open', 'failed'],
      "oldestInsertedAt <= toDateTime({upToSeconds:UInt32}, 'UTC')",
      { upToSeconds },
      'read work orders that are not settled',
    );
    return entries.sort(
      (a, b) => byText(a.order.oldestAt, b.order.oldestAt) || byText(a.order.id, b.order.id),
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

  /** Records that stay undelivered because their orders were given up. */
  async skippedRecords(): Promise<number> {
    const rows = await this.#clickhouse.query(
      z.object({ records: z.number() }),
      `SELECT sumIf(skippedRecords, state = 'skipped') AS records FROM ${this.#tables.workOrders} FINAL`,
      { doing: 'count the records of work orders that were given up' },
    );
    return rows[0]?.records ?? 0;
  }

  /** How many orders are open. */
  async countOpen(): Promise<number> {
    return countUnsettled(this.#clickhouse, this.#tables, ['open']);
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

  /**
   * Writes a failure down, with the time by ClickHouse's clock, by which its age is told; the revision sees to it that
   * a delivery is never undone.
   */
  async markFailed(
    order: AccessLogOrder,
    failure: Failure,
    { revision, failingSince }: Pick<BookEntry, 'revision' | 'failingSince'>,
  ): Promise<void> {
    const updatedAtMs = await this.now();
    const row = rowOf(order, 'failed', revisionOf('failed', revision), this.#writer, {
      updatedAtMs,
      objects: failure.objects,
      failureCode: failure.code,
      failureReason: failure.reason,
      failureTargets: failure.targets ?? [],
      failingSince: failingSince ?? new Date(updatedAtMs).toISOString(),
    });
    await this.#write([row], `write down that work order ${order.id} failed`);
  }

  /** Marks those of some orders that are failed as open again; what they had delivered, and why they failed, stays noted. */
  async reopen(orders: readonly AccessLogOrder[]): Promise<void> {
    for (let from = 0; from < orders.length; from += ORDERS_A_STATEMENT) {
      const ids = orders.slice(from, from + ORDERS_A_STATEMENT).map((order) => order.id);
      const condition = `state = 'failed' AND orderId IN (${constantSql('Array(String)', ids)})`;
      const entries = await this.#entries(condition, {}, 'read the work orders to reopen');
      const rows = entries.map(({ order, revision, ...noted }) =>
        rowOf(order, 'open', revisionOf('open', revision), this.#writer, outcomeOf(noted)),
      );
      await this.#write(rows, 'reopen failed work orders');
    }
  }

  /** Writes down that an order was given up; what it had delivered, and why it failed, stays noted. */
  async markSkipped(
    { order, revision, ...noted }: BookEntry,
    given: Pick<Skip, 'by' | 'reason' | 'records'>,
  ): Promise<void> {
    const updatedAtMs = await this.now();
    const skip = { ...given, at: new Date(updatedAtMs).toISOString() };
    const row = rowOf(order, 'skipped', revisionOf('skipped', revision), this.#writer, {
      ...outcomeOf(noted),
      ...{ updatedAtMs, skip },
    });
    await this.#write([row], `write down that work order ${order.id} is given up`);
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
    end = '',
    signal?: AbortSignal,
  ): Promise<BookEntry[]> {
    // The condition on the version of a row must come after FINAL has chosen it, hence the sub-query.
    const sql = `SELECT ${BOOK_COLUMNS} FROM (SELECT * FROM ${this.#tables.workOrders} FINAL) WHERE ${ORDERS} AND (${condition}) ${end}`;
    const rows = await this.#clickhouse.query(bookRowSchema, sql, {
      doing,
      parameters,
      settings: { select_sequential_consistency: '1', ...WITH_CONSTANTS },
      ...(signal === undefined ? {} : { signal }),
    });
    return rows.map(bookEntryOf);
  }
}

/** What stays noted of an order when it is neither delivered nor failed anew. */
function outcomeOf({
  objects,
  failureCode,
  failureReason,
  failureTargets,
  failingSince,
  deliveries,
}: Omit<BookEntry, 'order' | 'revision'>): Outcome {
  return {
    ...{ objects, failureCode, failureReason, failureTargets, deliveries },
    ...(failingSince === undefined ? {} : { failingSince }),
  };
}

function inOffsetOrder(orders: AccessLogOrder[]): AccessLogOrder[] {
  return orders.sort((a, b) =>
    a.oldestAt < b.oldestAt ? -1 : a.oldestAt > b.oldestAt ? 1 : compareOffsets(a.upTo, b.upTo),
  );
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
