import { createHash } from 'node:crypto';
import { NoSuchFileError, type FileStore } from '../../destinations/file-store.js';
import type { AuditReport, DeliveredObject } from '../pipeline.js';
import { readLine } from './archive/envelope.js';
import { BrokenFileError, linesOf } from './archive/lines.js';
import type { Book } from './book/book.js';
import type { BookEntry } from './book/events.js';
import type { Inputs } from './inputs.js';
import { countStates, isWaiting } from './views/views.js';

/** What an audit works with. */
export interface AuditParts {
  readonly name: string;
  readonly book: Book;
  readonly inputs: Inputs;
  readonly store: FileStore;
}

/** What one file of the archive turned out to have. */
interface FileFound {
  readonly missing: number;
  readonly duplicated: number;
}

/**
 * Compares the book with the archive: by what deliveries counted, or, deep, by reading every file of the orders that the
 * book still has. A report with an envelope is known by its id; without one, a file is whole when it is the very file
 * that was written, or has as many lines.
 */
export async function audit(
  parts: AuditParts,
  {
    deep,
    signal = new AbortController().signal,
  }: { readonly deep: boolean; readonly signal?: AbortSignal | undefined },
): Promise<AuditReport> {
  const entries = await parts.book.entries();
  const delivered = entries.filter(({ state }) => state === 'delivered');
  const ordered = sumRecords(delivered);
  const found = deep ? await readArchive(parts, delivered, signal) : countObjects(delivered);
  const undelivered = await countUnordered(parts, signal);
  const outstanding = sumRecords(entries.filter(isWaiting));
  const skipped = sumRecords(entries.filter(({ state }) => state === 'skipped'));
  return {
    pipeline: parts.name,
    records: ordered + outstanding + skipped + undelivered,
    delivered: ordered - found.missing,
    ...{ missing: found.missing, duplicated: found.duplicated, undelivered, outstanding, skipped },
    objects: delivered.reduce((sum, { objects }) => sum + objects.length, 0),
    orders: countStates(entries),
  };
}

function sumRecords(entries: readonly BookEntry[]): number {
  return entries.reduce((sum, { order }) => sum + order.records, 0);
}

/** Reports of orders whose files have fewer by the count of their delivery, and files that two orders claim. */
function countObjects(delivered: readonly BookEntry[]): FileFound {
  const keys = new Set<string>();
  let missing = 0;
  let duplicated = 0;
  for (const { order, objects } of delivered) {
    const written = objects.reduce((sum, { records }) => sum + records, 0);
    missing += Math.max(0, order.records - written);
    duplicated += Math.max(0, written - order.records);
    // Of two orders with one file, the reports of one are gone.
    for (const { key, records } of objects) {
      if (keys.has(key)) missing += records;
      keys.add(key);
    }
  }
  return { missing, duplicated };
}

async function readArchive(
  { store }: AuditParts,
  delivered: readonly BookEntry[],
  signal: AbortSignal,
): Promise<FileFound> {
  const counted = countObjects(delivered);
  const ids = new Set<string>();
  let { missing, duplicated } = counted;
  for (const { objects } of delivered) {
    for (const object of objects) {
      const found = await readFile(store, object, ids, signal);
      missing += found.missing;
      duplicated += found.duplicated;
    }
  }
  return { missing, duplicated };
}

async function readFile(
  store: FileStore,
  { key, records, sha256 }: DeliveredObject,
  ids: Set<string>,
  signal: AbortSignal,
): Promise<FileFound> {
  const hash = createHash('sha256');
  const watched = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of store.read(key, signal)) {
      hash.update(chunk);
      yield chunk;
    }
  };
  let lines = 0;
  let repeated = 0;
  try {
    for await (const batch of linesOf(watched(), 'zstd')) {
      for (const line of batch) {
        const id = idIn(line);
        lines += 1;
        if (id === undefined) continue;
        if (ids.has(id)) repeated += 1;
        ids.add(id);
      }
    }
  } catch (error) {
    // Nothing that stands behind the break can be read.
    if (!(error instanceof NoSuchFileError) && !(error instanceof BrokenFileError)) throw error;
    return { missing: Math.max(0, records - lines), duplicated: repeated };
  }
  if (hash.digest('hex') === sha256) return { missing: 0, duplicated: repeated };
  return {
    missing: Math.max(0, records - (lines - repeated)),
    duplicated: Math.max(repeated, lines - records),
  };
}

function idIn(line: Buffer): string | undefined {
  if (!line.subarray(0, 7).equals(OPENING)) return undefined;
  try {
    return readLine(line.toString('utf8')).id ?? undefined;
  } catch {
    return undefined;
  }
}

const OPENING = Buffer.from('{"id":"');

/** Reports in what no order has yet. */
async function countUnordered({ book, inputs }: AuditParts, signal: AbortSignal): Promise<number> {
  let records = 0;
  for (const listed of await inputs.list())
    if (book.ofInput(listed.kind, listed.input) === undefined)
      records += (await inputs.scan(listed, signal)).records;
  return records;
}
