import pLimit from 'p-limit';
import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { Metrics } from '../../observability/metrics.js';
import type { Discovery, DiscoveryContext, DiscoveryShard } from '../pipeline.js';
import { orderOf, type AccessLogOrder } from './order.js';
import type { OrderBook } from './order-book.js';
import { cutNext, findReady, type ReadySource, type Thresholds } from './ready.js';

/** What discovery works with. */
export interface DiscoveryParts {
  readonly settings: Settings;
  readonly tables: Tables;
  readonly clickhouse: ClickHouse;
  readonly book: OrderBook;
  readonly metrics: Metrics;
}

/** Sources whose orders are cut at the same time; each is one query after the other. */
const CUTS_AT_A_TIME = 4;

/** Finds what is ready, cuts it into orders and writes them into the order book. */
export async function discover(
  parts: DiscoveryParts,
  context: DiscoveryContext,
): Promise<Discovery<AccessLogOrder>> {
  const { settings, book, metrics } = parts;
  const nowMs = await book.now();
  const deadlineMs = nowMs + context.leaseRemainingMs();
  const stop = metrics.discoverySeconds.startTimer();
  const countedUpTo = await countPassedOver(parts, context, nowMs);
  const room = settings['queue.max-outstanding-orders'] - (await book.countOpen());
  if (room <= 0) return { orders: [], countedUpTo, saturated: true };
  const wanted = await cutOrders(parts, context, nowMs, room, context.signal);
  const orders = await book.add(wanted, deadlineMs, context.signal);
  metrics.batchesFound.inc(orders.length);
  stop();
  return { orders, countedUpTo, saturated: wanted.length >= room };
}

/** The orders that a discovery would make at this moment, oldest first; writes nothing. */
export async function cutOrders(
  parts: Omit<DiscoveryParts, 'metrics' | 'book'>,
  shard: DiscoveryShard,
  nowMs: number,
  room: number,
  signal?: AbortSignal,
): Promise<AccessLogOrder[]> {
  const { settings, clickhouse, tables } = parts;
  const ready = await findReady(
    clickhouse,
    tables,
    thresholdsOf(settings),
    shard,
    Math.floor(nowMs / 1000),
    signal,
  );
  const limit = pLimit(CUTS_AT_A_TIME);
  const orderedAt = new Date(nowMs).toISOString();
  let left = room;
  const perSource = await limit.map(ready, async (source) => {
    const orders: AccessLogOrder[] = [];
    for await (const order of ordersOf(parts, source, orderedAt, signal)) {
      if (left <= 0) break;
      left -= 1;
      orders.push(order);
    }
    return orders;
  });
  return perSource.flat();
}

/** Cuts what a source has waiting into orders, one after the other. */
async function* ordersOf(
  { clickhouse, tables, settings }: Omit<DiscoveryParts, 'metrics' | 'book'>,
  source: ReadySource,
  orderedAt: string,
  signal?: AbortSignal,
): AsyncGenerator<AccessLogOrder> {
  const maxRecords = settings['consumer.max-logs-per-bucket'];
  const { bucket, raftSession, waiting } = source;
  let after = source.after;
  if (waiting.records <= maxRecords) {
    yield orderOf({ bucket, raftSession }, after, waiting, orderedAt);
    return;
  }
  for (;;) {
    const cut = await cutNext(
      clickhouse,
      tables,
      { bucket, raftSession },
      after,
      waiting.upTo,
      maxRecords,
      signal,
    );
    if (cut === undefined) return;
    yield orderOf({ bucket, raftSession }, after, cut, orderedAt);
    after = cut.upTo;
  }
}

function thresholdsOf(settings: Settings): Thresholds {
  return {
    countThreshold: settings['consumer.count-threshold'],
    timeThresholdSeconds: settings['consumer.time-threshold-seconds'],
    processingDelaySeconds: settings['consumer.processing-delay-seconds'],
    maxSources: settings['consumer.max-buckets-per-discovery'],
  };
}

/** How far back the first count of a deployment goes, or the first one after Redis was wiped. */
const FIRST_COUNT_SECONDS = 3600;

const passedOverRow = z.object({ loggingOff: z.number(), noTarget: z.number() });

/**
 * Counts the records that go nowhere and came in since the last count, so that operators see that they are passed
 * over on purpose. Each is counted once, as long as discoveries hand on how far they counted.
 *
 * @returns up to when records have been counted now, ISO 8601
 */
async function countPassedOver(
  parts: DiscoveryParts,
  context: DiscoveryContext,
  nowMs: number,
): Promise<string> {
  const { clickhouse, tables, settings, metrics } = parts;
  const upTo = Math.floor(nowMs / 1000) - settings['consumer.processing-delay-seconds'];
  const before = context.countedUpTo;
  const from = before === undefined ? upTo - FIRST_COUNT_SECONDS : Math.floor(Date.parse(before) / 1000);
  if (upTo <= from) return new Date(from * 1000).toISOString();
  const [row] = await clickhouse.query(
    passedOverRow,
    `SELECT countIf(NOT loggingEnabled) AS loggingOff, countIf(loggingEnabled AND loggingTargetBucket = '') AS noTarget
     FROM ${tables.logs}
     WHERE insertedAt > toDateTime({from:UInt32}) AND insertedAt <= toDateTime({upTo:UInt32})
       AND raftSessionID % {shards:UInt16} = {shard:UInt16}`,
    {
      doing: 'count the records that go nowhere',
      parameters: {
        from: Math.max(0, from),
        upTo: Math.max(0, upTo),
        shard: context.shard,
        shards: context.shards,
      },
      signal: context.signal,
    },
  );
  metrics.recordsPassedOver.inc({ reason: 'logging-off' }, row?.loggingOff ?? 0);
  metrics.recordsPassedOver.inc({ reason: 'no-target' }, row?.noTarget ?? 0);
  return new Date(upTo * 1000).toISOString();
}
