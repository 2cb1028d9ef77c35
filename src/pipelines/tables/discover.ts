import { z } from 'zod';
import type { DiscoveryContext, Discovery } from '../pipeline.js';
import type { NewOrder } from './book.js';
import { chunksOf, smallestKey } from './chunks.js';
import { Cutter, type Cut } from './cut.js';
import { formatRows, formatSeconds } from './words.js';
import { ORDERS } from './mysql/schema.js';
import { keySql, quoted } from './mysql/identifiers.js';
import { isoOfMicros } from './mysql/times.js';
import { orderOf, type TableOrder } from './order.js';
import type { ArchiverParts } from './parts.js';
import { agrees, positionOf, StatusMovedError, type Position } from './status-table.js';
import { statusTableOf } from './mysql/schema.js';
import type { TableShape } from './shape/shape.js';
import { takeOver } from './take-over.js';
import { settle, settledUpTo, type Watermark } from './watermarks.js';

/** Batches of one table that a discovery makes at most; the next one makes more. */
const MOST_BATCHES = 100;

/** What is ready of one table, and what the rest waits for. */
interface Ready {
  readonly orders: readonly NewOrder[];
  /** Why there is no order, or no further one, in words. */
  readonly note: string | undefined;
  /** When the oldest row came in that no order has; null when there is none. */
  readonly waitingSince: string | null;
}

/** Orders what is ready of all tables. What keeps one table from being ordered is told, and keeps up no other. */
export async function discoverRanges(
  parts: ArchiverParts,
  { signal, take }: Pick<DiscoveryContext<TableOrder>, 'signal' | 'take'>,
): Promise<Discovery<TableOrder>> {
  const { book, tables, settings, notes } = parts;
  const open = (await book.counts()).open;
  const saturated = open >= settings['queue.max-outstanding-orders'];
  const orders: TableOrder[] = [];
  const waiting: string[] = [];
  const troubles: unknown[] = [];
  for (const { table } of saturated ? [] : tables) {
    try {
      const made = await discoverTable(parts, table, signal);
      if (made.orders.length > 0 && take !== undefined) await take(made.orders);
      orders.push(...made.orders);
      await notes.set(table, made.note);
      if (made.waitingSince !== null) waiting.push(made.waitingSince);
    } catch (error) {
      signal.throwIfAborted();
      await notes.set(table, error instanceof Error ? error.message : String(error));
      troubles.push(error);
    }
  }
  if (troubles.length > 0) throw troubles[0];
  return {
    orders,
    countedUpTo: await book.now(),
    waitingSince: waiting.sort()[0] ?? null,
    saturated,
    rowsRead: orders.reduce((sum, { records }) => sum + records, 0),
  };
}

async function discoverTable(
  parts: ArchiverParts,
  table: string,
  signal: AbortSignal,
): Promise<{ orders: readonly TableOrder[]; note: string | undefined; waitingSince: string | null }> {
  const { locks, book, log, archiver } = parts;
  const holding = await locks.hold(table);
  if (!holding.held)
    return {
      orders: [],
      note: `another archiver holds the lock of the table: ${holding.by}`,
      waitingSince: null,
    };
  const shape = await parts.shapes.of(table);
  const watermark = await settle(parts.database, shape, parts.settings['tables.settle-seconds']);
  const position = await startingPoint(parts, shape, signal);
  const { orders, note, waitingSince } = await readyOf(parts, shape, position, watermark, signal);
  if (!(await book.add(table, orders))) {
    log.debug({ table, archiver }, 'another process has ordered meanwhile');
    return { orders: [], note, waitingSince };
  }
  return { orders: orders.map(({ order }) => order), note, waitingSince };
}

/**
 * Where the next order begins. What another archiver has copied counts as copied.
 *
 * @throws {StatusMovedError}
 */
async function startingPoint(
  parts: ArchiverParts,
  shape: TableShape,
  signal: AbortSignal,
): Promise<Position> {
  const { database, archiver } = parts;
  const position = await positionOf(database, archiver, shape.table);
  const { status = 0, ordered = 0, settled = 0, unsettled } = position;
  if (agrees(position)) return position;
  if (status > ordered && unsettled === 0) {
    await takeOver(parts, shape, position, signal);
    return positionOf(database, archiver, shape.table);
  }
  throw new StatusMovedError(statusTableOf(shape.table), archiver, position.status, settled);
}

/** What would be ordered of a table now, without ordering it. */
export async function previewTable(
  parts: ArchiverParts,
  table: string,
  signal: AbortSignal,
): Promise<readonly TableOrder[]> {
  const shape = await parts.shapes.of(table);
  const settleSeconds = parts.settings['tables.settle-seconds'];
  const largest = await parts.database.rowsOnce(
    'look',
    `SELECT MAX(${quoted(shape.key)}) FROM ${quoted(table)}`,
  );
  const newest = Number(largest[0]?.[0] ?? -1);
  const settled = settleSeconds === 0 ? newest : await settledUpTo(parts.database, table, settleSeconds);
  const position = await positionOf(parts.database, parts.archiver, table);
  const watermark = { largest: newest < 0 ? undefined : newest, settledUpTo: settled };
  const { orders } = await readyOf(parts, shape, position, watermark, signal);
  return orders.map(({ order }) => order);
}

