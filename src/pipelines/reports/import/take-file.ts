import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncFolder } from '../../../destinations/files/folders.js';
import { removeStrays, temporaryName } from '../../../destinations/files/temporary.js';
import { BrokenFileError, compressionOf, linesOf } from '../archive/lines.js';
import type { Book } from '../book/book.js';
import { msOfTimeInName } from '../file-time.js';
import { FILES_FOLDER, isTakenAs, readBytes, takenName } from '../inputs.js';
import { orderId } from '../order.js';
import type { TakenFiles } from './taken.js';

/** What taking files works with. */
export interface TakeParts {
  /** The spool's directory. */
  readonly spool: string;
  /** The pipeline's name. */
  readonly name: string;
  readonly book: Book;
  readonly taken: TakenFiles;
}

/** What became of a file that was offered. */
export interface TakenFile {
  /** False when it had been taken before. */
  readonly isNew: boolean;
  readonly records: number;
  readonly bytes: number;
}

/** A file was written to while it was read. */
export class FileChangedError extends Error {
  override readonly name = 'FileChangedError';
}

/** The time in the name of a file that a collector wrote. */
const TIME_IN_NAME = /\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3}Z/;

/**
 * Takes a file of JSON lines, compressed or not, into the spool: a copy, checked line by line, that is on the disk when
 * this resolves. A file is known by its content: it is taken once, whatever its name. The file itself stays.
 *
 * @throws {BrokenFileError} when it cannot be decompressed, or a line is no JSON
 * @throws {FileChangedError} when somebody wrote to it meanwhile
 */
export async function takeFile(parts: TakeParts, path: string, signal: AbortSignal): Promise<TakenFile> {
  const { spool, name, book, taken } = parts;
  const compression = compressionOf(path);
  if (compression === undefined)
    throw new BrokenFileError('its name ends in none of .jsonl, .jsonl.gz, .jsonl.zst');
  const folder = join(spool, FILES_FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o750 });
  await removeStrays(folder);
  const before = await stat(path);
  const temporary = join(folder, temporaryName());
  const hash = createHash('sha256');
  let bytes = 0;
  let records = 0;
  const copy = await open(temporary, 'wx', 0o640);
  try {
    try {
      const copied = async function* (): AsyncGenerator<Uint8Array, void> {
        for await (const chunk of readBytes(path, signal)) {
          hash.update(chunk);
          bytes += chunk.byteLength;
          await copy.writeFile(chunk);
          yield chunk;
        }
      };
      for await (const lines of linesOf(copied(), compression)) {
        for (const line of lines) checkLine(line, (records += 1));
      }
      await copy.sync();
    } finally {
      await copy.close();
    }
    const after = await stat(path);
    if (after.size !== bytes || after.mtimeMs !== before.mtimeMs || after.ino !== before.ino)
      throw new FileChangedError(`${path} was written to while it was read`);
    const digest = hash.digest('hex');
    const id = orderId(name, { kind: 'file', input: '', bytes, digest });
    const isInSpool = (await readdir(folder)).some((there) => isTakenAs(there, digest));
    if (isInSpool || (await taken.has(digest)) || (await book.find(id)) !== undefined)
      return { isNew: false, records, bytes };
    const ending = basename(path).slice(basename(path).lastIndexOf('.jsonl'));
    await rename(temporary, join(folder, takenName(timeOf(path, before.mtimeMs), digest, ending)));
    await syncFolder(folder);
    await syncFolder(spool);
    return { isNew: true, records, bytes };
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

function checkLine(line: Buffer, number: number): void {
  try {
    JSON.parse(line.toString('utf8'));
  } catch (error) {
    throw new BrokenFileError(`line ${String(number)} is no JSON`, { cause: error });
  }
}

/** The time that a file's name says, else when it was written last. */
function timeOf(path: string, writtenMs: number): number {
  const named = msOfTimeInName(TIME_IN_NAME.exec(basename(path))?.[0] ?? '');
  return Number.isNaN(named) ? Math.floor(writtenMs) : named;
}
