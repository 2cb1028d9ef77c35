import type { Pipeline } from '../../pipeline.js';
import { bookkeeping } from '../archiver.js';
import { engineAway, MYSQL, mysqlEngine } from '../engines.js';
import { pipelineOf, type TableOrder } from '../order.js';
import type { ArchiverParts } from '../parts.js';
import { deleteRows } from './deliver.js';
import { discoverDeletions, readyToDelete } from './discover.js';

/** The pipeline that deletes old rows which every destination has. */
export function createCleaning(parts: ArchiverParts): Pipeline<TableOrder> {
  const { book, tables, database, archiver } = parts;
  return {
    ...bookkeeping(parts, database.name),
    engines: [mysqlEngine(database)],
    needs: { discovery: [MYSQL], delivery: [MYSQL] },
    engineAwayOf: (error) => engineAway(error),
    words: {
      title: 'Table archive: clean-up',
      goods: 'old rows',
      record: { one: 'row', many: 'rows' },
      source: { one: 'table', many: 'tables' },
      target: { one: 'database', many: 'databases' },
      object: { one: 'deletion', many: 'deletions' },
    },
    discover: (context) => discoverDeletions(parts, context),
    preview: async (signal = new AbortController().signal) => {
      const found: TableOrder[] = [];
      for (const { table } of tables) {
        const { order } = await readyToDelete(parts, table, signal);
        if (order !== undefined) found.push(order.order);
      }
      return found;
    },
    deliver: (order, context) => deleteRows(parts, order, context),
    audit: async () => ({
      pipeline: pipelineOf(archiver),
      ...{ records: 0, delivered: 0, missing: 0, duplicated: 0, undelivered: 0 },
      ...{ outstanding: 0, skipped: 0, objects: 0 },
      orders: await book.counts(),
    }),
    findLate: () =>
      Promise.resolve({ orders: [], records: 0, ordersExamined: 0, recordsExamined: 0, rowsRead: 0 }),
    close: () => parts.letGo(),
  };
}
