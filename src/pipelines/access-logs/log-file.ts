import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { isNativeError } from 'node:util/types';
import { createGunzip } from 'node:zlib';

/** A file could not be read to its end. */
export class LogFileError extends Error {
  override readonly name = 'LogFileError';

  /** @param file its path, as it was given */
  constructor(
    readonly file: string,
    options: { readonly cause: unknown },
  ) {
    const { cause } = options;
    const reason = isNativeError(cause) ? cause.message : String(cause);
    super(`read ${file}: ${reason}; check that it is there, readable and, when compressed, whole`, options);
  }
}

/**
 * Reads a file, unpacked when it is gzip (by its first bytes, whatever it is called).
 *
 * @throws {LogFileError} when it cannot be opened, or read or unpacked to its end
 */
export async function* readLogFile(file: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    const isCompressed = await beginsAsGzip(file);
    const bytes = createReadStream(file, signal === undefined ? {} : { signal });
    // pipeline() hands an error of the file on to the reader of the unpacked bytes, which throws it
    yield* isCompressed ? pipeline(bytes, createGunzip(), () => undefined) : bytes;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new LogFileError(file, { cause });
  }
}

async function beginsAsGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await handle.close();
  }
}
