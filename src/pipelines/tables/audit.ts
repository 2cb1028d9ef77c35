import type { AuditReport } from '../pipeline.js';
import { chunksOf, largestKey, smallestKey } from './chunks.js';
import type { Copier } from './destinations/copier.js';
import { withoutOrdered } from './late.js';
import { pipelineOf } from './order.js';
import type { ArchiverParts } from './parts.js';
import { RunCursor, runsIn } from './runs.js';
import { selectionOf } from './selection.js';
import type { TableShape } from './shape/shape.js';

type Counts = { -readonly [Name in keyof Omit<AuditReport, 'pipeline' | 'orders'>]: number };

/**
 * Compares the tables with the order book, and, deep, the book with what the destination has: by counts, and by a checksum
 * over the keys of each order's range.
 */
export async function auditTables(
  parts: ArchiverParts,
  copier: Copier,
  deep: boolean,
  signal: AbortSignal = new AbortController().signal,
): Promise<AuditReport> {
  const counts: Counts = {
    ...{ records: 0, delivered: 0, missing: 0, duplicated: 0, undelivered: 0 },
    ...{ outstanding: 0, skipped: 0, objects: 0 },
  };
  for (const { table } of parts.tables) {
    const shape = await parts.shapes.of(table);
    await auditTable(parts, shape, counts, signal);
    if (deep) await auditCopies(parts, copier, shape, counts, signal);
  }
  const { delivered, missing, undelivered, outstanding, skipped } = counts;
  return {
    pipeline: pipelineOf(parts.archiver),
    ...counts,
    records: delivered + missing + undelivered + outstanding + skipped,
    orders: await parts.book.counts(),
  };
}

async function auditTable(
  parts: ArchiverParts,
  shape: TableShape,
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  const { book, database } = parts;
  const least = (await smallestKey(database, shape)) ?? Number.MAX_SAFE_INTEGER;
  let last = Math.min(0, least - 1);
  for (const entry of await book.entries('source_table = ? ORDER BY after_key, up_to_key', [shape.table])) {
    const { order, state, objects } = entry;
    if (order.kind === 'range' || order.kind === 'taken') last = Math.max(last, order.upTo);
    if (order.kind !== 'taken') {
      if (state === 'delivered') counts.delivered += order.records;
      else if (state === 'skipped') counts.skipped += order.records;
      else counts.outstanding += order.records;
      counts.objects += objects.length;
    }
    if (order.kind === 'late' || order.upTo < least) continue;
    const unknown = await rowsInGaps(parts, shape, order, signal);
    counts.missing += (await withoutOrdered(parts, shape.table, unknown)).length;
  }
  const largest = (await largestKey(database, shape)) ?? last;
  for await (const { from, to, keys } of chunksOf(database, shape, last, largest, signal))
    counts.undelivered += keys === undefined ? to - from + 1 : keys.length;
}

/** Keys of an order's range that have rows, but had none when it was ordered. */
async function rowsInGaps(
  { book, database }: ArchiverParts,
  shape: TableShape,
  { id, after, upTo }: { readonly id: string; readonly after: number; readonly upTo: number },
  signal: AbortSignal,
): Promise<readonly number[]> {
  const written = await book.runs(id);
  if (written.length === 0) return [];
  const gaps = new RunCursor(runsIn(written, after));
  const found: number[] = [];
  for await (const { from, to, keys } of chunksOf(database, shape, after, upTo, signal)) {
    if (!gaps.touches(from, to)) continue;
    if (keys === undefined) for (let key = from; key <= to; key += 1) add(key);
    else for (const key of keys) add(key);
  }
  return found;

  function add(key: number): void {
    if (gaps.has(key)) found.push(key);
  }
}

async function auditCopies(
  parts: ArchiverParts,
  copier: Copier,
  shape: TableShape,
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  const entries = await parts.book.entries("source_table = ? AND state = 'delivered' AND kind <> 'taken'", [
    shape.table,
  ]);
  for (const entry of entries) {
    signal.throwIfAborted();
    const { records, checksum } = await copier.find(
      { entry, shape, selection: await selectionOf(parts, entry) },
      signal,
    );
    const lacking = entry.order.records - records;
    counts.missing += Math.max(0, lacking);
    counts.duplicated += Math.max(0, -lacking);
    counts.delivered -= Math.max(0, lacking);
    if (lacking !== 0 || checksum === undefined || checksum === entry.checksum) continue;
    // As many rows, but others: at least one is missing, and one there that should not be.
    counts.missing += 1;
    counts.duplicated += 1;
    counts.delivered -= 1;
  }
}
