import { z } from 'zod';
import type { DeliveredObject, Delivery, OrderState, Skip } from '../pipeline.js';
import { ACCESS_LOGS, type AccessLogOrder } from './order.js';
import { offsetFrom, offsetOrNull, rawOffsetSchema, type Offset } from './offset.js';

/** State of a row of the order book; `proposed` rows are not orders yet. */
export type RowState = OrderState | 'proposed';

/** What the order book says of an order. */
export interface BookEntry {
  readonly order: AccessLogOrder;
  readonly state: OrderState;
  readonly deliveredRecords: number;
  readonly objects: readonly DeliveredObject[];
  readonly failureCode: string;
  readonly failureReason: string;
  /** Which targets could not be delivered to. */
  readonly failureTargets: readonly string[];
  /** When it failed first, whatever was tried since, ISO 8601; undefined when it never did. */
  readonly failingSince: string | undefined;
  /** Every delivery, oldest first: several when late records have joined the order. */
  readonly deliveries: readonly Delivery[];
  /** Who gave the order up, and why; undefined unless it is skipped. */
  readonly skip: Skip | undefined;
  /** When the row was written, ISO 8601. */
  readonly updatedAt: string;
  readonly revision: number;
}

/** Records in the objects of an order that did arrive, in some of its targets or in all. */
export function arrivedOf(objects: BookEntry['objects']): number {
  return objects.reduce((sum, { records }) => sum + records, 0);
}

/** Revisions from here on belong to skipped orders. */
const SKIPPED_FROM = 1e15;
/** Revisions from here on belong to delivered orders; the records delivered are added. */
const DELIVERED_FROM = 2e15;

/**
 * The revision of a new row. ClickHouse keeps the row with the highest one, so it alone decides which of two
 * writers wins, whatever the moment at which they write:
 * - `proposed` is 0: any order outranks it;
 * - `open` and `failed` count upwards with each change, and never reach what stands above them: a process that
 *   was presumed dead may read the row of a delivery and then write that it failed;
 * - `skipped` outranks both, since it is an operator's last word on an order that is not delivered;
 * - `delivered` outranks everything, and of two deliveries the one with more records wins. So a process that was
 *   presumed dead can neither undo nor shrink what another one delivered.
 *
 * @param state state of the new row
 * @param previous revision of the row that the writer saw
 * @param deliveredRecords records delivered, for a delivered row
 */
export function revisionOf(state: RowState, previous: number, deliveredRecords = 0): number {
  switch (state) {
    case 'proposed':
      return 0;
    case 'open':
    case 'failed':
      return Math.min(previous + 1, SKIPPED_FROM - 1);
    case 'skipped':
      return SKIPPED_FROM + (previous % SKIPPED_FROM) + 1;
    case 'delivered':
      return DELIVERED_FROM + deliveredRecords;
  }
}

/** What a row says beside the order itself; what is left out is empty. */
export interface Outcome extends Partial<
  Pick<
    BookEntry,
    | 'deliveredRecords'
    | 'objects'
    | 'failureCode'
    | 'failureReason'
    | 'failureTargets'
    | 'failingSince'
    | 'deliveries'
    | 'skip'
  >
> {
  /** Where the first of the orders begins that were cut together; the order's own beginning when left out. */
  readonly batchAfter?: Offset | null;
  /** When the row is written, in ms; by the clock of this process when left out. */
  readonly updatedAtMs?: number;
  /** Until when a proposal may become an order, in ms by ClickHouse's clock; past for everything else. */
  readonly promoteBeforeMs?: number;
}

/** A row of the order book as it is inserted. */
export function rowOf(
  order: AccessLogOrder,
  state: RowState,
  revision: number,
  updatedBy: string,
  outcome: Outcome = {},
): Record<string, unknown> {
  const [afterInsertedAt, afterStartTime, afterReqId] = timesOf(order.after);
  const [upToInsertedAt, upToStartTime, upToReqId] = timesOf(order.upTo);
  const batchAfter = outcome.batchAfter === undefined ? order.after : outcome.batchAfter;
  return {
    orderId: order.id,
    bucketName: order.bucket,
    raftSessionID: order.raftSession,
    afterInsertedAt,
    afterStartTime,
    afterReqId,
    upToInsertedAt,
    upToStartTime,
    upToReqId,
    batchAfter: timesOf(batchAfter),
    firstStartTime: order.firstStartTime,
    oldestInsertedAt: order.oldestAt,
    orderedAt: order.orderedAt,
    orderedRecords: order.records,
    state,
    deliveredRecords: outcome.deliveredRecords ?? 0,
    objects: (outcome.objects ?? []).map(({ bucket, key, records, bytes, sha256 }) => ({
      bucket,
      key,
      records,
      bytes,
      sha256,
    })),
    objectPrefixes: (outcome.objects ?? []).map(({ prefix }) => prefix),
    deliveries: outcome.deliveries ?? [],
    skippedBy: outcome.skip?.by ?? '',
    skipReason: outcome.skip?.reason ?? '',
    skippedRecords: outcome.skip?.records ?? 0,
    failureCode: outcome.failureCode ?? '',
    failureReason: outcome.failureReason ?? '',
    failureTargets: outcome.failureTargets ?? [],
    failingSince: outcome.failingSince ?? EPOCH,
    promoteBefore: isoTime(outcome.promoteBeforeMs ?? 0),
    updatedAt: isoTime(outcome.updatedAtMs ?? Date.now()),
    updatedBy,
    revision,
  };
}

