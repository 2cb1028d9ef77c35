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
import { Database } from './mysql/database.js';
import { Notes } from './notes.js';
import { rulesOf, type ArchiverParts, type SharedParts } from './parts.js';
import { Shapes } from './shape/shapes.js';

/** What the pipelines work with. */
export interface TablesParts {
  readonly settings: Settings;
  readonly log: Log;
  /** The destinations, in the settings' order. */
  readonly copiers: readonly Copier[];
}

/** The pipelines that archive tables. */
export interface Tables {
  readonly pipelines: readonly Pipeline[];
  readonly database: Database;
  /** Lets go of the database; the pipelines are closed by themselves. */
  close(): Promise<void>;
}

/** A pipeline for each destination, and one that deletes what all of them have. */
export function createTables({ settings, log, copiers }: TablesParts): Tables {
  const database = new Database(settings);
  const writer = `${hostname()}:${String(process.pid)}`;
  const tables = settings['tables.names'].map(tableNameOf);
  const shared: SharedParts = {
    ...{ settings, log, database, tables },
    shapes: new Shapes(database, tables),
    locks: new ArchiverLocks(database, writer, log),
    copiers: copiers.map(({ archiver }) => archiver),
  };
  const pipelines = copiers.map((copier) => {
    const { archiver } = copier;
    const book = new OrderBook(database, archiver, writer);
    const parts = {
      ...shared,
      archiver,
      book,
      notes: new Notes(database, archiver),
      rules: rulesOf(settings, archiver),
    };
    return createCopying(parts, copier);
  });
  const cleaningParts = (): ArchiverParts => ({
    ...shared,
    archiver: 'cleanup',
    book: new OrderBook(database, 'cleanup', writer),
    notes: new Notes(database, 'cleanup'),
    rules: { min: 1, max: settings['tables.cleanup-batch-max'], intervalSeconds: 0 },
  });
  return {
    pipelines: settings['tables.cleanup-enabled']
      ? [...pipelines, createCleaning(cleaningParts())]
      : pipelines,
    database,
    close: async () => {
      await shared.locks.close();
      await database.close();
    },
  };
}
