import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { readableBody } from '../../src/destinations/s3/read.js';
import type { Engine } from '../../src/embedded/engine.js';
import { S3_CREDENTIALS, startS3, type S3Options } from '../../src/embedded/s3.js';

/** The bucket that is there from the beginning. */
export const BUCKET = 'first-bucket';

/** An embedded S3 with a directory of its own, a bucket, and a client as the AWS SDK makes it by default. */
export interface TestS3 {
  readonly dir: string;
  readonly engine: Engine;
  readonly client: S3Client;
  /** An object of the bucket. */
  readonly content: (key: string) => Promise<Buffer>;
  /** Kills it, and starts another on the same port and directory. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts an embedded S3. */
export async function startTestS3(options: Omit<S3Options, 'dir'> = {}): Promise<TestS3> {
  const dir = await mkdtemp(join(tmpdir(), 'log-courier-embedded-s3-'));
  let engine = await startS3({ dir, ...options });
  const client = clientOf(engine.url);
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return {
    dir,
    engine,
    client,
    content: async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
      return buffer(readableBody(Body));
    },
    restart: async () => {
      await engine.kill();
      engine = await startS3({ dir, ...options, port: engine.port });
    },
    stop: async () => {
      client.destroy();
      await engine.stop();
      await rm(dir, { recursive: true });
    },
  };
}

/** A client in path style. */
export function clientOf(
  endpoint: string,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } = S3_CREDENTIALS,
): S3Client {
  return new S3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true });
}
