import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { decodeAwsChunked } from './aws-chunked.js';
import { S3Error } from './errors.js';

/** Longest body of XML; 10,000 parts with checksums take less than 3 MB. */
const XML_BYTES = 4 * 1024 * 1024;
/** Largest object of one PUT, and largest part, as on AWS. */
const CONTENT_BYTES = 5 * 1024 ** 3;

const SHA256_HEADER = 'x-amz-checksum-sha256';

/** What the headers say about the content of a body. */
interface Claims {
  readonly isChunked: boolean;
  /** Bytes of the content, without framing. */
  readonly bytes: number;
  /** In hex; undefined when it was not signed. */
  readonly signedSha256: string | undefined;
  /** In Base64. */
  readonly md5: string | undefined;
  /** In Base64; a checksum that was asked for in a trailer is not known yet. */
  readonly sha256: string | undefined;
  readonly isSha256InTrailer: boolean;
}

/** What a body turned out to be. */
export interface Received {
  readonly bytes: number;
  /** In hex. */
  readonly md5: string;
  /** In Base64; null when nobody asked for it. */
  readonly sha256: string | null;
}

/**
 * Streams a body to a new file. All digests that the client sent are verified, but for CRC checksums.
 *
 * @param wantsSha256 computes the SHA-256 also when the client gave none
 * @throws S3Error when the body is not what the headers say, or an error of the connection; a caller removes the file
 */
export async function receiveFile(
  request: IncomingMessage,
  path: string,
  wantsSha256 = false,
): Promise<Received> {
  const claims = claimsOf(request.headers);
  if (claims.bytes > CONTENT_BYTES)
    throw new S3Error('EntityTooLarge', `One request brings at most ${CONTENT_BYTES} bytes.`);
  const file = await open(path, 'wx');
  try {
    // The disk works while the digests are made.
    return await receive(request, claims, wantsSha256, async (bytes) => file.writeFile(bytes));
  } finally {
    await file.close();
  }
}

/** Reads a body of XML. @throws S3Error as receiveFile does, and MaxMessageLengthExceeded */
export async function receiveXml(request: IncomingMessage): Promise<string> {
  const claims = claimsOf(request.headers);
  if (claims.bytes > XML_BYTES)
    throw new S3Error('MaxMessageLengthExceeded', `A document has at most ${XML_BYTES} bytes.`);
  const blocks: Buffer[] = [];
  await receive(request, claims, false, (bytes) => {
    blocks.push(bytes);
    return Promise.resolve();
  });
  return Buffer.concat(blocks).toString('utf8');
}

/** Removes a file that may not be there. */
export async function discard(path: string): Promise<void> {
  await rm(path, { force: true });
}

async function receive(
  request: IncomingMessage,
  claims: Claims,
  wantsSha256: boolean,
  write: (bytes: Buffer) => Promise<void>,
): Promise<Received> {
  const trailers = new Map<string, string>();
  const md5 = createHash('md5');
  const isSha256Given = claims.sha256 !== undefined || claims.isSha256InTrailer;
  const needsSha256 = wantsSha256 || isSha256Given || claims.signedSha256 !== undefined;
  const sha256 = needsSha256 ? createHash('sha256') : undefined;
  let bytes = 0;
  for await (const block of contentOf(request, claims, trailers)) {
    bytes += block.length;
    if (bytes > claims.bytes) throw new S3Error('IncompleteBody', 'The body is longer than was said.');
    const writing = write(block);
    md5.update(block);
    sha256?.update(block);
    await writing;
  }
  if (bytes < claims.bytes) throw new S3Error('IncompleteBody', 'The body is shorter than was said.');
  const digests = { md5: md5.digest(), sha256: sha256?.digest() };
  verify(claims, trailers, digests);
  return {
    bytes,
    md5: digests.md5.toString('hex'),
    sha256: wantsSha256 || isSha256Given ? (digests.sha256?.toString('base64') ?? null) : null,
  };
}

function contentOf(
  request: IncomingMessage,
  { isChunked }: Claims,
  trailers: Map<string, string>,
): AsyncIterable<Buffer> {
  // The connection must live on for the answer when reading ends early.
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  return isChunked ? decodeAwsChunked(body, trailers) : body;
}

function verify(
  claims: Claims,
  trailers: ReadonlyMap<string, string>,
  { md5, sha256 }: { readonly md5: Buffer; readonly sha256: Buffer | undefined },
): void {
  if (claims.md5 !== undefined && claims.md5 !== md5.toString('base64'))
    throw new S3Error('BadDigest', 'The Content-MD5 is not that of the body.');
  if (claims.signedSha256 !== undefined && claims.signedSha256 !== sha256?.toString('hex'))
    throw new S3Error('XAmzContentSHA256Mismatch', 'The x-amz-content-sha256 is not that of the body.');
  const given = claims.isSha256InTrailer ? trailers.get(SHA256_HEADER) : claims.sha256;
  if (claims.isSha256InTrailer && given === undefined)
    throw new S3Error('InvalidRequest', `The trailer ${SHA256_HEADER} is missing.`);
  if (given !== undefined && given !== sha256?.toString('base64'))
    throw new S3Error('BadDigest', `The ${SHA256_HEADER} is not that of the body.`);
}

function claimsOf(headers: IncomingHttpHeaders): Claims {
  const payload = text(headers, 'x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD';
  const isChunked = payload.startsWith('STREAMING-');
  const isHash = /^[0-9a-f]{64}$/.test(payload);
  if (!isChunked && !isHash && payload !== 'UNSIGNED-PAYLOAD')
    throw new S3Error('InvalidArgument', `x-amz-content-sha256 cannot be ${payload}.`);
  const length = isChunked ? text(headers, 'x-amz-decoded-content-length') : headers['content-length'];
  if (length === undefined || !/^\d{1,15}$/.test(length))
    throw new S3Error('MissingContentLength', 'The request does not say how long its content is.');
  const trailers = (text(headers, 'x-amz-trailer') ?? '').toLowerCase().split(',');
  return {
    isChunked,
    bytes: Number(length),
    signedSha256: isHash ? payload : undefined,
    md5: digest(text(headers, 'content-md5'), 16),
    sha256: digest(text(headers, SHA256_HEADER), 32),
    isSha256InTrailer: isChunked && trailers.some((name) => name.trim() === SHA256_HEADER),
  };
}

function digest(value: string | undefined, bytes: number): string | undefined {
  if (value !== undefined && Buffer.from(value, 'base64').length !== bytes)
    throw new S3Error('InvalidDigest', `${value} is no digest of ${bytes} bytes in Base64.`);
  return value;
}

function text(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
