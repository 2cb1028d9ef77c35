import { Database } from '../../pipelines/tables/mysql/database.js';
import { tablesDemo } from '../demo/tables.js';
import { generateTables } from '../generate/tables.js';
import { createTables } from '../../pipelines/tables/pipeline.js';
import { openCopiers } from './tables-destinations.js';
import type { PipelineKind } from './kind.js';

/** Tables of MySQL and MariaDB, into Avro files, object stores, BigQuery and ClickHouse. */
export const tables: PipelineKind = {
  open: (parts) => {
    const { settings, log } = parts;
    const database = new Database(settings);
    return createTables({ settings, log, database, copiers: openCopiers(parts, database) });
  },
  generate: generateTables,
  demo: tablesDemo,
};
