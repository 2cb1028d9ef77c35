import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { FailureGroup, PipelineStatus } from '../pipeline.js';
import type { BookEntry } from './book-row.js';
import { ACCESS_LOGS } from './order.js';
import type { OrderBook } from './order-book.js';
import { findReady } from './ready.js';

/** Sources that a group of failures names; more are only counted. */
const SOURCES_NAMED = 20;
/** Orders that a group of failures names. */
const ORDERS_NAMED = 5;

/** The state of the pipeline in figures. Reads the sorting key of all records that have not been ordered. */
export async function pipelineStatus(
  clickhouse: ClickHouse,
  tables: Tables,
  book: OrderBook,
): Promise<Omit<PipelineStatus, 'nearRetention'>> {
  const nowSeconds = Math.floor((await book.now()) / 1000);
  const everything = {
    countThreshold: 1,
    timeThresholdSeconds: 0,
    processingDelaySeconds: 0,
    maxSources: 1e9,
  };
  const waiting = await findReady(clickhouse, tables, everything, { shard: 0, shards: 1 }, nowSeconds);
  const [counts, skippedRecords, failed, open] = await Promise.all([
    book.counts(),
    book.skippedRecords(),
    book.failed({}),
    book.open({ shard: 0, shards: 1 }),
  ]);
  const undelivered = [
    ...waiting.map((source) => source.waiting),
    ...open,
    ...failed.map((entry) => entry.order),
  ];
  const oldest = Math.min(...undelivered.map(({ oldestAt }) => Date.parse(oldestAt) / 1000));
  return {
    pipeline: ACCESS_LOGS,
    undeliveredRecords: undelivered.reduce((sum, { records }) => sum + records, 0),
    oldestAgeSeconds: Number.isFinite(oldest) ? Math.max(0, nowSeconds - oldest) : null,
    orders: counts,
    failures: groupFailures(failed),
    skippedRecords,
  };
}

/** Groups failed orders by code and reason, the largest group first. */
export function groupFailures(failed: readonly BookEntry[]): readonly FailureGroup[] {
  const groups = new Map<string, BookEntry[]>();
  for (const entry of failed) {
    const key = `${entry.failureCode}\n${entry.failureReason}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return [...groups.values()]
    .map((entries) => ({
      code: entries[0]?.failureCode ?? '',
      reason: entries[0]?.failureReason ?? '',
      sources: [...new Set(entries.map((entry) => entry.order.source))].sort().slice(0, SOURCES_NAMED),
      orderIds: entries.slice(0, ORDERS_NAMED).map((entry) => entry.order.id),
      orders: entries.length,
      records: entries.reduce((sum, entry) => sum + entry.order.records, 0),
    }))
    .sort((a, b) => b.orders - a.orders);
}
