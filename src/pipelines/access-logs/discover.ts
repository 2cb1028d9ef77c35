import pLimit from 'p-limit';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { Metrics } from '../../observability/metrics.js';
import { ATTRIBUTE, type Tracing } from '../../observability/tracing.js';
import type { Discovery, DiscoveryContext } from '../pipeline.js';
import { finderIn, type Candidate } from './candidates.js';
import type { StateReader, StoreState } from './circumstances.js';
import { cutSome } from './cut.js';
import { compareOffsets } from './offset.js';
import { orderOf, type AccessLogOrder } from './order.js';
import type { OrderBook } from './order-book.js';
import { countPassedOver } from './passed-over.js';
import {
  planLook,
  progressAfter,
  progressFrom,
  type Circumstances,
  type Left,
  type Look,
} from './progress.js';
import { findReady, type ReadySource, type Thresholds } from './ready.js';
import { findWaiting, leftOf, type Readiness, type Waiting } from './waiting.js';

/** What discovery works with. */
export interface DiscoveryParts {
  readonly settings: Settings;
  readonly tables: Tables;
  readonly clickhouse: ClickHouse;
  readonly book: OrderBook;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  readonly state: StateReader;
  /** Sources of which somebody knows that records wait there that a look may not find by itself. */
  readonly suspects: { readonly sources: readonly Candidate[] };
}

/** Sources whose orders are cut at the same time; each is one query after the other. */
const CUTS_AT_A_TIME = 4;
/** Sources at a time, once the oldest have been ordered. */
const FURTHER_SOURCES = 1000;
/** Orders of one source that one discovery makes at most; the others come next. */
const MOST_ORDERS_A_SOURCE = 5000;
/** How far back positions are looked for among the orders of all sources, in seconds. */
const RECENT = 3600;

/** Finds what is ready, cuts it into orders and writes them into the order book. */
export async function discover(
  parts: DiscoveryParts,
  context: DiscoveryContext<AccessLogOrder>,
): Promise<Discovery<AccessLogOrder>> {
  const { settings, book, metrics, clickhouse, tables } = parts;
  const { shard, shards, signal } = context;
  const stop = metrics.discoverySeconds.startTimer();
  const state = await parts.state.read(signal);
  const counted = await countPassedOver(parts, context, state);
  const room = settings['queue.max-outstanding-orders'] - (await book.countOpen());
  const handedOn = context.progress === undefined ? {} : { progress: context.progress };
  if (room <= 0) return { orders: [], ...counted, ...handedOn, saturated: true, rowsRead: 0 };
  const before = progressFrom(context.progress, state.identity);
  const given = circumstances(settings, state);
  const look = planLook(before, given);
  const bounds = { shard, shards, horizon: given.horizon, recentFrom: recentFrom(look, given) };
  const meter = { rowsRead: 0 };
  const waiting = await findWaiting(
    finderIn({ clickhouse, tables, meter }),
    look,
    bounds,
    readinessOf(settings, given.now),
    parts.suspects.sources,
    signal,
  );
  const { orders, saturated } = await orderAll(parts, context, waiting, new Date(given.now * 1000), room);
  metrics.batchesFound.inc(orders.length);
  stop();
  const left = leftOf(waiting.candidates, orders);
  return {
    orders,
    ...counted,
    progress: JSON.stringify(progressAfter(before, state.identity, look, given, left)),
    waitingSince: sinceOf(left),
    saturated,
    rowsRead: meter.rowsRead,
  };
}

/** Orders what waits: as many sources as the settings say, and as long as somebody takes the orders the others too. */
async function orderAll(
  parts: DiscoveryParts,
  context: DiscoveryContext<AccessLogOrder>,
  waiting: Waiting,
  at: Date,
  room: number,
): Promise<{ readonly orders: readonly AccessLogOrder[]; readonly saturated: boolean }> {
  const { settings, book } = parts;
  const { signal } = context;
  const all: AccessLogOrder[] = [];
  let [left, most] = [room, settings['consumer.max-buckets-per-discovery']];
  for (;;) {
    const ready = await waiting.next(most, signal);
    const wanted = await (parts.tracing === undefined
      ? cutOrders(parts, ready, at, left, signal)
      : cutTraced(parts.tracing, parts, ready, at, left, signal));
    left -= wanted.length;
    // The lease has been renewed meanwhile: what is certain of it counts from now.
    const deadlineMs = (await book.now()) + context.leaseRemainingMs();
    const orders = await book.add(wanted, deadlineMs, signal);
    all.push(...orders);
    const isTaken = (await context.take?.(orders)) ?? false;
    if (!isTaken || orders.length === 0 || left <= 0 || !waiting.hasMore)
      return { orders: all, saturated: left <= 0 };
    most = Math.max(most, FURTHER_SOURCES);
  }
}

