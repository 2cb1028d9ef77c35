import { StoreError } from '../../destinations/errors.js';
import { DeliveryError } from '../errors.js';
import type { DeliveryContext, Receipt } from '../pipeline.js';
import type { BookEntry } from './book-row.js';
import type { Copier } from './destinations/copier.js';
import type { TableOrder } from './order.js';
import type { ArchiverParts } from './parts.js';
import { rowsOf, type RowsWanted } from './rows.js';
import { runsIn, type Run } from './runs.js';
import { selectionOf } from './selection.js';
import { formatRows } from './words.js';

/** The order book does not know an order. */
export class UnknownOrderError extends Error {
  override readonly name = 'UnknownOrderError';

  /** @param id the order's id */
  constructor(id: string) {
    super(
      `work order ${id} is not in the order book; remove its job, its rows will be ordered again if need be`,
    );
  }
}

/** Copies the rows of one order. What the order book says goes before what the job says. */
export async function deliverRows(
  parts: ArchiverParts,
  copier: Copier,
  job: TableOrder,
  { signal, report }: DeliveryContext,
): Promise<Receipt> {
  const { book, shapes } = parts;
  const entry = await book.entry(job.id);
  if (entry === undefined) throw new UnknownOrderError(job.id);
  if (entry.state === 'delivered' || entry.state === 'skipped') return receiptOf(entry, entry.state);
  const { order } = entry;
  const shape = await shapes.of(order.table);
  report(
    `${formatRows(order.records)} of ${order.table}, keys above ${String(order.after)} up to ${String(order.upTo)}`,
    0,
  );
  const wanted = await wantedOf(parts, entry);
  const selection = await selectionOf(parts, entry);
  try {
    const objects = await copier.copy({
      order,
      shape,
      selection,
      checksum: entry.checksum,
      rows: () => told(rowsOf(parts.database, shape, wanted(), signal), order, report),
      signal,
      tell: (step) => {
        report(step, 0);
      },
    });
    return {
      objects,
      records: order.records,
      bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
      earlier: [],
    };
  } catch (error) {
    throw explained(error, copier);
  }
}

/** What is wanted of a table for an order; a function, since each reading begins anew. */
async function wantedOf({ book }: ArchiverParts, { order, checksum }: BookEntry): Promise<() => RowsWanted> {
  const written = await book.runs(order.id);
  const { id, after, upTo, records } = order;
  const without = (): Iterable<Run> =>
    order.kind === 'late' ? around(runsIn(written, after), after, upTo) : runsIn(written, after);
  return () => ({ id, after, upTo, records, checksum, without: without() });
}

/** What lies between runs, and before and behind them. */
export function* around(runs: Iterable<Run>, after: number, upTo: number): Generator<Run> {
  let next = after + 1;
  for (const { from, to } of runs) {
    if (from > next) yield { from: next, to: from - 1 };
    next = to + 1;
  }
  if (next <= upTo) yield { from: next, to: upTo };
}

/** How often progress is told: each time so many percent more are done. */
const PERCENT_STEP = 5;

async function* told<Item>(
  batches: AsyncIterable<readonly Item[]>,
  { records }: TableOrder,
  report: DeliveryContext['report'],
): AsyncGenerator<readonly Item[], void> {
  let [done, saidPercent] = [0, 0];
  for await (const batch of batches) {
    yield batch;
    done += batch.length;
    const percent = Math.floor((100 * done) / Math.max(1, records));
    if (percent < saidPercent + PERCENT_STEP) continue;
    saidPercent = percent;
    report(`${formatRows(done)} are on their way`, Math.min(99, percent));
  }
}

function receiptOf(
  { objects, deliveredRecords, deliveredBytes }: BookEntry,
  already: 'delivered' | 'skipped',
): Receipt {
  return { objects, records: deliveredRecords, bytes: deliveredBytes, earlier: [], already };
}

/** What a destination answered, as the failure of a target; errors of the source stay as they are. */
function explained(error: unknown, { place }: Copier): unknown {
  if (!(error instanceof StoreError)) return error;
  const { code, permanent, message } = error;
  return new DeliveryError([{ target: place, code, permanent, message, cause: error }]);
}
