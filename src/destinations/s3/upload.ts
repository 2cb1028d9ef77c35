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

/** How an object is sent. */
export interface UploadOptions {
  /** Up to this size one PUT, beyond it a multipart upload in parts of this size; bytes. */
  readonly partSizeBytes: number;
  /** Parts that are sent at the same time. At most this many and one more are in memory. */
  readonly partsInFlight: number;
  readonly signal: AbortSignal;
}

/** Time that is given to the clean-up of an upload that failed, also after the upload itself was aborted. */
const ABORT_TIMEOUT_MS = 10_000;

/**
 * Sends a stream of bytes as one object. Nothing appears under the key before the stream has ended well: when it
 * throws, or the signal is aborted, no object is made, and a multipart upload that was begun is aborted.
 *
 * @throws what the body threw, what the AWS SDK threw, or the signal's reason
 */
export async function uploadObject(
  client: S3Client,
  target: UploadTarget,
  body: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<void> {
  const parts = inParts(body, options.partSizeBytes);
  try {
    await sendParts(client, target, parts, options);
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
): Promise<void> {
  const first = await parts.next();
  const second = first.done === true ? first : await parts.next();
  options.signal.throwIfAborted();
  if (second.done === true) {
    await putWhole(client, target, first.done === true ? new Uint8Array() : first.value, options.signal);
    return;
  }
  if (first.done === true) return;
  await sendMultipart(client, target, followedBy([first.value, second.value], parts), options);
}

async function putWhole(
  client: S3Client,
  target: UploadTarget,
  content: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const put = new PutObjectCommand({
    Bucket: target.bucket,
    Key: target.key,
    Body: content,
    ContentLength: content.byteLength,
    ContentType: target.contentType,
    Metadata: { ...target.metadata },
  });
  await client.send(put, { abortSignal: signal });
}

async function sendMultipart(
  client: S3Client,
  target: UploadTarget,
  parts: AsyncIterable<Uint8Array>,
  { partsInFlight, signal }: UploadOptions,
): Promise<void> {
  const place = { Bucket: target.bucket, Key: target.key };
  const create = { ...place, ContentType: target.contentType, Metadata: { ...target.metadata } };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(create), { abortSignal: signal });
  const upload = { ...place, UploadId };
  // One part that fails stops the others at once, whenever that is, and its error is the signal's reason from then on;
  // the upload is aborted when none is under way any more.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const underWay = new Set<Promise<void>>();
  const done: CompletedPart[] = [];
  const send = async (PartNumber: number, content: Uint8Array): Promise<void> => {
    const part = new UploadPartCommand({
      ...upload,
      PartNumber,
      Body: content,
      ContentLength: content.byteLength,
    });
    const { ETag } = await client.send(part, { abortSignal: either });
    done.push({ PartNumber, ETag });
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
    done.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
    const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: done } });
    await client.send(complete, { abortSignal: signal });
  } catch (error) {
    failed.abort(error);
    await Promise.all(underWay);
    const abort = new AbortMultipartUploadCommand(upload);
    await client.send(abort, { abortSignal: AbortSignal.timeout(ABORT_TIMEOUT_MS) }).catch(() => undefined);
    throw error;
  }
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
