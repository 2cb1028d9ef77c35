import type { Pipeline } from '../pipeline.js';
import { bookkeeping } from './archiver.js';
import { auditTables } from './audit.js';
import { deliverRows } from './deliver.js';
import type { Copier } from './destinations/copier.js';
import { copierEngine, engineAway, MYSQL, mysqlEngine } from './engines.js';
import { discoverRanges, previewTable } from './discover.js';
import { findLateRows } from './late.js';
import type { TableOrder } from './order.js';
import type { ArchiverParts } from './parts.js';

/** A pipeline that copies tables to one destination. */
export function createCopying(parts: ArchiverParts, copier: Copier): Pipeline<TableOrder> {
  const { tables } = parts;
  return {
    ...bookkeeping(parts, copier.place),
    engines: [mysqlEngine(parts.database), copierEngine(copier)],
    needs: { discovery: [MYSQL], delivery: [MYSQL, copier.engine] },
    engineAwayOf: (error) => engineAway(error, copier),
    words: {
      title: `Table archive: ${copier.title}`,
      goods: 'rows',
      record: { one: 'row', many: 'rows' },
      source: { one: 'table', many: 'tables' },
      target: copier.target,
      object: copier.object,
    },
    discover: (context) => discoverRanges(parts, context),
    preview: async (signal = new AbortController().signal) => {
      const found: TableOrder[] = [];
      for (const { table } of tables) found.push(...(await previewTable(parts, table, signal)));
      return found;
    },
    deliver: (order, context) => deliverRows(parts, copier, order, context),
    audit: ({ deep, signal }) => auditTables(parts, copier, deep, signal),
    findLate: (options) => findLateRows(parts, options),
    close: async () => {
      await copier.close?.();
      await parts.letGo();
    },
  };
}
