import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { LateOptions, LateRecords } from '../pipeline.js';
import { BOOK_COLUMNS, BOOK_SETTINGS, bookEntryOf, bookRowSchema, type BookEntry } from './book-row.js';
import { measureRanges, type CountedRange } from './count-ranges.js';
import {
  grownRunsSql,
  IN_WINDOW_SQL,
  recentOrdersSql,
  windowParameters,
  windowTotalsSql,
  type LateWindow,
} from './late-window.js';
import { offsetFrom, offsetOrNull, rangeParameters, rawOffsetSchema } from './offset.js';
import type { AccessLogOrder, Boundaries } from './order.js';
import type { OrderBook } from './order-book.js';

/** What the search reads. */
export interface LateParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly book: OrderBook;
}

/** Runs that one audit looks into, and orders that it reports; the next one finds what is left. */
const MOST_RUNS = 1000;
const MOST_ORDERS = 5000;
/** Orders of the book that are held at the same time. */
const ORDERS_A_TIME = 200;

/** Delivered orders of one source without a gap between them, which have more records than were delivered. */
interface GrownRun extends Boundaries {
  /** How many records they have more. */
  readonly surplus: number;
}

/** An order of the book, and how many records have joined it since its delivery. */
interface GrownOrder {
  readonly order: AccessLogOrder;
  readonly surplus: number;
}

/**
 * Finds delivered orders that late records have joined. One scan counts the runs of orders that were delivered within
 * the window; only runs that have more records than were delivered are counted order by order. Orders whose records
 * have begun to expire are left alone: delivered again they would lack what has expired.
 *
 * Reads: of the order book what was ordered within the records' retention, a few columns, three times; of the logs the
 * sorting key of the hours that the window's orders reach into, and of the runs that have grown once more.
 * Holds no more than {@link MOST_ORDERS} orders.
 */
export async function findLate(
  parts: LateParts,
  { windowHours, signal }: LateOptions,
): Promise<LateRecords<AccessLogOrder>> {
  const { settings, tables, book } = parts;
  const window: LateWindow = {
    nowMs: await book.now(),
    windowMs: windowHours * HOUR_MS,
    retentionMs: settings['retention.record-hours'] * HOUR_MS,
  };
  const meter = new Meter(parts.clickhouse, window, signal);
  const [totals] = await meter.query(totalsRow, windowTotalsSql(tables), 'look for orders delivered lately');
  const found: GrownOrder[] = [];
  if (totals !== undefined && totals.orders > 0) {
    for (const run of await grownRuns(meter, tables)) {
      if (found.length >= MOST_ORDERS) break;
      found.push(...(await grownOrders(parts, meter, run)));
    }
  }
  const grown = found.slice(0, MOST_ORDERS);
  return {
    orders: grown.map(({ order }) => order),
    records: sumOf(grown),
    ordersExamined: totals?.orders ?? 0,
    recordsExamined: totals?.records ?? 0,
    rowsRead: meter.rowsRead,
  };
}

const HOUR_MS = 3_600_000;

const totalsRow = z.object({ orders: z.number(), records: z.number() });

const runRow = z.object({
  bucketName: z.string(),
  raftSessionID: z.number(),
  counted: z.number(),
  delivered: z.number(),
  after: rawOffsetSchema,
  upTo: rawOffsetSchema,
});

/** Queries about one window, and adds up what they cost. */
class Meter {
  rowsRead = 0;
  readonly #clickhouse: ClickHouse;
  readonly #window: LateWindow;
  readonly signal: AbortSignal | undefined;

  constructor(clickhouse: ClickHouse, window: LateWindow, signal: AbortSignal | undefined) {
    this.#clickhouse = clickhouse;
    this.#window = window;
    this.signal = signal;
  }

