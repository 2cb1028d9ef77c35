import { z } from 'zod';
import { deliveredObjects } from '../order-entries.js';
import type { DeliveredObject, OrderState, Skip } from '../pipeline.js';
import { isoOf, timeColumn } from './mysql/times.js';
import { ARCHIVERS, KINDS, orderId, type TableOrder } from './order.js';

/** The columns of an order but for its runs of keys, which can be large. */
export const BOOK_COLUMNS = `id, archiver, kind, source_table, after_key, up_to_key, which_rows, records, checksum, first_key,
  first_at, oldest_at, state, ordered_at, updated_at, delivered_at, delivered_records, delivered_bytes, objects, failure_code,
  failure_reason, failing_since, skipped_by, skip_reason, skipped_records`;

const objectsColumn = z
  .string()
  .transform((text) => (text === '' ? [] : deliveredObjects.parse(JSON.parse(text))));

/** A row of the book, as {@link BOOK_COLUMNS} names its columns. */
export const bookRowSchema = z.object({
  id: z.string(),
  archiver: z.enum(ARCHIVERS),
  kind: z.enum(KINDS),
  source_table: z.string(),
  after_key: z.number(),
  up_to_key: z.number(),
  which_rows: z.string(),
  records: z.number(),
  checksum: z.string(),
  first_key: z.number(),
  first_at: timeColumn,
  oldest_at: timeColumn,
  state: z.enum(['open', 'failed', 'skipped', 'delivered']),
  ordered_at: timeColumn,
  updated_at: timeColumn,
  delivered_at: z.string().nullable(),
  delivered_records: z.number(),
  delivered_bytes: z.number(),
  objects: objectsColumn,
  failure_code: z.string(),
  failure_reason: z.string(),
  failing_since: z.string().nullable(),
  skipped_by: z.string(),
  skip_reason: z.string(),
  skipped_records: z.number(),
});

/** What the book says of an order. */
export interface BookEntry {
  readonly order: TableOrder;
  readonly checksum: string;
  readonly state: OrderState;
  readonly updatedAt: string;
  readonly deliveredAt: string | null;
  readonly deliveredRecords: number;
  readonly deliveredBytes: number;
  readonly objects: readonly DeliveredObject[];
  readonly failureCode: string;
  readonly failureReason: string;
  readonly failingSince: string | null;
  readonly skip: Skip | undefined;
}

/** The order's id in the book is not that of its boundaries: somebody wrote into the book. */
export class DamagedBookError extends Error {
  override readonly name = 'DamagedBookError';

  /** @param id as the book has it */
  constructor(id: string) {
    super(
      `work order ${id}: the order book has other boundaries for it than its id says; somebody changed the book`,
    );
  }
}

/** Reads a row of the book. */
export function bookEntryOf(row: z.infer<typeof bookRowSchema>): BookEntry {
  const order: TableOrder = {
    id: row.id,
    source: row.source_table,
    records: row.records,
    oldestAt: row.oldest_at,
    archiver: row.archiver,
    kind: row.kind,
    table: row.source_table,
    after: row.after_key,
    upTo: row.up_to_key,
    which: row.which_rows,
    firstKey: row.first_key,
    firstAt: row.first_at,
    orderedAt: row.ordered_at,
  };
  if (orderId(order) !== row.id) throw new DamagedBookError(row.id);
  return {
    order,
    checksum: row.checksum,
    state: row.state,
    updatedAt: row.updated_at,
    deliveredAt: row.delivered_at === null ? null : isoOf(row.delivered_at),
    deliveredRecords: row.delivered_records,
    deliveredBytes: row.delivered_bytes,
    objects: row.objects,
    failureCode: row.failure_code,
    failureReason: row.failure_reason,
    failingSince: row.failing_since === null ? null : isoOf(row.failing_since),
    skip:
      row.state === 'skipped'
        ? { by: row.skipped_by, reason: row.skip_reason, records: row.skipped_records, at: row.updated_at }
        : undefined,
  };
}
