import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Parameters } from '../../clickhouse/client.js';
import type { WorkOrder } from '../pipeline.js';
import { offsetSchema, rangeParameters, rawOffsetOf, rangeSql, type Offset } from './offset.js';

/** Name of this pipeline, in queues, keys, metrics and the order book. */
export const ACCESS_LOGS = 'access-logs';

/** Where access-log records come from: one source bucket on one raft session. */
export interface Source {
  readonly bucket: string;
  /** The shard key of the records (raftSessionID, UInt16). */
  readonly raftSession: number;
}

/** Boundaries of an order: the records of a source with offset in (after, upTo]. */
export interface Boundaries extends Source {
  /** null: from the very beginning. */
  readonly after: Offset | null;
  readonly upTo: Offset;
}

/** A work order for the access logs of one source. */
export interface AccessLogOrder extends WorkOrder, Boundaries {
  /** startTime of the order's first record in offset order, ISO 8601: the time in its keys, fixed when it was made. */
  readonly firstStartTime: string;
  /** When discovery made the order, ISO 8601. */
  readonly orderedAt: string;
}

/**
 * Validates an order that comes out of a job's payload. Its boundaries must be those of its id: what is committed is
 * what the payload says, and Redis must not be able to move that.
 */
export const accessLogOrderSchema: z.ZodType<AccessLogOrder> = z
  .object({
    id: z.string().regex(/^[0-9a-f]{16}$/),
    source: z.string(),
    records: z.int().nonnegative(),
    oldestAt: z.iso.datetime(),
    bucket: z.string().min(1),
    raftSession: z.int().min(0).max(65_535),
    after: offsetSchema.nullable(),
    upTo: offsetSchema,
    firstStartTime: z.iso.datetime({ precision: 3 }),
    orderedAt: z.iso.datetime({ precision: 3 }),
  })
  .refine((order) => orderId(order) === order.id, { error: 'the boundaries are not those of the id' });

/** What is counted when an order is cut. */
export interface Cut {
  readonly upTo: Offset;
  readonly records: number;
  /** startTime of the first record in offset order, ISO 8601. */
  readonly firstStartTime: string;
  /** insertedAt of the first record, ISO 8601. */
  readonly oldestAt: string;
}

/** Makes the order for a cut. Its id depends on source and boundaries alone. */
export function orderOf(source: Source, after: Offset | null, cut: Cut, orderedAt: string): AccessLogOrder {
  const { upTo, records, firstStartTime, oldestAt } = cut;
  const boundaries = { ...source, after, upTo };
  return {
    id: orderId(boundaries),
    source: source.bucket,
    records,
    oldestAt,
    ...boundaries,
    firstStartTime,
    orderedAt,
  };
}

/** The id of an order: the first 16 hex digits of a SHA-256 over pipeline, source and boundaries. */
export function orderId(boundaries: Boundaries): string {
  return digestOf(boundaries).toLowerCase();
}

/**
 * A digest of an order's identity, and of what else tells one of its objects from the others.
 *
 * @returns 16 upper-case hex digits
 */
export function digestOf(
  { bucket, raftSession, after, upTo }: Boundaries,
  ...more: readonly string[]
): string {
  const identity = JSON.stringify([
    ACCESS_LOGS,
    bucket,
    raftSession,
    rawOffsetOf(after),
    rawOffsetOf(upTo),
    ...more,
  ]);
  return createHash('sha256').update(identity).digest('hex').slice(0, 16).toUpperCase();
}

/** Records that are delivered at all: logging is on, and a target is named. */
export const ELIGIBLE_SQL = "loggingEnabled AND loggingTargetBucket != ''";

/** SQL that holds for the eligible records of an order; bind {@link orderParameters} with the same suffix. */
export function orderSql(suffix = ''): string {
  return `raftSessionID = {raftSession${suffix}:UInt16} AND bucketName = {bucket${suffix}:String}
    AND ${rangeSql(suffix)} AND ${ELIGIBLE_SQL}`;
}

/** Values for {@link orderSql}. */
export function orderParameters({ bucket, raftSession, after, upTo }: Boundaries, suffix = ''): Parameters {
  return {
    [`bucket${suffix}`]: bucket,
    [`raftSession${suffix}`]: raftSession,
    ...rangeParameters(after, upTo, suffix),
  };
}
