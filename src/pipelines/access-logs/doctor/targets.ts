import { z } from 'zod';
import type { ClickHouse } from '../../../clickhouse/client.js';
import type { Tables } from '../../../clickhouse/tables.js';

/** Where the owner of a source bucket wants its logs. */
export interface Target {
  readonly bucket: string;
  readonly prefix: string;
}

/** Most targets that are tried when none is named. */
const MOST_TARGETS = 5;
/** Records that are looked at, at most, for the sake of an answer within seconds. */
const MOST_ROWS = 20_000_000;

/** The targets that the records of the last day name, those named the latest first. Throws as {@link ClickHouse.query} does. */
export async function recentTargets(
  clickhouse: ClickHouse,
  { logs }: Tables,
  signal: AbortSignal,
): Promise<readonly Target[]> {
  return clickhouse.query(
    z.object({ bucket: z.string(), prefix: z.string() }),
    `SELECT loggingTargetBucket AS bucket, any(loggingTargetPrefix) AS prefix FROM ${logs}
     WHERE loggingEnabled AND loggingTargetBucket != '' AND insertedAt >= now() - INTERVAL 1 DAY
     GROUP BY bucket ORDER BY max(insertedAt) DESC, bucket LIMIT {most:UInt32}`,
    {
      doing: 'look for target buckets',
      parameters: { most: MOST_TARGETS },
      settings: { max_rows_to_read: String(MOST_ROWS), read_overflow_mode: 'break' },
      signal,
    },
  );
}