/** The parts of an offset as they are inserted; null is the very first one. */
function timesOf(offset: Offset | null): readonly [insertedAt: string, startTime: string, reqId: string] {
  return offset === null ? [EPOCH, EPOCH, ''] : [offset.insertedAt, offset.startTime, offset.reqId];
}

const EPOCH = isoTime(0);

/** A time as ClickHouse reads it out of JSON without any doubt about its zone. */
function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** The SELECT list that {@link bookEntryOf} reads. */
export const BOOK_COLUMNS = `orderId, bucketName, raftSessionID,
  (toUnixTimestamp(afterInsertedAt), toUnixTimestamp64Milli(afterStartTime), afterReqId) AS afterOffset,
  (toUnixTimestamp(upToInsertedAt), toUnixTimestamp64Milli(upToStartTime), upToReqId) AS upToOffset,
  toUnixTimestamp64Milli(firstStartTime) AS firstStartMs, toUnixTimestamp(oldestInsertedAt) AS oldestSeconds,
  toUnixTimestamp64Milli(orderedAt) AS orderedMs, orderedRecords, state, deliveredRecords,
  arrayMap(o -> (o.1, o.2, o.3, o.4, o.5), objects) AS objectTuples, objectPrefixes,
  arrayMap(d -> (toUnixTimestamp64Milli(d.1), d.2, d.3, d.4), deliveries) AS deliveryTuples,
  skippedBy, skipReason, skippedRecords, failureCode, failureReason, failureTargets,
  toUnixTimestamp64Milli(failingSince) AS failingMs, toUnixTimestamp64Milli(updatedAt) AS updatedMs, revision`;

/** Validates a row of {@link BOOK_COLUMNS}. */
export const bookRowSchema = z.object({
  orderId: z.string(),
  bucketName: z.string(),
  raftSessionID: z.number(),
  afterOffset: rawOffsetSchema,
  upToOffset: rawOffsetSchema,
  firstStartMs: z.number(),
  oldestSeconds: z.number(),
  orderedMs: z.number(),
  orderedRecords: z.number(),
  state: z.enum(['open', 'failed', 'skipped', 'delivered']),
  deliveredRecords: z.number(),
  objectTuples: z.array(z.tuple([z.string(), z.string(), z.number(), z.number(), z.string()])),
  objectPrefixes: z.array(z.string()),
  deliveryTuples: z.array(z.tuple([z.number(), z.number(), z.number(), z.string()])),
  skippedBy: z.string(),
  skipReason: z.string(),
  skippedRecords: z.number(),
  failureCode: z.string(),
  failureReason: z.string(),
  failureTargets: z.array(z.string()),
  failingMs: z.number(),
  updatedMs: z.number(),
  revision: z.number(),
});

/** Makes an entry of a row. */
export function bookEntryOf(row: z.infer<typeof bookRowSchema>): BookEntry {
  return {
    order: {
      id: row.orderId,
      source: row.bucketName,
      records: row.orderedRecords,
      oldestAt: new Date(row.oldestSeconds * 1000).toISOString().replace('.000Z', 'Z'),
      bucket: row.bucketName,
      raftSession: row.raftSessionID,
      after: offsetOrNull(row.afterOffset),
      upTo: offsetFrom(row.upToOffset),
      firstStartTime: new Date(row.firstStartMs).toISOString(),
      orderedAt: new Date(row.orderedMs).toISOString(),
    },
    state: row.state,
    deliveredRecords: row.deliveredRecords,
    objects: row.objectTuples.map(([bucket, key, records, bytes, sha256], position) => ({
      bucket,
      prefix: row.objectPrefixes[position] ?? '',
      key,
      records,
      bytes,
      sha256,
    })),
    failureCode: row.failureCode,
    failureReason: row.failureReason,
    failureTargets: row.failureTargets,
    failingSince: row.failingMs === 0 ? undefined : new Date(row.failingMs).toISOString(),
    deliveries: row.deliveryTuples.map(([atMs, records, bytes, by]) => ({
      at: new Date(atMs).toISOString(),
      records,
      bytes,
      by,
    })),
    skip:
      row.state === 'skipped'
        ? {
            by: row.skippedBy,
            reason: row.skipReason,
            records: row.skippedRecords,
            at: new Date(row.updatedMs).toISOString(),
          }
        : undefined,
    updatedAt: new Date(row.updatedMs).toISOString(),
    revision: row.revision,
  };
}

/** Who writes: pipeline, process and host, for the order book's `updatedBy`. */
export function writerName(hostname: string, pid: number): string {
  return `${ACCESS_LOGS}@${hostname}:${String(pid)}`;
}
