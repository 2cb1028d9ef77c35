import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { ExpiredOrder, ExpiringRecords, RetentionReport } from '../retention.js';
import { arrivedOf, type BookEntry } from './book-row.js';
import type { StateReader } from './circumstances.js';
import { countRanges } from './count-ranges.js';
import type { NotOrdered } from './not-ordered.js';
import type { OrderBook } from './order-book.js';
import type { ReadySource } from './ready.js';

/** What looking at retention works with. */
export interface RetentionParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly book: OrderBook;
  readonly state: StateReader;
  /** Finds the records that no order has; what it has found it keeps. */
  readonly notOrdered: NotOrdered;
}

/** Lines of one report; what is beyond is only counted. */
const MOST_LINES = 1000;
/** Orders with lost records of which one look counts what is left; the next look goes on with others. */
const COUNTED_A_LOOK = 100;
/** Failures that say that ClickHouse has fewer records of an order than before. */
const FEWER_RECORDS: readonly string[] = ['MissingRecordsError', 'ShrunkObjectError'];

/** Finds undelivered records that ClickHouse will soon remove, or has removed. */
export class NearRetention {
  readonly #parts: RetentionParts;
  /** Orders of which no record is left: what they have lost is known for good. */
  readonly #nothingLeft = new Map<string, ExpiredOrder>();
  #looking: Promise<RetentionReport> | undefined;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /**
   * Looks once, at the records of {@link NotOrdered} and at the orders of the book that are not settled. Those who ask
   * during a look share it.
   */
  look(signal?: AbortSignal): Promise<RetentionReport> {
    this.#looking ??= this.#look(signal).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(signal?: AbortSignal): Promise<RetentionReport> {
    const { settings, book, notOrdered } = this.#parts;
    const state = await this.#parts.state.read(signal);
    const retentionSeconds = Math.round(settings['retention.record-hours'] * 3600);
    const warnSeconds = Math.round(settings['retention.warn-before-hours'] * 3600);
    const removedUpTo = Math.max(0, state.now - retentionSeconds);
    const upTo = Math.max(0, removedUpTo + warnSeconds);
    const waiting = await notOrdered.look(upTo, removedUpTo, state, signal);
    const entries = await book.unsettledUpTo(upTo);
    const isLost = ({ order, failureCode }: BookEntry): boolean =>
      Date.parse(order.oldestAt) / 1000 <= removedUpTo && FEWER_RECORDS.includes(failureCode);
    const near = nearLines(
      waiting,
      entries.filter((entry) => !isLost(entry)),
    );
    const expired = await this.#expired(entries.filter(isLost).slice(0, MOST_LINES), signal);
    const deadlineOf = (oldestSeconds: number): string => isoSeconds(oldestSeconds + retentionSeconds);
    const [first] = near;
    return {
      at: isoSeconds(state.now),
      records: near.reduce((sum, { records }) => sum + records, 0),
      sources: new Set(near.map(({ source }) => source)).size,
      deadline: first === undefined ? null : deadlineOf(first.oldestSeconds),
      expiring: near.slice(0, MOST_LINES).map(({ source, records, oldestSeconds, state: where, code }) => ({
        source,
        records,
        oldestAt: isoSeconds(oldestSeconds),
        deadline: deadlineOf(oldestSeconds),
        state: where,
        code,
      })),
      complete: near.length <= MOST_LINES,
      expired,
    };
  }

  async #expired(entries: readonly BookEntry[], signal?: AbortSignal): Promise<readonly ExpiredOrder[]> {
    const { clickhouse, tables } = this.#parts;
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

interface NearLine extends Pick<ExpiringRecords, 'source' | 'records' | 'state' | 'code'> {
  readonly oldestSeconds: number;
}

/** Undelivered records by bucket and by why they are undelivered, the oldest first. */
function nearLines(waiting: readonly ReadySource[], entries: readonly BookEntry[]): NearLine[] {
  const lines = new Map<string, NearLine>();
  const add = (line: NearLine): void => {
    const key = JSON.stringify([line.source, line.state, line.code]);
    const before = lines.get(key);
    lines.set(key, {
      ...line,
      records: line.records + (before?.records ?? 0),
      oldestSeconds: Math.min(line.oldestSeconds, before?.oldestSeconds ?? Infinity),
    });
  };
  for (const { bucket, waiting: cut } of waiting) {
    const oldestSeconds = Date.parse(cut.oldestAt) / 1000;
    add({ source: bucket, records: cut.records, oldestSeconds, state: 'not ordered', code: '' });
  }
  for (const { order, state, objects, failureCode } of entries) {
    add({
      source: order.source,
      records: Math.max(0, order.records - arrivedOf(objects)),
      oldestSeconds: Date.parse(order.oldestAt) / 1000,
      state: state === 'failed' ? 'failed' : 'open',
      code: failureCode,
    });
  }
  const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...lines.values()].sort(
    (a, b) =>
      a.oldestSeconds - b.oldestSeconds ||
      byText(a.source, b.source) ||
      byText(a.state, b.state) ||
      byText(a.code, b.code),
  );
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
