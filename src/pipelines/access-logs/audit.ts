import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { OrderState } from '../pipeline.js';
import { countRanges } from './count-ranges.js';
import { arrivedOf, type BookEntry } from './book-row.js';
import { compareOffsets, type Offset } from './offset.js';
import { ELIGIBLE_SQL, type Boundaries, type Source } from './order.js';
import type { OrderBook } from './order-book.js';
import { findReady } from './ready.js';

/** What audits read. */
export interface AuditParts {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly book: OrderBook;
}

/** What the order book and ClickHouse's counts say together. */
export interface BookAudit {
  /** Eligible records inserted before the audit began, from where the first order of each source begins. */
  readonly records: number;
  readonly delivered: number;
  readonly missing: number;
  readonly duplicated: number;
  readonly undelivered: number;
  readonly outstanding: number;
  readonly skipped: number;
  readonly objects: number;
  readonly orders: Readonly<Record<OrderState, number>>;
  /** The ranges whose records need not be in an object yet: not ordered, or in orders that are not delivered. */
  readonly pending: readonly Boundaries[];
  /** Ranges that are left out: before the first order of their source, or in orders that have begun to expire. */
  readonly before: readonly Boundaries[];
}

/**
 * Compares ClickHouse with the order book. Every eligible record must be in exactly one of: the range of a delivered
 * order, whose receipt has as many records as the range has now; the range of an order that is not delivered yet; or
 * behind the last order of its source. Records before the first order of a source are another deployment's.
 * Orders whose records have begun to expire are left out, as are their records.
 *
 * Reads: the sorting key of all retained records, twice.
 */
export async function auditBook(parts: AuditParts, signal?: AbortSignal): Promise<BookAudit> {
  const { clickhouse, tables, book } = parts;
  const nowSeconds = Math.floor((await book.now()) / 1000);
  const count = async (ranges: readonly Boundaries[]): Promise<number> =>
    sum(await countRanges(clickhouse, tables, ranges, signal));
  const retained = await retainedRecords(parts, nowSeconds, signal);
  const all = await book.all();
  const isWhole = ({ order }: BookEntry): boolean => order.oldestAt >= retained.from;
  const entries = all.filter(isWhole);
  const expiring = all.filter((entry) => !isWhole(entry)).map(({ order }) => order);
  const waiting = await waitingRanges(parts, nowSeconds, signal);
  const { gaps, overlaps, before } = betweenOrders(entries);
  const counted = await countRanges(
    clickhouse,
    tables,
    entries.map(({ order }) => order),
    signal,
  );
  const [inGaps, inOverlaps] = [await count(gaps), await count(overlaps)];
  const tally = tallyEntries(entries, counted);
  const undelivered = sum(waiting.map(({ records }) => records));
  const elsewhere = (await count(before)) + (await count(expiring));
  const records = retained.records - elsewhere;
  const known = sum(counted) + undelivered + inGaps - inOverlaps;
  return {
    ...tally,
    records,
    // What is in no order, behind none, and in no gap between two: there is no such place, so it would be a fault.
    missing: tally.missing + inGaps + Math.max(0, records - known),
    duplicated: tally.duplicated + inOverlaps,
    undelivered,
    orders: countStates(all),
    pending: [...waiting.map(({ range }) => range), ...pendingRanges(entries)],
    before: [...before, ...expiring],
  };
}

function tallyEntries(
  entries: readonly BookEntry[],
  counted: readonly number[],
): Pick<BookAudit, 'delivered' | 'missing' | 'duplicated' | 'outstanding' | 'skipped' | 'objects'> {
  const tally = { delivered: 0, missing: 0, duplicated: 0, outstanding: 0, skipped: 0, objects: 0 };
  for (const [position, { state, deliveredRecords, objects }] of entries.entries()) {
    const now = counted[position] ?? 0;
    tally.objects += objects.length;
    if (state !== 'delivered') {
      // Some of its targets may have theirs, whatever became of the others.
      const arrived = Math.min(now, arrivedOf(objects));
      tally.delivered += arrived;
      tally[state === 'skipped' ? 'skipped' : 'outstanding'] += now - arrived;
      continue;
    }
    tally.delivered += Math.min(now, deliveredRecords);
    tally.missing += Math.max(0, now - deliveredRecords);
    tally.duplicated += Math.max(0, deliveredRecords - now);
  }
  return tally;
}

