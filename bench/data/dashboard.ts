import { revisionOf, rowOf } from '../../src/pipelines/access-logs/book-row.js';
import { commitOffsets } from '../../src/pipelines/access-logs/offsets.js';
import type { AccessLogOrder } from '../../src/pipelines/access-logs/order.js';
import type { Site } from '../lab/site.js';

const WRITER = 'bench';
/** Rows that one insert has. */
const ROWS_A_TIME = 20_000;
const SHA256 = 'ab'.repeat(32);

/** What a dashboard has to tell of. */
export interface Stand {
  readonly delivered: readonly AccessLogOrder[];
  /** Each of them fails with a target of its own. */
  readonly failed: readonly AccessLogOrder[];
}

/** Writes the orders into the book as they would be after a day, and brings the offsets up to it. */
export async function writeStand({ clickhouse, tables }: Site, { delivered, failed }: Stand): Promise<void> {
  const rows = [
    ...delivered.map((order) =>
      rowOf(order, 'delivered', revisionOf('delivered', 0, order.records), WRITER, {
        deliveredRecords: order.records,
        updatedAtMs: Date.parse(order.orderedAt),
        objects: [
          {
            bucket: `${order.bucket}-logs`,
            prefix: '',
            key: `${order.orderedAt}-${order.id}`,
            records: order.records,
            bytes: order.records * 450,
            sha256: SHA256,
          },
        ],
      }),
    ),
    ...failed.map((order, index) =>
      rowOf(order, 'failed', revisionOf('failed', 1), WRITER, {
        updatedAtMs: Date.parse(order.orderedAt),
        failureCode: index % 2 === 0 ? 'NoSuchBucket' : 'AccessDenied',
        failureReason: `target bucket "${order.bucket}-logs": made up by the benchmark; create the bucket, then retry`,
        failureTargets: [`${order.bucket}-logs`],
        failingSince: order.orderedAt,
      }),
    ),
  ];
  for (let from = 0; from < rows.length; from += ROWS_A_TIME)
    await clickhouse.insert(tables.workOrders, rows.slice(from, from + ROWS_A_TIME), {
      doing: 'write orders',
    });
  const orders = [...delivered, ...failed];
  const sources = new Map(orders.map(({ bucket, raftSession }) => [bucket, { bucket, raftSession }]));
  await commitOffsets(clickhouse, tables, [...sources.values()], new AbortController().signal);
}
