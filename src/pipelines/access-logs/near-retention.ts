import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { ExpiredOrder, RetentionReport } from '../retention.js';
import { arrivedOf, type BookEntry } from './book-row.js';
import { countRanges } from './count-ranges.js';
import { OFFSET_COLUMNS } from './offset.js';
import { ELIGIBLE_SQL } from './order.js';
import type { OrderBook } from './order-book.js';
import { positionsSql } from './ready.js';

/** What looking at retention works with. */
export interface RetentionParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly book: OrderBook;
}

/** Lines of one report; what is beyond is only counted. */
const MOST_LINES = 1000;
/** Orders with lost records of which one look counts what is left; the next look goes on with others. */
const COUNTED_A_LOOK = 100;
/** Failures that say that ClickHouse has fewer records of an order than before. */
const FEWER_RECORDS = "('MissingRecordsError', 'ShrunkObjectError')";

/** Finds undelivered records that ClickHouse will soon remove, or has removed. */
export class NearRetention {
  readonly #parts: RetentionParts;
  /** Orders of which no record is left: what they have lost is known for good. */
  readonly #nothingLeft = new Map<string, ExpiredOrder>();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /**
   * Looks once. Reads the sorting key of the records that are near the end of their retention, and the order book.
   */
  async look(signal?: AbortSignal): Promise<RetentionReport> {
    const { settings, book } = this.#parts;
    const nowSeconds = Math.floor((await book.now()) / 1000);
    const retentionSeconds = Math.round(settings['retention.record-hours'] * 3600);
    const warnSeconds = Math.round(settings['retention.warn-before-hours'] * 3600);
    const removedUpTo = Math.max(0, nowSeconds - retentionSeconds);
    const near = await this.#near(Math.max(0, removedUpTo + warnSeconds), removedUpTo, signal);
    const expired = await this.#expired(removedUpTo, signal);
    const [first] = near;
    const deadlineOf = (oldestSeconds: number): string => isoSeconds(oldestSeconds + retentionSeconds);
    return {
      at: isoSeconds(nowSeconds),
      records: first?.allRecords ?? 0,
      sources: first?.sources ?? 0,
      deadline: first === undefined ? null : deadlineOf(first.oldestSeconds),
      expiring: near.map(({ source, records, oldestSeconds, state, code }) => ({
        source,
        records,
        oldestAt: isoSeconds(oldestSeconds),
        deadline: deadlineOf(oldestSeconds),
        state,
        code,
      })),
      complete: near.length === (first?.lines ?? 0),
      expired,
    };
  }

  async #near(upTo: number, removedUpTo: number, signal?: AbortSignal): Promise<z.infer<typeof nearRow>[]> {
    return this.#parts.clickhouse.query(nearRow, nearSql(this.#parts.tables), {
      doing: 'find undelivered records near the end of their retention',
      parameters: { upTo, removedUpTo, most: MOST_LINES },
      settings: { select_sequential_consistency: '1' },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #expired(removedUpTo: number, signal?: AbortSignal): Promise<readonly ExpiredOrder[]> {
    const { clickhouse, tables, book } = this.#parts;
    const entries = await book.withFewerRecords(FEWER_RECORDS, removedUpTo, MOST_LINES);
    this.#forgetAllBut(entries);
    const unknown = entries.filter(({ order }) => !this.#nothingLeft.has(order.id)).slice(0, COUNTED_A_LOOK);
    const ranges = unknown.map(({ order }) => order);
    const counts = await countRanges(clickhouse, tables, ranges, signal);
    const counted = unknown.map((entry, position) => {
      const left = counts[position] ?? 0;
      const order = { ...expiredOf(entry), lost: lostOf(entry, left) };
      if (left === 0) this.#nothingLeft.set(order.order, order);
      return order;
    });
    const ids = new Set(counted.map(({ order }) => order));
    const others = [...this.#nothingLeft.values()].filter(({ order }) => !ids.has(order));
    return [...others, ...counted].filter(({ lost }) => lost > 0);
  }

  #forgetAllBut(entries: readonly BookEntry[]): void {
    const ids = new Set(entries.map(({ order }) => order.id));
    for (const id of this.#nothingLeft.keys()) if (!ids.has(id)) this.#nothingLeft.delete(id);
  }
}

const nearRow = z.object({
  source: z.string(),
  records: z.number(),
  oldestSeconds: z.number(),
  state: z.enum(['not ordered', 'open', 'failed']),
  code: z.string(),
  allRecords: z.number(),
  sources: z.number(),
  lines: z.number(),
});

/**
 * Undelivered records that were inserted up to `upTo` (seconds), by bucket and by why they are undelivered, the oldest
 * first, with totals on every line: records behind the last order of their source, and open and failed orders that
 * begin by then. Orders that have lost records are left out: nothing can be done for these in time.
 */
function nearSql(tables: Tables): string {
  return `
    SELECT source, records, oldestSeconds, state, code,
      sum(records) OVER () AS allRecords, uniqExact(source) OVER () AS sources, count() OVER () AS lines
    FROM (
      SELECT bucketName AS source, count() AS records, toUnixTimestamp(min(insertedAt)) AS oldestSeconds,
        'not ordered' AS state, '' AS code
      FROM ${tables.logs} AS l
      LEFT JOIN (${positionsSql(tables)}) AS positions USING (bucketName, raftSessionID)
      WHERE ${ELIGIBLE_SQL} AND insertedAt <= toDateTime({upTo:UInt32})
        AND insertedAt >= reached.1 AND ${OFFSET_COLUMNS} > reached
      GROUP BY bucketName
      UNION ALL
      SELECT bucketName AS source,
        toUInt64(sum(orderedRecords - least(orderedRecords, arraySum(arrayMap(o -> o.3, objects))))) AS records,
        toUnixTimestamp(min(oldestInsertedAt)) AS oldestSeconds, toString(state) AS state, toString(failureCode) AS code
      FROM (SELECT * FROM ${tables.workOrders} FINAL) AS book
      WHERE book.state IN ('open', 'failed') AND oldestInsertedAt <= toDateTime({upTo:UInt32}, 'UTC')
        AND NOT (oldestInsertedAt <= toDateTime({removedUpTo:UInt32}, 'UTC') AND failureCode IN ${FEWER_RECORDS})
      GROUP BY bucketName, state, code
    )
    ORDER BY oldestSeconds, source, state, code
    LIMIT {most:UInt64}`;
}

function expiredOf({ order, failureCode }: BookEntry): Omit<ExpiredOrder, 'lost'> {
  return { order: order.id, source: order.source, code: failureCode };
}

/**
 * Records of an order that are gone for ever: neither in ClickHouse nor in a log object. Of records that are gone it
 * is not known whether they are among those that arrived in some of its targets, so this is a lower bound until none
 * is left.
 */
function lostOf({ order, objects }: BookEntry, left: number): number {
  return Math.max(0, order.records - Math.max(left, arrivedOf(objects)));
}

function isoSeconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}
