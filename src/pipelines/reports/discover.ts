import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';
import type { Metrics } from '../../observability/metrics.js';
import type { Discovery, DiscoveryContext } from '../pipeline.js';
import type { Book } from './book/book.js';
import type { BookEntry } from './book/events.js';
import type { TakenFiles } from './import/taken.js';
import type { Inputs, ListedInput } from './inputs.js';
import { orderId, type ReportsOrder } from './order.js';

/** What discovery works with. */
export interface DiscoverParts {
  readonly settings: Settings;
  /** The pipeline's name, which is part of ids. */
  readonly name: string;
  readonly book: Book;
  readonly inputs: Inputs;
  readonly taken: TakenFiles;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** What files are from, as orders name it. */
export const FILES_SOURCE = 'files';

/** What a collector's segments are from, as orders name it. */
export function sourceOf(name: string): string {
  return name.replace(/^reports-?/, '') || 'collector';
}

/**
 * Makes an order of each sealed segment and each file that has none, and clears away what a crash left behind: inputs
 * of orders that are delivered, or given up. Running twice at the same time does no harm: an order's id follows from
 * its input.
 */
export async function discover(
  parts: DiscoverParts,
  context: DiscoveryContext<ReportsOrder>,
): Promise<Discovery<ReportsOrder>> {
  const { settings, book, metrics, log } = parts;
  const { signal } = context;
  const stop = metrics.discoverySeconds.startTimer();
  const made: ReportsOrder[] = [];
  let rowsRead = 0;
  let saturated = false;
  if (context.shard === 0) {
    let open = (await book.inState('open')).length;
    let batch: ReportsOrder[] = [];
    const flush = async (): Promise<boolean> => {
      if (batch.length === 0) return true;
      if (context.leaseRemainingMs() <= 0) throw new Error('the time for this discovery is up');
      const orders = await addOrders(parts, batch);
      batch = [];
      made.push(...orders);
      metrics.batchesFound.inc(orders.length);
      return (await context.take?.(orders)) ?? true;
    };
    for (const listed of await parts.inputs.list()) {
      signal.throwIfAborted();
      if (await isKnown(parts, listed, signal)) continue;
      if (open >= settings['queue.max-outstanding-orders']) {
        saturated = true;
        break;
      }
      const order = await orderFor(parts, listed, batch, signal);
      rowsRead += order?.records ?? 0;
      if (order === undefined) continue;
      batch.push(order);
      open += 1;
      if (batch.length >= BATCH && !(await flush())) break;
    }
    await flush();
    await forget(parts);
  }
  stop();
  if (saturated) log.warn({ pipeline: parts.name }, 'too many work orders are open to make further ones');
  return { orders: made, countedUpTo: new Date().toISOString(), waitingSince: null, saturated, rowsRead };
}

/** Orders that are written and enqueued together. */
const BATCH = 100;

/** What {@link discover} would order. */
export async function preview(parts: DiscoverParts, signal: AbortSignal): Promise<readonly ReportsOrder[]> {
  await parts.book.entries();
  const orders: ReportsOrder[] = [];
  for (const listed of await parts.inputs.list()) {
    if (parts.book.ofInput(listed.kind, listed.input) !== undefined) continue;
    const order = await makeOrder(parts, listed, orders, signal);
    if ((await parts.book.find(order.id)) === undefined) orders.push(order);
  }
  return orders.sort((a, b) => (a.oldestAt < b.oldestAt ? -1 : a.oldestAt > b.oldestAt ? 1 : 0));
}

/** Writes orders into the book, and answers those that are open as the book has them. */
async function addOrders(
  { book, taken }: DiscoverParts,
  orders: readonly ReportsOrder[],
): Promise<ReportsOrder[]> {
  // Known before they can be delivered and removed: else one could be taken in once more.
  await taken.note(orders.filter(({ kind }) => kind === 'file'));
  await book.add(orders);
  const added: ReportsOrder[] = [];
  for (const { id } of orders) {
    const entry = await book.find(id);
    if (entry?.state === 'open') added.push(entry.order);
  }
  return added;
}

/** Tells whether there is nothing to order, having cleared away what is no longer needed. */
async function isKnown(parts: DiscoverParts, listed: ListedInput, signal: AbortSignal): Promise<boolean> {
  const entry = parts.book.ofInput(listed.kind, listed.input);
  if (entry?.order.bytes !== listed.bytes) return false;
  if (entry.state === 'open' || entry.state === 'failed') return true;
  const { digest } = await parts.inputs.scan(listed, signal);
  if (digest !== entry.order.digest) return false;
  await clearAway(parts, listed, entry);
  return true;
}

async function clearAway(
  { inputs, log }: DiscoverParts,
  listed: ListedInput,
  { state, order }: BookEntry,
): Promise<void> {
  if (state === 'delivered') {
    await inputs.remove(listed);
    log.info({ order: order.id, input: listed.input }, 'removed what was delivered and left behind');
  }
  if (state === 'skipped') await inputs.setAside(listed);
}

/** The order for an input; undefined when the book has it under another name, which is then cleared away. */
async function orderFor(
  parts: DiscoverParts,
  listed: ListedInput,
  before: readonly ReportsOrder[],
  signal: AbortSignal,
): Promise<ReportsOrder | undefined> {
  const order = await makeOrder(parts, listed, before, signal);
  if (before.some(({ id }) => id === order.id)) return undefined;
  const entry = await parts.book.find(order.id);
  if (entry === undefined) return order;
  await clearAway(parts, listed, entry);
  return undefined;
}

async function makeOrder(
  { inputs, book, name, log }: DiscoverParts,
  listed: ListedInput,
  before: readonly ReportsOrder[],
  signal: AbortSignal,
): Promise<ReportsOrder> {
  const { kind, input, bytes, digest, records, firstMs, damage } = await inputs.scan(listed, signal);
  if (damage !== undefined) log.error({ input, damage }, 'what is to be delivered is damaged');
  const time = new Date(firstMs).toISOString();
  const rank = before.filter((order) => order.time === time).length + book.nextRank(time);
  return {
    id: orderId(name, { kind, input, bytes, digest }),
    source: kind === 'file' ? FILES_SOURCE : sourceOf(name),
    records,
    oldestAt: time,
    ...{ kind, input, bytes, digest, time, rank },
    orderedAt: new Date().toISOString(),
  };
}

/** Orders whose input is still there stay in the book, however old. */
async function forget({ book, inputs }: DiscoverParts): Promise<void> {
  const there = new Set((await inputs.list()).map(({ kind, input }) => `${kind}/${input}`));
  await book.forget(({ order: { kind, input } }) => there.has(`${kind}/${input}`));
}
