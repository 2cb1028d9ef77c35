import { hostname } from 'node:os';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ClickHouse } from '../../clickhouse/client.js';
import { applySchema, checkSchema, schemaText } from '../../clickhouse/schema.js';
import { tablesOf } from '../../clickhouse/tables.js';
import type { Settings } from '../../config/settings.js';
import { ConditionalWrites } from '../../destinations/s3/conditional-writes.js';
import { PartBuffers } from '../../destinations/s3/part-buffers.js';
import type { Log } from '../../observability/log.js';
import type { Metrics } from '../../observability/metrics.js';
import type { Tracing } from '../../observability/tracing.js';
import type { PipelineEngine } from '../engine.js';
import { engineAwayOf } from '../errors.js';
import { writeManifests } from '../manifest-writer.js';
import { failedOrder } from '../order-entries.js';
import type { DeliveredObject, Failure, Pipeline } from '../pipeline.js';
import { s3Engine } from '../s3-engine.js';
import { Crowd } from './asked-together.js';
import { auditBook, type BookAudit } from './audit.js';
import { writerName, type BookEntry } from './book-row.js';
import { Claims } from './claims.js';
import { Committer } from './committer.js';
import { examine } from './doctor/examine.js';
import { auditDeeply } from './deep-audit.js';
import { deliver } from './deliver.js';
import { StoreStateReader } from './circumstances.js';
import { discover, previewOrders } from './discover.js';
import { findLate } from './late-records.js';
import { ManifestTable } from './manifests.js';
import { ACCESS_LOGS, accessLogOrderSchema, type AccessLogOrder } from './order.js';
import { NearRetention } from './near-retention.js';
import { NotOrdered } from './not-ordered.js';
import { OrderBook } from './order-book.js';
import { OffsetsKeeper } from './offsets-keeper.js';
import { skipOrder } from './skip.js';
import { isSmallOrder } from './small-order.js';
import { SmallOrders } from './small-orders.js';
import { pipelineStatus } from './status.js';
import { accessLogViews } from './views/views.js';

/** What the pipeline works with; its owner closes these. */
export interface AccessLogsParts {
  readonly settings: Settings;
  readonly clickhouse: ClickHouse;
  readonly s3: S3Client;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
}

/** The access-logs pipeline: S3 server access logs from ClickHouse into the buckets that their owners named. */
export function createAccessLogs(given: AccessLogsParts): Pipeline<AccessLogOrder> {
  const { settings, clickhouse, s3 } = given;
  const tables = tablesOf(settings);
  const crowd = new Crowd();
  const book = new OrderBook(clickhouse, tables, crowd);
  const claims = new Claims(clickhouse, tables, crowd, writerName(hostname(), process.pid));
  const conditionalWrites = new ConditionalWrites(s3, settings, given.log);
  const buffers = new PartBuffers(settings['s3.part-size-bytes'], settings['s3.buffer-bytes']);
  const smallOrders = new SmallOrders({ settings, clickhouse, tables, crowd });
  const parts = { ...given, tables, crowd, book, claims, conditionalWrites, buffers, smallOrders };
  const committer = new Committer(parts);
  const manifests = new ManifestTable(clickhouse, tables, book, settings['manifest.key-prefix']);
  const state = new StoreStateReader(clickhouse, tables, given.log);
  const notOrdered = new NotOrdered(parts);
  const retention = new NearRetention({ ...parts, state, notOrdered });
  const offsets = new OffsetsKeeper(parts);
  return {
    name: ACCESS_LOGS,
    engines: [clickHouseEngine(clickhouse), s3Engine(s3)],
    needs: { discovery: ['clickhouse'], delivery: ['clickhouse', 's3'] },
    engineAwayOf,
    prepare: async ({ apply, signal }) => {
      if (apply) return applySchema(clickhouse, settings);
      const { found } = await checkSchema(clickhouse, settings, signal);
      return { applied: [], version: found };
    },
    schemaText: () => schemaText(settings),
    ...accessLogViews({ ...parts, state }),
    orderSchema: accessLogOrderSchema,
    isSmall: isSmallOrder,
    discover: async (context) => {
      // Another process may have been killed between the book and the offsets.
      await offsets.catchUp(context.signal);
      return discover({ ...parts, state, suspects: notOrdered }, context);
    },
    preview: (signal) => previewOrders(parts, signal),
    outstanding: (shard) => book.open(shard),
    deliver: (order, context) => crowd.during(() => deliver(parts, order, context)),
    commit: (order, receipt) => committer.commit(order, receipt),
    fail: async (order, failure) => {
      const entry = await book.entry(order);
      if (entry !== undefined) await book.markFailed(order, withEarlierObjects(failure, entry), entry);
    },
    failed: async (filter) => (await book.failed(filter)).map(failedOrder),
    reopen: (orders) => book.reopen(orders),
    find: (orderId) => book.find(orderId),
    skip: (which, by) =>
      skipOrder(
        parts,
        which,
        by,
        AbortSignal.timeout(Math.ceil(settings['timeout.commit-operation-seconds'] * 1000)),
      ),
    nearRetention: (signal) => retention.look(signal),
    status: async () => ({
      ...(await pipelineStatus(clickhouse, tables, book)),
      nearRetention: await retention.look(),
    }),
    audit: async ({ deep, signal }) => {
      const found: BookAudit = await (deep
        ? auditDeeply({ clickhouse, tables, book, s3 }, signal)
        : auditBook(parts, signal));
      const { records, delivered, missing, duplicated, undelivered, outstanding, skipped, objects, orders } =
        found;
      return {
        pipeline: ACCESS_LOGS,
        records,
        delivered,
        missing,
        duplicated,
        undelivered,
        outstanding,
        skipped,
        objects,
        orders,
      };
    },
    findLate: (options) => findLate(parts, options),
    writeManifests: (context) => writeManifests({ ...parts, manifests }, context),
    doctor: (context) => examine(parts, context),
    close: () => committer.close(),
  };
}

function clickHouseEngine(clickhouse: ClickHouse): PipelineEngine {
  return {
    engine: 'clickhouse',
    advice: 'ClickHouse does not answer; check clickhouse.url and that the server is up, then try again',
    check: (signal) => clickhouse.ping(signal),
  };
}

/** What earlier attempts delivered stays noted, whatever became of the last one: it is neither repeated nor shrunk. */
function withEarlierObjects(failure: Failure, { objects: earlier }: BookEntry): Failure {
  const isReplaced = ({ bucket, key }: DeliveredObject): boolean =>
    failure.objects.some((object) => object.bucket === bucket && object.key === key);
  return { ...failure, objects: [...failure.objects, ...earlier.filter((object) => !isReplaced(object))] };
}
