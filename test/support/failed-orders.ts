import { OrderBook } from '../../src/pipelines/access-logs/order-book.js';
import { revisionOf, rowOf } from '../../src/pipelines/access-logs/book-row.js';
import { tablesOf } from '../../src/clickhouse/tables.js';
import type { Store } from '../../src/cli/assembly.js';

/** Writes failed orders down as if they had failed so many seconds earlier. */
export async function failedEarlier({ clickhouse, settings }: Store, seconds: number): Promise<void> {
  const tables = tablesOf(settings);
  const book = new OrderBook(clickhouse, tables);
  const rows = (await book.failed({})).map(
    ({ order, objects, failureCode, failureReason, updatedAt, revision }) =>
      rowOf(order, 'failed', revisionOf('failed', revision), 'test', {
        ...{ objects, failureCode, failureReason },
        updatedAtMs: Date.parse(updatedAt) - seconds * 1000,
      }),
  );
  await clickhouse.insert(tables.workOrders, rows, { doing: 'date failures back' });
}
