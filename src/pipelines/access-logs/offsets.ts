import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import { WITH_CONSTANTS } from '../../clickhouse/constant.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { Source } from './order.js';
import { sourcesSql } from './sources.js';

/** Sources whose offsets one statement brings up to date: keeps statements short. */
const SOURCES_A_STATEMENT = 1000;

const DAY_SECONDS = 86_400;

/**
 * Brings the committed offsets of some sources up to what the order book says: for each source the contiguous
 * prefix, that is the end of its last order before the first one that is neither delivered nor skipped.
 * Idempotent, and monotone: readers take the highest offset of a source, and the prefix never shrinks.
 *
 * The table's own engine tells rows of a source apart by the second of insertedAt alone: of two with the same second
 * it keeps the one that was inserted last. So what counts as written is what the engine would keep; an offset that a
 * statement of a slower process has put behind ours would be written again.
 */
export async function commitOffsets(
  clickhouse: ClickHouse,
  tables: Tables,
  sources: readonly Source[],
  signal: AbortSignal,
): Promise<void> {
  await commit(clickhouse, tables, { sources, orderedFrom: 0, writtenFrom: 0 }, signal);
}

/** Sources whose offsets are behind, and from when on their orders count. */
export interface SourcesBehind {
  readonly sources: readonly Source[];
  /** None of them has an offset with a smaller insertedAt, in seconds; 0 when one has none. */
  readonly writtenFrom: number;
}

/**
 * Does for some sources what {@link commitOffsets} does, without a look at orders that their offsets have passed: these
 * are settled, and the others were made later.
 */
export async function commitOffsetsBehind(
  clickhouse: ClickHouse,
  tables: Tables,
  behind: SourcesBehind,
  signal: AbortSignal,
): Promise<void> {
  const orderedFrom = Math.max(0, behind.writtenFrom - DAY_SECONDS);
  await commit(clickhouse, tables, { ...behind, orderedFrom }, signal);
}

/** The sources whose offsets are to be written, and the orders that can matter: times in seconds. */
interface CommitScope extends SourcesBehind {
  readonly orderedFrom: number;
}

async function commit(
  clickhouse: ClickHouse,
  tables: Tables,
  { sources, orderedFrom, writtenFrom }: CommitScope,
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0; from < sources.length; from += SOURCES_A_STATEMENT) {
    const ofSources = sourcesSql(sources.slice(from, from + SOURCES_A_STATEMENT));
    await clickhouse.command(commitSql(tables, ofSources), {
      doing: 'commit offsets',
      parameters: { orderedFrom, writtenFrom },
      settings: WITH_CONSTANTS,
      signal,
    });
  }
}

/**
 * One statement, so that what it writes follows from what the book says at that moment. An order is part of the
 * prefix when no order of its source that is still open or failed ends before it does. Sources whose offset
 * would not change are left out. Binds `orderedFrom` and `writtenFrom`.
 *
 * @param ofSources a condition on raftSessionID and bucketName
 */
function commitSql(tables: Tables, ofSources: string): string {
  const ofOrders =
    'orderedAt >= toDateTime({orderedFrom:UInt32}) AND upToInsertedAt >= toDateTime({writtenFrom:UInt32})';
  const upTo = '(upToInsertedAt, upToStartTime, upToReqId)';
  const settled = "state IN ('delivered', 'skipped')";
  return `INSERT INTO ${tables.offsets}
      (bucketName, raftSessionID, lastProcessedInsertedAt, lastProcessedStartTime, lastProcessedReqId)
    SELECT bucketName, raftSessionID, prefix.1, prefix.2, prefix.3 FROM (
      SELECT bucketName, raftSessionID,
        minIf(${upTo}, NOT ${settled}) AS firstOpen, countIf(NOT ${settled}) AS unsettled,
        arrayFilter(o -> unsettled = 0 OR o < firstOpen, groupArrayIf(${upTo}, ${settled})) AS ends,
        arrayReduce('max', ends) AS prefix, length(ends) AS reached
      FROM (SELECT * FROM ${tables.workOrders} FINAL)
      WHERE state != 'proposed' AND ${ofSources} AND ${ofOrders}
      GROUP BY bucketName, raftSessionID
    ) AS book
    LEFT JOIN (
      SELECT bucketName, raftSessionID,
        (toDateTime(lastProcessedInsertedAt, 'UTC'), toDateTime64(lastProcessedStartTime, 3, 'UTC'), lastProcessedReqId) AS written
      FROM ${tables.offsetsLocal} FINAL WHERE ${ofSources}
    ) AS committed USING (bucketName, raftSessionID)
    WHERE reached > 0 AND prefix > written`;
}

/** Reads every source's committed offset, for tests and audits. */
export async function readOffsets(
  clickhouse: ClickHouse,
  tables: Tables,
): Promise<z.infer<typeof offsetRow>[]> {
  return clickhouse.query(
    offsetRow,
    `SELECT bucketName, raftSessionID,
       max((toUnixTimestamp(lastProcessedInsertedAt), toUnixTimestamp64Milli(lastProcessedStartTime), lastProcessedReqId)) AS committed
     FROM ${tables.offsets} GROUP BY bucketName, raftSessionID ORDER BY bucketName, raftSessionID`,
    { doing: 'read the offsets' },
  );
}

const offsetRow = z.object({
  bucketName: z.string(),
  raftSessionID: z.number(),
  committed: z.tuple([z.number(), z.number(), z.string()]),
});
