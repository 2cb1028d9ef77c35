import { z } from 'zod';
import type { ClickHouse, RequestOptions } from '../../clickhouse/client.js';
import { WITH_CONSTANTS } from '../../clickhouse/constant.js';
import type { Tables } from '../../clickhouse/tables.js';
import type { DiscoveryShard } from '../pipeline.js';
import { cutOf } from './cut.js';
import { offsetFrom, offsetOrNull, OFFSET_COLUMNS, rawOffsetSchema, rawOffsetSql } from './offset.js';
import { ELIGIBLE_SQL, type Source } from './order.js';
import { positionsSql } from './positions.js';
import type { ReadySource } from './ready.js';
import { sourceKeyOf, sourcesSql } from './sources.js';

/** A source that may have records waiting up to the horizon. */
export interface Candidate extends Source {
  /** At least as many as wait. */
  readonly records: number;
  /** In seconds; none waits that has a smaller insertedAt. Undefined when all that may wait is younger. */
  readonly firstSeconds: number | undefined;
  /** Whether its position was exact; it can be higher otherwise. */
  readonly known: boolean;
  /** When it is counted: what waits, null for nothing. */
  readonly exact: ReadySource | null | undefined;
  /** In seconds; no record that waits is known to have come in before. */
  readonly arrivedSeconds?: number | undefined;
  /** The same for records above the horizon. */
  readonly youngSeconds?: number | undefined;
}

/** Which records are looked at. Times in seconds. */
export interface Bounds extends DiscoveryShard {
  readonly horizon: number;
  /** Positions that reach beyond this are found at once; 0 finds all. */
  readonly recentFrom: number;
}

/** Finds candidates. */
export interface Finder {
  /** The sources of which something came in at `arrivedFrom` or later that their position has not passed. */
  arrived(arrivedFrom: number, bounds: Bounds, signal?: AbortSignal): Promise<Candidate[]>;
  /** The sources that have records waiting with an insertedAt from `from` on. */
  scanned(from: number, bounds: Bounds, signal?: AbortSignal): Promise<Candidate[]>;
  /** Counts what some candidates really have waiting; what was counted before stays. */
  counted(candidates: readonly Candidate[], bounds: Bounds, signal?: AbortSignal): Promise<Candidate[]>;
}

/** Finds them in ClickHouse. */
export function finderIn(parts: CandidateParts): Finder {
  return {
    arrived: (from, bounds, signal) => arrivedCandidates(parts, from, bounds, signal),
    scanned: (from, bounds, signal) => scannedCandidates(parts, from, bounds, signal),
    counted: (candidates, bounds, signal) => countWaiting(parts, candidates, bounds, signal),
  };
}

/** What candidates are found with. */
export interface CandidateParts {
  readonly clickhouse: ClickHouse;
  readonly tables: Tables;
  /** Adds up the rows that ClickHouse reads. */
  readonly meter: { rowsRead: number };
}

/** The last moment of a DateTime. */
const NEVER = 4_294_967_295;

const arrivalRow = z.object({
  bucketName: z.string(),
  raftSessionID: z.number(),
  waiting: z.number(),
  settled: z.number(),
  firstSeconds: z.number(),
  arrivedSeconds: z.number(),
  young: z.number(),
  youngSeconds: z.number(),
  isKnown: z.number(),
});

/**
 * The sources of which the arrivals table has something that came in at `arrivedFrom` or later, and that their position
 * has not passed. Reads the arrivals from then on (up to `arrivedTo`), the orders of the last time, and the offsets.
 */
export async function arrivedCandidates(
  parts: CandidateParts,
  arrivedFrom: number,
  bounds: Bounds,
  signal?: AbortSignal,
  arrivedTo = NEVER,
): Promise<Candidate[]> {
  const { arrivals } = parts.tables;
  const isYoung = 'last.1 > toDateTime({horizon:UInt32})';
  const isSettled = 'first <= toDateTime({horizon:UInt32})';
  const sql = `
    SELECT bucketName, raftSessionID,
      sumIf(records, ${isSettled}) AS waiting, countIf(${isSettled}) AS settled,
      toUInt32(minIf(greatest(toUnixTimestamp(first), toUnixTimestamp(reached.1)), ${isSettled})) AS firstSeconds,
      toUnixTimestamp(min(arrived)) AS arrivedSeconds,
      countIf(${isYoung}) AS young, toUnixTimestamp(minIf(arrived, ${isYoung})) AS youngSeconds,
      max(known) AS isKnown
    FROM ${arrivals} AS a
    LEFT JOIN (${positionsSql(parts.tables, { recent: true })}) AS positions USING (bucketName, raftSessionID)
    WHERE arrived >= toStartOfMinute(toDateTime({arrivedFrom:UInt32})) AND arrived <= toDateTime({arrivedTo:UInt32})
      AND records > 0
      AND raftSessionID % {shards:UInt16} = {shard:UInt16} AND last > reached
    GROUP BY bucketName, raftSessionID`;
  const rows = await measured(
    parts,
    arrivalRow,
    sql,
    'ask what has arrived',
    { arrivedFrom, arrivedTo, ...bounds },
    signal,
  );
  return rows.map((row) => ({
    ...sourceOf(row),
    records: row.waiting,
    firstSeconds: row.settled > 0 ? row.firstSeconds : undefined,
    known: row.isKnown === 1 || bounds.recentFrom === 0,
    exact: undefined,
    arrivedSeconds: row.arrivedSeconds,
    youngSeconds: row.young > 0 ? row.youngSeconds : undefined,
  }));
}

