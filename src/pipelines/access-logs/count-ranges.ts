import { z } from 'zod';
import type { ClickHouse } from '../../clickhouse/client.js';
import type { Tables } from '../../clickhouse/tables.js';
import { orderParameters, orderSql, type Boundaries } from './order.js';

/** Ranges that one statement counts: each is a read of its own along the sorting key. */
const RANGES_A_STATEMENT = 25;

const countRow = z.object({ position: z.number(), records: z.number() });

/**
 * Counts the eligible records in each of some ranges, in the given order. Reads no more than the ranges themselves.
 */
export async function countRanges(
  clickhouse: ClickHouse,
  tables: Tables,
  ranges: readonly Boundaries[],
  signal?: AbortSignal,
): Promise<readonly number[]> {
  const counts: number[] = [];
  for (let from = 0; from < ranges.length; from += RANGES_A_STATEMENT) {
    const some = ranges.slice(from, from + RANGES_A_STATEMENT);
    const sql = some
      .map(
        (_, position) =>
          `SELECT ${String(position)} AS position, count() AS records FROM ${tables.logs} WHERE ${orderSql(String(position))}`,
      )
      .join('\nUNION ALL\n');
    const parameters = Object.fromEntries(
      some.flatMap((range, position) => Object.entries(orderParameters(range, String(position)))),
    );
    const rows = await clickhouse.query(countRow, sql, {
      doing: 'count the records of work orders',
      parameters,
      ...(signal === undefined ? {} : { signal }),
    });
    const found = new Map(rows.map(({ position, records }) => [position, records]));
    for (const position of some.keys()) counts.push(found.get(position) ?? 0);
  }
  return counts;
}
