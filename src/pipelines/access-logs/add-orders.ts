import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import { constantSql, WITH_CONSTANTS } from '../../clickhouse/constant.js';
import type { Tables } from '../../clickhouse/tables.js';
import { BOOK_COLUMNS, BOOK_SETTINGS, bookEntryOf, bookRowSchema, revisionOf, rowOf } from './book-row.js';
import { CONSISTENT } from './consistent.js';
import type { AccessLogOrder } from './order.js';
import { compareOffsets, rawOffsetOf, type Offset } from './offset.js';
import { distinctSources, sourceKeyOf, sourcesSql } from './sources.js';

/** What adding orders works with. */
export interface AddingParts {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  /** Who writes. */
  readonly writer: string;
  readonly book: { now(): Promise<number> };
}

/**
 * How long proposals may wait to become orders, in ms. After a discovery that died in between, nothing of their sources
 * is ordered for this time.
 */
const PROMOTION_MS = 10_000;

/** Orders that one statement names: keeps statements short. */
const ORDERS_A_STATEMENT = 1000;
/** The same for sources. */
const SOURCES_A_STATEMENT = 1000;

const DAY_MS = 86_400_000;

/**
 * Does what {@link OrderBook.add} says. Sources that were read lately and others are written apart, and some at a
 * time: so ClickHouse need look for what is in the way only where that can be.
 */
export async function addOrders(
  parts: AddingParts,
  given: readonly AccessLogOrder[],
  deadlineMs: number,
  signal: AbortSignal,
): Promise<AccessLogOrder[]> {
  if (given.length === 0) return [];
  const nowMs = await parts.book.now();
  const beingOrdered = await beingOrderedOf(parts, given, nowMs);
  const orders = withBatchStarts(given.filter((order) => !beingOrdered.has(sourceKeyOf(order))));
  const isRecent = ({ batchAfter }: Proposal): boolean =>
    batchAfter !== null && Date.parse(batchAfter.insertedAt) > nowMs - DAY_MS;
  const statements = [orders.filter(isRecent), orders.filter((order) => !isRecent(order))].flatMap(bySources);
  const added: AccessLogOrder[] = [];
  for (const proposals of statements) added.push(...(await addSome(parts, proposals, deadlineMs, signal)));
  return added;
}

async function addSome(
  { clickhouse, tables, writer, book }: AddingParts,
  proposals: readonly Proposal[],
  deadlineMs: number,
  signal: AbortSignal,
): Promise<AccessLogOrder[]> {
  const nowMs = await book.now();
  const promoteBeforeMs = Math.min(deadlineMs, nowMs + PROMOTION_MS);
  const rows = proposals.map(({ order, batchAfter }) =>
    rowOf(order, 'proposed', revisionOf('proposed', 0), writer, { batchAfter, promoteBeforeMs }),
  );
  await clickhouse.insert(tables.workOrders, rows, {
    doing: 'propose work orders',
    settings: CONSISTENT,
    signal,
  });
  const orders = proposals.map(({ order }) => order);
  const orderedFrom = daysBefore(Math.min(...orders.map(({ orderedAt }) => Date.parse(orderedAt))));
  const reachedFrom = Math.min(...proposals.map(({ batchAfter }) => rawOffsetOf(batchAfter)[0]));
  const parameters = {
    promoteBeforeMs,
    orderedFrom,
    proposedFrom: daysBefore(nowMs),
    reachedFrom,
    reachedOrderedFrom: daysBefore(reachedFrom * 1000),
  };
  await clickhouse.command(promotionSql(tables, orders), {
    doing: 'write work orders into the order book',
    parameters,
    settings: { ...WITH_CONSTANTS, ...CONSISTENT },
    signal,
  });
  return openOf({ clickhouse, tables }, orders, orderedFrom);
}

/**
 * Reads back which of some orders are open, as the book has them: an order with the same boundaries that somebody else
 * has made may have been there before. None of them was made before `orderedFrom`, in seconds.
 */
async function openOf(
  { clickhouse, tables }: Pick<AddingParts, 'clickhouse' | 'tables'>,
  orders: readonly AccessLogOrder[],
  orderedFrom: number,
): Promise<AccessLogOrder[]> {
  const read = async <Row>(
    row: z.ZodType<Row>,
    columns: string,
    some: readonly AccessLogOrder[],
  ): Promise<Row[]> =>
    clickhouse.query(
      row,
      `SELECT ${columns} FROM (
         SELECT * FROM ${tables.workOrders} FINAL WHERE ${sourcesSql(some)} AND orderedAt >= toDateTime({orderedFrom:UInt32})
       ) WHERE state = 'open' AND orderId IN (${idsSql(some)})`,
      {
        doing: 'read new work orders back',
        parameters: { orderedFrom },
        settings: { ...WITH_CONSTANTS, ...BOOK_SETTINGS, select_sequential_consistency: '1' },
      },
    );
  const rowsBack = await read(openRow, 'orderId, toUnixTimestamp64Milli(orderedAt) AS orderedMs', orders);
  const orderedMs = new Map(rowsBack.map((row) => [row.orderId, row.orderedMs]));
  const open = orders.filter(({ id }) => orderedMs.has(id));
  const isOwn = ({ id, orderedAt }: AccessLogOrder): boolean => orderedMs.get(id) === Date.parse(orderedAt);
  const own = open.filter(isOwn);
  const others = open.filter((order) => !isOwn(order));
  if (others.length === 0) return own;
  const rows = await read(bookRowSchema, BOOK_COLUMNS, others);
  return [...own, ...rows.map((row) => bookEntryOf(row).order)];
}

