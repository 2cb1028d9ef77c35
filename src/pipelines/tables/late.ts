import { createHash } from 'node:crypto';
import { isoOfMicros } from './mysql/times.js';
import type { LateOptions, LateRecords } from '../pipeline.js';
import type { NewOrder } from './book.js';
import type { BookEntry } from './book-row.js';
import { ChecksumOf } from './checksum.js';
import { CHUNK_KEYS, keysIn } from './chunks.js';
import { keySql, quoted } from './mysql/identifiers.js';
import { orderOf, type TableOrder } from './order.js';
import type { ArchiverParts } from './parts.js';
import { keyOf } from './rows.js';
import { RunCursor, runsIn, RunWriter, type Run } from './runs.js';
import type { TableShape } from './shape/shape.js';

/** Late rows in one order at most. */
const ROWS_AN_ORDER = 5000;
/** Runs of missing keys that one statement looks at. */
const RUNS_A_STATEMENT = 200;

/**
 * Looks for rows at keys that were missing when an order was made, and orders those that no order has: they became visible
 * late, because their transaction was open for longer than `tables.settle-seconds`.
 */
export async function findLateRows(
  parts: ArchiverParts,
  { windowHours, signal = new AbortController().signal }: LateOptions,
): Promise<LateRecords<TableOrder>> {
  const orders: TableOrder[] = [];
  let [ordersExamined, recordsExamined, rowsRead] = [0, 0, 0];
  for (const { table } of parts.tables) {
    const shape = await parts.shapes.of(table);
    const lateBefore = await parts.book.countLate(table);
    const entries = await parts.book.entries(
      "source_table = ? AND kind IN ('range', 'taken') AND updated_at >= UTC_TIMESTAMP(3) - INTERVAL ? SECOND ORDER BY after_key",
      [table, Math.ceil(windowHours * 3600)],
    );
    const found: number[] = [];
    for (const { order } of entries) {
      signal.throwIfAborted();
      const there = await presentAt(parts, shape, runsIn(await parts.book.runs(order.id), order.after));
      found.push(...(await withoutOrdered(parts, table, there)));
      ordersExamined += 1;
      recordsExamined += order.records;
      rowsRead += there.length;
    }
    const made = await lateOrders(parts, shape, found);
    if (await parts.book.add(table, made, lateBefore)) orders.push(...made.map(({ order }) => order));
  }
  return {
    orders,
    records: orders.reduce((sum, { records }) => sum + records, 0),
    ordersExamined,
    recordsExamined,
    rowsRead,
  };
}

/** Keys within runs of missing ones that have rows now. */
export async function presentAt(
  { database }: Pick<ArchiverParts, 'database'>,
  shape: TableShape,
  runs: Iterable<Run>,
): Promise<readonly number[]> {
  const found: number[] = [];
  let group: Run[] = [];
  const look = async (): Promise<void> => {
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined) return;
    // Many runs close together are looked at as one stretch: the index is read, and what is in no run is left out.
    const isDense = last.to - first.from < CHUNK_KEYS && group.length > 1;
    if (isDense) {
      const cursor = new RunCursor(group);
      const keys = await keysIn(database, shape, first.from, last.to);
      found.push(...keys.filter((key) => cursor.has(key)));
    } else found.push(...(await keysInRuns(database, shape, group)));
    group = [];
  };
  for (const run of runs) {
    const first = group[0];
    const isFar = first !== undefined && run.to - first.from >= CHUNK_KEYS;
    if (isFar && group.length >= RUNS_A_STATEMENT) await look();
    group.push(run);
  }
  await look();
  return found;
}

async function keysInRuns(
  database: ArchiverParts['database'],
  { table, key }: TableShape,
  runs: readonly Run[],
): Promise<readonly number[]> {
  const column = quoted(key);
  const conditions = runs.map(
    ({ from, to }) => `(${column} >= ${keySql(from)} AND ${column} <= ${keySql(to)})`,
  );
  const rows = await database.rowsOnce(
    'look for late rows',
    `SELECT ${column} FROM ${quoted(table)} WHERE ${conditions.join(' OR ')} ORDER BY ${column}`,
  );
  return rows.map(([found]) => keyOf(found));
}

/** Those of some keys, ascending, that no order of late rows has. */
export async function withoutOrdered(
  { book }: Pick<ArchiverParts, 'book'>,
  table: string,
  keys: readonly number[],
): Promise<readonly number[]> {
  const [first, last] = [keys[0], keys.at(-1)];
  if (first === undefined || last === undefined) return [];
  const entries = await book.entries(
    "source_table = ? AND kind = 'late' AND up_to_key >= ? AND after_key < ?",
    [table, first, last],
  );
  const ordered = new Set<number>();
  for (const entry of entries) for (const key of await lateKeys(book, entry)) ordered.add(key);
  return keys.filter((key) => !ordered.has(key));
}

/** The keys of an order of late rows. */
export async function lateKeys(
  book: ArchiverParts['book'],
  { order }: BookEntry,
): Promise<readonly number[]> {
  const keys: number[] = [];
  for (const { from, to } of runsIn(await book.runs(order.id), order.after))
    for (let key = from; key <= to; key += 1) keys.push(key);
  return keys;
}

async function lateOrders(
  { database, book, archiver }: ArchiverParts,
  shape: TableShape,
  keys: readonly number[],
): Promise<readonly NewOrder[]> {
  if (keys.length === 0) return [];
  const orderedAt = await book.now();
  const made: NewOrder[] = [];
  for (let at = 0; at < keys.length; at += ROWS_AN_ORDER) {
    const some = keys.slice(at, at + ROWS_AN_ORDER);
    const [firstKey = 0, upTo = 0] = [some[0], some.at(-1)];
    const runs = new RunWriter(firstKey - 1);
    const checksum = new ChecksumOf();
    for (const key of some) {
      runs.add(key, key);
      checksum.key(key);
    }
    const firstAt = await timeOf(database, shape, firstKey);
    const which = createHash('sha256').update(some.join(',')).digest('hex').slice(0, 32);
    const order = orderOf({
      ...{ archiver, kind: 'late', table: shape.table, after: firstKey - 1, upTo, which },
      ...{ records: some.length, firstKey, firstAt, oldestAt: firstAt, orderedAt },
    });
    made.push({ order, checksum: checksum.text, runs: runs.finish(), state: 'open' });
  }
  return made;
}

async function timeOf(
  database: ArchiverParts['database'],
  { table, key, timeSql }: TableShape,
  of: number,
): Promise<string> {
  const [row] = await database.rowsOnce(
    'read the time of a row',
    `SELECT ${timeSql} FROM ${quoted(table)} WHERE ${quoted(key)} = ${keySql(of)}`,
  );
  return isoOfMicros(Number(row?.[0] ?? 0));
}
