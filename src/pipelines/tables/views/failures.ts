import type { FailureGroup } from '../../pipeline.js';
import type { FailedGroup } from '../../views.js';
import { z } from 'zod';
import { timeColumn } from '../mysql/times.js';
import type { Database } from '../mysql/database.js';
import { ORDERS } from '../mysql/schema.js';
import type { Archiver } from '../order.js';

const groupRow = z.object({
  code: z.string(),
  targets: z.string(),
  reason: z.string(),
  since: timeColumn,
  orders: z.number(),
  records: z.coerce.number(),
  sources: z.string(),
  ids: z.string(),
});

const targetList = z.array(z.string());

async function groupsOf(database: Database, archiver: Archiver): Promise<z.infer<typeof groupRow>[]> {
  return database.query(
    groupRow,
    'read failures',
    `SELECT failure_code AS code, failure_targets AS targets,
       SUBSTRING(MAX(CONCAT(CAST(updated_at AS CHAR), failure_reason)), 24) AS reason,
       MIN(COALESCE(failing_since, updated_at)) AS since, COUNT(*) AS orders, SUM(records) AS records,
       GROUP_CONCAT(DISTINCT source_table ORDER BY source_table) AS sources,
       SUBSTRING(GROUP_CONCAT(id ORDER BY updated_at), 1, 84) AS ids
     FROM ${ORDERS} WHERE archiver = ? AND state = 'failed' GROUP BY failure_code, failure_targets ORDER BY orders DESC`,
    [archiver],
  );
}

/** Failed orders by code and targets, most orders first. */
export async function failedGroups(database: Database, archiver: Archiver): Promise<readonly FailedGroup[]> {
  const rows = await groupsOf(database, archiver);
  return rows.map(({ code, targets, reason, since, orders, records, sources }) => ({
    ...{ code, reason, since, orders, records },
    targets: targets === '' ? [] : targetList.parse(JSON.parse(targets)),
    sources: sources.split(','),
    retentionEndsAt: null,
  }));
}

/** The same, for `status`. */
export async function failureGroups(
  database: Database,
  archiver: Archiver,
): Promise<readonly FailureGroup[]> {
  const rows = await groupsOf(database, archiver);
  return rows.map(({ code, reason, orders, records, sources, ids }) => ({
    ...{ code, reason, orders, records },
    sources: sources.split(','),
    orderIds: ids.split(',').filter((id) => id.length === 16),
  }));
}
