import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CreateBucketCommand, GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { loadSettings } from '../../src/config/load.js';
import { createS3Client } from '../../src/destinations/s3/client.js';
import { PartBuffers } from '../../src/destinations/s3/part-buffers.js';
import { readableBody } from '../../src/destinations/s3/read.js';
import { uploadObject, type UploadOptions } from '../../src/destinations/s3/upload.js';
import type { Engine } from '../../src/embedded/engine.js';
import { S3_CREDENTIALS, startS3 } from '../../src/embedded/s3.js';
import { startHttpProxy, type HttpProxy, type ProxiedRequest } from './http-proxy.js';

/** Bytes of a part, in tests. */
export const PART = 1000;

/** So many bytes, a part's by default. */
export const part = (letter: string, bytes = PART): Buffer => Buffer.alloc(bytes, letter);

/** What a request does, in the words of S3's API. */
export function operation({ method, url }: ProxiedRequest): string {
  const query = new URL(url, 'http://s3').searchParams;
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload';
  if (method === 'POST' && query.has('uploadId')) return 'CompleteMultipartUpload';
  if (method === 'DELETE' && query.has('uploadId')) return 'AbortMultipartUpload';
  if (method === 'PUT' && query.has('partNumber')) return `UploadPart ${query.get('partNumber') ?? ''}`;
  return method === 'PUT' ? 'PutObject' : method;
}

/** Tells requests that do something. */
export const isFor =
  (name: string) =>
  (request: ProxiedRequest): boolean =>
    operation(request) === name;

/** A body of some chunks. */
export async function* chunks(...given: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of given) yield await Promise.resolve(chunk);
}

/** What an upload is given besides its key and body. */
export interface GivenUpload extends Partial<UploadOptions> {
  readonly bucket?: string;
}

/** A client whose S3 server is behind a proxy, with a bucket `uploads`. */
export class Uploads {
  readonly client: S3Client;
  readonly proxy: HttpProxy;

  constructor(client: S3Client, proxy: HttpProxy) {
    this.client = client;
    this.proxy = proxy;
  }

  /** What was asked of S3 so far. */
  operations(): string[] {
    return this.proxy.requests.map(operation);
  }

  async upload(key: string, body: AsyncIterable<Uint8Array>, given: GivenUpload = {}): Promise<void> {
    const { bucket = 'uploads', ...options } = given;
    const target = { bucket, key, contentType: 'text/plain', metadata: { answer: '42' } };
    await uploadObject(this.client, target, body, {
      buffers: new PartBuffers(PART, 4 * PART),
      partsInFlight: 2,
      singlePut: true,
      partChecksums: true,
      signal: new AbortController().signal,
      ...options,
    });
  }

  async content(key: string): Promise<Buffer> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: 'uploads', Key: key }));
    return buffer(readableBody(Body));
  }
}

/** Starts a server, a proxy and a client for the tests of a file; before each test the proxy forgets. */
export function useUploads(): () => Uploads {
  let dir: string;
  let engine: Engine;
  let uploads: Uploads;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'log-courier-upload-'));
    engine = await startS3({ dir });
    const proxy = await startHttpProxy(engine.url);
    const flags = {
      's3.endpoint': proxy.url,
      's3.access-key-id': S3_CREDENTIALS.accessKeyId,
      's3.secret-access-key': S3_CREDENTIALS.secretAccessKey,
      's3.max-backoff-delay-seconds': '0',
    };
    const client = createS3Client(loadSettings({ flags, environment: {} }).settings);
    await client.send(new CreateBucketCommand({ Bucket: 'uploads' }));
    uploads = new Uploads(client, proxy);
  });
  beforeEach(() => {
    uploads.proxy.reset();
  });
  afterAll(async () => {
    uploads.client.destroy();
    await uploads.proxy.close();
    await engine.stop();
    await rm(dir, { recursive: true });
  });
  return () => uploads;
}
