import { pipeline as join, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DecompressStream } from 'zstd-napi';
import { isError } from '../../../observability/is-error.js';

/** A file is not what its name says, or is broken. */
export class BrokenFileError extends Error {
  override readonly name = 'BrokenFileError';
}

/** How a file is compressed, by the end of its name. */
export type Compression = 'zstd' | 'gzip' | 'none';

/** How the files are compressed that can be read here; undefined for a name of any other file. */
export function compressionOf(name: string): Compression | undefined {
  if (name.endsWith('.jsonl.zst')) return 'zstd';
  if (name.endsWith('.jsonl.gz')) return 'gzip';
  return name.endsWith('.jsonl') ? 'none' : undefined;
}

/** Longest line that is read, in bytes: far beyond any report, and still no danger to memory. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

/**
 * Reads compressed content as its lines, without their ends, in batches, with bounded memory. Empty lines are left out.
 *
 * @throws {BrokenFileError} when the content cannot be decompressed, ends too early, or has a line that is too long;
 * and what reading the content throws
 */
export async function* linesOf(
  content: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<readonly Buffer[], void> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of decompressed(content, compression)) {
    const lines: Buffer[] = [];
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, from);
      if (end < 0) break;
      const last = chunk.subarray(from, end);
      const line = rest.length === 0 ? last : Buffer.concat([...rest, last]);
      rest = [];
      restBytes = 0;
      from = end + 1;
      if (line.length > 0) lines.push(line);
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from));
      restBytes += chunk.length - from;
      if (restBytes > MAX_LINE_BYTES)
        throw new BrokenFileError(`a line is longer than ${String(MAX_LINE_BYTES)} bytes`);
    }
    if (lines.length > 0) yield lines;
  }
  if (restBytes > 0) yield [Buffer.concat(rest)];
}

/** @throws {BrokenFileError} when it cannot be decompressed, and what reading it throws */
export async function* decompressed(
  content: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Buffer, void> {
  if (compression === 'none') {
    for await (const chunk of content) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return;
  }
  const watched = new Watched(content);
  const decoder = compression === 'zstd' ? new DecompressStream() : createGunzip();
  join(Readable.from(watched.chunks(), { objectMode: false, highWaterMark: 1 }), decoder, () => undefined);
  const chunks: AsyncIterable<unknown> = decoder;
  try {
    for await (const chunk of chunks) if (Buffer.isBuffer(chunk)) yield chunk;
  } catch (error) {
    if (watched.failure !== undefined) throw watched.failure.error;
    const why = isError(error) ? error.message : String(error);
    throw new BrokenFileError(`it is no whole ${compression} file: ${why}`, { cause: error });
  } finally {
    decoder.destroy();
  }
}

/** Tells an error of what is read from one of what is made of it. */
class Watched {
  readonly #content: AsyncIterable<Uint8Array>;
  failure: { readonly error: unknown } | undefined;

  constructor(content: AsyncIterable<Uint8Array>) {
    this.#content = content;
  }

  async *chunks(): AsyncGenerator<Buffer, void> {
    try {
      for await (const chunk of this.#content)
        yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }
}
