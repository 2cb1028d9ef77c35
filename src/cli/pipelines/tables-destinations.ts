import type { Settings } from '../../config/settings.js';
import { BigQueryDataset } from '../../destinations/bigquery/dataset.js';
import { ClickHouseDestination } from '../../destinations/clickhouse/insert.js';
import type { FileStore } from '../../destinations/file-store.js';
import { openFiles } from '../../destinations/files/open-files.js';
import { openGcsFiles } from '../../destinations/gcs/open-files.js';
import { openS3Files } from '../../destinations/s3/open-files.js';
import { createBigQueryCopier } from '../../pipelines/tables/destinations/bigquery.js';
import { createClickHouseCopier } from '../../pipelines/tables/destinations/clickhouse.js';
import type { Copier } from '../../pipelines/tables/destinations/copier.js';
import { createFilesCopier } from '../../pipelines/tables/destinations/files.js';
import type { Database } from '../../pipelines/tables/mysql/database.js';
import type { KindParts } from './kind.js';

/** The destinations that the settings name for tables. */
export function openCopiers(parts: KindParts, database: Database): readonly Copier[] {
  const { settings, log } = parts;
  const copiers: Copier[] = [];
  const dsn = settings['tables.clickhouse-dsn'];
  if (dsn !== '') {
    const client = new ClickHouseDestination({ dsn, settings, log });
    copiers.push(createClickHouseCopier({ client, database }));
  }
  if (settings['tables.bigquery-dataset'] !== '') copiers.push(openBigQuery(settings));
  if (settings['tables.avro-path'] !== '')
    copiers.push(filesOf(settings, 'fileavro', openFiles({ directory: settings['tables.avro-path'] })));
  if (settings['tables.gcs-bucket'] !== '') copiers.push(filesOf(settings, 'gcsavro', openGcs(settings)));
  if (settings['tables.s3-bucket'] !== '') {
    const place = { bucket: settings['tables.s3-bucket'], prefix: settings['tables.s3-prefix'] };
    copiers.push(filesOf(settings, 's3avro', openS3Files({ client: parts.s3, ...place })));
  }
  return copiers;
}

function filesOf(settings: Settings, archiver: 'fileavro' | 'gcsavro' | 's3avro', store: FileStore): Copier {
  return createFilesCopier({
    ...{ archiver, store },
    codec: settings['tables.avro-codec'],
    contentType: settings['tables.object-content-type'],
    cacheControl: settings['tables.object-cache-control'],
  });
}

/** As whom Google is spoken to: what the settings leave out follows from the machine. */
function googleAccount(
  settings: Settings,
  of: 'gcs' | 'bigquery',
): { readonly projectId?: string; readonly keyFile?: string; readonly apiEndpoint?: string } {
  const projectId = settings[`tables.${of}-project`];
  const apiEndpoint = settings[`tables.${of}-endpoint`];
  const keyFile = settings['tables.google-credentials'];
  return {
    ...(projectId === '' ? {} : { projectId }),
    ...(apiEndpoint === '' ? {} : { apiEndpoint }),
    ...(keyFile === '' ? {} : { keyFile }),
  };
}

function openGcs(settings: Settings): FileStore {
  return openGcsFiles({ bucket: settings['tables.gcs-bucket'], ...googleAccount(settings, 'gcs') });
}

function openBigQuery(settings: Settings): Copier {
  const dataset = settings['tables.bigquery-dataset'];
  return createBigQueryCopier(new BigQueryDataset({ dataset, ...googleAccount(settings, 'bigquery') }));
}
