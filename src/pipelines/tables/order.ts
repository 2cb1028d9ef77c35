import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { WorkOrder } from '../pipeline.js';

/** Where copies of tables go, as the status table names them; and what deletes. */
export const ARCHIVERS = ['clickhouse', 'bigquery', 'fileavro', 'gcsavro', 's3avro', 'cleanup'] as const;

/** See {@link ARCHIVERS}. */
export type Archiver = (typeof ARCHIVERS)[number];

/** The name of an archiver's pipeline. */
export function pipelineOf(archiver: Archiver): string {
  return `tables-${archiver}`;
}

/**
 * What an order asks for.
 *
 * - `range`: the rows that were there, behind the order before it
 * - `late`: rows that appeared in a range after it was ordered, each by its key
 * - `taken`: what another archiver had copied before; nothing is to be done
 * - `deletion`: the old rows of a range that every destination has
 */
export const KINDS = ['range', 'late', 'taken', 'deletion'] as const;

/** What tells one order from all others. */
export interface Identity {
  readonly archiver: Archiver;
  readonly kind: (typeof KINDS)[number];
  readonly table: string;
  /** Keys of its rows are above this. */
  readonly after: number;
  /** And not above this. */
  readonly upTo: number;
  /** Of late rows a digest of their keys; of deletions the time before which rows are old; else empty. */
  readonly which: string;
}

/** A work order for the rows of a table. */
export interface TableOrder extends WorkOrder, Identity {
  /** Key of the first row. */
  readonly firstKey: number;
  /** The time of the first row, ISO 8601: with the key it is the name of the file. */
  readonly firstAt: string;
  /** When discovery made the order, ISO 8601. */
  readonly orderedAt: string;
}

const key = z.int().min(-1);

/** Validates an order that comes out of a job's payload: its boundaries must be those of its id. */
export const tableOrderSchema: z.ZodType<TableOrder> = z
  .object({
    id: z.string().regex(/^[0-9a-f]{16}$/),
    source: z.string(),
    records: z.int().nonnegative(),
    oldestAt: z.iso.datetime(),
    archiver: z.enum(ARCHIVERS),
    kind: z.enum(KINDS),
    table: z.string().min(1).max(64),
    after: key,
    upTo: key,
    which: z.string().max(64),
    firstKey: key,
    firstAt: z.iso.datetime({ precision: 3 }),
    orderedAt: z.iso.datetime({ precision: 3 }),
  })
  .refine((order) => orderId(order) === order.id, { error: 'the boundaries are not those of the id' })
  .refine((order) => order.source === order.table, { error: 'the source is not the table' });

/** The id of an order: the first 16 hex digits of a SHA-256 over what tells it from all others. */
export function orderId({ archiver, kind, table, after, upTo, which }: Identity): string {
  const identity = JSON.stringify([pipelineOf(archiver), table, kind, after, upTo, which]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 16);
}

/** Makes an order; its id follows from its boundaries. */
export function orderOf(given: Omit<TableOrder, 'id' | 'source'>): TableOrder {
  return { id: orderId(given), source: given.table, ...given };
}