  async query<Row>(
    row: z.ZodType<Row>,
    sql: string,
    doing: string,
    parameters: Readonly<Record<string, unknown>> = {},
  ): Promise<readonly Row[]> {
    const { rows, rowsRead } = await this.#clickhouse.queryMeasured(row, sql, {
      doing,
      parameters: { ...windowParameters(this.#window), ...parameters },
      // Nearly all orders are in the window: an index on them would only have each part of the book read twice.
      settings: { use_skip_indexes_if_final: 0, ...BOOK_SETTINGS },
      ...(this.signal === undefined ? {} : { signal: this.signal }),
    });
    this.rowsRead += rowsRead;
    return rows;
  }
}

async function grownRuns(meter: Meter, tables: Tables): Promise<readonly GrownRun[]> {
  // In another order each time: runs that cannot be delivered again must not keep the others from their turn.
  const parameters = { mostRuns: MOST_RUNS, salt: Date.now() };
  const rows = await meter.query(runRow, grownRunsSql(tables), 'count delivered orders again', parameters);
  return rows.map(({ bucketName, raftSessionID, counted, delivered, after, upTo }) => ({
    bucket: bucketName,
    raftSession: raftSessionID,
    after: offsetOrNull(after),
    upTo: offsetFrom(upTo),
    surplus: counted - delivered,
  }));
}

/** Counts the orders of a run one by one, until all that it has more is found. */
async function grownOrders(parts: LateParts, meter: Meter, run: GrownRun): Promise<GrownOrder[]> {
  const found: GrownOrder[] = [];
  let after = run.after;
  for (;;) {
    const entries = await deliveredIn(parts.tables, meter, { ...run, after });
    const last = entries.at(-1);
    if (last === undefined) return found;
    const ranges = entries.map(({ order }) => order);
    const { counted, rowsRead } = await measureRanges(parts.clickhouse, parts.tables, ranges, meter.signal);
    meter.rowsRead += rowsRead;
    for (const [position, entry] of entries.entries()) {
      const surplus = lateIn(entry, counted[position]);
      if (surplus > 0) found.push({ order: entry.order, surplus });
    }
    if (entries.length < ORDERS_A_TIME || sumOf(found) >= run.surplus) return found;
    after = last.order.upTo;
  }
}

/**
 * How many records have joined an order since its delivery.
 *
 * @returns 0 too when its oldest record is gone, whatever has joined: it has begun to expire
 */
export function lateIn(
  {
    order,
    deliveredRecords,
  }: Pick<BookEntry, 'deliveredRecords'> & {
    readonly order: Pick<AccessLogOrder, 'oldestAt'>;
  },
  counted: CountedRange | undefined,
): number {
  if (counted === undefined || counted.oldestSeconds * 1000 > Date.parse(order.oldestAt)) return 0;
  return Math.max(0, counted.records - deliveredRecords);
}

async function deliveredIn(
  { workOrders }: Tables,
  meter: Meter,
  { bucket, raftSession, after, upTo }: Boundaries,
): Promise<readonly BookEntry[]> {
  const source = 'raftSessionID = {raftSession:UInt16} AND bucketName = {bucket:String}';
  const position = (name: string): string =>
    `(toDateTime({${name}InsertedAt:UInt32}), fromUnixTimestamp64Milli({${name}StartTime:Int64}), {${name}ReqId:String})`;
  const end = '(upToInsertedAt, upToStartTime, upToReqId)';
  const sql = `SELECT ${BOOK_COLUMNS} FROM ${recentOrdersSql(workOrders, source)}
    WHERE ${IN_WINDOW_SQL} AND ${end} > ${position('after')} AND ${end} <= ${position('upTo')}
    ORDER BY upToInsertedAt, upToStartTime, upToReqId LIMIT ${String(ORDERS_A_TIME)}`;
  const parameters = { bucket, raftSession, ...rangeParameters(after, upTo) };
  const rows = await meter.query(bookRowSchema, sql, `read delivered orders of ${bucket}`, parameters);
  return rows.map(bookEntryOf);
}

function sumOf(grown: readonly GrownOrder[]): number {
  return grown.reduce((sum, { surplus }) => sum + surplus, 0);
}