const openRow = z.object({ orderId: z.string(), orderedMs: z.number() });

/**
 * Turns proposals into open orders where they still fit; see {@link addOrders}. What is in the way reaches beyond
 * the beginning of a proposal, and an order reaches no further than to the time at which it was made: hence the bounds
 * on both, which let ClickHouse leave out the days before.
 */
function promotionSql(
  { workOrders, workOrdersLocal, offsetsLocal }: Tables,
  orders: readonly AccessLogOrder[],
): string {
  const ofSources = sourcesSql(orders);
  const ids = idsSql(orders);
  const upTo = '(upToInsertedAt, upToStartTime, upToReqId)';
  return `INSERT INTO ${workOrders}
    SELECT p.* REPLACE ('open' AS state, toUInt64(${String(revisionOf('open', 0))}) AS revision)
    FROM ${workOrders} AS p
    LEFT JOIN (
      SELECT bucketName, raftSessionID, max(reached) AS reached FROM (
        SELECT bucketName, raftSessionID, max(${upTo}) AS reached FROM ${workOrdersLocal}
        WHERE state != 'proposed' AND ${ofSources} AND orderedAt >= toDateTime({reachedOrderedFrom:UInt32})
          AND upToInsertedAt >= toDateTime({reachedFrom:UInt32}) GROUP BY bucketName, raftSessionID
        UNION ALL
        SELECT bucketName, raftSessionID,
          max((toDateTime(lastProcessedInsertedAt, 'UTC'), toDateTime64(lastProcessedStartTime, 3, 'UTC'), lastProcessedReqId)) AS reached
        FROM ${offsetsLocal} WHERE ${ofSources} GROUP BY bucketName, raftSessionID
      ) GROUP BY bucketName, raftSessionID
    ) AS book ON book.bucketName = p.bucketName AND book.raftSessionID = p.raftSessionID
    WHERE p.orderId IN (${ids}) AND ${sourcesSql(orders, 'p.')}
      AND p.orderedAt >= toDateTime({orderedFrom:UInt32}) AND p.state = 'proposed'
      AND p.batchAfter >= book.reached
      AND now64(3) < fromUnixTimestamp64Milli({promoteBeforeMs:Int64})
      AND (p.raftSessionID, p.bucketName) NOT IN (
        SELECT raftSessionID, bucketName FROM ${workOrdersLocal} FINAL
        WHERE ${ofSources} AND orderedAt >= toDateTime({proposedFrom:UInt32})
          AND state = 'proposed' AND promoteBefore > now64(3) AND orderId NOT IN (${ids})
      )
    LIMIT 1 BY p.orderId`;
}

/** The ids of some orders as a constant. */
function idsSql(orders: readonly AccessLogOrder[]): string {
  return constantSql(
    'Array(String)',
    orders.map(({ id }) => id),
  );
}

/** The sources of some orders for which there are proposals that may still become orders: these are of today. */
async function beingOrderedOf(
  { clickhouse, tables }: AddingParts,
  orders: readonly AccessLogOrder[],
  nowMs: number,
): Promise<ReadonlySet<string>> {
  const sources = distinctSources(orders);
  const found = new Set<string>();
  for (let from = 0; from < sources.length; from += SOURCES_A_STATEMENT) {
    const ofSources = sourcesSql(sources.slice(from, from + SOURCES_A_STATEMENT));
    const rows = await clickhouse.query(
      z.object({ raftSession: z.number(), bucket: z.string() }),
      `SELECT DISTINCT raftSessionID AS raftSession, bucketName AS bucket FROM ${tables.workOrders} FINAL
       WHERE ${ofSources} AND orderedAt >= toDateTime({proposedFrom:UInt32})
         AND state = 'proposed' AND promoteBefore > now64(3)`,
      {
        doing: 'look for proposed work orders',
        parameters: { proposedFrom: daysBefore(nowMs) },
        settings: { ...WITH_CONSTANTS, select_sequential_consistency: '1' },
      },
    );
    for (const row of rows) found.add(sourceKeyOf(row));
  }
  return found;
}

/** Seconds since 1970 a day before a time in ms, never below 0. */
function daysBefore(ms: number): number {
  return Math.max(0, Math.floor((ms - DAY_MS) / 1000));
}

/** An order that is to be written, and where the first order begins of those of its source. */
interface Proposal {
  readonly order: AccessLogOrder;
  readonly batchAfter: Offset | null;
}

/** Parts of about {@link ORDERS_A_STATEMENT} orders, none of which divides a source. */
function bySources(proposals: readonly Proposal[]): Proposal[][] {
  const sources = new Map<string, Proposal[]>();
  for (const proposal of proposals) {
    const key = sourceKeyOf(proposal.order);
    const of = sources.get(key);
    if (of === undefined) sources.set(key, [proposal]);
    else of.push(proposal);
  }
  const parts: Proposal[][] = [];
  let part: Proposal[] = [];
  for (const of of sources.values()) {
    if (part.length > 0 && part.length + of.length > ORDERS_A_STATEMENT) {
      parts.push(part);
      part = [];
    }
    part.push(...of);
  }
  return part.length === 0 ? parts : [...parts, part];
}

/** Adds to each order where the first order of its source in this batch begins. */
function withBatchStarts(orders: readonly AccessLogOrder[]): Proposal[] {
  const starts = new Map<string, Offset | null>();
  for (const order of orders) {
    const start = starts.get(sourceKeyOf(order));
    if (start === undefined || compareOffsets(order.after, start) < 0)
      starts.set(sourceKeyOf(order), order.after);
  }
  return orders.map((order) => ({ order, batchAfter: starts.get(sourceKeyOf(order)) ?? null }));
}
