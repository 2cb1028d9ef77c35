import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { WorkOrder } from '../pipeline.js';

/** What an order's reports are in: a sealed segment of the spool, or a file that was taken in. */
export type InputKind = 'segment' | 'file';

/** What an order delivers: one input, whole. */
export interface Input {
  readonly kind: InputKind;
  /** Its name in its folder of the spool. */
  readonly input: string;
  /** Bytes of the input as it lies in the spool. */
  readonly bytes: number;
  /** SHA-256 of the input as it lies in the spool, hex: what is delivered can be nothing else. */
  readonly digest: string;
}

/** A work order for reports: one sealed segment, or one file, whole. */
export interface ReportsOrder extends WorkOrder, Input {
  /** When its first report came in, ISO 8601 with ms: the time in the names of its files. */
  readonly time: string;
  /** How many earlier inputs have the same time: it tells their files apart. */
  readonly rank: number;
  /** When discovery made the order, ISO 8601. */
  readonly orderedAt: string;
}

const time = (): z.ZodISODateTime => z.iso.datetime({ precision: 3 });

/** Validates what is in a job's payload or in the book, but for the id. */
export const storedOrderSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  source: z.string().min(1),
  records: z.int().nonnegative(),
  oldestAt: time(),
  kind: z.enum(['segment', 'file']),
  input: z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/),
  bytes: z.int().nonnegative(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  time: time(),
  rank: z.int().nonnegative(),
  orderedAt: time(),
});

/** Validates an order of a pipeline that comes out of a job's payload: its input must be that of its id. */
export function reportsOrderSchema(pipeline: string): z.ZodType<ReportsOrder> {
  return storedOrderSchema.refine((order) => orderId(pipeline, order) === order.id, {
    error: 'the input is not that of the id',
  });
}

/**
 * The id of an order: the first 16 hex digits of a SHA-256 over the pipeline's name and the input. A file is the same
 * whatever its name, so one that is taken in twice makes one order.
 */
export function orderId(pipeline: string, { kind, input, bytes, digest }: Input): string {
  const identity = JSON.stringify([pipeline, kind, kind === 'file' ? '' : input, bytes, digest]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 16);
}
