import { readFile } from 'node:fs/promises';
import { ListBucketsCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { z } from 'zod';

/** An object that became smaller, or went away. */
export interface ShrunkObject {
  readonly bucket: string;
  readonly key: string;
  readonly before: number;
  /** Missing when the object is gone. */
  readonly after?: number;
  readonly unit: 'bytes' | 'records';
  readonly at: string;
}

/** Every object there is. */
export async function* listObjects(
  s3: S3Client,
): AsyncGenerator<{ readonly bucket: string; readonly key: string; readonly bytes: number }> {
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  for (const { Name: bucket } of Buckets) {
    if (bucket === undefined) continue;
    for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket })) {
      for (const { Key: key, Size: bytes = 0 } of page.Contents ?? [])
        if (key !== undefined) yield { bucket, key, bytes };
    }
  }
}

const journalLine = z.object({
  at: z.string(),
  op: z.enum(['put', 'delete']),
  bucket: z.string(),
  key: z.string(),
  bytes: z.number(),
  previousBytes: z.number().nullable(),
  /** The number of records that the delivery wrote beside the object. */
  records: z.coerce.number().nullable(),
});
type JournalLine = z.infer<typeof journalLine>;

/** What became of objects after they had appeared. */
export interface ObjectHistory {
  /** Writes to keys that had an object already. */
  readonly rewrites: number;
  readonly shrunk: readonly ShrunkObject[];
}

/**
 * Reads the journal of the embedded S3. It has every write, also those that two listings would not see.
 *
 * @param file the journal
 */
export async function objectHistory(file: string): Promise<ObjectHistory> {
  const records = new Map<string, number>();
  const shrunk: ShrunkObject[] = [];
  let rewrites = 0;
  for (const line of (await readFile(file, 'utf8')).split('\n').slice(0, -1)) {
    const entry = journalLine.parse(JSON.parse(line));
    const name = `${entry.bucket}/${entry.key}`;
    if (entry.op === 'put' && entry.previousBytes !== null) rewrites += 1;
    const loss = lossOf(entry, records.get(name));
    if (loss !== undefined) shrunk.push(loss);
    records.set(name, entry.records ?? 0);
  }
  return { rewrites, shrunk };
}

function lossOf(entry: JournalLine, recordsBefore: number | undefined): ShrunkObject | undefined {
  const { at, op, bucket, key, bytes, previousBytes, records } = entry;
  const about = { at, bucket, key };
  if (op === 'delete') return { ...about, before: previousBytes ?? 0, unit: 'bytes' };
  if (recordsBefore !== undefined && records !== null && records < recordsBefore)
    return { ...about, before: recordsBefore, after: records, unit: 'records' };
  if (previousBytes !== null && bytes < previousBytes)
    return { ...about, before: previousBytes, after: bytes, unit: 'bytes' };
  return undefined;
}
