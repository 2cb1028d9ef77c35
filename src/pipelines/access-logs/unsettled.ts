import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { BOOK_COLUMNS, bookEntryOf, bookRowSchema, type BookEntry } from './book-row.js';

/** States of orders that are neither delivered nor given up. */
export type UnsettledState = 'open' | 'failed';

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
  const sql = `SELECT ${BOOK_COLUMNS} FROM ${unsettledSql(tables, states)}
    WHERE state IN ${listOf(states)} AND (${condition}) ${end}`;
  const entries: BookEntry[] = [];
  for (const day of await daysWith(clickhouse, tables, states)) {
    const rows = await clickhouse.query(bookRowSchema, sql, {
      doing,
      parameters: { ...parameters, day },
      settings: CONSISTENTLY,
    });
    for (const row of rows) entries.push(bookEntryOf(row));
  }
  return entries;
}

/** Counts the orders of some states. */
export async function countUnsettled(
  clickhouse: ClickHouse,
  tables: Tables,
  states: readonly UnsettledState[],
): Promise<number> {
  const row = z.object({ orders: z.number() });
  const sql = `SELECT count() AS orders FROM ${unsettledSql(tables, states)} WHERE state IN ${listOf(states)}`;
  const options = { doing: 'count work orders that are not settled', settings: CONSISTENTLY };
  let orders = 0;
  for (const day of await daysWith(clickhouse, tables, states)) {
    const [counted] = await clickhouse.query(row, sql, { ...options, parameters: { day } });
    orders += counted?.orders ?? 0;
  }
  return orders;
}

const CONSISTENTLY = { select_sequential_consistency: '1' } as const;

/** The days on which orders were made of which a row has one of some states, in whatever version. */
async function daysWith(
  clickhouse: ClickHouse,
  { workOrders }: Tables,
  states: readonly UnsettledState[],
): Promise<readonly string[]> {
  const rows = await clickhouse.query(
    z.object({ day: z.string() }),
    `SELECT DISTINCT toString(toDate(orderedAt)) AS day FROM ${workOrders}
     WHERE state IN ${listOf(states)} ORDER BY day`,
    { doing: 'look for work orders that are not settled', settings: CONSISTENTLY },
  );
  return rows.map(({ day }) => day);
}

/**
 * The last versions of the orders that were made on one day and of which a row has one of some states. The inner
 * SELECT takes rows as they lie, so that the index on the state serves: ClickHouse does not use it with FINAL, or
 * would choose a replaced version by it. FINAL then reads the versions of those orders alone. All versions of an order,
 * but for proposals, have the same orderedAt, and so lie in one partition.
 */
function unsettledSql({ workOrders, workOrdersLocal }: Tables, states: readonly UnsettledState[]): string {
  const columns = 'raftSessionID, bucketName, upToInsertedAt, upToStartTime, upToReqId, orderId';
  const ofDay = 'toDate(orderedAt) = toDate({day:String})';
  return `(SELECT * FROM ${workOrders} FINAL WHERE ${ofDay} AND (${columns}) IN (
    SELECT ${columns} FROM ${workOrdersLocal} WHERE ${ofDay} AND state IN ${listOf(states)}))`;
}

/** States as a list in SQL. */
function listOf(states: readonly UnsettledState[]): string {
  return `(${states.map((state) => `'${state}'`).join(', ')})`;
}
