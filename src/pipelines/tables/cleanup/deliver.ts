import { z } from 'zod';
import type { DeliveryContext, Receipt } from '../../pipeline.js';
import { UnknownOrderError } from '../deliver.js';
import { keySql, quoted } from '../mysql/identifiers.js';
import { sqlTimeOf } from '../mysql/times.js';
import type { TableOrder } from '../order.js';
import type { ArchiverParts } from '../parts.js';
import { formatRows } from '../words.js';
import { Copied } from './copied.js';

/** Rows that one transaction deletes at most. */
const ROWS_A_TIME = 5000;

const keyRow = z.object({ key: z.coerce.number().int() });

/**
 * Deletes the rows of an order: those in its range that are older than its time, and that every destination has by now.
 * Each transaction locks the rows, asks the order book about exactly these, and deletes exactly those that are copied; so
 * to do it again, or twice at once, deletes nothing else.
 */
export async function deleteRows(
  parts: ArchiverParts,
  job: TableOrder,
  { signal, report }: DeliveryContext,
): Promise<Receipt> {
  const { book, database, shapes, copiers } = parts;
  const entry = await book.entry(job.id);
  if (entry === undefined) throw new UnknownOrderError(job.id);
  const { order, state, deliveredRecords } = entry;
  if (state === 'delivered' || state === 'skipped')
    return { objects: entry.objects, records: deliveredRecords, bytes: 0, earlier: [], already: state };
  const shape = await shapes.of(order.table);
  const copied = new Copied(database, order.table, copiers);
  const [table, key, time] = [quoted(order.table), quoted(shape.key), quoted(shape.time)];
  const select = `SELECT ${key} AS \`key\` FROM ${table} WHERE ${key} > ? AND ${key} <= ${keySql(order.upTo)} AND ${time} < ?
    ORDER BY ${key} LIMIT ${String(ROWS_A_TIME)} FOR UPDATE`;
  let [after, deleted] = [order.after, 0];
  for (;;) {
    signal.throwIfAborted();
    const page = await database.transaction('delete old rows', async (session) => {
      const rows = await session.query(keyRow, 'lock old rows', select, [after, sqlTimeOf(order.which)]);
      const keys = await copied.of(rows.map(({ key: found }) => found));
      if (keys.length > 0)
        await session.changeOnce(
          'delete old rows',
          `DELETE FROM ${table} WHERE ${key} IN (${keys.map(keySql).join(', ')})`,
        );
      return { last: rows.at(-1)?.key, deleted: keys.length };
    });
    if (page.last === undefined) break;
    after = page.last;
    deleted += page.deleted;
    report(
      `${formatRows(deleted)} are deleted`,
      Math.min(99, Math.floor((100 * deleted) / Math.max(1, order.records))),
    );
  }
  const name = `${order.table}: rows ${String(order.firstKey)} to ${String(order.upTo)}, older than ${order.which}`;
  return {
    objects: [{ bucket: database.name, prefix: '', key: name, records: order.records, bytes: 0, sha256: '' }],
    records: order.records,
    bytes: 0,
    earlier: [],
  };
}
