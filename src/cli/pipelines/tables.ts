import { tablesDemo } from '../demo/tables.js';
import { generateTables } from '../generate/tables.js';
import { createTables } from '../../pipelines/tables/pipeline.js';
import { openCopiers } from './tables-destinations.js';
import type { PipelineKind } from './kind.js';

/** Tables of MySQL and MariaDB, into Avro files, object stores, BigQuery and ClickHouse. */
export const tables: PipelineKind = {
  open: (parts) => createTables({ settings: parts.settings, log: parts.log, copiers: openCopiers(parts) }),
  generate: generateTables,
  demo: tablesDemo,
};
