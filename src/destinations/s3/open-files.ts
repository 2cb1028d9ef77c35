import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  paginateListObjectsV2,
  S3ServiceException,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Counted } from '../counted.js';
import { StoreError } from '../errors.js';
import {
  checkFileName,
  NoSuchFileError,
  type FileHead,
  type FileStore,
  type ListedFile,
  type PutOptions,
  type PutReceipt,
} from '../file-store.js';
import { abortUploads } from './abort-uploads.js';
import { classifyS3Error, isS3Unreachable } from './errors.js';
import { headObject } from './object-head.js';
import { PartBuffers } from './part-buffers.js';
import { readableBody } from './read.js';
import { TEST_KEY } from './try-bucket.js';
import { uploadObject } from './upload.js';

/** Where files go in S3, and what memory they may take. */
export interface S3FilesOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** What keys begin with, before the file's name; nothing by default. */
  readonly prefix?: string;
  /** Size of a part; a file has at most 10,000 of them. 8 MiB by default, so a file of 78 GiB at most. */
  readonly partBytes?: number;
  /** Memory for all parts that are gathered and sent at the same time; four parts by default. Bytes. */
  readonly memoryBytes?: number;
  /** Parts of a file that are sent at the same time; 2 by default. */
  readonly partsInFlight?: number;
}

/** Size of a part that holds for most: S3 wants 5 MiB at least. */
const PART_BYTES = 8 * 1024 * 1024;
/** How long the end of an upload that was begun to see whether it can be may take; ms. */
const CLEAN_UP_MS = 10_000;

/** Opens a bucket as a store of files, through any S3 API. */
export function openS3Files(options: S3FilesOptions): FileStore {
  return new S3Files(options);
}

class S3Files implements FileStore {
  readonly kind = 's3';
  readonly place: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #buffers: PartBuffers;
  readonly #partsInFlight: number;

  constructor({ client, bucket, prefix = '', ...options }: S3FilesOptions) {
    const { partBytes = PART_BYTES, memoryBytes = 4 * partBytes, partsInFlight = 2 } = options;
    this.place = `s3://${bucket}/${prefix}`;
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#buffers = new PartBuffers(partBytes, memoryBytes);
    this.#partsInFlight = partsInFlight;
  }

  async put(
    name: string,
    content: AsyncIterable<Uint8Array>,
    { contentType, cacheControl, metadata = {}, signal }: PutOptions,
  ): Promise<PutReceipt> {
    const key = this.#keyOf(name);
    const counted = new Counted(content, signal);
    await this.#doing(
      `write ${key} to bucket ${this.#bucket}`,
      signal,
      async () => {
        await this.#abortEarlier(key, signal);
        const target = { bucket: this.#bucket, key, contentType, cacheControl, metadata };
        await uploadObject(this.#client, target, counted, {
          buffers: this.#buffers,
          partsInFlight: this.#partsInFlight,
          singlePut: true,
          partChecksums: true,
          wholeSha256: () => counted.receipt().sha256,
          signal,
        });
      },
      counted,
    );
    return counted.receipt();
  }

  async *read(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const key = this.#keyOf(name);
    const doing = `read ${key} from bucket ${this.#bucket}`;
    const body = await this.#doing(doing, signal, async () => {
      const get = new GetObjectCommand({ Bucket: this.#bucket, Key: key });
      const { Body } = await this.#client.send(get, { abortSignal: signal });
      return readableBody(Body);
    }).catch((error: unknown) => {
      if (error instanceof StoreError && error.code === 'NoSuchKey')
        throw new NoSuchFileError(name, this.place, { cause: error });
      throw error;
    });
    const chunks: AsyncIterator<unknown> = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#doing(doing, signal, () => chunks.next());
        if (next.done === true) return;
        if (next.value instanceof Uint8Array) yield next.value;
      }
    } finally {
      body.destroy();
    }
  }

  async head(name: string, signal: AbortSignal): Promise<FileHead | undefined> {
    const key = this.#keyOf(name);
    return this.#doing(`look at ${key} in bucket ${this.#bucket}`, signal, async () => {
      const found = await headObject(this.#client, this.#bucket, key, signal);
      return found === undefined ? undefined : { bytes: found.bytes, metadata: found.metadata };
    });
  }

  async *list(prefix: string, signal: AbortSignal): AsyncGenerator<ListedFile, void> {
    const input = { Bucket: this.#bucket, Prefix: this.#prefix + prefix };
    const pages = paginateListObjectsV2({ client: this.#client }, input, { abortSignal: signal });
    for (;;) {
      const doing = `list bucket ${this.#bucket}`;
      const page = await this.#doing(doing, signal, () => pages.next());
      if (page.done === true) return;
      for (const { Key, Size = 0 } of page.value.Contents ?? [])
        if (Key !== undefined) yield { name: Key.slice(this.#prefix.length), bytes: Size };
    }
  }

  async remove(name: string, signal: AbortSignal): Promise<void> {
    const remove = new DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#keyOf(name) });
    await this.#doing(`remove ${name} from bucket ${this.#bucket}`, signal, () =>
      this.#client.send(remove, { abortSignal: signal }),
    );
  }

  /** Who may write but not list is refused when asking for the bucket; then an upload is begun, and ended. */
  async check(signal: AbortSignal): Promise<void> {
    await this.#doing(`check bucket ${this.#bucket}`, signal, async () => {
      try {
        await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), { abortSignal: signal });
      } catch (error) {
        if (!(error instanceof S3ServiceException) || error.$metadata.httpStatusCode !== 403) throw error;
        const upload = { Bucket: this.#bucket, Key: this.#prefix + TEST_KEY };
        const create = new CreateMultipartUploadCommand(upload);
        const { UploadId } = await this.#client.send(create, { abortSignal: signal });
        const abort = new AbortMultipartUploadCommand({ ...upload, UploadId });
        await this.#client.send(abort, { abortSignal: AbortSignal.timeout(CLEAN_UP_MS) });
      }
    });
  }

  /** What a process that was killed has begun would be paid for, and could be completed by one that was only asleep. */
  async #abortEarlier(key: string, signal: AbortSignal): Promise<void> {
    try {
      await abortUploads(this.#client, this.#bucket, key, signal);
    } catch (error) {
      // Who may not list uploads, or whose S3 does not know of it, has a rule of the bucket for them.
      if (!(error instanceof S3ServiceException) || error.name === 'NoSuchBucket') throw error;
    }
  }

  #keyOf(name: string): string {
    checkFileName(name);
    return this.#prefix + name;
  }

  async #doing<Result>(
    doing: string,
    signal: AbortSignal,
    act: () => Promise<Result>,
    content?: Counted,
  ): Promise<Result> {
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      if (content?.threw(error) === true) throw error;
      throw s3Error(doing, error);
    }
  }
}

/** An error of S3 or of the way to it as one of ours; all others, those of the content among them, as they are. */
function s3Error(doing: string, error: unknown): unknown {
  const away = isS3Unreachable(error);
  if (!away && !(error instanceof S3ServiceException)) return error;
  const { code, permanent, message } = classifyS3Error(error);
  // An answer to HEAD has no body, so of a bucket that is not there the SDK knows the status alone.
  const isNoBucket = code === 'NotFound';
  return new StoreError(
    {
      store: 's3',
      doing,
      code: isNoBucket ? 'NoSuchBucket' : code,
      permanent: permanent || isNoBucket,
      away,
      answer: `S3 answered ${message}`,
    },
    { cause: error },
  );
}
