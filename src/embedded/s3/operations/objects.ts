import { join } from 'node:path';
import { discard, receiveFile } from '../http/body.js';
import { S3Error } from '../http/errors.js';
import { rangeOf } from '../http/range.js';
import { checkRead } from '../store/conditions.js';
import type { Head } from '../store/head.js';
import { randomId } from '../store/layout.js';
import { checksumHeaders, keptHeaders, objectHeaders } from './object-headers.js';
import {
  conditionsOf,
  header,
  type Answer,
  type Operation,
  type S3Request,
  type Stores,
} from './operation.js';

/** What can be done with an object, but for multipart uploads. */
export const OBJECT_OPERATIONS: readonly Operation[] = [
  { method: 'PUT', level: 'object', marks: [], answer: putObject },
  { method: 'GET', level: 'object', marks: [], answer: getObject },
  { method: 'HEAD', level: 'object', marks: [], answer: headObject },
  {
    method: 'DELETE',
    level: 'object',
    marks: [],
    answer: async (request, { objects }) => {
      if (header(request, 'if-match') !== undefined)
        throw new S3Error('NotImplemented', 'Conditional deletes are not understood here.');
      await objects.delete(request.bucket, request.key);
      return { status: 204 };
    },
  },
];

async function putObject(request: S3Request, { layout, objects }: Stores): Promise<Answer> {
  if (header(request, 'x-amz-copy-source') !== undefined)
    throw new S3Error('NotImplemented', 'Objects cannot be copied here.');
  // Before the body is read, and again when the object is replaced, as S3 does.
  objects.check(request.bucket, request.key, conditionsOf(request));
  const headers = keptHeaders(request.http.headers);
  const path = join(layout.incoming, randomId());
  try {
    const { bytes, md5, sha256 } = await receiveFile(request.http, path);
    const draft = { key: request.key, path, bytes, etag: md5, headers, sha256, upload: null };
    await objects.put(request.bucket, draft, conditionsOf(request));
    return { status: 200, headers: { ETag: `"${md5}"`, ...checksumHeaders(sha256) } };
  } finally {
    await discard(path);
  }
}

async function getObject(request: S3Request, { objects }: Stores): Promise<Answer> {
  const { head, file } = await objects.open(request.bucket, request.key);
  try {
    const read = answerOf(request, head);
    return { ...read, content: { head, file, range: read.range } };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function headObject(request: S3Request, { objects }: Stores): Promise<Answer> {
  const { status, headers } = answerOf(request, objects.head(request.bucket, request.key));
  return Promise.resolve({ status, headers });
}

function answerOf(
  request: S3Request,
  head: Head,
): Required<Pick<Answer, 'status' | 'headers'>> & { readonly range: { first: number; last: number } } {
  checkRead(conditionsOf(request), head.etag);
  const range = rangeOf(header(request, 'range'), head.bytes);
  const headers = objectHeaders(head);
  if (range !== undefined) {
    const { first, last } = range;
    const place = {
      'Content-Range': `bytes ${first}-${last}/${head.bytes}`,
      'Content-Length': last - first + 1,
    };
    return { status: 206, headers: { ...headers, ...place }, range };
  }
  const isChecksumWanted = header(request, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  const checksum = checksumHeaders(isChecksumWanted ? head.sha256 : null);
  return {
    status: 200,
    headers: { ...headers, ...checksum, 'Content-Length': head.bytes },
    range: { first: 0, last: head.bytes - 1 },
  };
}
