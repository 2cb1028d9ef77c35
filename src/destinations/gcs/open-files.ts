import { pipeline } from 'node:stream/promises';
import type { Bucket, CreateWriteStreamOptions, File } from '@google-cloud/storage';
import { z } from 'zod';
import { Counted } from '../counted.js';
import {
  checkFileName,
  NoSuchFileError,
  type FileHead,
  type FileStore,
  type ListedFile,
  type PutOptions,
  type PutReceipt,
} from '../file-store.js';
import { StoreError } from '../errors.js';
import { classifyGoogleError, googleError } from '../google-errors.js';
import { untilAborted } from '../until-aborted.js';

/** Where files go in Google Cloud Storage, and as whom. */
export interface GcsFilesOptions {
  readonly bucket: string;
  /** What names begin with there; nothing by default. */
  readonly prefix?: string;
  readonly projectId?: string;
  /** File with the key of a service account; else the credentials of the machine, or GOOGLE_APPLICATION_CREDENTIALS. */
  readonly keyFile?: string;
  /**
   * Another address of the API. One that begins with `http:` is taken for an emulator: credentials are neither looked for
   * nor sent, since they would go over the wire as text.
   */
  readonly apiEndpoint?: string;
  /** Bytes that are sent in one request, and held until they are acknowledged; a multiple of 256 KiB, 8 MiB by default. */
  readonly chunkBytes?: number;
  /** How often the library repeats a request that failed; 3 by default. */
  readonly retries?: number;
}

/** What Google recommends at least for uploads in several requests. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** How long giving up an upload that was begun may take; ms. */
const CLEAN_UP_MS = 10_000;
/** Files in a page of a list. */
const PAGE = 1000;
const ADVICE =
  'check the bucket’s name, and that the service account may create, read, list and delete objects in it';

const headShape = z
  .object({ size: z.coerce.number(), metadata: z.record(z.string(), z.string()).optional() })
  .transform(({ size, metadata = {} }): FileHead => ({ bytes: size, metadata }));

const listShape = z.array(z.object({ name: z.string(), metadata: z.object({ size: z.coerce.number() }) }));

/** Opens a bucket of Google Cloud Storage as a store of files. */
export function openGcsFiles(options: GcsFilesOptions): FileStore {
  return new GcsFiles(options);
}

class GcsFiles implements FileStore {
  readonly kind = 'gcs';
  readonly place: string;
  readonly #options: GcsFilesOptions;
  #bucket: Promise<Bucket> | undefined;
  readonly #prefix: string;
  readonly #chunkBytes: number;

  constructor(options: GcsFilesOptions) {
    const { bucket, prefix = '', chunkBytes = CHUNK_BYTES } = options;
    this.place = `gs://${bucket}/${prefix}`;
    this.#options = options;
    this.#prefix = prefix;
    this.#chunkBytes = chunkBytes;
  }

  async put(
    name: string,
    content: AsyncIterable<Uint8Array>,
    { contentType, cacheControl, metadata = {}, signal }: PutOptions,
  ): Promise<PutReceipt> {
    const file = await this.#file(name);
    const counted = new Counted(content, signal);
    const described = {
      validation: 'crc32c',
      metadata: {
        contentType,
        metadata: { ...metadata },
        ...(cacheControl === undefined ? {} : { cacheControl }),
      },
    };
    const chunks = counted[Symbol.asyncIterator]();
    try {
      const first = await chunks.next();
      // An upload in pieces has no way to say that there is none.
      if (first.done === true)
        await untilAborted(signal, () => file.save('', { ...described, resumable: false }));
      else await this.#upload(file, startingWith(first.value, chunks), described, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (counted.threw(error)) throw error;
      throw googleError('gcs', `write ${file.name} to bucket ${this.#options.bucket}`, error, ADVICE);
    } finally {
      await chunks.return();
    }
    return counted.receipt();
  }

