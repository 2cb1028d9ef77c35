import { setImmediate as otherWork } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { DecompressStream } from 'zstd-napi';
import { isError } from '../../../observability/is-error.js';
import { Refusal } from './problem.js';

/** The largest window of zstd that is accepted, 8 MiB: the least that every decoder must take (RFC 8878). */
const WINDOW_LOG = 23;
/** What zstd is given at a time, bytes: it decompresses all of it before anything else has its turn. */
const SLICE_BYTES = 16_384;

/**
 * Decompresses a body. However much it would become, no more than `take` allows is in memory.
 *
 * @param take is called with the bytes of each piece before it is kept, and throws when there are too many
 * @throws {Refusal} when it is not what its encoding says, and whatever `take` throws
 */
export async function decompressed(
  raw: Buffer,
  encoding: 'gzip' | 'zstd',
  take: (bytes: number) => void,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const keep = (piece: Buffer): void => {
    take(piece.length);
    pieces.push(piece);
  };
  try {
    await (encoding === 'gzip' ? gunzip(raw, keep) : unzstd(raw, keep));
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    const detail =
      encoding === 'gzip'
        ? 'the body is no gzip, or breaks off'
        : 'the body is no zstd, breaks off, or has a window of over 8 MiB';
    throw new Refusal('bad-encoding', detail, undefined, { cause });
  }
  return Buffer.concat(pieces);
}

async function gunzip(raw: Buffer, keep: (piece: Buffer) => void): Promise<void> {
  const stream = createGunzip();
  stream.end(raw);
  for await (const piece of stream) if (Buffer.isBuffer(piece)) keep(piece);
}

/**
 * The stream decompresses all that it is given before it hands anything on: a megabyte can be a hundred gigabytes. So
 * what it makes is counted as it is made, and a throw there ends it.
 */
class CountedDecompress extends DecompressStream {
  constructor(private readonly keep: (piece: Buffer) => void) {
    super({ windowLogMax: WINDOW_LOG });
  }

  override push(piece: unknown): boolean {
    // A copy: a small piece would keep the whole buffer that it is a part of.
    if (Buffer.isBuffer(piece)) this.keep(Buffer.from(piece));
    else super.push(null);
    return true;
  }
}

async function unzstd(raw: Buffer, keep: (piece: Buffer) => void): Promise<void> {
  const stream = new CountedDecompress(keep);
  let failure: Error | undefined;
  stream.on('error', (error) => {
    failure ??= error;
  });
  const write = (slice: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      stream.write(slice, (error) => {
        if (isError(error)) reject(error);
        else resolve();
      });
    });
  for (let from = 0; from < raw.length; from += SLICE_BYTES) {
    await write(raw.subarray(from, from + SLICE_BYTES));
    await otherWork();
  }
  await new Promise<void>((resolve) => {
    stream.once('close', resolve).resume().end();
  });
  if (failure !== undefined) throw failure;
}
