import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
  type S3Client,
} from '@aws-sdk/client-s3';

/** Where an object goes, and what it is. */
export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly contentType: string;
  /** User metadata (x-amz-meta-…); values are ASCII. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What must hold for an object to appear, for S3 to check; honoured only by servers with conditional writes. */
export type Condition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string };

/** How an object is sent. */
export interface UploadOptions {
  /** Size of a part, and of the largest object that is sent in one PUT; bytes. */
  readonly partSizeBytes: number;
  /** Parts that are sent at the same time. At most this many and one more are in memory. */
  readonly partsInFlight: number;
  /** Send an object of one part in one PUT; else as a multipart upload too, which others can abort. */
  readonly singlePut: boolean;
  /** Send the SHA-256 of each part of a multipart upload, for S3 to check and keep. */
  readonly partChecksums: boolean;
  readonly condition?: Condition | undefined;
  /** More metadata that is known when the content fits into one part: all of it has been read then. */
  readonly wholeMetadata?: () => Readonly<Record<string, string>>;
  /** Awaited when all parts of a multipart upload are there, before the object appears; it stays away on a rejection. */
  readonly beforeCompletion?: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Time that is given to the clean-up of an upload that failed, also after the upload itself was aborted. */
const ABORT_TIMEOUT_MS = 10_000;

/**
 * Sends a stream of bytes as one object. Nothing appears under the key before the stream has ended well: when it
 * throws, or the signal is aborted, no object is made, and a multipart upload that was begun is aborted.
 *
 * @returns the content, when it fitted into one part
 * @throws what the body threw, what the AWS SDK threw, or the signal's reason
 */
export async function uploadObject(
  client: S3Client,
  target: UploadTarget,
  body: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<Uint8Array | undefined> {
  const parts = inParts(body, options.partSizeBytes);
  try {
    return await sendParts(client, target, parts, options);
  } catch (error) {
    options.signal.throwIfAborted();
    throw error;
  } finally {
    // Whatever stands behind the body, a connection for one, is let go of also when it was not read to its end.
    await parts.return(undefined);
  }
}

async function sendParts(
  client: S3Client,
  target: UploadTarget,
  parts: AsyncGenerator<Uint8Array, undefined>,
  options: UploadOptions,
): Promise<Uint8Array | undefined> {
  const first = await parts.next();
  const second = first.done === true ? first : await parts.next();
  options.signal.throwIfAborted();
  if (second.done !== true && first.done !== true) {
    await sendMultipart(client, target, followedBy([first.value, second.value], parts), options);
    return undefined;
  }
  const content = first.done === true ? new Uint8Array() : first.value;
  const whole = { ...target, metadata: { ...target.metadata, ...options.wholeMetadata?.() } };
  // S3 has no multipart upload without a part, and an empty part is refused by some servers.
  if (options.singlePut || content.byteLength === 0) await putWhole(client, whole, content, options);
  else await sendMultipart(client, whole, followedBy([content], parts), options);
  return content;
}

async function putWhole(
  client: S3Client,
  target: UploadTarget,
  content: Uint8Array,
  { condition, signal }: UploadOptions,
): Promise<void> {
  const put = new PutObjectCommand({
    Bucket: target.bucket,
    Key: target.key,
    Body: content,
    ContentLength: content.byteLength,
    ContentType: target.contentType,
    Metadata: { ...target.metadata },
    ...condition,
  });
  await client.send(put, { abortSignal: signal });
}

async function sendMultipart(
  client: S3Client,
  target: UploadTarget,
  parts: AsyncIterable<Uint8Array>,
  { partsInFlight, partChecksums, condition, beforeCompletion, signal }: UploadOptions,
): Promise<void> {
  const place = { Bucket: target.bucket, Key: target.key };
  const create = new CreateMultipartUploadCommand({
    ...place,
    ContentType: target.contentType,
    Metadata: { ...target.metadata },
    ...(partChecksums ? { ChecksumAlgorithm: 'SHA256' } : {}),
  });
  const { UploadId } = await client.send(create, { abortSignal: signal });
  const upload = { ...place, UploadId };
  // One part that fails stops the others at once, whenever that is, and its error is the signal's reason from then on;
  // the upload is aborted when none is under way any more.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const underWay = new Set<Promise<void>>();
  const done: CompletedPart[] = [];
  const send = async (PartNumber: number, content: Uint8Array): Promise<void> => {
    const checksum = partChecksums ? { ChecksumSHA256: sha256Base64(content) } : {};
    const part = new UploadPartCommand({
      ...upload,
      PartNumber,
      Body: content,
      ContentLength: content.byteLength,
      ...checksum,
    });
    const { ETag } = await client.send(part, { abortSignal: either });
    done.push({ PartNumber, ETag, ...checksum });
  };
  try {
    let number = 0;
    for await (const content of parts) {
      either.throwIfAborted();
      number += 1;
      const sending: Promise<void> = send(number, content)
        .catch((error: unknown) => {
          failed.abort(error);
        })
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
      if (underWay.size >= partsInFlight) await Promise.race(underWay);
    }
    await Promise.all(underWay);
    either.throwIfAborted();
    await beforeCompletion?.();
    done.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
    const complete = new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: { Parts: done },
      ...condition,
    });
    await client.send(complete, { abortSignal: signal });
  } catch (error) {
    failed.abort(error);
    await Promise.all(underWay);
    const abort = new AbortMultipartUploadCommand(upload);
    await client.send(abort, { abortSignal: AbortSignal.timeout(ABORT_TIMEOUT_MS) }).catch(() => undefined);
    throw error;
  }
}

function sha256Base64(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64');
}

/** Gathers a stream into parts of exactly `size` bytes, the last one smaller. */
async function* inParts(
  body: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, undefined> {
  let chunks: Uint8Array[] = [];
  let gathered = 0;
  for await (let chunk of body) {
    while (gathered + chunk.byteLength >= size) {
      const rest = size - gathered;
      chunks.push(chunk.subarray(0, rest));
      yield Buffer.concat(chunks, size);
      chunk = chunk.subarray(rest);
      chunks = [];
      gathered = 0;
    }
    if (chunk.byteLength > 0) chunks.push(chunk);
    gathered += chunk.byteLength;
  }
  if (gathered > 0) yield Buffer.concat(chunks, gathered);
  return undefined;
}

async function* followedBy<Item>(head: readonly Item[], tail: AsyncIterable<Item>): AsyncGenerator<Item> {
  yield* head;
  yield* tail;
}
