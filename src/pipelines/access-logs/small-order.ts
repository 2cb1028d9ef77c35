import { rawOffsetOf } from './offset.js';
import type { AccessLogOrder, Boundaries } from './order.js';

/** Orders of at most so many records are delivered in groups. */
export const SMALL_ORDER_RECORDS = 5000;

/** Records that one group of small orders may have: bounds what is in memory. */
export const RECORDS_A_GROUP = 20_000;

/** Rows that cost as much to be looked at as one record costs to be formatted. */
const ROWS_A_RECORD = 40;

const MINUTE = 60;

/** Tells whether an order has so few records that fetching them costs less than asking for them. */
export function isSmallOrder({ records }: Pick<AccessLogOrder, 'records'>): boolean {
  return records <= SMALL_ORDER_RECORDS;
}

/**
 * Tells whether an order is fetched together with others. A small piece of a bucket that is busy is not: all of the
 * bucket's rows between the first and the last record of the group would be looked at.
 */
export function isFetchedInGroup(order: AccessLogOrder): boolean {
  return isSmallOrder(order) && rowsLookedAt(order) <= SMALL_ORDER_RECORDS * ROWS_A_RECORD;
}

/** What an order adds to its group, in records. */
export function weightOf(order: AccessLogOrder): number {
  return Math.max(order.records, rowsLookedAt(order) / ROWS_A_RECORD);
}

/**
 * Orders are fetched together when they reach back about as far, and to about the same time: the statement reads from
 * the beginning of the first to the end of the last, and an order that begins days ago must not make it read
 * days of all the others.
 */
export function reachOf({ after, upTo }: Pick<Boundaries, 'after' | 'upTo'>): string {
  if (after === null) return 'beginning';
  const minutes = minutesOf(after, upTo);
  return `${String(minutes)}m/${String(Math.floor(rawOffsetOf(upTo)[0] / (minutes * MINUTE)))}`;
}

/** Length of a range in minutes, rounded up to a power of two. */
function minutesOf(...range: readonly [NonNullable<Boundaries['after']>, Boundaries['upTo']]): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, secondsOf(...range) / MINUTE)));
}

function secondsOf(after: NonNullable<Boundaries['after']>, upTo: Boundaries['upTo']): number {
  return rawOffsetOf(upTo)[0] - rawOffsetOf(after)[0];
}

/**
 * Rows of an order's source that a group is expected to look at, if its records keep coming as they came: those of
 * twice the minutes, which is as far as a group reaches.
 */
function rowsLookedAt({ records, after, upTo }: AccessLogOrder): number {
  if (after === null) return records;
  return (records * 2 * minutesOf(after, upTo) * MINUTE) / Math.max(1, secondsOf(after, upTo));
}
