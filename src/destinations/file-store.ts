/** What a file is, besides its content. */
export interface PutOptions {
  readonly contentType: string;
  /** What HTTP caches may do with it; only where the store serves HTTP. */
  readonly cacheControl?: string;
  /** Names in lower case, values of ASCII; only where the store keeps such. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** What was written. */
export interface PutReceipt {
  readonly bytes: number;
  /** SHA-256 of the content, hex. */
  readonly sha256: string;
}

/** A file as a store has it. */
export interface FileHead {
  readonly bytes: number;
  /** Names in lower case; empty where the store keeps none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A file in a list. */
export interface ListedFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * A place for files: a directory, or a bucket. Names have folders separated by `/`, and never begin with one.
 *
 * Every method throws {@link InvalidFileNameError} for a name that no store takes, the reason of a signal that is
 * aborted, and a StoreError for what the store answered.
 */
export interface FileStore {
  readonly kind: 'files' | 's3' | 'gcs';
  /** The directory, or the bucket with what names begin with there; for people, and for the order book. */
  readonly place: string;

  /**
   * Writes a stream as a file. It appears whole or not at all, and what stood under that name stays until then. So the
   * same content under the same name any number of times leaves one file.
   *
   * @throws also what the content threw
   */
  put(name: string, content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<PutReceipt>;

  /**
   * Reads a file as a stream.
   *
   * @throws {NoSuchFileError}
   */
  read(name: string, signal: AbortSignal): AsyncIterable<Uint8Array>;

  /** What is known of a file; undefined when there is none. */
  head(name: string, signal: AbortSignal): Promise<FileHead | undefined>;

  /** Lists the files whose names begin so, in the order of the bytes of their names. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<ListedFile>;

  /** Removes a file; one that is not there counts as removed. */
  remove(name: string, signal: AbortSignal): Promise<void>;

  /** Resolves when the place is there and may be written to; for health and doctor. */
  check(signal: AbortSignal): Promise<void>;
}

/** There is no file of that name. */
export class NoSuchFileError extends Error {
  override readonly name = 'NoSuchFileError';

  /**
   * @param file its name
   * @param place where it was looked for
   */
  constructor(
    readonly file: string,
    readonly place: string,
    options?: ErrorOptions,
  ) {
    super(`there is no file ${JSON.stringify(file)} in ${place}`, options);
  }
}

/** A name that no store takes, whatever stands in it. */
export class InvalidFileNameError extends Error {
  override readonly name = 'InvalidFileNameError';

  /**
   * @param file the name
   * @param why what is wrong with it
   */
  constructor(
    readonly file: string,
    why: string,
  ) {
    super(`${JSON.stringify(file)} cannot be a file's name: ${why}`);
  }
}

/** Longest name in bytes of UTF-8: that of S3 and of Google Cloud Storage. */
const MAX_NAME_BYTES = 1024;
/** Longest name of a folder or file in its folder: that of common file systems. */
const MAX_SEGMENT_BYTES = 255;
/** What names of ours in a directory begin with, that are not files of the store. */
export const RESERVED_NAME = '.log-courier-';

/**
 * Checks a name by the rules of all stores at once, so that whatever one takes the others take too: no way out of the
 * directory, nothing that a file system or an object store cannot hold.
 *
 * @throws {InvalidFileNameError}
 */
export function checkFileName(name: string): void {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw new InvalidFileNameError(name, `it has more than ${String(MAX_NAME_BYTES)} bytes`);
  if (CONTROL.test(name)) throw new InvalidFileNameError(name, 'it has control characters');
  if (Buffer.from(name).toString() !== name) throw new InvalidFileNameError(name, 'it is not valid Unicode');
  for (const segment of name.split('/')) {
    if (segment === '') throw new InvalidFileNameError(name, 'a folder or file without a name is in it');
    if (segment === '.' || segment === '..') throw new InvalidFileNameError(name, `${segment} is in it`);
    if (segment.startsWith(RESERVED_NAME))
      throw new InvalidFileNameError(name, `${RESERVED_NAME} is for what is being written`);
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)
      throw new InvalidFileNameError(name, `a part of it has more than ${String(MAX_SEGMENT_BYTES)} bytes`);
  }
}

const CONTROL = /[\u0000-\u001f\u007f]/;
