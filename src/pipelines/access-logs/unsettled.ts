import { z } from 'zod';
import type { ClickHouse, RequestOptions } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { BOOK_COLUMNS, bookEntryOf, bookRowSchema, type BookEntry } from './book-row.js';
import {
  compareOffsets,
  offsetFrom,
  offsetOrNull,
  rawOffsetSchema,
  rawOffsetSql,
  type Offset,
} from './offset.js';
import type { Source } from './order.js';
import { sourceKeyOf } from './sources.js';

/** States of orders that are neither delivered nor given up. */
export type UnsettledState = 'open' | 'failed';

/** States that few orders have, so that the index finds them. */
export type FewState = UnsettledState | 'skipped';

/**
 * Reads the orders of some states that fit a condition, day by day as they were made. Of the book only the days are read
 * that have such orders, and of these, thanks to the index on the state, little but those orders.
 *
 * @param end of each day's statement: an order and a limit, which the caller applies to all days once more
 */
export async function readUnsettled(
  clickhouse: ClickHouse,
  tables: Tables,
  states: readonly UnsettledState[],
  condition: string,
  parameters: Readonly<Record<string, unknown>>,
  doing: string,
  end = '',
): Promise<BookEntry[]> {
  const rows = await queryDays(clickhouse, tables, states, bookRowSchema, {
    sql: (orders) => `SELECT ${BOOK_COLUMNS} FROM ${orders} WHERE ${condition} ${end}`,
    doing,
    parameters,
  });
  return rows.map(bookEntryOf);
}

/** A question to the orders of some states that were made on one day. */
export interface DayQuery extends Omit<RequestOptions, 'settings'> {
  /** The statement, given what stands behind its FROM: orders of those states alone. */
  readonly sql: (orders: string) => string;
}

/** Asks about the orders of some states, day by day as they were made, and answers the rows of all days. */
export async function queryDays<Row>(
  clickhouse: ClickHouse,
  tables: Tables,
  states: readonly FewState[],
  row: z.ZodType<Row>,
  { sql, parameters, ...options }: DayQuery,
): Promise<Row[]> {
  const text = sql(`(SELECT * FROM ${unsettledSql(tables, states)} WHERE state IN ${listOf(states)})`);
  const all: Row[] = [];
  for (const day of await daysWith(clickhouse, tables, states, options)) {
    const asked = { ...options, parameters: { ...parameters, day }, settings: CONSISTENTLY };
    for (const found of await clickhouse.query(row, text, asked)) all.push(found);
  }
  return all;
}

/** Counts the orders of some states. */
export async function countUnsettled(
  clickhouse: ClickHouse,
  tables: Tables,
  states: readonly UnsettledState[],
): Promise<number> {
  const days = await queryDays(clickhouse, tables, states, z.object({ orders: z.number() }), {
    sql: (of) => `SELECT count() AS orders FROM ${of}`,
    doing: 'count work orders that are not settled',
  });
  return days.reduce((sum, { orders }) => sum + orders, 0);
}

/** Where the first order of a source stands that is neither delivered nor given up. */
export interface FirstUnsettled extends Source {
  readonly after: Offset | null;
  readonly upTo: Offset;
}

const firstRow = z.object({
  bucket: z.string(),
  raftSession: z.number(),
  afterOffset: rawOffsetSchema,
  upToOffset: rawOffsetSchema,
});

/** The first order of each source that is not settled, by {@link sourceKeyOf}. */
export async function firstUnsettled(
  clickhouse: ClickHouse,
  tables: Tables,
): Promise<ReadonlyMap<string, FirstUnsettled>> {
  const upTo = '(upToInsertedAt, upToStartTime, upToReqId)';
  const rows = await queryDays(clickhouse, tables, ['open', 'failed'], firstRow, {
    sql: (orders) => `SELECT bucketName AS bucket, raftSessionID AS raftSession,
        ${rawOffsetSql(`argMin((afterInsertedAt, afterStartTime, afterReqId), ${upTo})`)} AS afterOffset,
        ${rawOffsetSql(`min(${upTo})`)} AS upToOffset
      FROM ${orders} GROUP BY bucketName, raftSessionID`,
    doing: 'look for the first order that is not settled',
  });
  const first = new Map<string, FirstUnsettled>();
  for (const { bucket, raftSession, afterOffset, upToOffset } of rows) {
    const found = { bucket, raftSession, after: offsetOrNull(afterOffset), upTo: offsetFrom(upToOffset) };
    const before = first.get(sourceKeyOf(found));
    if (before === undefined || compareOffsets(found.upTo, before.upTo) < 0)
      first.set(sourceKeyOf(found), found);
  }
  return first;
}

const CONSISTENTLY = { select_sequential_consistency: '1' } as const;

/** The days on which orders were made of which a row has one of some states, in whatever version. */
async function daysWith(
  clickhouse: ClickHouse,
  { workOrders }: Tables,
  states: readonly FewState[],
  { signal }: Pick<RequestOptions, 'signal'>,
): Promise<readonly string[]> {
  const rows = await clickhouse.query(
    z.object({ day: z.string() }),
    `SELECT DISTINCT toString(toDate(orderedAt)) AS day FROM ${workOrders}
     WHERE state IN ${listOf(states)} ORDER BY day`,
    {
      doing: 'look for work orders that are not settled',
      settings: CONSISTENTLY,
      ...(signal === undefined ? {} : { signal }),
    },
  );
  return rows.map(({ day }) => day);
}

/**
 * The last versions of the orders that were made on one day and of which a row has one of some states. The inner
 * SELECT takes rows as they lie, so that the index on the state serves: ClickHouse does not use it with FINAL, or
 * would choose a replaced version by it. FINAL then reads the versions of those orders alone. All versions of an order,
 * but for proposals, have the same orderedAt, and so lie in one partition.
 */
function unsettledSql({ workOrders, workOrdersLocal }: Tables, states: readonly FewState[]): string {
  const columns = 'raftSessionID, bucketName, upToInsertedAt, upToStartTime, upToReqId, orderId';
  const ofDay = 'toDate(orderedAt) = toDate({day:String})';
  return `(SELECT * FROM ${workOrders} FINAL WHERE ${ofDay} AND (${columns}) IN (
    SELECT ${columns} FROM ${workOrdersLocal} WHERE ${ofDay} AND state IN ${listOf(states)}))`;
}

/** States as a list in SQL. */
function listOf(states: readonly FewState[]): string {
  return `(${states.map((state) => `'${state}'`).join(', ')})`;
}
