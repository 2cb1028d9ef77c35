import type { Chunk } from './cut.js';
import type { Database } from './mysql/database.js';
import { keySql, quoted } from './mysql/identifiers.js';
import { keyOf } from './rows.js';

/** Keys of one chunk: few enough to be read, many enough that a table has few chunks. */
export const CHUNK_KEYS = 10_000;

/** Chunks that one statement counts. */
const CHUNKS_A_TIME = 100;

/** What is looked at: a table and its key. */
export interface KeyColumn {
  readonly table: string;
  readonly key: string;
}

/**
 * Which keys of (after, upTo] have rows, chunk by chunk. Only the index is read: where a chunk is full it is counted, where
 * keys are missing they are read.
 */
export async function* chunksOf(
  database: Database,
  { table, key }: KeyColumn,
  after: number,
  upTo: number,
  signal?: AbortSignal,
): AsyncGenerator<Chunk, void> {
  const [name, column] = [quoted(table), quoted(key)];
  let done = after;
  while (done < upTo) {
    signal?.throwIfAborted();
    // Where nothing is for a long way, look behind it.
    const [first] = await database.rowsOnce(
      'look for the next row',
      `SELECT MIN(${column}) FROM ${name} WHERE ${column} > ${keySql(done)} AND ${column} <= ${keySql(upTo)}`,
    );
    if (first?.[0] === null || first === undefined) return;
    const from = Math.max(done + 1, keyOf(first[0]));
    const end = Math.min(upTo, (Math.floor(from / CHUNK_KEYS) + CHUNKS_A_TIME) * CHUNK_KEYS - 1);
    const counts = await database.rowsOnce(
      'count rows by chunks of their keys',
      `SELECT CAST(${column} DIV ${String(CHUNK_KEYS)} AS UNSIGNED), COUNT(*), MIN(${column}), MAX(${column}) FROM ${name}
       WHERE ${column} >= ${keySql(from)} AND ${column} <= ${keySql(end)}
       GROUP BY ${column} DIV ${String(CHUNK_KEYS)} ORDER BY 1`,
    );
    for (const [, count, least, most] of counts) {
      signal?.throwIfAborted();
      const [low, high] = [keyOf(least), keyOf(most)];
      if (Number(count) === high - low + 1) yield { from: low, to: high };
      else yield { from: low, to: high, keys: await keysIn(database, { table, key }, low, high) };
    }
    done = end;
  }
}

/** The keys of rows from the one to the other, both included. */
export async function keysIn(
  database: Database,
  { table, key }: KeyColumn,
  from: number,
  to: number,
): Promise<readonly number[]> {
  const column = quoted(key);
  const rows = await database.rows(
    'read keys',
    `SELECT ${column} FROM ${quoted(table)} WHERE ${column} >= ? AND ${column} <= ? ORDER BY ${column}`,
    [from, to],
  );
  return rows.map(([found]) => keyOf(found));
}

/** The largest key of a table; undefined when it has no rows. */
export async function largestKey(database: Database, { table, key }: KeyColumn): Promise<number | undefined> {
  const [row] = await database.rowsOnce(
    'look for the largest key',
    `SELECT MAX(${quoted(key)}) FROM ${quoted(table)}`,
  );
  return row?.[0] === null || row === undefined ? undefined : keyOf(row[0]);
}

/** The smallest key of a table; undefined when it has no rows. */
export async function smallestKey(
  database: Database,
  { table, key }: KeyColumn,
): Promise<number | undefined> {
  const [row] = await database.rowsOnce(
    'look for the smallest key',
    `SELECT MIN(${quoted(key)}) FROM ${quoted(table)}`,
  );
  return row?.[0] === null || row === undefined ? undefined : keyOf(row[0]);
}
