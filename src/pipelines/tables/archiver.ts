import { AlreadyDeliveredError, NoSuchOrderError } from '../errors.js';
import { failedOrder } from '../order-entries.js';
import type { FoundOrder, Pipeline, Skip, SkippedOrder } from '../pipeline.js';
import type { BookEntry } from './book-row.js';
import { tableOrderSchema, pipelineOf, type TableOrder } from './order.js';
import type { ArchiverParts } from './parts.js';
import { schemaStatements } from './mysql/schema.js';
import { prepareTables } from './prepare.js';
import { nothingExpires } from './retention.js';
import { statusOf } from './status.js';
import { failedGroups } from './views/failures.js';
import { figuresOf } from './views/figures.js';
import { sourcesOf } from './views/sources.js';
import { timelineOf } from './views/timeline.js';

/** What is the same for all archivers: their order book, and what is shown of it. */
export function bookkeeping(parts: ArchiverParts, place: string) {
  const { book, database, archiver } = parts;
  return {
    name: pipelineOf(archiver),
    timeoutSeconds: parts.settings['tables.delivery-timeout-seconds'],
    prepare: (options) => prepareTables(parts, options),
    schemaText: () => `${schemaStatements(parts.tables.map(({ table }) => table)).join(';\n')};`,
    orderSchema: tableOrderSchema,
    // A batch costs more to be asked for than to be waited for: each takes a worker.
    isSmall: () => false,
    outstanding: () => book.open(),
    commit: (order, receipt) => book.commit(order, receipt),
    fail: (order, failure) => book.fail(order, failure),
    failed: async (filter) => (await book.failed(filter)).map(failedOrder),
    reopen: (orders) => book.reopen(orders),
    find: async (id) => foundOf(await book.entry(id)),
    skip: (which, by) => skipOrder(parts, typeof which === 'string' ? which : which.id, by),
    nearRetention: async () => nothingExpires(await book.now()),
    status: () => statusOf(parts),
    sources: () => sourcesOf(parts, place),
    failures: () => failedGroups(database, archiver),
    timeline: (source, page) => timelineOf(parts, source, page),
    figures: (fromMs, toMs) => figuresOf(database, archiver, fromMs, toMs),
  } satisfies Partial<Pipeline<TableOrder>>;
}

function foundOf(entry: BookEntry | undefined): FoundOrder<TableOrder> | undefined {
  if (entry === undefined) return undefined;
  const { order, state, skip } = entry;
  return { order, state, ...(skip === undefined ? {} : { skip }) };
}

/**
 * Gives an order up.
 *
 * @throws {NoSuchOrderError} {@link AlreadyDeliveredError}
 */
async function skipOrder(
  { book }: ArchiverParts,
  id: string,
  { by, reason }: Pick<Skip, 'by' | 'reason'>,
): Promise<SkippedOrder<TableOrder>> {
  const before = await book.entry(id);
  if (before === undefined) throw new NoSuchOrderError(id);
  if (before.state === 'delivered') throw new AlreadyDeliveredError(id);
  if (before.skip !== undefined) return { order: before.order, skip: before.skip, already: true };
  await book.skip(before.order, { by, reason, records: before.order.records });
  const after = await book.entry(id);
  // A delivery that was under way has won.
  if (after?.skip === undefined) throw new AlreadyDeliveredError(id);
  return { order: after.order, skip: after.skip };
}
