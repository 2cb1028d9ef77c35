import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCodeOf } from '../../destinations/files/errors.js';
import { syncFolder } from '../../destinations/files/folders.js';
import { isError } from '../../observability/is-error.js';
import type { SpooledReport } from './archive/envelope.js';
import { BrokenFileError, compressionOf, linesOf } from './archive/lines.js';
import { msOfTimeInName, timeInName } from './file-time.js';
import type { Input, InputKind } from './order.js';
import { readSegment, SegmentDamagedError } from './segments.js';
import { isSealedSegment } from './spool/segment-names.js';

/** Something in the spool that is to be delivered. */
export interface ListedInput {
  readonly kind: InputKind;
  readonly input: string;
  readonly bytes: number;
}

/** What is in an input. */
export interface ScannedInput extends Input {
  readonly records: number;
  /** When its first report came in, ms since 1970; of an input without reports what its name says. */
  readonly firstMs: number;
}

/** An input is damaged: what it has cannot be read to its end. */
export class BrokenInputError extends Error {
  override readonly name = 'BrokenInputError';
}

/** An input that is to be delivered is not there any more. */
export class InputGoneError extends Error {
  override readonly name = 'InputGoneError';
}

/** Folder within the spool for files that were taken in. */
export const FILES_FOLDER = 'files';
/** Folder within the spool for inputs of orders that were given up. */
export const GIVEN_UP_FOLDER = 'given-up';

/** The inputs of work orders: sealed segments of a spool, and files that were taken in. */
export class Inputs {
  readonly #spool: string;

  /** @param spool the spool's directory */
  constructor(spool: string) {
    this.#spool = spool;
  }

  /** All inputs that are there, files after segments, in the order of their names, which is that in which they came. */
  async list(): Promise<readonly ListedInput[]> {
    const segments = (await namesIn(this.#spool)).filter(isSealedSegment);
    const files = (await namesIn(join(this.#spool, FILES_FOLDER))).filter((name) => TAKEN.test(name));
    const all = [
      ...segments.sort().map((input) => ({ kind: 'segment' as const, input })),
      ...files.sort().map((input) => ({ kind: 'file' as const, input })),
    ];
    const listed: ListedInput[] = [];
    for (const one of all) {
      const bytes = await this.#sizeOf(one);
      if (bytes !== undefined) listed.push({ ...one, bytes });
    }
    return listed;
  }

  /** Whether an input is still there. */
  async has(input: Pick<ListedInput, 'kind' | 'input'>): Promise<boolean> {
    return (await this.#sizeOf(input)) !== undefined;
  }

  /**
   * Reads the reports of an input, in batches.
   *
   * @throws {InputGoneError} {@link BrokenInputError}
   */
  async *read(
    { kind, input }: Pick<ListedInput, 'kind' | 'input'>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly SpooledReport[], void> {
    const path = this.pathOf({ kind, input });
    try {
      if (kind === 'segment') yield* readSegment(path, signal);
      else yield* readTaken(path, input, signal);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT')
        throw new InputGoneError(`${input} is not in the spool any more (${path})`, { cause: error });
      if (error instanceof SegmentDamagedError || error instanceof BrokenFileError)
        throw new BrokenInputError(`${path}: ${error.message}`, { cause: error });
      throw error;
    }
  }

  /** Looks an input through. Of a damaged one, what stands before the damage is counted. */
  async scan(
    listed: ListedInput,
    signal: AbortSignal,
  ): Promise<ScannedInput & { damage: string | undefined }> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(this.pathOf(listed), { signal })) hash.update(asBytes(chunk));
    let records = 0;
    let firstMs: number | undefined;
    let damage: string | undefined;
    try {
      for await (const reports of this.read(listed, signal)) {
        firstMs ??= reports[0]?.receivedMs;
        records += reports.length;
      }
    } catch (error) {
      if (!(error instanceof BrokenInputError)) throw error;
      damage = error.message;
    }
    return {
      ...listed,
      digest: hash.digest('hex'),
      records,
      firstMs: firstMs ?? (await this.#timeOf(listed)),
      damage,
    };
  }

  /** Removes an input that is in the archive; one that is gone counts as removed. */
  async remove(input: Pick<ListedInput, 'kind' | 'input'>): Promise<void> {
    const path = this.pathOf(input);
    await unlink(path).catch((error: unknown) => {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
    });
    await syncFolder(join(path, '..'));
  }

  /** Moves an input of an order that was given up to where nothing takes it, and nothing removes it. */
  async setAside(input: Pick<ListedInput, 'kind' | 'input'>): Promise<void> {
    const folder = join(this.#spool, GIVEN_UP_FOLDER);
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const path = this.pathOf(input);
    await rename(path, join(folder, input.input)).catch((error: unknown) => {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
    });
    await syncFolder(folder);
    await syncFolder(join(path, '..'));
  }

  /** Where an input lies. */
  pathOf({ kind, input }: Pick<ListedInput, 'kind' | 'input'>): string {
    return kind === 'segment' ? join(this.#spool, input) : join(this.#spool, FILES_FOLDER, input);
  }

  async #sizeOf(input: Pick<ListedInput, 'kind' | 'input'>): Promise<number | undefined> {
    try {
      return (await stat(this.pathOf(input))).size;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #timeOf(listed: ListedInput): Promise<number> {
    return listed.kind === 'file'
      ? msOfTimeInName(listed.input)
      : Math.floor((await stat(this.pathOf(listed))).mtimeMs);
  }
}

/** Name of a file that was taken in: its time, and 16 hex digits of its digest. */
const TAKEN = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3}Z-[0-9a-f]{16}\.jsonl(\.zst|\.gz)?$/;

/**
 * The name under which a file is taken in.
 *
 * @param timeMs when its first report came in, as far as is known, ms since 1970
 * @param digest SHA-256 of the file, hex
 * @param ending `.jsonl`, `.jsonl.zst` or `.jsonl.gz`
 */
export function takenName(timeMs: number, digest: string, ending: string): string {
  return `${timeInName(timeMs)}-${digest.slice(0, 16)}${ending}`;
}

/** Tells whether a name in the spool is that of a file with this digest. */
export function isTakenAs(name: string, digest: string): boolean {
  return TAKEN.test(name) && name.includes(`-${digest.slice(0, 16)}.jsonl`);
}

async function* readTaken(
  path: string,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<readonly SpooledReport[], void> {
  const receivedMs = msOfTimeInName(name);
  const compression = compressionOf(name) ?? 'none';
  for await (const lines of linesOf(readBytes(path, signal), compression))
    yield lines.map((line) => ({ id: '', receivedMs, agent: '', type: '', line }));
}

/** Reads a file of this machine as bytes. */
export async function* readBytes(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 256 * 1024 }))
    yield asBytes(chunk);
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('a file was read as text');
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isError(error) && systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
