import { z } from 'zod';
import type { ClickHouse } from '../../../clickhouse/client.js';
import type { Tables } from '../../../clickhouse/tables.js';
import type { FailedGroup } from '../../views.js';
import { queryDays } from '../unsettled.js';

/** Records of an order that are in no object, in SQL. */
export const UNDELIVERED_SQL =
  'toUInt64(greatest(0, toInt64(orderedRecords) - toInt64(arraySum(o -> o.3, objects))))';

const groupRow = z.object({
  code: z.string(),
  targets: z.array(z.string()),
  reason: z.string(),
  lastMs: z.number(),
  sinceMs: z.number(),
  oldestSeconds: z.number(),
  orders: z.number(),
  records: z.number(),
  sources: z.array(z.string()),
});

/** The failures of one day's orders, grouped; a group of several days has a row for each. */
const GROUPS_SQL = `SELECT failureCode AS code, failureTargets AS targets,
    argMax(failureReason, updatedAt) AS reason, toUnixTimestamp64Milli(max(updatedAt)) AS lastMs,
    toUnixTimestamp64Milli(min(if(toUnixTimestamp64Milli(failingSince) = 0, updatedAt, failingSince))) AS sinceMs,
    toUnixTimestamp(min(oldestInsertedAt)) AS oldestSeconds,
    count() AS orders, sum(${UNDELIVERED_SQL}) AS records, groupUniqArray(bucketName) AS sources`;

/**
 * Failed orders by code and targets, most orders first. Reads little but those orders, thanks to the index on the state.
 *
 * @param retentionSeconds how long ClickHouse keeps records
 */
export async function failedGroups(
  clickhouse: ClickHouse,
  tables: Tables,
  retentionSeconds: number,
  signal?: AbortSignal,
): Promise<readonly FailedGroup[]> {
  const rows = await queryDays(clickhouse, tables, ['failed'], groupRow, {
    sql: (orders) => `${GROUPS_SQL} FROM ${orders} GROUP BY code, targets`,
    doing: 'read failures',
    ...(signal === undefined ? {} : { signal }),
  });
  const groups = new Map<string, z.infer<typeof groupRow>>();
  for (const row of rows) {
    const key = JSON.stringify([row.code, row.targets]);
    const before = groups.get(key);
    groups.set(key, before === undefined ? row : joined(before, row));
  }
  return [...groups.values()]
    .map(({ code, targets, reason, sinceMs, oldestSeconds, orders, records, sources }) => ({
      ...{ code, targets, reason, orders, records },
      since: new Date(sinceMs).toISOString(),
      sources: [...new Set(sources)].sort(),
      retentionEndsAt: new Date((oldestSeconds + retentionSeconds) * 1000).toISOString(),
    }))
    .sort((a, b) => b.orders - a.orders || (a.since < b.since ? -1 : 1));
}

type GroupRow = z.infer<typeof groupRow>;

function joined(a: GroupRow, b: GroupRow): GroupRow {
  const { reason } = a.lastMs >= b.lastMs ? a : b;
  return {
    ...a,
    reason,
    lastMs: Math.max(a.lastMs, b.lastMs),
    sinceMs: Math.min(a.sinceMs, b.sinceMs),
    oldestSeconds: Math.min(a.oldestSeconds, b.oldestSeconds),
    orders: a.orders + b.orders,
    records: a.records + b.records,
    sources: [...a.sources, ...b.sources],
  };
}