  async #upload(
    file: File,
    content: AsyncIterable<Uint8Array>,
    described: CreateWriteStreamOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const stream = file.createWriteStream({ ...described, resumable: true, chunkSize: this.#chunkBytes });
    let session: string | undefined;
    let isOver = false;
    stream.once('uri', (uri: unknown) => {
      if (typeof uri !== 'string') return;
      session = uri;
      if (isOver) void abandon(uri);
    });
    try {
      await pipeline(content, stream, { signal });
    } catch (error) {
      isOver = true;
      if (session !== undefined) await abandon(session);
      throw error;
    }
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const file = await this.#file(name);
    signal.throwIfAborted();
    const stream = file.createReadStream({ validation: 'crc32c', decompress: false });
    const stop = (): void => {
      stream.destroy(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    signal.addEventListener('abort', stop, { once: true });
    const chunks: AsyncIterator<unknown> = stream[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#reading(name, signal, () => chunks.next());
        if (next.done === true) return;
        if (next.value instanceof Uint8Array) yield next.value;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stream.destroy();
    }
  }

  async head(name: string, signal: AbortSignal): Promise<FileHead | undefined> {
    const file = await this.#file(name);
    try {
      const [found] = await this.#doing(`look at ${file.name}`, signal, () => file.getMetadata());
      return headShape.parse(found);
    } catch (error) {
      if (isNoSuchFile(error)) return undefined;
      throw error;
    }
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<ListedFile, void> {
    const first = { prefix: this.#prefix + prefix, maxResults: PAGE, autoPaginate: false };
    let query: object | undefined = first;
    while (query !== undefined) {
      const page: object = query;
      const answer: readonly unknown[] = await this.#doing('list', signal, async () =>
        (await this.#opened()).getFiles(page),
      );
      for (const { name, metadata } of listShape.parse(answer[0]))
        yield { name: name.slice(this.#prefix.length), bytes: metadata.size };
      // After the last page the library answers with nothing, whatever its types say.
      query = isObject(answer[1]) ? answer[1] : undefined;
    }
  }

  async remove(name: string, signal: AbortSignal): Promise<void> {
    const file = await this.#file(name);
    await this.#doing(`remove ${file.name}`, signal, () => file.delete({ ignoreNotFound: true }));
  }

  /** Asks what we may do there, which everybody may ask. */
  async check(signal: AbortSignal): Promise<void> {
    const needed = 'storage.objects.create';
    const [rights] = await this.#doing('ask for rights', signal, async () =>
      (await this.#opened()).iam.testPermissions([needed]),
    );
    if (rights[needed] === true) return;
    throw new StoreError({
      store: 'gcs',
      doing: `check bucket ${this.#options.bucket}`,
      code: 'forbidden',
      permanent: true,
      away: false,
      answer: `the service account has no ${needed} there; give it the role Storage Object User`,
    });
  }

  #opened(): Promise<Bucket> {
    return (this.#bucket ??= bucketOf(this.#options));
  }

  async #file(name: string): Promise<File> {
    const whole = this.#nameOf(name);
    return (await this.#opened()).file(whole);
  }

  #nameOf(name: string): string {
    checkFileName(name);
    return this.#prefix + name;
  }

  async #reading<Result>(name: string, signal: AbortSignal, act: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#doing(`read ${name}`, signal, act);
    } catch (error) {
      throw isNoSuchFile(error) ? new NoSuchFileError(name, this.place, { cause: error }) : error;
    }
  }

  async #doing<Result>(doing: string, signal: AbortSignal, act: () => Promise<Result>): Promise<Result> {
    try {
      return await untilAborted(signal, act);
    } catch (error) {
      signal.throwIfAborted();
      throw googleError('gcs', `${doing} in bucket ${this.#options.bucket}`, error, ADVICE);
    }
  }
}

/** Opens the bucket with Google's library, which takes its time to load. */
async function bucketOf({
  bucket,
  projectId,
  keyFile,
  apiEndpoint,
  retries = 3,
}: GcsFilesOptions): Promise<Bucket> {
  const { IdempotencyStrategy, Storage } = await import('@google-cloud/storage');
  const storage = new Storage({
    ...(projectId === undefined ? {} : { projectId }),
    ...(keyFile === undefined ? {} : { keyFilename: keyFile }),
    ...(apiEndpoint === undefined
      ? {}
      : { apiEndpoint, useAuthWithCustomEndpoint: !apiEndpoint.startsWith('http:') }),
    retryOptions: {
      autoRetry: retries > 0,
      maxRetries: retries,
      // The same name gets the same content: to write it twice is to write it once.
      idempotencyStrategy: IdempotencyStrategy.RetryAlways,
    },
  });
  return storage.bucket(bucket);
}

/**
 * Gives up an upload that was begun, so that nothing of it is kept for the week in which it could be resumed. Its address
 * is the right to do so. https://cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload
 */
async function abandon(session: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEAN_UP_MS);
  await fetch(session, { method: 'DELETE', signal }).catch(() => undefined);
}

/** That a bucket is not there is answered with the same status as for a file, in other words. */
function isNoSuchFile(error: unknown): boolean {
  if (!(error instanceof StoreError)) return false;
  const failure = classifyGoogleError(error.cause);
  return failure?.status === 404 && !/bucket does not exist/i.test(failure.message);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

async function* startingWith(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array, void>,
): AsyncGenerator<Uint8Array, void> {
  yield first;
  yield* rest;
}
