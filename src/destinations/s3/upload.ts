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
import type { PartBuffers } from './part-buffers.js';
import { inParts, type Part } from './parts.js';
import { noteDigest } from './payload-hash.js';
import { quickPutOf } from './quick-put.js';

/** Where an object goes, and what it is. */
export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly contentType: string;
  readonly cacheControl?: string | undefined;
  /** User metadata (x-amz-meta-…); values are ASCII. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What must hold for an object to appear, for S3 to check; honoured only by servers with conditional writes. */
export type Condition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string };

/** How an object is sent. */
export interface UploadOptions {
  /** Memory for parts; their size is that of a part, and of the largest object that is sent in one PUT. */
  readonly buffers: PartBuffers;
  /** Parts of the object that are sent at the same time, when there is memory for so many. */
  readonly partsInFlight: number;
  /** Send an object of one part in one PUT; else as a multipart upload too, which others can abort. */
  readonly singlePut: boolean;
  /** Send the SHA-256 of each part of a multipart upload, for S3 to check and keep. */
  readonly partChecksums: boolean;
  readonly condition?: Condition | undefined;
  /** More metadata that is known when the content fits into one part: all of it has been read then. */
  readonly wholeMetadata?: () => Readonly<Record<string, string>>;
  /** SHA-256 of the content, hex, when it fits into one part; computed when left out. */
  readonly wholeSha256?: () => string;
  /** Awaited when an object of one part is there; the content is valid until then. */
  readonly afterWhole?: (content: Uint8Array) => Promise<void>;
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
 * @throws what the body threw, what the AWS SDK threw, or the signal's reason
 */
export async function uploadObject(
  client: S3Client,
  target: UploadTarget,
  body: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<void> {
  const parts = inParts(body, options.buffers, options.signal);
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
  parts: AsyncGenerator<Part, undefined>,
  options: UploadOptions,
): Promise<void> {
  const { value: first } = await parts.next();
  if (first === undefined) return;
  if (first.isWhole) await whileReading(first, () => sendWhole(client, target, first, options));
  else
    await sendMultipart(client, target, followedBy(first, parts), options).finally(() => {
      first.abandoned(); // when the upload could not even begin
    });
}

/** Does what reads a part's bytes, and lets go of them. */
async function whileReading(part: Part, read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    part.abandoned();
    throw error;
  }
  part.sent();
}

async function sendWhole(
  client: S3Client,
  target: UploadTarget,
  { bytes }: Part,
  options: UploadOptions,
): Promise<void> {
  const { singlePut, condition, signal, afterWhole } = options;
  signal.throwIfAborted();
  const metadata = { ...target.metadata, ...options.wholeMetadata?.() };
  const sha256 = options.wholeSha256?.() ?? sha256Of(bytes);
  // S3 has no multipart upload without a part, and an empty part is refused by some servers.
  if (singlePut || bytes.byteLength === 0) {
    await putObject(client, { ...target, metadata }, { bytes, sha256 }, condition, signal);
  } else {
    const whole = { bytes, sha256, isWhole: true, sent: () => undefined, abandoned: () => undefined };
    await sendMultipart(client, { ...target, metadata }, followedBy(whole), options);
  }
  await afterWhole?.(bytes);
}

async function putObject(
  client: S3Client,
  { bucket, key, contentType, cacheControl, metadata }: UploadTarget,
  { bytes, sha256 }: Required<Pick<DigestedPart, 'bytes' | 'sha256'>>,
  condition: Condition | undefined,
  signal: AbortSignal,
): Promise<void> {
  const headers = {
    'content-type': contentType,
    ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
    ...metadataHeaders(metadata),
    ...conditionHeaders(condition),
  };
  if (await quickPutOf(client).put({ bucket, key, bytes, sha256, headers }, signal)) return;
  const put = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: bytes,
    ContentLength: bytes.byteLength,
    ContentType: contentType,
    CacheControl: cacheControl,
    Metadata: { ...metadata },
    ...condition,
  });
  noteDigest(bytes, sha256);
  await client.send(put, { abortSignal: signal });
}

function metadataHeaders(metadata: UploadTarget['metadata']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name.toLowerCase()}`, value]),
  );
}

function conditionHeaders(condition: Condition | undefined): Record<string, string> {
  if (condition === undefined) return {};
  return 'IfMatch' in condition
    ? { 'if-match': condition.IfMatch }
    : { 'if-none-match': condition.IfNoneMatch };
}

/** A part whose digest may be known already. */
type DigestedPart = Part & { readonly sha256?: string };

async function sendMultipart(
  client: S3Client,
  target: UploadTarget,
  parts: AsyncIterable<DigestedPart>,
  { partsInFlight, partChecksums, condition, beforeCompletion, signal }: UploadOptions,
): Promise<void> {
  const place = { Bucket: target.bucket, Key: target.key };
  const create = new CreateMultipartUploadCommand({
    ...place,
    ContentType: target.contentType,
    CacheControl: target.cacheControl,
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
  const send = async (
    PartNumber: number,
    { bytes, sha256 = sha256Of(bytes) }: DigestedPart,
  ): Promise<void> => {
    const checksum = partChecksums ? { ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64') } : {};
    const part = new UploadPartCommand({
      ...upload,
      PartNumber,
      Body: bytes,
      ContentLength: bytes.byteLength,
      ...checksum,
    });
    noteDigest(bytes, sha256);
    const { ETag } = await client.send(part, { abortSignal: either });
    done.push({ PartNumber, ETag, ...checksum });
  };
  try {
    let number = 0;
    for await (const part of parts) {
      if (either.aborted) part.sent();
      either.throwIfAborted();
      number += 1;
      const partNumber = number;
      const sending: Promise<void> = whileReading(part, () => send(partNumber, part))
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

function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

async function* followedBy<Item>(first: Item, rest?: AsyncIterable<Item>): AsyncGenerator<Item> {
  yield first;
  if (rest !== undefined) yield* rest;
}
