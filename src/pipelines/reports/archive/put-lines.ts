import { createHash } from 'node:crypto';
import type { FileStore } from '../../../destinations/file-store.js';
import { compressLines, type CompressOptions } from './compress.js';
import { BrokenFileError, linesOf } from './lines.js';

/** What to write where. */
export interface PutLinesOptions {
  readonly store: FileStore;
  readonly name: string;
  readonly compress: CompressOptions;
  /** The lines, from the beginning each time that it is called. */
  readonly lines: () => AsyncIterable<readonly Uint8Array[]>;
  /** How many there must be. */
  readonly records: number;
  readonly signal: AbortSignal;
}

/** What stands in the archive now. */
export interface WrittenLines {
  readonly records: number;
  /** Compressed. */
  readonly bytes: number;
  readonly rawBytes: number;
  /** SHA-256 of the compressed file, hex. */
  readonly sha256: string;
}

/** Another file stands where one is to be written. */
export class FileTakenError extends Error {
  override readonly name = 'FileTakenError';

  constructor(name: string, place: string) {
    super(
      `${name} in ${place} is there already and has other reports; it is not replaced. Move it away, or give ` +
        'reports.key-pattern something that tells the files of several collectors apart, such as {name} or {id}',
    );
  }
}

/** There are more lines, or fewer, than there must be. */
class LineCountError extends Error {
  override readonly name = 'LineCountError';
}

/**
 * Writes lines as a file, which appears whole or not at all and never replaces one with other lines. One with the same
 * lines is taken for written: an earlier attempt did that, perhaps with another level of compression.
 *
 * @throws {FileTakenError} and what the store and the lines throw
 */
export async function putLines(options: PutLinesOptions): Promise<WrittenLines> {
  const { store, name, signal } = options;
  if ((await store.head(name, signal)) === undefined) return write(options);
  const there = await readThere(store, name, signal);
  const ours = await digestOf(options.lines(), signal);
  if (there?.lines !== ours.lines) throw new FileTakenError(name, store.place);
  checkCount(ours.records, options);
  return { records: ours.records, rawBytes: ours.rawBytes, bytes: there.bytes, sha256: there.sha256 };
}

async function write(options: PutLinesOptions): Promise<WrittenLines> {
  const { store, name, compress, lines, signal } = options;
  let records = 0;
  let rawBytes = 0;
  const compressed = compressLines(lines(), compress, (bytes) => {
    records += 1;
    rawBytes += bytes;
  });
  // Counted before the file is there: one with fewer lines than it must have never appears.
  const counted = async function* (): AsyncGenerator<Uint8Array, void> {
    yield* compressed;
    checkCount(records, options);
  };
  const { bytes, sha256 } = await store.put(name, counted(), { contentType: 'application/zstd', signal });
  return { records, rawBytes, bytes, sha256 };
}

function checkCount(records: number, { name, records: wanted }: PutLinesOptions): void {
  if (records !== wanted)
    throw new LineCountError(`${name} would have ${String(records)} lines in place of ${String(wanted)}`);
}

/** What stands there; undefined when it is no whole zstd file. */
async function readThere(
  store: FileStore,
  name: string,
  signal: AbortSignal,
): Promise<{ lines: string; bytes: number; sha256: string } | undefined> {
  const raw = createHash('sha256');
  let bytes = 0;
  const watched = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of store.read(name, signal)) {
      raw.update(chunk);
      bytes += chunk.byteLength;
      yield chunk;
    }
  };
  const lines = createHash('sha256');
  try {
    for await (const batch of linesOf(watched(), 'zstd'))
      for (const line of batch) lines.update(line).update('\n');
  } catch (error) {
    if (error instanceof BrokenFileError) return undefined;
    throw error;
  }
  return { lines: lines.digest('hex'), bytes, sha256: raw.digest('hex') };
}

async function digestOf(
  lines: AsyncIterable<readonly Uint8Array[]>,
  signal: AbortSignal,
): Promise<{ lines: string; records: number; rawBytes: number }> {
  const hash = createHash('sha256');
  let records = 0;
  let rawBytes = 0;
  for await (const batch of lines) {
    signal.throwIfAborted();
    for (const line of batch) {
      hash.update(line).update('\n');
      records += 1;
      rawBytes += line.byteLength + 1;
    }
  }
  return { lines: hash.digest('hex'), records, rawBytes };
}
