import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';

/**
 * The body of a GetObject answer as a stream of Node.js, which is what the AWS SDK gives outside of browsers.
 *
 * @throws {TypeError} when it is anything else
 */
export function readableBody(body: unknown): Readable {
  if (body instanceof Readable) return body;
  throw new TypeError('S3 answered without a body that can be read as a stream');
}

/** The beginning of an object. */
export interface ObjectStart {
  readonly bytes: Buffer;
  /** Whether that is all of it. */
  readonly isWhole: boolean;
}

/**
 * Reads the first bytes of an object that is not empty, at most so many.
 *
 * @throws what the AWS SDK throws
 */
export async function readStart(
  s3: S3Client,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  mostBytes: number,
  signal?: AbortSignal,
): Promise<ObjectStart> {
  const { Body, ContentRange } = await s3.send(
    new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=0-${String(mostBytes - 1)}` }),
    signal === undefined ? {} : { abortSignal: signal },
  );
  const bytes = await buffer(readableBody(Body));
  // "bytes 0-99/1234"; a server that sends all of it says nothing.
  const size = Number(/\/(\d+)$/.exec(ContentRange ?? '')?.[1] ?? bytes.length);
  return { bytes, isWhole: bytes.length >= size };
}
