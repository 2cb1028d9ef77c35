import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { classifyS3Error, isBucketName, MAX_KEY_BYTES } from '../destinations/s3/errors.js';
import { listKeys } from '../destinations/s3/list.js';
import { headObject } from '../destinations/s3/object-head.js';
import { readableBody } from '../destinations/s3/read.js';
import {
  MANIFEST_CONTENT_TYPE,
  parseManifest,
  sequenceOf,
  sha256Of,
  type Manifest,
  type ManifestLink,
  type ManifestTarget,
  type WrittenManifest,
} from './manifest.js';

/** Under the key of a manifest stands something else than what ClickHouse has as written. Nothing was overwritten. */
export class ManifestConflictError extends Error {
  override readonly name = 'ManifestConflictError';

  /**
   * @param bucket where it stands
   * @param key its key
   */
  constructor(bucket: string, key: string) {
    super(
      `s3://${bucket}/${key} is not the manifest that belongs there: it was altered, or another deployment writes to ` +
        'this prefix; it is left as it is. Look at it, remove it if it is false, and the true one is written again',
    );
  }
}

/** No manifest can be written for a target, whatever is tried. */
export class ImpossibleManifestError extends Error {
  override readonly name = 'ImpossibleManifestError';

  /** @param reason why */
  constructor(reason: string) {
    super(`no manifest can be written: ${reason}`);
  }
}

/** Name of the metadata that holds a manifest's own digest. */
const DIGEST = 'log-courier-sha256';
/** S3's words for: there is an object already, or somebody is writing one. */
const CONFLICTS = new Set(['PreconditionFailed', 'ConditionalRequestConflict']);

/** A manifest read from S3. */
export interface ReadManifest extends WrittenManifest {
  /** undefined when the bytes are no manifest. */
  readonly manifest: Manifest | undefined;
}

/** The manifests of one target, in S3. One that is there is never overwritten. */
export class ManifestObjects {
  readonly #client: S3Client;
  readonly #target: ManifestTarget;
  readonly #keyPrefix: string;
  readonly #conditional: boolean;

  /**
   * @param keyPrefix `manifest.key-prefix`
   * @param conditional whether to ask S3 for If-None-Match too
   */
  constructor(client: S3Client, target: ManifestTarget, keyPrefix: string, conditional = true) {
    this.#client = client;
    this.#target = target;
    this.#keyPrefix = keyPrefix;
    this.#conditional = conditional;
  }

  /** Sequences of the manifests that are there, in their order. */
  async sequences(signal: AbortSignal): Promise<number[]> {
    const { bucket, prefix } = this.#target;
    const found: number[] = [];
    for await (const key of listKeys(this.#client, bucket, prefix + this.#keyPrefix, signal)) {
      const sequence = sequenceOf(key, prefix, this.#keyPrefix);
      if (sequence !== undefined) found.push(sequence);
    }
    return found.sort((a, b) => a - b);
  }

  /** Reads a manifest; undefined when it is not there. */
  async read(sequence: number, key: string, signal: AbortSignal): Promise<ReadManifest | undefined> {
    try {
      const get = new GetObjectCommand({ Bucket: this.#target.bucket, Key: key });
      const { Body } = await this.#client.send(get, { abortSignal: signal });
      const bytes = await buffer(readableBody(Body));
      const manifest = parseManifest(bytes);
      return { sequence, key, sha256: sha256Of(bytes), content: bytes.toString('utf8'), manifest };
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  /** Tells whether there is anything under a key. */
  async has(key: string, signal: AbortSignal): Promise<boolean> {
    return (await headObject(this.#client, this.#target.bucket, key, signal)) !== undefined;
  }

  /**
   * Sees to it that a manifest is there.
   *
   * @param content called for its bytes when it is not
   * @throws {ManifestConflictError} when something else is
   */
  async ensure(link: ManifestLink, content: () => Promise<string>, signal: AbortSignal): Promise<void> {
    if (await this.#isThere(link, signal)) return;
    refuseImpossible(this.#target.bucket, link.key);
    try {
      await this.#put(link, await content(), signal);
    } catch (error) {
      if (!CONFLICTS.has(classifyS3Error(error).code)) throw error;
      // Another process has been quicker; it writes the same bytes.
      if (!(await this.#isThere(link, signal))) throw error;
    }
  }

  async #isThere({ key, sequence, sha256 }: ManifestLink, signal: AbortSignal): Promise<boolean> {
    const { bucket } = this.#target;
    const head = await headObject(this.#client, bucket, key, signal);
    if (head === undefined) return false;
    if (head.metadata[DIGEST] === sha256) return true;
    // A copy that somebody restored may have lost its metadata.
    const there = await this.read(sequence, key, signal);
    if (there !== undefined && there.sha256 !== sha256) throw new ManifestConflictError(bucket, key);
    return there !== undefined;
  }

  async #put({ key, sha256 }: ManifestLink, content: string, signal: AbortSignal): Promise<void> {
    const body = Buffer.from(content);
    const put = {
      Bucket: this.#target.bucket,
      Key: key,
      Body: body,
      ContentLength: body.byteLength,
      ContentType: MANIFEST_CONTENT_TYPE,
      Metadata: { [DIGEST]: sha256 },
    };
    const condition = this.#conditional ? { IfNoneMatch: '*' } : {};
    try {
      await this.#client.send(new PutObjectCommand({ ...put, ...condition }), { abortSignal: signal });
    } catch (error) {
      if (classifyS3Error(error).code !== 'NotImplemented') throw error;
      await this.#client.send(new PutObjectCommand(put), { abortSignal: signal });
    }
  }
}

function refuseImpossible(bucket: string, key: string): void {
  if (!isBucketName(bucket)) throw new ImpossibleManifestError(`${JSON.stringify(bucket)} is no bucket name`);
  const bytes = Buffer.byteLength(key);
  if (bytes <= MAX_KEY_BYTES) return;
  throw new ImpossibleManifestError(`its key would be ${bytes} bytes long, S3 takes ${MAX_KEY_BYTES}`);
}
