import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../error-code.js';
import { discard } from '../http/body.js';
import { S3Error } from '../http/errors.js';
import { contentFolder, headFolder, isBucketName, loadBuckets, type Bucket } from './bucket.js';
import { checkWrite, UNCONDITIONAL, type Conditions } from './conditions.js';
import type { Draft, Head } from './head.js';
import { Journal } from './journal.js';
import { KeyedLock } from './keyed-lock.js';
import { contentName, headName, writeJson, type Layout } from './layout.js';
import { SortedKeys } from './sorted-keys.js';

/** How a store behaves. */
export interface StoreOptions {
  /** False ignores the conditions of writes, as older S3 servers do. */
  readonly conditionalWrites: boolean;
  readonly journal: boolean;
}

/** An object that is being read. Its content stays readable when the object is replaced or deleted. */
export interface OpenObject {
  readonly head: Head;
  /** The caller closes it. */
  readonly file: FileHandle;
}

/**
 * Buckets and objects in files. An object changes with the rename of its head file, and with nothing else: a process
 * killed at any moment leaves the old or the new object, whole. Files are not synced: what was acknowledged outlives
 * the process, not the power supply.
 */
export class ObjectStore {
  readonly #layout: Layout;
  readonly #options: StoreOptions;
  readonly #buckets: Map<string, Bucket>;
  readonly #journal: Journal | undefined;
  readonly #changes = new KeyedLock();

  /** Reads what the folders of the layout hold; they exist. */
  constructor(layout: Layout, options: StoreOptions) {
    this.#layout = layout;
    this.#options = options;
    this.#buckets = loadBuckets(layout);
    const objects = new Map([...this.#buckets].map(([name, { heads }]) => [name, heads]));
    this.#journal = options.journal ? new Journal(layout.journal, objects) : undefined;
  }

  /** All buckets, by name. */
  buckets(): readonly Bucket[] {
    return [...this.#buckets.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** @throws S3Error NoSuchBucket */
  bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new S3Error('NoSuchBucket', `There is no bucket ${name}.`);
    return bucket;
  }

  /** @throws S3Error InvalidBucketName, BucketAlreadyOwnedByYou */
  async createBucket(name: string): Promise<void> {
    if (!isBucketName(name)) throw new S3Error('InvalidBucketName', `${name} is no name for a bucket.`);
    await this.#changes.run(name, async () => {
      if (this.#buckets.has(name))
        throw new S3Error('BucketAlreadyOwnedByYou', `There is a bucket ${name} already.`);
      await mkdir(headFolder(this.#layout, name), { recursive: true });
      await mkdir(contentFolder(this.#layout, name), { recursive: true });
      const created = new Date().toISOString();
      const bucket = { name, created, heads: new Map(), keys: new SortedKeys(), changes: 0 };
      this.#buckets.set(name, bucket);
    });
  }

  /** @throws S3Error NoSuchBucket, BucketNotEmpty */
  async deleteBucket(name: string): Promise<void> {
    await this.#changes.run(name, async () => {
      const bucket = this.bucket(name);
      if (bucket.keys.length > 0 || bucket.changes > 0)
        throw new S3Error('BucketNotEmpty', `The bucket ${name} has objects.`);
      this.#buckets.delete(name);
      await rm(contentFolder(this.#layout, name), { recursive: true });
      await rm(headFolder(this.#layout, name), { recursive: true });
    });
  }

  /** What is known of an object. @throws S3Error NoSuchBucket, NoSuchKey */
  head(bucket: string, key: string): Head {
    const head = this.bucket(bucket).heads.get(key);
    if (head === undefined) throw new S3Error('NoSuchKey', 'There is no object of this key.');
    return head;
  }

  /** Opens an object for reading. @throws S3Error NoSuchBucket, NoSuchKey */
  async open(bucket: string, key: string): Promise<OpenObject> {
    for (;;) {
      const head = this.head(bucket, key);
      try {
        return { head, file: await open(join(contentFolder(this.#layout, bucket), head.file)) };
      } catch (error) {
        // It was replaced or deleted between the look and the opening: look again.
        const isReplaced = errorCode(error) === 'ENOENT' && this.head(bucket, key).file !== head.file;
        if (!isReplaced) throw error;
      }
    }
  }

  /** Refuses a write whose conditions do not hold at the moment. @throws S3Error NoSuchBucket and those of `checkWrite` */
  check(bucketName: string, key: string, conditions: Conditions): void {
    const etag = this.bucket(bucketName).heads.get(key)?.etag;
    checkWrite(this.#options.conditionalWrites ? conditions : UNCONDITIONAL, etag);
  }

  /**
   * Puts an object in place of the one that is there, if the conditions hold at this moment.
   *
   * @param draft its content file is moved; after an error the caller removes it
   * @throws S3Error NoSuchBucket, and those of the conditions
   */
  async put(bucketName: string, draft: Draft, conditions: Conditions): Promise<Head> {
    return this.#change(bucketName, draft.key, async (bucket, previous) => {
      checkWrite(this.#options.conditionalWrites ? conditions : UNCONDITIONAL, previous?.etag);
      const { path, ...rest } = draft;
      const head = { ...rest, file: contentName(draft.key), lastModified: new Date().toISOString() };
      const content = join(contentFolder(this.#layout, bucketName), head.file);
      await rename(path, content);
      try {
        await writeJson(this.#layout, this.#headPath(bucketName, head.key), head);
      } catch (error) {
        await discard(content);
        throw error;
      }
      this.#journal?.append({ bucket: bucketName, key: head.key, previous, current: head });
      bucket.heads.set(head.key, head);
      bucket.keys.add(head.key);
      if (previous !== undefined) await this.#discardContent(bucketName, previous);
      return head;
    });
  }

  /** Deletes an object; one that is not there is deleted already. @throws S3Error NoSuchBucket */
  async delete(bucketName: string, key: string): Promise<void> {
    await this.#change(bucketName, key, async (bucket, previous) => {
      if (previous === undefined) return;
      await discard(this.#headPath(bucketName, key));
      this.#journal?.append({ bucket: bucketName, key, previous, current: undefined });
      bucket.heads.delete(key);
      bucket.keys.delete(key);
      await this.#discardContent(bucketName, previous);
    });
  }

  /** Ends the journal. */
  close(): void {
    this.#journal?.close();
  }

  async #change<Result>(
    bucketName: string,
    key: string,
    task: (bucket: Bucket, previous: Head | undefined) => Promise<Result>,
  ): Promise<Result> {
    return this.#changes.run(`${bucketName}/${key}`, async () => {
      const bucket = this.bucket(bucketName);
      bucket.changes += 1;
      try {
        return await task(bucket, bucket.heads.get(key));
      } finally {
        bucket.changes -= 1;
      }
    });
  }

  #headPath(bucket: string, key: string): string {
    return join(headFolder(this.#layout, bucket), headName(key));
  }

  async #discardContent(bucket: string, { file }: Head): Promise<void> {
    await discard(join(contentFolder(this.#layout, bucket), file));
  }
}
