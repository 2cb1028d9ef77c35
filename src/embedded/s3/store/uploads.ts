import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { discard } from '../http/body.js';
import { S3Error } from '../http/errors.js';
import { chosenParts, compositeEtag, compositeSha256, type WantedPart } from './completion.js';
import type { Conditions } from './conditions.js';
import type { Head } from './head.js';
import { KeyedLock } from './keyed-lock.js';
import { randomId, writeJson, type Layout } from './layout.js';
import type { ObjectStore } from './object-store.js';
import { compareKeys } from './sorted-keys.js';
import {
  loadUploads,
  partName,
  uploadFolder,
  UPLOAD_FILE,
  type Part,
  type PartDraft,
  type Upload,
  type UploadRecord,
} from './upload.js';

const COPY_BYTES = 1024 * 1024;

/** Which upload a client means; all three must fit. */
export interface UploadName {
  readonly bucket: string;
  readonly key: string;
  readonly id: string;
}

/** How an upload is to be completed. */
export interface Completion {
  readonly parts: readonly WantedPart[];
  readonly conditions: Conditions;
  /** The SHA-256 that the client expects, in Base64, with or without the number of parts. */
  readonly sha256: string | undefined;
}

/** The multipart uploads in progress. Like objects, they outlive a SIGKILL. */
export class Uploads {
  readonly #layout: Layout;
  readonly #objects: ObjectStore;
  readonly #minPartBytes: number;
  readonly #uploads: Map<string, Upload>;
  readonly #changes = new KeyedLock();

  /**
   * Reads what the folders of the layout hold; they exist.
   *
   * @param minPartBytes smallest part that is not the last
   */
  constructor(layout: Layout, objects: ObjectStore, minPartBytes: number) {
    this.#layout = layout;
    this.#objects = objects;
    this.#minPartBytes = minPartBytes;
    const buckets = new Map(objects.buckets().map((bucket) => [bucket.name, bucket]));
    this.#uploads = loadUploads(layout, ({ id, bucket, key }) => {
      const heads = buckets.get(bucket)?.heads;
      return heads !== undefined && heads.get(key)?.upload !== id;
    });
  }

  /** Those of a bucket, by key and then by age. */
  of(bucket: string): readonly Upload[] {
    return [...this.#uploads.values()]
      .filter((upload) => upload.bucket === bucket)
      .sort((one, other) => compareKeys(one.key, other.key) || compareKeys(one.id, other.id));
  }

  /** @throws S3Error NoSuchUpload, NoSuchBucket */
  get({ bucket, key, id }: UploadName): Upload {
    this.#objects.bucket(bucket);
    const upload = this.#uploads.get(id);
    if (upload?.bucket !== bucket || upload.key !== key)
      throw new S3Error('NoSuchUpload', 'There is no such upload, or it was completed or aborted.');
    return upload;
  }

  /** Begins an upload. @throws S3Error NoSuchBucket */
  async create(given: Omit<UploadRecord, 'id' | 'initiated'>): Promise<Upload> {
    this.#objects.bucket(given.bucket);
    const now = new Date();
    // Ids in the order of their beginnings, for listings.
    const id = `${now.getTime().toString(16).padStart(12, '0')}${randomId()}`;
    const record = { ...given, id, initiated: now.toISOString() };
    const folder = uploadFolder(this.#layout, id);
    await mkdir(folder);
    await writeJson(this.#layout, join(folder, UPLOAD_FILE), record);
    const upload = { ...record, parts: new Map() };
    this.#uploads.set(id, upload);
    return upload;
  }

  /**
   * Puts a part in place of one that may be there.
   *
   * @param draft its content file is moved; after an error the caller removes it
   * @throws S3Error NoSuchUpload
   */
  async putPart(name: UploadName, draft: PartDraft): Promise<Part> {
    return this.#changes.run(name.id, async () => {
      const upload = this.get(name);
      const { path, ...rest } = draft;
      const previous = upload.parts.get(rest.number);
      const file = `${rest.number}~${randomId()}`;
      const part = { ...rest, file, lastModified: new Date().toISOString() };
      const folder = uploadFolder(this.#layout, name.id);
      await rename(path, join(folder, part.file));
      await writeJson(this.#layout, join(folder, partName(part.number)), part);
      upload.parts.set(part.number, part);
      if (previous !== undefined) await discard(join(folder, previous.file));
      return part;
    });
  }

  /**
   * Makes the object of an upload, which ends with that. After an error it is still in progress.
   *
   * @throws S3Error when the parts or the conditions do not fit
   */
  async complete(name: UploadName, completion: Completion): Promise<Head> {
    return this.#changes.run(name.id, async () => {
      const upload = this.get(name);
      const parts = chosenParts(completion.parts, upload.parts, this.#minPartBytes);
      const sha256 = compositeSha256(parts);
      checkSha256(completion.sha256, sha256);
      const path = join(this.#layout.incoming, randomId());
      try {
        await this.#concatenate(name.id, parts, path);
        const draft = {
          key: upload.key,
          path,
          bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
          etag: compositeEtag(parts),
          headers: upload.headers,
          sha256,
          upload: name.id,
        };
        const head = await this.#objects.put(upload.bucket, draft, completion.conditions);
        await this.#end(name.id);
        return head;
      } finally {
        await discard(path);
      }
    });
  }

  /** Ends an upload without an object. @throws S3Error NoSuchUpload */
  async abort(name: UploadName): Promise<void> {
    await this.#changes.run(name.id, async () => {
      this.get(name);
      await this.#end(name.id);
    });
  }

  /** Ends the uploads of a bucket that was deleted. */
  async abortAll(bucket: string): Promise<void> {
    await Promise.all(
      this.of(bucket).map(async ({ id }) => this.#changes.run(id, async () => this.#end(id))),
    );
  }

  async #end(id: string): Promise<void> {
    this.#uploads.delete(id);
    const folder = uploadFolder(this.#layout, id);
    // First what makes it an upload: the rest of a half removed one is removed at the next start.
    await discard(join(folder, UPLOAD_FILE));
    await rm(folder, { recursive: true, force: true });
  }

  async #concatenate(id: string, parts: readonly Part[], path: string): Promise<void> {
    const whole = await open(path, 'wx');
    try {
      const buffer = Buffer.allocUnsafe(COPY_BYTES);
      for (const { file } of parts) {
        const part = await open(join(uploadFolder(this.#layout, id), file));
        try {
          for (;;) {
            const { bytesRead } = await part.read(buffer, 0, COPY_BYTES);
            if (bytesRead === 0) break;
            await whole.writeFile(buffer.subarray(0, bytesRead));
          }
        } finally {
          await part.close();
        }
      }
    } finally {
      await whole.close();
    }
  }
}

function checkSha256(expected: string | undefined, actual: string | null): void {
  if (expected === undefined || actual === null) return;
  const [digest] = actual.split('-');
  if (expected !== actual && expected !== digest)
    throw new S3Error('BadDigest', 'The x-amz-checksum-sha256 is not that of the parts.');
}
