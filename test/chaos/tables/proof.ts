import { z } from 'zod';
import { openFiles } from '../../../src/destinations/files/open-files.js';
import type { FileStore } from '../../../src/destinations/file-store.js';
import { openS3Files } from '../../../src/destinations/s3/open-files.js';
import { DamagedAvroError, readAvro } from '../../../src/formats/avro/reader.js';
import type { Store } from '../../../src/cli/assembly.js';
import type { WrittenRow } from './writers.js';

/** What one destination has, against what was written. */
export interface DestinationProof {
  readonly destination: string;
  readonly rows: number;
  /** Rows that were committed and are not there. */
  readonly missing: number;
  /** Copies too many. */
  readonly duplicated: number;
  /** Rows that nobody committed. */
  readonly unknown: number;
  /** Rows whose values are others than those that were written. */
  readonly differing: number;
  readonly files: number;
  readonly damaged: readonly string[];
}

type Found = readonly (readonly [key: number, serverId: number])[];

/** Reads every destination whole, by other means than the audit does, and compares each with what was written. */
export async function proveTables(
  { settings, s3 }: Store,
  clickHouseUrl: string,
  written: ReadonlyMap<number, WrittenRow>,
  signal: AbortSignal,
): Promise<readonly DestinationProof[]> {
  const files = openFiles({ directory: settings['tables.avro-path'] });
  const objects = openS3Files({ client: s3, bucket: settings['tables.s3-bucket'] });
  return [
    await proveFiles('files', files, written, signal),
    await proveFiles('S3', objects, written, signal),
    { ...compare('ClickHouse', await rowsInClickHouse(clickHouseUrl), written), files: 0, damaged: [] },
  ];
}

async function proveFiles(
  destination: string,
  store: FileStore,
  written: ReadonlyMap<number, WrittenRow>,
  signal: AbortSignal,
): Promise<DestinationProof> {
  const found: [number, number][] = [];
  const damaged: string[] = [];
  let files = 0;
  for await (const { name } of store.list('', signal)) {
    files += 1;
    try {
      for await (const { fields, rows } of readAvro(store.read(name, signal), signal)) {
        const [key, serverId] = [fields.indexOf('id'), fields.indexOf('server_id')];
        for (const row of rows) found.push([Number(row[key]), Number(row[serverId])]);
      }
    } catch (error) {
      if (!(error instanceof DamagedAvroError)) throw error;
      damaged.push(`${name}: ${error.message}`);
    }
  }
  return { ...compare(destination, found, written), files, damaged };
}

const rowsSchema = z.array(z.tuple([z.coerce.number(), z.coerce.number()]));

async function rowsInClickHouse(url: string): Promise<Found> {
  const query = 'SELECT id, server_id FROM default.log_scores FORMAT JSONCompact';
  const answer = await fetch(`${url}/?query=${encodeURIComponent(query)}`);
  if (!answer.ok) throw new Error(`ClickHouse answered ${await answer.text()}`);
  return rowsSchema.parse(z.object({ data: z.unknown() }).parse(await answer.json()).data);
}

function compare(
  destination: string,
  found: Found,
  written: ReadonlyMap<number, WrittenRow>,
): Omit<DestinationProof, 'files' | 'damaged'> {
  const seen = new Set<number>();
  const counts = { duplicated: 0, unknown: 0, differing: 0 };
  for (const [key, serverId] of found) {
    const row = written.get(key);
    if (row === undefined) counts.unknown += 1;
    else if (seen.has(key)) counts.duplicated += 1;
    else if (row.serverId !== serverId) counts.differing += 1;
    seen.add(key);
  }
  const missing = [...written.keys()].filter((key) => !seen.has(key)).length;
  return { destination, rows: found.length, missing, ...counts };
}