function sinceOf(left: readonly Left[]): string | null {
  const first = left.reduce((least, { firstSeconds = Infinity }) => Math.min(least, firstSeconds), Infinity);
  return Number.isFinite(first) ? new Date(first * 1000).toISOString() : null;
}

function circumstances(settings: Settings, state: StoreState): Circumstances {
  const { now, upSince, trustedFrom } = state;
  const horizon = Math.max(0, now - settings['consumer.processing-delay-seconds']);
  const retainedFrom = now - Math.ceil(settings['retention.record-hours'] * 3600);
  return { now, horizon, upSince, trustedFrom, retainedFrom };
}

/** A scan of everything needs all positions; else most sources have an order of the last hour. Seconds since 1970. */
export function recentFrom({ scanFrom }: Look, { horizon }: Circumstances): number {
  return scanFrom === 0 ? 0 : Math.max(0, Math.min(scanFrom ?? horizon, horizon - RECENT));
}

function readinessOf(settings: Settings, now: number): Readiness {
  return {
    countThreshold: settings['consumer.count-threshold'],
    oldEnough: Math.max(0, now - settings['consumer.time-threshold-seconds']),
  };
}

/** What a discovery would order at this moment, oldest first, as if none had ever looked; writes nothing. */
export async function previewOrders(
  parts: Pick<DiscoveryParts, 'settings' | 'clickhouse' | 'tables' | 'book'>,
  signal?: AbortSignal,
): Promise<AccessLogOrder[]> {
  const { clickhouse, tables, settings } = parts;
  const nowMs = await parts.book.now();
  const whole = { shard: 0, shards: 1 };
  const thresholds = thresholdsOf(settings);
  const ready = await findReady(clickhouse, tables, thresholds, whole, Math.floor(nowMs / 1000), signal);
  return cutOrders(parts, ready, new Date(nowMs), Infinity, signal);
}

/** Cuts what is ready into orders, no more than there is room for. */
async function cutOrders(
  parts: OrdersParts,
  ready: readonly ReadySource[],
  at: Date,
  room: number,
  signal?: AbortSignal,
): Promise<AccessLogOrder[]> {
  const limit = pLimit(CUTS_AT_A_TIME);
  let left = room;
  const perSource = await limit.map(ready, async (source) => {
    const orders: AccessLogOrder[] = [];
    for await (const order of ordersOf(parts, source, at.toISOString(), signal)) {
      if (left <= 0) break;
      left -= 1;
      orders.push(order);
      if (orders.length >= MOST_ORDERS_A_SOURCE) break;
    }
    return orders;
  });
  return perSource.flat();
}

/** {@link cutOrders} within a span. */
function cutTraced(tracing: Tracing, ...all: Parameters<typeof cutOrders>): Promise<AccessLogOrder[]> {
  const [, ready] = all;
  return tracing.during(
    'cut orders',
    { 'log_courier.sources': ready.length },
    () => cutOrders(...all),
    (orders) => ({ [ATTRIBUTE.orders]: orders.length }),
  );
}

/** What orders are cut with. */
type OrdersParts = Pick<DiscoveryParts, 'settings' | 'clickhouse' | 'tables'>;

/** Cuts what a source has waiting into orders, one after the other. */
async function* ordersOf(
  { clickhouse, tables, settings }: OrdersParts,
  source: ReadySource,
  orderedAt: string,
  signal?: AbortSignal,
): AsyncGenerator<AccessLogOrder> {
  const maxRecords = settings['consumer.max-logs-per-bucket'];
  const { bucket, raftSession, waiting } = source;
  const cutParts = { clickhouse, tables, signal };
  let after = source.after;
  if (waiting.records <= maxRecords) {
    yield orderOf({ bucket, raftSession }, after, waiting, orderedAt);
    return;
  }
  while (compareOffsets(after, waiting.upTo) < 0) {
    const range = { source: { bucket, raftSession }, after, upTo: waiting.upTo };
    const cuts = await cutSome(cutParts, range, maxRecords);
    if (cuts.length === 0) return;
    for (const cut of cuts) {
      yield orderOf({ bucket, raftSession }, after, cut, orderedAt);
      after = cut.upTo;
    }
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
