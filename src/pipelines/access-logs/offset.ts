import { z } from 'zod';
import type { Parameters } from '../../clickhouse/client.js';

/**
 * How far a source has been read: a composite that orders its records. Times are ISO 8601 in UTC and of fixed
 * width (whole seconds for insertedAt, ms for startTime), so that their order as text is their order in time.
 */
export interface Offset {
  readonly insertedAt: string;
  readonly startTime: string;
  readonly reqId: string;
}

/** Validates an offset that comes from outside, e.g. out of a job's payload. */
export const offsetSchema: z.ZodType<Offset> = z.object({
  insertedAt: z.iso.datetime({ precision: 0 }),
  startTime: z.iso.datetime({ precision: 3 }),
  reqId: z.string(),
});

/** The columns of an offset in the logs table, in the order in which they are compared. */
export const OFFSET_COLUMNS = '(insertedAt, startTime, req_id)';

/** An offset as ClickHouse answers it: seconds, milliseconds and text, under names with a common prefix. */
export type RawOffset = readonly [insertedAtSeconds: number, startTimeMs: number, reqId: string];

/** Validates a {@link RawOffset}. */
export const rawOffsetSchema: z.ZodType<RawOffset> = z.tuple([z.number(), z.number(), z.string()]);

/** SQL that turns a tuple of the offset columns into a {@link RawOffset}, whatever the server's time zone. */
export function rawOffsetSql(tuple: string): string {
  return `(toUnixTimestamp(${tuple}.1), toUnixTimestamp64Milli(${tuple}.2), ${tuple}.3)`;
}

/** Makes an offset of what ClickHouse answered. */
export function offsetFrom([seconds, milliseconds, reqId]: RawOffset): Offset {
  return {
    insertedAt: new Date(seconds * 1000).toISOString().replace('.000Z', 'Z'),
    startTime: new Date(milliseconds).toISOString(),
    reqId,
  };
}

/** Like {@link offsetFrom}, with the very first offset, which stands for "from the beginning", as null. */
export function offsetOrNull(raw: RawOffset): Offset | null {
  return raw[0] === 0 ? null : offsetFrom(raw);
}

/** Where an offset stands as numbers and text; null stands before every record. */
export function rawOffsetOf(offset: Offset | null): RawOffset {
  if (offset === null) return [0, 0, ''];
  return [Date.parse(offset.insertedAt) / 1000, Date.parse(offset.startTime), offset.reqId];
}

/**
 * The one comparison of offsets: negative when `a` stands before `b`, positive after, 0 for equal ones.
 * It agrees with ClickHouse's comparison of {@link OFFSET_COLUMNS}: request ids are compared byte by byte.
 */
export function compareOffsets(a: Offset | null, b: Offset | null): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  return (
    compareText(a.insertedAt, b.insertedAt) ||
    compareText(a.startTime, b.startTime) ||
    (a.reqId === b.reqId ? 0 : Buffer.compare(Buffer.from(a.reqId), Buffer.from(b.reqId)))
  );
}

/** Texts of one width, ASCII. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * SQL that holds for records in (after, upTo]; bind {@link rangeParameters} with the same suffix. The bounds on
 * insertedAt alone are implied by the others: they let ClickHouse skip partitions and granules.
 *
 * @param suffix tells the parameters of several ranges in one statement apart
 */
export function rangeSql(suffix = ''): string {
  const parameter = (name: string, type: string): string => `{${name}${suffix}:${type}}`;
  const after = `toDateTime(${parameter('afterInsertedAt', 'UInt32')})`;
  const upTo = `toDateTime(${parameter('upToInsertedAt', 'UInt32')})`;
  return `insertedAt >= ${after} AND insertedAt <= ${upTo}
    AND ${OFFSET_COLUMNS} > (${after}, fromUnixTimestamp64Milli(${parameter('afterStartTime', 'Int64')}), ${parameter('afterReqId', 'String')})
    AND ${OFFSET_COLUMNS} <= (${upTo}, fromUnixTimestamp64Milli(${parameter('upToStartTime', 'Int64')}), ${parameter('upToReqId', 'String')})`;
}

/** Values for {@link rangeSql}. */
export function rangeParameters(after: Offset | null, upTo: Offset, suffix = ''): Parameters {
  const [afterInsertedAt, afterStartTime, afterReqId] = rawOffsetOf(after);
  const [upToInsertedAt, upToStartTime, upToReqId] = rawOffsetOf(upTo);
  return {
    [`afterInsertedAt${suffix}`]: afterInsertedAt,
    [`afterStartTime${suffix}`]: afterStartTime,
    [`afterReqId${suffix}`]: afterReqId,
    [`upToInsertedAt${suffix}`]: upToInsertedAt,
    [`upToStartTime${suffix}`]: upToStartTime,
    [`upToReqId${suffix}`]: upToReqId,
  };
}
