import { z } from 'zod';
import type { Discovery, DiscoveryContext } from '../../pipeline.js';
import type { NewOrder } from '../book.js';
import { ChecksumOf } from '../checksum.js';
import { keySql, quoted } from '../mysql/identifiers.js';
import { ORDERS } from '../mysql/schema.js';
import { isoOfMicros, sqlTimeOf } from '../mysql/times.js';
import { orderOf, type TableOrder } from '../order.js';
import type { ArchiverParts } from '../parts.js';
import { keyOf } from '../rows.js';
import type { TableShape } from '../shape/shape.js';
import { formatRows, formatSeconds } from '../words.js';
import { Copied } from './copied.js';
import { mayStart, standingOf } from './may-start.js';

/** Rows that are looked at in one statement. */
const PAGE_ROWS = 10_000;

/** Orders the deletion of old rows of all tables, one order a table at a time. */
export async function discoverDeletions(
  parts: ArchiverParts,
  { signal, take }: Pick<DiscoveryContext<TableOrder>, 'signal' | 'take'>,
): Promise<Discovery<TableOrder>> {
  const orders: TableOrder[] = [];
  const troubles: unknown[] = [];
  for (const { table } of parts.tables) {
    try {
      const { order, note } = await readyToDelete(parts, table, signal);
      await parts.notes.set(table, note);
      if (order === undefined || !(await parts.book.add(table, [order]))) continue;
      if (take !== undefined) await take([order.order]);
      orders.push(order.order);
    } catch (error) {
      signal.throwIfAborted();
      await parts.notes.set(table, error instanceof Error ? error.message : String(error));
      troubles.push(error);
    }
  }
  if (troubles.length > 0) throw troubles[0];
  return {
    orders,
    countedUpTo: await parts.book.now(),
    waitingSince: null,
    saturated: false,
    rowsRead: orders.reduce((sum, { records }) => sum + records, 0),
  };
}

/** What would be deleted of a table now, and else why nothing is. */
export async function readyToDelete(
  parts: ArchiverParts,
  table: string,
  signal: AbortSignal,
): Promise<{ readonly order?: NewOrder; readonly note?: string }> {
  const { locks, shapes, database, copiers, book, settings } = parts;
  const holding = await locks.hold(table);
  if (!holding.held) return { note: `another archiver holds the lock of the table: ${holding.by}` };
  const wait = await intervalLeft(parts, table);
  if (wait === undefined) return { note: 'the last deletion is not done yet' };
  if (wait > 0) return { note: `the next look for old rows is due in ${formatSeconds(wait)}` };
  const shape = await shapes.of(table);
  const now = await book.now();
  const cutoff = new Date(Date.parse(now) - settings['tables.retention-days'] * DAY_MS).toISOString();
  const standings = [];
  for (const archiver of copiers)
    standings.push(await standingOf(database, shape, archiver, sqlTimeOf(cutoff)));
  const permission = mayStart(table, standings);
  if (!permission.isGranted) return { note: permission.why };
  const { keys, kept, firstMicros } = await oldKeys(parts, shape, cutoff, permission.upTo, signal);
  const note =
    kept === 0
      ? undefined
      : `${formatRows(kept)} of old ones stay: not every destination has them (log-courier audit --repair)`;
  if (keys.length === 0) return note === undefined ? {} : { note };
  return {
    order: deletionOf(table, keys, cutoff, isoOfMicros(firstMicros), now),
    ...(note === undefined ? {} : { note }),
  };
}

const DAY_MS = 86_400_000;

function deletionOf(
  table: string,
  keys: readonly number[],
  cutoff: string,
  firstAt: string,
  orderedAt: string,
): NewOrder {
  const [firstKey = 0, upTo = 0] = [keys[0], keys.at(-1)];
  const checksum = new ChecksumOf();
  for (const key of keys) checksum.key(key);
  const order = orderOf({
    ...{ archiver: 'cleanup', kind: 'deletion', table, after: firstKey - 1, upTo, which: cutoff },
    ...{ records: keys.length, firstKey, firstAt, oldestAt: firstAt, orderedAt },
  });
  return { order, checksum: checksum.text, runs: Buffer.alloc(0), state: 'open' };
}

/** The first old rows that every destination has; looks no further than where rows are young. */
async function oldKeys(
  { database, copiers, settings }: ArchiverParts,
  shape: TableShape,
  cutoff: string,
  upTo: number,
  signal: AbortSignal,
): Promise<{ readonly keys: readonly number[]; readonly kept: number; readonly firstMicros: number }> {
  const { table, timeSql } = shape;
  const [key, time] = [quoted(shape.key), quoted(shape.time)];
  const copied = new Copied(database, table, copiers);
  const most = settings['tables.cleanup-batch-max'];
  const keys: number[] = [];
  let [after, kept, firstMicros] = [-1, 0, 0];
  while (keys.length < most && after < upTo) {
    signal.throwIfAborted();
    const page = await database.rows(
      'look for old rows',
      `SELECT ${key}, ${time} < ?, ${timeSql} FROM ${quoted(table)} WHERE ${key} > ? AND ${key} <= ${keySql(upTo)}
       ORDER BY ${key} LIMIT ${String(PAGE_ROWS)}`,
      [sqlTimeOf(cutoff), after],
    );
    const old = page.filter(([, isOld]) => Number(isOld) === 1);
    if (old.length === 0) break;
    const has = await copied.of(old.map(([found]) => keyOf(found)));
    kept += old.length - has.length;
    if (keys.length === 0 && has[0] !== undefined)
      firstMicros = Number(old.find(([found]) => keyOf(found) === has[0])?.[2] ?? 0);
    keys.push(...has.slice(0, most - keys.length));
    after = keyOf(page.at(-1)?.[0]);
  }
  return { keys, kept, firstMicros };
}

const lastRow = z.object({
  age: z.coerce.number(),
  records: z.number(),
  state: z.string(),
});

/** How long it is until the next deletion may be ordered, in seconds; undefined while the last one is not settled. */
async function intervalLeft(
  { database, settings }: ArchiverParts,
  table: string,
): Promise<number | undefined> {
  const [last] = await database.query(
    lastRow,
    'look for the last deletion',
    `SELECT TIMESTAMPDIFF(SECOND, ordered_at, UTC_TIMESTAMP(3)) AS age, records, state FROM ${ORDERS}
     WHERE archiver = 'cleanup' AND source_table = ? ORDER BY ordered_at DESC LIMIT 1`,
    [table],
  );
  if (last === undefined) return 0;
  if (last.state === 'open' || last.state === 'failed') return undefined;
  const isFull = last.records >= settings['tables.cleanup-batch-max'];
  const interval =
    settings[isFull ? 'tables.cleanup-full-interval-seconds' : 'tables.cleanup-interval-seconds'];
  return Math.max(0, interval - last.age);
}
