import { z } from 'zod';
import { largestKey, type KeyColumn } from './chunks.js';
import type { Database } from './mysql/database.js';
import { WATERMARKS } from './mysql/schema.js';

/** How much longer than they are needed watermarks are kept, in seconds. */
const KEPT_LONGER_SECONDS = 3600;

/** What is known of a table's newest keys. */
export interface Watermark {
  /** The largest key now; undefined when the table has no rows. */
  readonly largest: number | undefined;
  /** Keys up to here were there long ago: whatever is missing among them will not come any more, or is late. -1: none. */
  readonly settledUpTo: number;
}

/**
 * Notes the largest key that is there now, and says which one was there `settleSeconds` ago, both by the database's clock.
 * A key is given out before its row can be seen; a missing key below one that was seen is as old as that at least.
 */
export async function settle(
  database: Database,
  source: KeyColumn,
  settleSeconds: number,
): Promise<Watermark> {
  const largest = await largestKey(database, source);
  if (largest === undefined) return { largest, settledUpTo: -1 };
  if (settleSeconds === 0) return { largest, settledUpTo: largest };
  await database.change(
    'note the largest key',
    `INSERT IGNORE INTO ${WATERMARKS} (source_table, seen_at, max_key) VALUES (?, UTC_TIMESTAMP(6), ?)`,
    [source.table, largest],
  );
  await database.change(
    'forget old notes of the largest key',
    `DELETE FROM ${WATERMARKS} WHERE source_table = ? AND seen_at < UTC_TIMESTAMP(6) - INTERVAL ? SECOND
       AND seen_at < (SELECT newest FROM (SELECT MAX(seen_at) AS newest FROM ${WATERMARKS}
         WHERE source_table = ? AND seen_at <= UTC_TIMESTAMP(6) - INTERVAL ? SECOND) AS needed)`,
    [source.table, settleSeconds + KEPT_LONGER_SECONDS, source.table, settleSeconds],
  );
  return { largest, settledUpTo: await settledUpTo(database, source.table, settleSeconds) };
}

/** The largest key that was there so long ago; -1 when that is not known. */
export async function settledUpTo(database: Database, table: string, settleSeconds: number): Promise<number> {
  const [row] = await database.query(
    z.object({ settled: z.number().nullable() }),
    'look for the largest key of some time ago',
    `SELECT MAX(max_key) AS settled FROM ${WATERMARKS}
     WHERE source_table = ? AND seen_at <= UTC_TIMESTAMP(6) - INTERVAL ? SECOND`,
    [table, settleSeconds],
  );
  return row?.settled ?? -1;
}
