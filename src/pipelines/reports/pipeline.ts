import { storeAwayOf } from '../../destinations/errors.js';
import type { PipelineEngine } from '../engine.js';
import { AlreadyDeliveredError, engineAwayIn, NoSuchOrderError } from '../errors.js';
import type { Pipeline, PipelineStatus, Receipt, Skip, SkippedOrder } from '../pipeline.js';
import type { RetentionReport } from '../retention.js';
import { audit } from './audit.js';
import type { BookEntry } from './book/events.js';
import { deliver, type DeliverParts } from './deliver.js';
import { discover, preview, type DiscoverParts } from './discover.js';
import { reportsOrderSchema, type ReportsOrder } from './order.js';
import { countStates, isWaiting, reportsViews } from './views/views.js';

/** What the pipeline works with; its owner closes these. */
export interface ReportsParts extends DiscoverParts, DeliverParts {
  /** The archive as an engine. */
  readonly engine: PipelineEngine;
}

/** The reports pipeline: what a collector has in its spool, into an archive of compressed JSON lines. */
export function reportsPipeline(parts: ReportsParts): Pipeline<ReportsOrder> {
  const { name, book, engine } = parts;
  return {
    name,
    engines: [engine],
    // The spool and the book are on this machine's disk.
    needs: { discovery: [], delivery: [engine.engine] },
    engineAwayOf: (error) =>
      engineAwayIn(error, (cause) => (storeAwayOf(cause) === undefined ? undefined : engine.engine)),
    prepare: () => Promise.resolve({ applied: [] }),
    ...reportsViews(parts),
    orderSchema: reportsOrderSchema(name),
    // Each reads and compresses megabytes.
    isSmall: () => false,
    discover: (context) => discover(parts, context),
    preview: (signal = new AbortController().signal) => preview(parts, signal),
    outstanding: async ({ shard }) =>
      shard === 0 ? (await book.inState('open')).map(({ order }) => order) : [],
    deliver: (order, context) => deliver(parts, order, context),
    commit: (order, receipt) => commit(parts, order, receipt),
    fail: (order, failure) => book.markFailed(order.id, failure),
    failed: async (filter) =>
      (await book.failed(filter)).map(({ order, failure, updatedAt }) => ({
        order,
        code: failure?.code ?? '',
        reason: failure?.reason ?? '',
        failedAt: updatedAt,
      })),
    reopen: (orders) => book.reopen(orders.map(({ id }) => id)),
    find: (id) => book.find(id),
    skip: (which, given) => skip(parts, typeof which === 'string' ? which : which.id, given),
    // What is in the spool stays there until it is delivered: a full spool takes nothing more, and removes nothing.
    nearRetention: () => Promise.resolve(nothingExpires()),
    status: () => status(parts),
    audit: (options) => audit(parts, options),
    // A sealed segment never changes, so nothing can join an order.
    findLate: () =>
      Promise.resolve({ orders: [], records: 0, ordersExamined: 0, recordsExamined: 0, rowsRead: 0 }),
    close: () => Promise.resolve(),
  };
}

/**
 * Writes a delivery into the book, then removes what was delivered from the spool. A process that dies between the two
 * leaves the input behind; the next discovery removes it.
 */
async function commit(
  { book, inputs, metrics }: ReportsParts,
  { id }: ReportsOrder,
  receipt: Receipt,
): Promise<void> {
  const stop = metrics.commitSeconds.startTimer();
  await book.delivered(id, receipt);
  const entry = await book.find(id);
  if (entry?.state !== 'delivered')
    throw new Error(`the delivery of work order ${id} is not in the order book`);
  await inputs.remove(entry.order);
  stop();
  metrics.lagSeconds.observe(Math.max(0, (Date.now() - Date.parse(entry.order.oldestAt)) / 1000));
}

async function skip(
  { book, inputs }: ReportsParts,
  id: string,
  given: Pick<Skip, 'by' | 'reason'>,
): Promise<SkippedOrder<ReportsOrder>> {
  const before = entryToSkip(await book.find(id), id);
  if (before.skip !== undefined) return { order: before.order, skip: before.skip, already: true };
  await book.markSkipped(id, { ...given, records: before.order.records });
  const { order, skip: written } = entryToSkip(await book.find(id), id);
  if (written === undefined) throw new Error(`work order ${id} could not be given up; try again`);
  await inputs.setAside(order);
  return { order, skip: written };
}

function entryToSkip(entry: BookEntry | undefined, id: string): BookEntry {
  if (entry === undefined) throw new NoSuchOrderError(id);
  if (entry.state === 'delivered') throw new AlreadyDeliveredError(id);
  return entry;
}

async function status({ name, book }: ReportsParts): Promise<PipelineStatus> {
  const entries = await book.entries();
  const waiting = entries.filter(isWaiting);
  const oldest = waiting.map(({ order }) => Date.parse(order.oldestAt)).sort((a, b) => a - b)[0];
  const groups = new Map<string, BookEntry[]>();
  for (const entry of entries) {
    if (entry.state !== 'failed') continue;
    const key = JSON.stringify([entry.failure?.code, entry.failure?.reason]);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return {
    pipeline: name,
    undeliveredRecords: sum(waiting),
    oldestAgeSeconds: oldest === undefined ? null : Math.max(0, (Date.now() - oldest) / 1000),
    orders: countStates(entries),
    failures: [...groups.values()].map((group) => ({
      code: group[0]?.failure?.code ?? '',
      reason: group[0]?.failure?.reason ?? '',
      sources: [...new Set(group.map(({ order }) => order.source))].sort(),
      orderIds: group.slice(0, MOST_IDS).map(({ order }) => order.id),
      orders: group.length,
      records: sum(group),
    })),
    skippedRecords: sum(entries.filter(({ state }) => state === 'skipped')),
    nearRetention: nothingExpires(),
  };
}

/** Ids of failed orders that `status` names of a group. */
const MOST_IDS = 20;

function sum(entries: readonly BookEntry[]): number {
  return entries.reduce((total, { order }) => total + order.records, 0);
}

function nothingExpires(): RetentionReport {
  return {
    at: new Date().toISOString(),
    records: 0,
    sources: 0,
    deadline: null,
    expiring: [],
    complete: true,
    expired: [],
  };
}
