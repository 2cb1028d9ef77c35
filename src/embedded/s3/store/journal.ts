import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { z } from 'zod';
import type { Head } from './head.js';

const lineSchema = z.object({
  /** ISO 8601. */
  at: z.string(),
  op: z.enum(['put', 'delete']),
  bucket: z.string(),
  key: z.string(),
  /** 0 after a delete. */
  bytes: z.number(),
  /** null when there was no object. */
  previousBytes: z.number().nullable(),
  /** null after a delete. */
  etag: z.string().nullable(),
  /** The metadata `log-courier-records` and `log-courier-order` of the object. */
  records: z.string().nullable(),
  order: z.string().nullable(),
  /** The content file; null after a delete. */
  file: z.string().nullable(),
});
type Line = z.infer<typeof lineSchema>;

/** What happened to a key. */
export interface Change {
  readonly bucket: string;
  readonly key: string;
  readonly previous: Pick<Head, 'bytes'> | undefined;
  /** Undefined when it was deleted. */
  readonly current: Head | undefined;
}

/** All changes of objects, a line of JSON each, in the order in which they happened to a key. */
export class Journal {
  readonly #file: number;

  /**
   * Opens the journal, and writes down what a process that was killed had done without a line of it.
   *
   * @param objects all that is there now, by bucket and key
   */
  constructor(path: string, objects: ReadonlyMap<string, ReadonlyMap<string, Head>>) {
    const lines = existsSync(path) ? readWhole(path) : [];
    this.#file = openSync(path, 'a');
    for (const change of missedChanges(lines, objects)) this.append(change);
  }

  /** Writes a change down before this returns. */
  append({ bucket, key, previous, current }: Change): void {
    const line: Line = {
      at: new Date().toISOString(),
      op: current === undefined ? 'delete' : 'put',
      bucket,
      key,
      bytes: current?.bytes ?? 0,
      previousBytes: previous?.bytes ?? null,
      etag: current?.etag ?? null,
      records: current?.headers['x-amz-meta-log-courier-records'] ?? null,
      order: current?.headers['x-amz-meta-log-courier-order'] ?? null,
      file: current?.file ?? null,
    };
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  /** Nothing can be written after this. */
  close(): void {
    closeSync(this.#file);
  }
}

/** Reads the lines; the rest of one that a killed process did not finish is cut off. */
function readWhole(path: string): readonly Line[] {
  const content = readFileSync(path);
  const end = content.lastIndexOf('\n') + 1;
  if (end < content.length) truncateSync(path, end);
  const lines = content.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
  return lines.map((line) => lineSchema.parse(JSON.parse(line)));
}

function* missedChanges(
  lines: readonly Line[],
  objects: ReadonlyMap<string, ReadonlyMap<string, Head>>,
): Generator<Change> {
  const latest = new Map<string, Line>();
  for (const line of lines) latest.set(`${line.bucket}/${line.key}`, line);
  for (const [bucket, heads] of objects) {
    for (const [key, current] of heads) {
      const line = latest.get(`${bucket}/${key}`);
      const previous = line?.op === 'put' ? line : undefined;
      if (line?.file !== current.file) yield { bucket, key, previous, current };
    }
  }
  for (const line of latest.values()) {
    const { op, bucket, key } = line;
    const isGone = op === 'put' && objects.get(bucket)?.has(key) !== true;
    if (isGone) yield { bucket, key, previous: line, current: undefined };
  }
}