async function readyOf(
  parts: ArchiverParts,
  shape: TableShape,
  position: Position,
  { largest, settledUpTo: settledKey }: Watermark,
  signal: AbortSignal,
): Promise<Ready> {
  const { database, rules, settings } = parts;
  const nothing = (note: string | undefined, waitingSince: string | null = null): Ready => ({
    orders: [],
    note,
    waitingSince,
  });
  const after = position.ordered ?? ((await smallestKey(database, shape)) === 0 ? -1 : 0);
  if (largest === undefined || largest <= after) return nothing(undefined);
  const oldest = await firstBehind(database, shape, after);
  const wait = await intervalLeft(parts, shape.table);
  if (wait > 0) return nothing(`the next batch is due in ${formatSeconds(wait)}`, oldest);
  if (largest - after < rules.min) return nothing(tooFew(largest - after, rules.min), oldest);
  const cutter = new Cutter(after, settledKey, rules, rules.intervalSeconds > 0 ? 1 : MOST_BATCHES);
  for await (const chunk of chunksOf(database, shape, after, largest, signal)) {
    cutter.add(chunk);
    if (cutter.ended) break;
  }
  const cuts = cutter.finish();
  const note = noteOf(cutter, cuts, rules.min, settings['tables.settle-seconds']);
  return {
    orders: await ordersOf(parts, shape, cuts),
    note,
    waitingSince: cuts.length === 0 ? oldest : null,
  };
}

function noteOf(
  cutter: Cutter,
  cuts: readonly Cut[],
  min: number,
  settleSeconds: number,
): string | undefined {
  if (cuts.length > 0) return undefined;
  const stop = cutter.stoppedAtGap
    ? `; a key before the others is missing, whose row may still come: it is waited for ${formatSeconds(settleSeconds)}`
    : '';
  return `${tooFew(cutter.rest, min)}${stop}`;
}

function tooFew(rows: number, min: number): string {
  return `${formatRows(rows)} ready; a batch has at least ${formatRows(min)}`;
}

/** When the first row behind a key came in, ISO 8601; null when there is none. */
async function firstBehind(
  database: ArchiverParts['database'],
  shape: TableShape,
  after: number,
): Promise<string | null> {
  const key = quoted(shape.key);
  const [row] = await database.rowsOnce(
    'look for the oldest row that waits',
    `SELECT ${shape.timeSql} FROM ${quoted(shape.table)} WHERE ${key} > ${keySql(after)} ORDER BY ${key} LIMIT 1`,
  );
  return typeof row?.[0] === 'number' ? isoOfMicros(row[0]) : null;
}

/** How long it is until the next batch of a table may be made, in seconds; 0 when it may now. */
async function intervalLeft({ database, archiver, rules }: ArchiverParts, table: string): Promise<number> {
  if (rules.intervalSeconds === 0) return 0;
  const [row] = await database.query(
    z.object({ age: z.coerce.number().nullable() }),
    'look for the last work order',
    `SELECT TIMESTAMPDIFF(SECOND, MAX(ordered_at), UTC_TIMESTAMP(3)) AS age FROM ${ORDERS}
     WHERE archiver = ? AND source_table = ? AND kind = 'range'`,
    [archiver, table],
  );
  const age = row?.age ?? null;
  return age === null ? 0 : Math.max(0, rules.intervalSeconds - age);
}

/** The orders for some cuts, which get the times of their first rows. */
async function ordersOf(
  { database, archiver, book }: ArchiverParts,
  shape: TableShape,
  cuts: readonly Cut[],
): Promise<readonly NewOrder[]> {
  if (cuts.length === 0) return [];
  const orderedAt = await book.now();
  const key = quoted(shape.key);
  const rows = await database.rowsOnce(
    'read the times of first rows',
    `SELECT ${key}, ${shape.timeSql} FROM ${quoted(shape.table)} WHERE ${key} IN (${cuts.map(({ firstKey }) => keySql(firstKey)).join(', ')})`,
  );
  const times = new Map(rows.map(([first, micros]) => [Number(first), Number(micros ?? 0)]));
  return cuts.map(({ after, upTo, firstKey, records, checksum, missing }) => {
    const firstAt = isoOfMicros(times.get(firstKey) ?? 0);
    const order = orderOf({
      ...{ archiver, kind: 'range', table: shape.table, after, upTo, which: '' },
      ...{ records, firstKey, firstAt, oldestAt: firstAt, orderedAt },
    });
    return { order, checksum, runs: missing, state: 'open' };
  });
}
