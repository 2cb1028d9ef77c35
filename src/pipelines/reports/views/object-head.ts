import { StoreError } from '../../../destinations/errors.js';
import { NoSuchFileError, type FileStore } from '../../../destinations/file-store.js';
import { isError } from '../../../observability/is-error.js';
import { DestinationError } from '../../errors.js';
import type { WorkOrder } from '../../pipeline.js';
import type { ObjectText } from '../../views.js';
import { BrokenFileError, decompressed } from '../archive/lines.js';
import type { Book } from '../book/book.js';

/** Bytes of a file's lines that are shown at most. */
const MOST_BYTES = 32 * 1024;

/**
 * The first lines of a file in the archive, decompressed; undefined when the book does not have it.
 *
 * @throws {DestinationError} when the archive does not give it, or it is broken
 */
export async function reportFileHead(
  { book, store }: { readonly book: Book; readonly store: FileStore },
  { id }: Pick<WorkOrder, 'id'>,
  index: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<ObjectText | undefined> {
  const object = (await book.find(id))?.objects[index];
  if (object === undefined) return undefined;
  const { bucket: place, key } = object;
  try {
    const { bytes, truncated } = await startOf(decompressed(store.read(key, signal), 'zstd'));
    const text = bytes.toString('utf8');
    const lines = truncated ? text.lastIndexOf('\n') + 1 : text.length;
    return { place, key, text: lines === 0 ? text : text.slice(0, lines), truncated };
  } catch (error) {
    if (!isAnswer(error)) throw error;
    throw new DestinationError(`for ${key} in ${place}: ${error.message}`, { cause: error });
  }
}

function isAnswer(error: unknown): error is Error {
  if (!isError(error)) return false;
  return (
    (error instanceof StoreError && !error.away) ||
    error instanceof NoSuchFileError ||
    error instanceof BrokenFileError
  );
}

async function startOf(content: AsyncIterable<Buffer>): Promise<{ bytes: Buffer; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MOST_BYTES) return { bytes: Buffer.concat(chunks).subarray(0, MOST_BYTES), truncated: true };
  }
  return { bytes: Buffer.concat(chunks), truncated: false };
}
