import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import {
  compareOffsets,
  offsetFrom,
  OFFSET_COLUMNS,
  rangeParameters,
  rangeSql,
  rawOffsetSchema,
  rawOffsetSql,
  type Offset,
} from './offset.js';
import { ELIGIBLE_SQL, type Cut, type Source } from './order.js';

/** What cuts are made with. */
export interface CutParts {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  readonly signal?: AbortSignal | undefined;
}

/** Records of a source that are to be cut into orders: those in (after, upTo]. */
export interface CutRange {
  readonly source: Source;
  readonly after: Offset | null;
  readonly upTo: Offset;
}

/** Rows that one statement cuts: small orders of a bucket that is behind come by the hundred. */
const ROWS_A_STATEMENT = 250_000;

/**
 * Cuts the next orders of at most `maxRecords` off a source's range: at least one, unless nothing is there. A cut
 * never falls between records of equal offset: when it would, it moves back, and only when all the records have
 * one offset does it move on and take them all.
 *
 * Reads that many rows of the sorting key, in its order, and one more.
 *
 * @param rowsAStatement rows of which more than one order is cut with one statement
 */
export async function cutSome(
  parts: CutParts,
  range: CutRange,
  maxRecords: number,
  rowsAStatement = ROWS_A_STATEMENT,
): Promise<readonly Cut[]> {
  const pieces = Math.floor(rowsAStatement / maxRecords);
  const cuts = pieces > 1 ? await cutEvenly(parts, range, maxRecords, pieces) : [];
  if (cuts.length > 0) return cuts;
  const next = await cutNext(parts, range, maxRecords);
  return next === undefined ? [] : [next];
}

/** The records of the range that go somewhere. */
function rowsSql({ logs }: Tables): string {
  return `FROM ${logs}
    WHERE raftSessionID = {raftSession:UInt16} AND bucketName = {bucket:String} AND ${rangeSql()} AND ${ELIGIBLE_SQL}`;
}

const pieceRow = z.object({ records: z.number(), first: rawOffsetSchema, last: rawOffsetSchema });

/** Cuts pieces of `maxRecords` each, as many as come before the first cut that would fall between equal offsets. */
async function cutEvenly(
  { clickhouse, tables, signal }: CutParts,
  { source, after, upTo }: CutRange,
  maxRecords: number,
  pieces: number,
): Promise<readonly Cut[]> {
  const rows = await clickhouse.query(
    pieceRow,
    `SELECT count() AS records, ${rawOffsetSql('min(o)')} AS first, ${rawOffsetSql('max(o)')} AS last
    FROM (
      SELECT o, intDiv(row_number() OVER (ORDER BY o) - 1, {maxRecords:UInt64}) AS piece
      FROM (SELECT ${OFFSET_COLUMNS} AS o ${rowsSql(tables)} ORDER BY insertedAt, startTime, req_id LIMIT {window:UInt64})
    )
    GROUP BY piece ORDER BY piece`,
    {
      doing: `cut work orders for ${source.bucket}`,
      parameters: {
        ...source,
        ...rangeParameters(after, upTo),
        maxRecords,
        window: pieces * maxRecords + 1,
      },
      ...(signal === undefined ? {} : { signal }),
    },
  );
  const found = rows.map(({ records, first, last }) => ({
    records,
    first: offsetFrom(first),
    cut: cutOf(records, first, offsetFrom(last)),
  }));
  // The one record beyond the last piece says only where the next one begins.
  const isAll = found.reduce((sum, { records }) => sum + records, 0) <= pieces * maxRecords;
  const cuts: Cut[] = [];
  for (const [index, { cut }] of found.entries()) {
    const next = found[index + 1];
    if (next === undefined) return isAll ? [...cuts, cut] : cuts;
    if (compareOffsets(next.first, cut.upTo) === 0) return cuts;
    cuts.push(cut);
  }
  return cuts;
}

const cutRow = z.object({
  total: z.number(),
  below: z.number(),
  first: rawOffsetSchema,
  lastBelow: rawOffsetSchema,
  last: rawOffsetSchema,
});

/** Cuts one order. */
async function cutNext(parts: CutParts, range: CutRange, maxRecords: number): Promise<Cut | undefined> {
  const { clickhouse, signal } = parts;
  const { source, after, upTo } = range;
  const rows = rowsSql(parts.tables);
  const sql = `
    WITH (SELECT max(o) FROM (SELECT ${OFFSET_COLUMNS} AS o ${rows} ORDER BY insertedAt, startTime, req_id LIMIT {window:UInt64})) AS top
    SELECT count() AS total, countIf(o < top) AS below,
      ${rawOffsetSql('min(o)')} AS first, ${rawOffsetSql('maxIf(o, o < top)')} AS lastBelow, ${rawOffsetSql('max(o)')} AS last
    FROM (SELECT ${OFFSET_COLUMNS} AS o ${rows} ORDER BY insertedAt, startTime, req_id LIMIT {window:UInt64})`;
  const parameters = { ...source, ...rangeParameters(after, upTo), window: maxRecords + 1 };
  const doing = `cut a work order for ${source.bucket}`;
  const options = { doing, parameters, ...(signal === undefined ? {} : { signal }) };
  const [row] = await clickhouse.query(cutRow, sql, options);
  if (row === undefined || row.total === 0) return undefined;
  if (row.total <= maxRecords) return cutOf(row.total, row.first, offsetFrom(row.last));
  if (row.below > 0) return cutOf(row.below, row.first, offsetFrom(row.lastBelow));
  const last = offsetFrom(row.last);
  const [all] = await clickhouse.query(
    z.object({ records: z.number() }),
    `SELECT count() AS records ${rows}`,
    {
      ...options,
      parameters: { ...source, ...rangeParameters(after, last) },
    },
  );
  return cutOf(all?.records ?? row.total, row.first, last);
}

/** What a query has counted of a source. */
export function cutOf(records: number, first: z.infer<typeof rawOffsetSchema>, upTo: Offset): Cut {
  const oldest = offsetFrom(first);
  return { records, upTo, firstStartTime: oldest.startTime, oldestAt: oldest.insertedAt };
}
