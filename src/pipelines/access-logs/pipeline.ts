import type { S3Client } from '@aws-sdk/client-s3';
import type { ClickHouse } from '../../clickhouse/client.js';
import { tablesOf } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';
import type { Metrics } from '../../observability/metrics.js';
import type { DeliveredObject, Failure, Pipeline } from '../pipeline.js';
import { auditBook, type BookAudit } from './audit.js';
import type { BookEntry } from './book-row.js';
import { Committer } from './committer.js';
import { auditDeeply } from './deep-audit.js';
import { deliver } from './deliver.js';
import { cutOrders, discover } from './discover.js';
import { ACCESS_LOGS, accessLogOrderSchema, type AccessLogOrder } from './order.js';
import { OrderBook } from './order-book.js';
import { OffsetCatchUp } from './offsets.js';
import { pipelineStatus } from './status.js';

/** What the pipeline works with; its owner closes these. */
export interface AccessLogsParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly s3: S3Client;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** The access-logs pipeline: S3 server access logs from ClickHouse into the buckets that their owners named. */
export function createAccessLogs(given: AccessLogsParts): Pipeline<AccessLogOrder> {
  const { settings, clickhouse, s3 } = given;
  const tables = tablesOf(settings);
  const book = new OrderBook(clickhouse, tables);
  const parts = { ...given, tables, book };
  const committer = new Committer(parts);
  const offsets = new OffsetCatchUp(clickhouse, tables);
  return {
    name: ACCESS_LOGS,
    orderSchema: accessLogOrderSchema,
    discover: async (context) => {
      await offsets.catchUp();
      return discover(parts, context);
    },
    preview: async (signal) => cutOrders(parts, { shard: 0, shards: 1 }, await book.now(), Infinity, signal),
    outstanding: (shard) => book.open(shard),
    deliver: (order, context) => deliver(parts, order, context),
    commit: (order, receipt) => committer.commit(order, receipt),
    fail: async (order, failure) => {
      const entry = await book.entry(order);
      if (entry !== undefined)
        await book.markFailed(order, withEarlierObjects(failure, entry), entry.revision);
    },
    failed: async (filter) =>
      (await book.failed(filter)).map(({ order, failureCode, failureReason, updatedAt }) => ({
        order,
        code: failureCode,
        reason: failureReason,
        failedAt: updatedAt,
      })),
    reopen: async (orders) => {
      const ids = new Set(orders.map((order) => order.id));
      await book.reopen((await book.failed({})).filter((entry) => ids.has(entry.order.id)));
    },
    status: () => pipelineStatus(clickhouse, tables, book),
    audit: async ({ deep, signal }) => {
      const found: BookAudit = await (deep
        ? auditDeeply({ clickhouse, tables, book, s3 }, signal)
        : auditBook(parts, signal));
      const { records, delivered, missing, duplicated, undelivered, outstanding, objects, orders } = found;
      return {
        pipeline: ACCESS_LOGS,
        records,
        delivered,
        missing,
        duplicated,
        undelivered,
        outstanding,
        objects,
        orders,
      };
    },
    close: () => committer.close(),
  };
}

/** What earlier attempts delivered stays noted, whatever became of the last one: it is neither repeated nor shrunk. */
function withEarlierObjects(failure: Failure, { objects: earlier }: BookEntry): Failure {
  const isReplaced = ({ bucket, key }: DeliveredObject): boolean =>
    failure.objects.some((object) => object.bucket === bucket && object.key === key);
  return { ...failure, objects: [...failure.objects, ...earlier.filter((object) => !isReplaced(object))] };
}
