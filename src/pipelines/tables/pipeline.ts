import { hostname } from 'node:os';
import type { Settings } from '../../config/settings.js';
import { tableNameOf } from '../../config/tables-settings.js';
import type { Log } from '../../observability/log.js';
import type { Pipeline } from '../pipeline.js';
import { OrderBook } from './book.js';
import { createCleaning } from './cleanup/cleaning.js';
import { createCopying } from './copying.js';
import type { Copier } from './destinations/copier.js';
import { ArchiverLocks } from './lock.js';
import type { Database } from './mysql/database.js';
import { Notes } from './notes.js';
import type { Archiver, TableOrder } from './order.js';
import { rulesOf, type ArchiverParts, type BatchRules, type SharedParts } from './parts.js';
import { Shapes } from './shape/shapes.js';

/** What the pipelines work with. */
export interface TablesParts {
  readonly settings: Settings;
  readonly log: Log;
  /** Has the tables; it is closed with the pipelines. */
  readonly database: Database;
  /** The destinations, in the settings' order. */
  readonly copiers: readonly Copier[];
}

/**
 * A pipeline for each destination, and one that deletes what all of them have. They share the connections to the database,
 * of which the last one that is closed lets go.
 */
export function createTables({
  settings,
  log,
  database,
  copiers,
}: TablesParts): readonly Pipeline<TableOrder>[] {
  const writer = `${hostname()}:${String(process.pid)}`;
  const tables = settings['tables.names'].map(tableNameOf);
  const locks = new ArchiverLocks(database, writer, log);
  const cleans = settings['tables.cleanup-enabled'];
  let users = copiers.length + (cleans ? 1 : 0);
  const shared: SharedParts = {
    ...{ settings, log, database, tables, locks },
    shapes: new Shapes(database, tables),
    copiers: copiers.map(({ archiver }) => archiver),
    letGo: async () => {
      users -= 1;
      if (users !== 0) return;
      await locks.close();
      await database.close();
    },
  };
  const partsOf = (archiver: Archiver, rules: BatchRules): ArchiverParts => ({
    ...{ ...shared, archiver, rules },
    book: new OrderBook(database, archiver, writer),
    notes: new Notes(database, archiver),
  });
  const pipelines = copiers.map((copier) =>
    createCopying(partsOf(copier.archiver, rulesOf(settings, copier.archiver)), copier),
  );
  if (!cleans) return pipelines;
  const rules = { min: 1, max: settings['tables.cleanup-batch-max'], intervalSeconds: 0 };
  return [...pipelines, createCleaning(partsOf('cleanup', rules))];
}
