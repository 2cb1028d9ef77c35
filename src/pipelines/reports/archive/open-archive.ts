import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Settings } from '../../../config/settings.js';
import { systemCodeOf } from '../../../destinations/files/errors.js';
import { openFiles } from '../../../destinations/files/open-files.js';
import type { FileStore } from '../../../destinations/file-store.js';
import { openGcsFiles } from '../../../destinations/gcs/open-files.js';
import { createS3Client } from '../../../destinations/s3/client.js';
import { openS3Files } from '../../../destinations/s3/open-files.js';
import type { PipelineEngine } from '../../engine.js';
import { s3Engine } from '../../s3-engine.js';

/** An archive, and how to let go of it. */
export interface Archive {
  readonly store: FileStore;
  /** The archive as an engine: without it nothing is delivered. */
  readonly engine: PipelineEngine;
  readonly close: () => void;
}

/** Opens the archive of reports that the settings name. */
export function openArchive(settings: Settings): Archive {
  const bucket = settings['reports.bucket'];
  const prefix = settings['reports.prefix'];
  switch (settings['reports.archive']) {
    case 'files': {
      const store = openFiles({ directory: settings['reports.directory'] });
      return { store, engine: engineOf(store, 'reports.directory'), close: () => undefined };
    }
    case 's3': {
      const client = createS3Client(settings);
      const store = openS3Files({ client, bucket, prefix });
      return {
        store,
        engine: s3Engine(client),
        close: () => {
          client.destroy();
        },
      };
    }
    case 'gcs': {
      const store = openGcsFiles({ bucket, prefix, ...gcsOptions(settings) });
      return { store, engine: engineOf(store, 'reports.bucket'), close: () => undefined };
    }
  }
}

/** Only this pipeline has this engine: other archives of the same kind are other places. */
function engineOf(store: FileStore, setting: string): PipelineEngine {
  return {
    engine: REPORTS_ARCHIVE,
    advice: `the archive of reports, ${store.place}, cannot be written to; check ${setting}, then try again`,
    check: (signal) => store.check(signal),
  };
}

/** The engine of an archive that is not in S3. */
const REPORTS_ARCHIVE = 'reports-archive';

function gcsOptions(settings: Settings): { keyFile?: string; apiEndpoint?: string } {
  const [keyFile, apiEndpoint] = [settings['reports.gcs-key-file'], settings['reports.gcs-endpoint']];
  return { ...(keyFile === '' ? {} : { keyFile }), ...(apiEndpoint === '' ? {} : { apiEndpoint }) };
}

/**
 * Makes the directory of an archive of files, once: a directory that is missing later may be a disk that is not mounted,
 * and is not made anew below its mount point.
 *
 * @param spool the spool's directory, which remembers; made when missing
 * @returns what was made
 */
export async function makeArchiveDirectory(settings: Settings, spool: string): Promise<string | undefined> {
  if (settings['reports.archive'] !== 'files') return undefined;
  const directory = resolve(settings['reports.directory']);
  const mark = join(spool, 'archive-made');
  const made = await readFile(mark, 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return '';
    throw error;
  });
  if (made.split('\n').includes(directory)) return undefined;
  await mkdir(spool, { recursive: true, mode: 0o750 });
  await mkdir(directory, { recursive: true, mode: 0o750 });
  await writeFile(mark, `${made}${directory}\n`, { mode: 0o640 });
  return directory;
}