function pendingRanges(entries: readonly BookEntry[]): readonly Boundaries[] {
  return entries.filter(({ state }) => state !== 'delivered').map(({ order }) => order);
}

/** How many eligible records there are, and when the oldest of them was inserted (ISO 8601). */
async function retainedRecords(
  { clickhouse, tables }: AuditParts,
  nowSeconds: number,
  signal?: AbortSignal,
): Promise<{ readonly records: number; readonly from: string }> {
  const [row] = await clickhouse.query(
    z.object({ records: z.number(), seconds: z.number() }),
    `SELECT count() AS records, toUnixTimestamp(min(insertedAt)) AS seconds FROM ${tables.logs}
     WHERE ${ELIGIBLE_SQL} AND insertedAt < toDateTime({now:UInt32})`,
    {
      doing: 'count all records',
      parameters: { now: nowSeconds },
      ...(signal === undefined ? {} : { signal }),
    },
  );
  const from = new Date((row?.seconds ?? 0) * 1000).toISOString().replace('.000Z', 'Z');
  return { records: row?.records ?? 0, from };
}

/** What stands behind the last order of each source, whatever its age and number. */
async function waitingRanges(
  { clickhouse, tables }: AuditParts,
  nowSeconds: number,
  signal?: AbortSignal,
): Promise<{ readonly range: Boundaries; readonly records: number }[]> {
  const everything = {
    countThreshold: 1,
    timeThresholdSeconds: 0,
    processingDelaySeconds: 1,
    maxSources: 1e9,
  };
  const ready = await findReady(clickhouse, tables, everything, { shard: 0, shards: 1 }, nowSeconds, signal);
  return ready.map(({ bucket, raftSession, after, waiting }) => ({
    range: { bucket, raftSession, after, upTo: waiting.upTo },
    records: waiting.records,
  }));
}

/** What is wrong between the orders of each source: ranges that none covers, and ranges that two cover. */
export function betweenOrders(entries: readonly Pick<BookEntry, 'order'>[]): {
  readonly gaps: readonly Boundaries[];
  readonly overlaps: readonly Boundaries[];
  readonly before: readonly Boundaries[];
} {
  const gaps: Boundaries[] = [];
  const overlaps: Boundaries[] = [];
  const before: Boundaries[] = [];
  for (const ranges of bySource(entries)) {
    const { bucket, raftSession }: Source = ranges[0];
    let reached: Offset | null = ranges[0].after;
    if (reached !== null) before.push({ bucket, raftSession, after: null, upTo: reached });
    for (const { after, upTo } of ranges) {
      const step = compareOffsets(after, reached);
      if (step > 0 && after !== null) gaps.push({ bucket, raftSession, after: reached, upTo: after });
      if (step < 0 && reached !== null) {
        const end = compareOffsets(reached, upTo) < 0 ? reached : upTo;
        overlaps.push({ bucket, raftSession, after, upTo: end });
      }
      if (compareOffsets(upTo, reached) > 0) reached = upTo;
    }
  }
  return { gaps, overlaps, before };
}

/** The ranges of each source, in offset order; every list has at least one. */
function bySource(entries: readonly Pick<BookEntry, 'order'>[]): (readonly [Boundaries, ...Boundaries[]])[] {
  const lists = new Map<string, [Boundaries, ...Boundaries[]]>();
  for (const { order } of entries) {
    const key = `${String(order.raftSession)}/${order.bucket}`;
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [order]);
    else list.push(order);
  }
  for (const list of lists.values()) {
    list.sort((a, b) => compareOffsets(a.after, b.after) || compareOffsets(a.upTo, b.upTo));
  }
  return [...lists.values()];
}

function countStates(entries: readonly BookEntry[]): Record<OrderState, number> {
  const counts: Record<OrderState, number> = { open: 0, failed: 0, skipped: 0, delivered: 0 };
  for (const { state } of entries) counts[state] += 1;
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
