import type { FileStore } from '../../../destinations/file-store.js';
import type { Settings } from '../../../config/settings.js';
import type { OrderState } from '../../pipeline.js';
import type {
  FailedGroup,
  MinuteFigures,
  PipelineViews,
  SourceFigures,
  SourcesReport,
  Timeline,
  TimelineOrder,
  TimelinePage,
} from '../../views.js';
import type { Book } from '../book/book.js';
import type { BookEntry } from '../book/events.js';
import { sourceOf } from '../discover.js';
import type { Inputs } from '../inputs.js';
import { reportFileHead } from './object-head.js';
import { REPORTS_WORDS } from './words.js';

/** What the views are made of. */
export interface ViewParts {
  readonly settings: Settings;
  /** The pipeline's name. */
  readonly name: string;
  readonly book: Book;
  readonly inputs: Inputs;
  readonly store: FileStore;
}

/** What the dashboard shows of reports. A source is a collector, or all files that were taken in. */
export function reportsViews(parts: ViewParts): Required<PipelineViews> {
  return {
    words: REPORTS_WORDS,
    sources: () => sources(parts),
    failures: () => failures(parts.book),
    timeline: (source, page) => timeline(parts.book, source, page),
    figures: (fromMs, toMs) => figures(parts.book, fromMs, toMs),
    objectHead: (about, index, signal) => reportFileHead(parts, about, index, signal),
  };
}

/** How many orders are in each state. */
export function countStates(entries: readonly BookEntry[]): Record<OrderState, number> {
  const counts = { open: 0, failed: 0, skipped: 0, delivered: 0 };
  for (const { state } of entries) counts[state] += 1;
  return counts;
}

/** Tells whether an order's reports still have to be delivered. */
export function isWaiting({ state }: BookEntry): boolean {
  return state === 'open' || state === 'failed';
}

async function sources({ book, name, store }: ViewParts): Promise<SourcesReport> {
  const entries = await book.entries();
  const names = new Set([sourceOf(name), ...entries.map(({ order }) => order.source)]);
  return {
    at: new Date().toISOString(),
    sources: [...names].sort().map((source) => figuresOf(source, entries, store.place)),
    orders: countStates(entries),
  };
}

function figuresOf(source: string, entries: readonly BookEntry[], place: string): SourceFigures {
  let waitingRecords = 0;
  let oldestAt: string | null = null;
  let lastDeliveredAt: string | null = null;
  for (const entry of entries) {
    if (entry.order.source !== source) continue;
    if (isWaiting(entry)) {
      waitingRecords += entry.order.records;
      if (oldestAt === null || entry.order.oldestAt < oldestAt) oldestAt = entry.order.oldestAt;
    }
    const at = entry.delivery?.at;
    if (at !== undefined && (lastDeliveredAt === null || at > lastDeliveredAt)) lastDeliveredAt = at;
  }
  return { source, waitingRecords, oldestAt, lastDeliveredAt, targets: [place] };
}

async function failures(book: Book): Promise<readonly FailedGroup[]> {
  const groups = new Map<string, BookEntry[]>();
  for (const entry of await book.inState('failed')) {
    const key = JSON.stringify([entry.failure?.code, entry.failure?.targets]);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()].map(groupOf).sort((a, b) => b.orders - a.orders);
}

function groupOf(entries: readonly BookEntry[]): FailedGroup {
  const failed = entries.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const last = failed.toSorted((a, b) => (a.at < b.at ? 1 : -1))[0];
  return {
    code: last?.code ?? '',
    reason: last?.reason ?? '',
    targets: last?.targets ?? [],
    since: failed.map(({ since }) => since).sort()[0] ?? new Date().toISOString(),
    orders: entries.length,
    records: entries.reduce((sum, { order }) => sum + order.records, 0),
    sources: [...new Set(entries.map(({ order }) => order.source))].sort(),
    retentionEndsAt: null,
  };
}

async function timeline(book: Book, source: string, { page, pageSize }: TimelinePage): Promise<Timeline> {
  const entries = (await book.entries()).filter(({ order }) => order.source === source);
  const waiting = entries.filter(isWaiting);
  const oldestAt = waiting.map(({ order }) => order.oldestAt).sort()[0] ?? null;
  const newest = entries.toSorted(
    (a, b) => compare(b.order.orderedAt, a.order.orderedAt) || compare(b.order.input, a.order.input),
  );
  const done = entries.filter((entry) => !isWaiting(entry)).map(({ order }) => order.oldestAt);
  return {
    at: new Date().toISOString(),
    orders: newest.slice((page - 1) * pageSize, page * pageSize).map(timelineOrder),
    totalOrders: entries.length,
    waitingRecords: waiting.reduce((sum, { order }) => sum + order.records, 0),
    oldestAt,
    completeUpTo: done.length === 0 ? null : (oldestAt ?? done.sort().at(-1) ?? null),
    retentionEndsAt: null,
  };
}

function timelineOrder({
  order,
  state,
  updatedAt,
  failure,
  skip,
  objects,
  delivery,
}: BookEntry): TimelineOrder {
  const { id, orderedAt, records, oldestAt } = order;
  return {
    ...{ id, state, orderedAt, updatedAt, records, oldestAt, objects },
    deliveredRecords: delivery?.records ?? 0,
    failure: failure === undefined ? null : { code: failure.code, reason: failure.reason },
    skip: skip ?? null,
  };
}

const MINUTE_MS = 60_000;

async function figures(book: Book, fromMs: number, toMs: number): Promise<readonly MinuteFigures[]> {
  const minutes = new Map<number, { records: number; objects: number; failures: number; lags: number[] }>();
  for (const { state, updatedAt, objects, delivery, order } of await book.entries()) {
    const at = Date.parse(updatedAt);
    if (at < fromMs || at >= toMs || (state !== 'delivered' && state !== 'failed')) continue;
    const minute = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    const sum = minutes.get(minute) ?? { records: 0, objects: 0, failures: 0, lags: [] };
    minutes.set(minute, sum);
    if (state === 'failed') {
      sum.failures += 1;
      continue;
    }
    sum.records += delivery?.records ?? 0;
    sum.objects += objects.length;
    sum.lags.push(Math.max(0, (at - Date.parse(order.oldestAt)) / 1000));
  }
  return [...minutes]
    .sort(([a], [b]) => a - b)
    .map(([at, { lags, ...counts }]) => ({
      at: new Date(at).toISOString(),
      ...counts,
      lagP50Seconds: quantile(lags, 0.5),
      lagP99Seconds: quantile(lags, 0.99),
    }));
}

function quantile(values: readonly number[], part: number): number | null {
  return (
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? null
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
