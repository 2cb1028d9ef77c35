import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { S3Error } from '../http/errors.js';
import type { Head } from '../store/head.js';

const METADATA = 'x-amz-meta-';
/** Names and values together, as on AWS. */
const METADATA_BYTES = 2048;

/** Headers that are kept with an object as they are. */
const KEPT = ['content-type', 'cache-control', 'content-disposition', 'content-language', 'expires'] as const;
const DEFAULT_TYPE = 'binary/octet-stream';

/** The headers that go with an object and come back with it. @throws S3Error MetadataTooLarge */
export function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const metadata = Object.entries(headers).filter(([name]) => name.startsWith(METADATA));
  const kept: Record<string, string> = { 'content-type': DEFAULT_TYPE };
  for (const name of KEPT) {
    const value = headers[name];
    if (value !== undefined) kept[name] = value;
  }
  const encoding = contentEncoding(headers['content-encoding']);
  if (encoding !== '') kept['content-encoding'] = encoding;
  let bytes = 0;
  for (const [name, value] of metadata) {
    const text = [value].flat().join(',');
    bytes += name.length - METADATA.length + text.length;
    kept[name] = text;
  }
  if (bytes > METADATA_BYTES)
    throw new S3Error('MetadataTooLarge', `Metadata have at most ${METADATA_BYTES} bytes.`);
  return kept;
}

/** `aws-chunked` is how a body was sent, and nothing of the object. */
function contentEncoding(header = ''): string {
  return header
    .split(',')
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && encoding !== 'aws-chunked')
    .join(',');
}

/** The headers that say what an object is. */
export function objectHeaders(head: Head): OutgoingHttpHeaders {
  return {
    ...head.headers,
    ETag: `"${head.etag}"`,
    'Last-Modified': new Date(head.lastModified).toUTCString(),
    'Accept-Ranges': 'bytes',
  };
}

/** The headers that tell a checksum; none when it is not known. */
export function checksumHeaders(sha256: string | null): OutgoingHttpHeaders {
  if (sha256 === null) return {};
  const type = sha256.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT';
  return { 'x-amz-checksum-sha256': sha256, 'x-amz-checksum-type': type };
}
