import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { Metrics } from '../../observability/metrics.js';
import type { DiscoveryContext } from '../pipeline.js';
import type { StoreState } from './circumstances.js';

/** What counting works with. */
export interface PassedOverParts {
  readonly settings: Settings;
  readonly tables: Tables;
  readonly clickhouse: ClickHouse;
  readonly metrics: Metrics;
}

/** How far back the first count of a deployment goes, or the first one after Redis was wiped, in seconds. */
const FIRST_COUNT_SECONDS = 3600;
/** How far back a count that scans the logs goes at most, in seconds. */
const LONGEST_SCAN_SECONDS = 6 * 3600;
/** A minute of arrivals is counted so long after it has begun, in seconds. */
const MINUTE_IS_WHOLE_AFTER = 120;

const passedOverRow = z.object({ loggingOff: z.number(), noTarget: z.number() });

/**
 * Counts the records that go nowhere and came in since the last count, so that operators see that they are passed
 * over on purpose. Each is counted once, as long as discoveries hand on how far they counted: by whole minutes in which
 * they arrived, as soon as the arrivals are trusted that far back, by insertedAt in the logs before.
 *
 * @returns up to when records have been counted now, ISO 8601
 */
export async function countPassedOver(
  parts: PassedOverParts,
  context: Pick<DiscoveryContext, 'countedUpTo' | 'shard' | 'shards' | 'signal'>,
  { now, trustedFrom }: StoreState,
): Promise<{ readonly countedUpTo: string }> {
  const before =
    context.countedUpTo === undefined ? undefined : Math.floor(Date.parse(context.countedUpTo) / 1000);
  const settledUpTo = Math.max(0, now - parts.settings['consumer.processing-delay-seconds']);
  const from = before ?? settledUpTo - FIRST_COUNT_SECONDS;
  const isCounted = trustedFrom !== undefined && from >= trustedFrom;
  const upTo = isCounted ? wholeMinutes(now - MINUTE_IS_WHOLE_AFTER) : settledUpTo;
  if (upTo <= from) return { countedUpTo: isoTime(from) };
  const span = isCounted
    ? { from: wholeMinutes(from + 59), upTo }
    : { from: Math.max(0, from, upTo - LONGEST_SCAN_SECONDS), upTo };
  const sql = isCounted ? arrivedSql(parts.tables) : scanSql(parts.tables);
  const [row] = await parts.clickhouse.query(passedOverRow, sql, {
    doing: 'count the records that go nowhere',
    parameters: { ...span, shard: context.shard, shards: context.shards },
    signal: context.signal,
  });
  parts.metrics.recordsPassedOver.inc({ reason: 'logging-off' }, row?.loggingOff ?? 0);
  parts.metrics.recordsPassedOver.inc({ reason: 'no-target' }, row?.noTarget ?? 0);
  return { countedUpTo: isoTime(upTo) };
}

function arrivedSql({ arrivals }: Tables): string {
  return `SELECT sum(loggingOff) AS loggingOff, sum(noTarget) AS noTarget FROM ${arrivals} AS a
    WHERE arrived >= toDateTime({from:UInt32}) AND arrived < toDateTime({upTo:UInt32})
      AND raftSessionID % {shards:UInt16} = {shard:UInt16}`;
}

function scanSql({ logs }: Tables): string {
  return `SELECT countIf(NOT loggingEnabled) AS loggingOff, countIf(loggingEnabled AND loggingTargetBucket = '') AS noTarget
    FROM ${logs}
    WHERE insertedAt > toDateTime({from:UInt32}) AND insertedAt <= toDateTime({upTo:UInt32})
      AND raftSessionID % {shards:UInt16} = {shard:UInt16}`;
}

function wholeMinutes(seconds: number): number {
  return Math.floor(seconds / 60) * 60;
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
