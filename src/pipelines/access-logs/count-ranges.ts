import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { orderParameters, orderSql, type Boundaries } from './order.js';

/** Ranges that one statement counts: each is a read of its own along the sorting key. */
const RANGES_A_STATEMENT = 25;

const countRow = z.object({ position: z.number(), records: z.number(), oldest: z.number() });

/** What is in a range. */
export interface CountedRange {
  readonly records: number;
  /** insertedAt of the oldest record in Unix seconds; 0 when there is none. */
  readonly oldestSeconds: number;
}

/**
 * Counts the eligible records in each of some ranges, in the given order. Reads no more than the ranges themselves.
 */
export async function countRanges(
  clickhouse: ClickHouse,
  tables: Tables,
  ranges: readonly Boundaries[],
  signal?: AbortSignal,
): Promise<readonly number[]> {
  const { counted } = await measureRanges(clickhouse, tables, ranges, signal);
  return counted.map(({ records }) => records);
}

/** Like {@link countRanges}, with more of each range, and what that cost. */
export async function measureRanges(
  clickhouse: ClickHouse,
  tables: Tables,
  ranges: readonly Boundaries[],
  signal?: AbortSignal,
): Promise<{ readonly counted: readonly CountedRange[]; readonly rowsRead: number }> {
  const counted: CountedRange[] = [];
  let read = 0;
  for (let from = 0; from < ranges.length; from += RANGES_A_STATEMENT) {
    const some = ranges.slice(from, from + RANGES_A_STATEMENT);
    const sql = some
      .map(
        (_, position) =>
          `SELECT ${String(position)} AS position, count() AS records, toUnixTimestamp(min(insertedAt)) AS oldest
           FROM ${tables.logs} WHERE ${orderSql(String(position))}`,
      )
      .join('\nUNION ALL\n');
    const parameters = Object.fromEntries(
      some.flatMap((range, position) => Object.entries(orderParameters(range, String(position)))),
    );
    const { rows, rowsRead } = await clickhouse.queryMeasured(countRow, sql, {
      doing: 'count the records of work orders',
      parameters,
      ...(signal === undefined ? {} : { signal }),
    });
    read += rowsRead;
    const found = new Map(rows.map((row) => [row.position, row]));
    for (const position of some.keys()) {
      const row = found.get(position);
      counted.push({ records: row?.records ?? 0, oldestSeconds: row?.oldest ?? 0 });
    }
  }
  return { counted, rowsRead: read };
}