const waitingRow = z.object({
  bucketName: z.string(),
  raftSessionID: z.number(),
  records: z.number(),
  isKnown: z.number(),
  after: rawOffsetSchema,
  first: rawOffsetSchema,
  last: rawOffsetSchema,
});

/** The SELECT list and the conditions of records that wait from `from` up to `horizon`, by source. */
function waitingSql(tables: Tables, scope: Parameters<typeof positionsSql>[1], condition: string): string {
  return `
    SELECT bucketName, raftSessionID, count() AS records, any(known) AS isKnown,
      ${rawOffsetSql('any(reached)')} AS after,
      ${rawOffsetSql(`min(${OFFSET_COLUMNS})`)} AS first,
      ${rawOffsetSql(`max(${OFFSET_COLUMNS})`)} AS last
    FROM ${tables.logs} AS l
    LEFT JOIN (${positionsSql(tables, scope)}) AS positions USING (bucketName, raftSessionID)
    WHERE ${ELIGIBLE_SQL} AND ${condition}
      AND insertedAt >= toDateTime({from:UInt32}) AND insertedAt <= toDateTime({horizon:UInt32})
      AND insertedAt >= reached.1 AND ${OFFSET_COLUMNS} > reached
    GROUP BY bucketName, raftSessionID`;
}

/** A scan of all that is kept can take long: ClickHouse says that it is at it, so that it does not count as silent. */
const SIGNS_OF_LIFE = {
  send_progress_in_http_headers: 1,
  http_headers_progress_interval_ms: '10000',
} as const;

/** The sources that have records waiting with an insertedAt from `from` on. Reads the sorting key of those hours. */
export async function scannedCandidates(
  parts: CandidateParts,
  from: number,
  bounds: Bounds,
  signal?: AbortSignal,
): Promise<Candidate[]> {
  const ofShard = 'raftSessionID % {shards:UInt16} = {shard:UInt16}';
  const sql = waitingSql(parts.tables, { recent: true }, ofShard);
  const parameters = { from, ...bounds };
  const rows = await measured(
    parts,
    waitingRow,
    sql,
    'scan for what waits',
    parameters,
    signal,
    SIGNS_OF_LIFE,
  );
  return rows.map((row) => {
    const known = row.isKnown === 1 || bounds.recentFrom === 0;
    const waiting = readySourceOf(row);
    const firstSeconds = row.first[0];
    return {
      ...sourceOf(row),
      records: row.records,
      firstSeconds,
      known,
      exact: known ? waiting : undefined,
    };
  });
}

/** Counts what some candidates really have waiting; what was counted before stays. Reads those sources' records. */
export async function countWaiting(
  parts: CandidateParts,
  candidates: readonly Candidate[],
  bounds: Bounds,
  signal?: AbortSignal,
): Promise<Candidate[]> {
  const uncounted = candidates.filter(({ exact }) => exact === undefined);
  const known = uncounted.filter((candidate) => candidate.known);
  const others = uncounted.filter((candidate) => !candidate.known);
  const found = new Map([
    ...(await waitingOf(parts, known, bounds, signal)),
    ...(await waitingOf(parts, others, { ...bounds, recentFrom: 0 }, signal)),
  ]);
  return candidates.map((candidate) =>
    candidate.exact === undefined
      ? { ...candidate, exact: found.get(sourceKeyOf(candidate)) ?? null }
      : candidate,
  );
}

async function waitingOf(
  parts: CandidateParts,
  candidates: readonly Candidate[],
  { horizon, recentFrom }: Bounds,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, ReadySource>> {
  if (candidates.length === 0) return new Map();
  const from = Math.min(...candidates.map(({ firstSeconds }) => firstSeconds ?? horizon));
  const scope = { recent: recentFrom > 0, sources: candidates };
  const parameters = { from, horizon, recentFrom };
  const rows = await measured(
    parts,
    waitingRow,
    waitingSql(parts.tables, scope, sourcesSql(candidates)),
    'count what waits',
    parameters,
    signal,
    WITH_CONSTANTS,
  );
  return new Map(rows.map((row) => [sourceKeyOf(sourceOf(row)), readySourceOf(row)]));
}

function sourceOf({ bucketName, raftSessionID }: { bucketName: string; raftSessionID: number }): Source {
  return { bucket: bucketName, raftSession: raftSessionID };
}

function readySourceOf(row: z.infer<typeof waitingRow>): ReadySource {
  const waiting = cutOf(row.records, row.first, offsetFrom(row.last));
  return { ...sourceOf(row), after: offsetOrNull(row.after), waiting };
}

async function measured<Row>(
  { clickhouse, meter }: CandidateParts,
  row: z.ZodType<Row>,
  sql: string,
  doing: string,
  parameters: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
  settings: RequestOptions['settings'] = {},
): Promise<readonly Row[]> {
  const { rows, rowsRead } = await clickhouse.queryMeasured(row, sql, {
    doing,
    parameters,
    settings: { select_sequential_consistency: '1', ...settings },
    ...(signal === undefined ? {} : { signal }),
  });
  meter.rowsRead += rowsRead;
  return rows;
}
