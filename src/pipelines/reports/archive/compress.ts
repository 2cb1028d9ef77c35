import { pipeline as join, Readable } from 'node:stream';
import { CompressStream } from 'zstd-napi';

/** How to compress. */
export interface CompressOptions {
  /** 1 (fast) to 22 (small). */
  readonly level: number;
  /** Long-distance matching within a window of 2 to this power bytes; 0 without. */
  readonly longWindowLog: number;
}

/** Bytes that are handed to the compressor at once: what it takes for them holds up nothing else for long. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Compresses lines to one zstd frame with a checksum, with a newline behind each. The same lines with the same options
 * give the same bytes.
 *
 * @param onLine is told of each line, before it is compressed
 */
export async function* compressLines(
  lines: AsyncIterable<readonly Uint8Array[]>,
  { level, longWindowLog }: CompressOptions,
  onLine: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  const encoder = new CompressStream({
    compressionLevel: level,
    checksumFlag: true,
    ...(longWindowLog === 0 ? {} : { enableLongDistanceMatching: true, windowLog: longWindowLog }),
  });
  let failure: { readonly error: unknown } | undefined;
  const chunks = async function* (): AsyncGenerator<Buffer, void> {
    try {
      yield* gathered(lines, onLine);
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  join(Readable.from(chunks(), { objectMode: false, highWaterMark: 1 }), encoder, () => undefined);
  const compressed: AsyncIterable<unknown> = encoder;
  try {
    for await (const chunk of compressed) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    if (failure !== undefined) throw failure.error;
    throw error;
  } finally {
    encoder.destroy();
  }
}

const NEWLINE = Buffer.from('\n');

/** Always cut at the same bytes, whatever the batches: so the compressor sees the same. */
async function* gathered(
  lines: AsyncIterable<readonly Uint8Array[]>,
  onLine: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const batch of lines) {
    for (const line of batch) {
      onLine(line.byteLength + 1);
      parts.push(line, NEWLINE);
      bytes += line.byteLength + 1;
      while (bytes >= CHUNK_BYTES) {
        const all = Buffer.concat(parts, bytes);
        yield all.subarray(0, CHUNK_BYTES);
        parts = [all.subarray(CHUNK_BYTES)];
        bytes -= CHUNK_BYTES;
      }
    }
  }
  if (bytes > 0) yield Buffer.concat(parts, bytes);
}
