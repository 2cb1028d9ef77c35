import { createHash } from 'node:crypto';
import { PutObjectCommand, S3ServiceException, type S3Client } from '@aws-sdk/client-s3';
import type { Settings } from '../../config/settings.js';
import type { Log } from '../../observability/log.js';

/** Whether S3 honours If-None-Match and If-Match: as the settings say, or as was found out with the first object. */
export class ConditionalWrites {
  readonly #client: S3Client;
  readonly #log: Log;
  #state: 'on' | 'off' | 'unknown';
  #asking: Promise<void> | undefined;

  constructor(client: S3Client, settings: Settings, log: Log) {
    const wanted = settings['s3.conditional-writes'];
    this.#client = client;
    this.#log = log;
    this.#state = wanted === 'auto' ? 'unknown' : wanted;
  }

  /** What is known. */
  get state(): 'on' | 'off' | 'unknown' {
    return this.#state;
  }

  /** True only when it is certain. */
  get honoured(): boolean {
    return this.#state === 'on';
  }

  /**
   * Finds out, once, with an object that is there. Resolves in any case: as long as nothing is known, S3 is treated
   * as one that honours no condition.
   *
   * @param content what the object holds
   */
  async learn(bucket: string, key: string, content: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#state !== 'unknown') return;
    this.#asking ??= this.#ask(bucket, key, content, signal).finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  /**
   * Asks for what cannot succeed: to write the object although it must not exist, with a Content-MD5 that is wrong.
   * A server that honours the condition refuses for that reason, and one that does not, for the digest. One that looks
   * at neither writes what is there already.
   */
  async #ask(Bucket: string, Key: string, content: Uint8Array, signal: AbortSignal): Promise<void> {
    const put = new PutObjectCommand({
      Bucket,
      Key,
      Body: content,
      ContentLength: content.byteLength,
      ContentMD5: createHash('md5').update(content).update('another').digest('base64'),
      IfNoneMatch: '*',
    });
    try {
      await this.#client.send(put, { abortSignal: signal });
      this.#decide('off');
    } catch (error) {
      const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
      if (status === 412) this.#decide('on');
      else if (status !== undefined && REFUSALS.has(status)) this.#decide('off');
    }
  }

  #decide(state: 'on' | 'off'): void {
    this.#state = state;
    this.#log.info({ conditionalWrites: state }, 's3.conditional-writes was found out');
  }
}

/** BadDigest and its like, and a server that does not know the header: all else may have other causes. */
const REFUSALS = new Set([400, 501]);
