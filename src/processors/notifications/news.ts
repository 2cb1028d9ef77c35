import type { FailedOrder, WorkOrder } from '../../pipelines/pipeline.js';

/** What was told of a source that is stuck. */
export interface Told {
  /** When the first of its orders failed, ISO 8601. */
  readonly since: string;
  /** When it was told last, ISO 8601. */
  readonly at: string;
  /** Ids of its orders that had failed: it has recovered when all of them are settled. */
  readonly orders: readonly string[];
}

/** A source that is stuck: orders of it have failed for good. */
export interface StuckSource {
  readonly source: string;
  readonly orders: number;
  readonly records: number;
  /** When the first of its orders failed, ISO 8601. */
  readonly since: string;
}

/** Sources that are stuck for the same reason, by name. */
export interface Cause {
  readonly code: string;
  readonly reason: string;
  readonly sources: readonly StuckSource[];
}

/** A source that was told of and is stuck no more: its orders were delivered, or given up. */
export interface RecoveredSource {
  readonly source: string;
  /** Since when it was stuck, ISO 8601. */
  readonly since: string;
}

/** What there is to tell. */
export interface StuckNews {
  /** Causes of what has become stuck, the one with the most sources first. */
  readonly stuck: readonly Cause[];
  /** Causes of what was told of long ago and is stuck still. */
  readonly still: readonly Cause[];
  readonly recovered: readonly RecoveredSource[];
  /** What will have been told once this is told, by source. */
  readonly told: ReadonlyMap<string, Told>;
}

/** What a look has found. */
export interface StuckLook {
  readonly failed: readonly FailedOrder<WorkOrder>[];
  /** Ids of the orders that are being tried again: of those it is not known yet what becomes of them. */
  readonly open: ReadonlySet<string>;
  /** When, ISO 8601. */
  readonly at: string;
  /** What stays stuck is told again after this time, in ms; 0 for never. */
  readonly repeatMs: number;
}

/**
 * Decides what to tell. An order that is tried again is neither news nor recovered: its source stays what it was until
 * the order is settled, or has failed again. A source is told once, however many of its orders fail and for whatever
 * reasons, and named under the reason of the order that failed last.
 */
export function stuckNews(look: StuckLook, told: ReadonlyMap<string, Told>): StuckNews {
  const bySource = groupBy(look.failed, ({ order }) => order.source);
  const fresh: FailedOrder<WorkOrder>[][] = [];
  const still: FailedOrder<WorkOrder>[][] = [];
  const next = new Map<string, Told>();
  for (const [source, failed] of bySource) {
    const before = told.get(source);
    const isDue =
      before !== undefined &&
      look.repeatMs > 0 &&
      Date.parse(look.at) - Date.parse(before.at) >= look.repeatMs;
    if (before === undefined) fresh.push(failed);
    else if (isDue) still.push(failed);
    next.set(source, {
      since: earliest([
        ...failed.map(({ failedAt }) => failedAt),
        ...(before === undefined ? [] : [before.since]),
      ]),
      at: before === undefined || isDue ? look.at : before.at,
      orders: idsOf(failed, before, look.open),
    });
  }
  const recovered: RecoveredSource[] = [];
  for (const [source, before] of told) {
    if (bySource.has(source)) continue;
    const tried = before.orders.filter((id) => look.open.has(id));
    if (tried.length === 0) recovered.push({ source, since: before.since });
    else next.set(source, { ...before, orders: tried });
  }
  return {
    stuck: causesOf(fresh),
    still: causesOf(still),
    recovered: recovered.sort(bySourceName),
    told: next,
  };
}

/** Orders of one source that are remembered; a source with more has recovered when these are settled. */
const MOST_ORDERS = 1000;

function idsOf(
  failed: readonly FailedOrder<WorkOrder>[],
  before: Told | undefined,
  open: ReadonlySet<string>,
): readonly string[] {
  const tried = before?.orders.filter((id) => open.has(id)) ?? [];
  return [...new Set([...failed.map(({ order }) => order.id), ...tried])].slice(0, MOST_ORDERS);
}

function causesOf(bySource: readonly (readonly FailedOrder<WorkOrder>[])[]): readonly Cause[] {
  const lasts = bySource.flatMap((failed) => {
    const last = failed.at(-1);
    return last === undefined ? [] : [{ last, failed }];
  });
  const groups = groupBy(lasts, ({ last }) => JSON.stringify([last.code, last.reason]));
  return [...groups.values()]
    .map((group) => ({
      code: group[0]?.last.code ?? '',
      reason: group[0]?.last.reason ?? '',
      sources: group.map(({ last, failed }) => stuckSourceOf(last.order.source, failed)).sort(bySourceName),
    }))
    .sort(
      (a, b) => b.sources.length - a.sources.length || byText(a.code, b.code) || byText(a.reason, b.reason),
    );
}

function stuckSourceOf(source: string, failed: readonly FailedOrder<WorkOrder>[]): StuckSource {
  return {
    source,
    orders: failed.length,
    records: failed.reduce((sum, { order }) => sum + order.records, 0),
    since: earliest(failed.map(({ failedAt }) => failedAt)),
  };
}

/** Node.js has it as Map.groupBy from version 21 on. */
function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

function earliest(times: readonly string[]): string {
  return times.reduce((least, time) => (Date.parse(time) < Date.parse(least) ? time : least), times[0] ?? '');
}

function bySourceName(a: { readonly source: string }, b: { readonly source: string }): number {
  return byText(a.source, b.source);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
