import type { Settings } from '../../config/settings.js';
import type { TableName } from '../../config/tables-settings.js';
import type { Log } from '../../observability/log.js';
import type { OrderBook } from './book.js';
import type { BatchLimits } from './cut.js';
import type { ArchiverLocks } from './lock.js';
import type { Database } from './mysql/database.js';
import type { Notes } from './notes.js';
import type { Archiver } from './order.js';
import type { Shapes } from './shape/shapes.js';

/** What all archivers of a process share. */
export interface SharedParts {
  readonly settings: Settings;
  readonly log: Log;
  readonly database: Database;
  readonly shapes: Shapes;
  readonly locks: ArchiverLocks;
  readonly tables: readonly TableName[];
  /** All that copy, in the settings' order: nothing is deleted before each of them has it. */
  readonly copiers: readonly Archiver[];
  /** Says that one archiver is done; the last one lets go of the database. */
  readonly letGo: () => Promise<void>;
}

/** When a destination wants which batches. */
export interface BatchRules extends BatchLimits {
  /** Least time between two batches of a table, in seconds. */
  readonly intervalSeconds: number;
}

/** What one archiver works with. */
export interface ArchiverParts extends SharedParts {
  readonly archiver: Archiver;
  readonly book: OrderBook;
  readonly rules: BatchRules;
  readonly notes: Notes;
}

/** The rules of an archiver that copies. */
export function rulesOf(settings: Settings, archiver: Exclude<Archiver, 'cleanup'>): BatchRules {
  switch (archiver) {
    case 'clickhouse':
      return {
        min: settings['tables.clickhouse-batch-min'],
        max: settings['tables.clickhouse-batch-max'],
        intervalSeconds: settings['tables.clickhouse-interval-seconds'],
      };
    case 'bigquery':
      return {
        min: settings['tables.bigquery-batch-min'],
        max: settings['tables.bigquery-batch-max'],
        intervalSeconds: settings['tables.bigquery-interval-seconds'],
      };
    case 'fileavro':
    case 'gcsavro':
    case 's3avro':
      return {
        min: settings['tables.avro-batch-min'],
        max: settings['tables.avro-batch-max'],
        intervalSeconds: settings['tables.avro-interval-seconds'],
      };
  }
}
