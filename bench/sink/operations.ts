import type { IncomingHttpHeaders } from 'node:http';
import { element, failure, json, xml, type Answer } from './answer.js';
import type { Conditions, ObjectIndex, SunkObject } from './object-index.js';

/** A request whose body has been read to its end. */
export interface SinkRequest {
  readonly method: string;
  /** `/bucket/key`, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Bytes of content. */
  readonly bytes: number;
}

/** Paths that belong to the harness; no bucket can have such a name. */
export const CONTROL = '/__';

/** Answers a request of the harness. */
export function control(index: ObjectIndex, path: string): Answer {
  switch (path) {
    case '/__stats':
      return json(index.stats);
    case '/__reset':
      index.reset();
      return json(index.stats);
    default:
      return failure(404, 'NoSuchControl');
  }
}

/** Answers as S3 does, as far as log-courier, the AWS SDK and ClickHouse's s3() go when they write. */
export function answer(index: ObjectIndex, request: SinkRequest): Answer {
  const isObject = request.path.indexOf('/', 1) > 0 && !request.path.endsWith('/');
  return isObject ? ofObject(index, request) : ofBucket(request);
}

/** Every bucket exists. Nothing is ever listed: nobody who writes needs that, and uploads are never left behind. */
function ofBucket({ method, path, query }: SinkRequest): Answer {
  if (method !== 'GET') return { status: 200 };
  if (path === '/') return xml('ListAllMyBucketsResult', '<Buckets/>');
  if (query.has('location')) return xml('LocationConstraint', '');
  if (query.has('uploads')) return xml('ListMultipartUploadsResult', element('IsTruncated', 'false'));
  return xml('ListBucketResult', element('KeyCount', '0') + element('IsTruncated', 'false'));
}

function ofObject(index: ObjectIndex, request: SinkRequest): Answer {
  const { method, query } = request;
  const uploadId = query.get('uploadId');
  if (method === 'PUT') return uploadId === null ? put(index, request) : putPart(index, request, uploadId);
  if (method === 'HEAD') return head(index, request);
  if (method === 'POST' && query.has('uploads')) return begin(index, request);
  if (method === 'POST' && uploadId !== null) return complete(index, request, uploadId);
  if (method === 'DELETE') {
    if (uploadId !== null) index.abort(uploadId);
    return { status: 204 };
  }
  return failure(501, 'NotImplemented');
}

function put(index: ObjectIndex, { path, headers, bytes }: SinkRequest): Answer {
  if (index.refuses(path, conditionsOf(headers))) return failure(412, 'PreconditionFailed');
  return { status: 200, headers: { ETag: index.put(path, bytes, metadataOf(headers)) } };
}

function putPart(index: ObjectIndex, { bytes }: SinkRequest, uploadId: string): Answer {
  if (!index.addPart(uploadId, bytes)) return failure(404, 'NoSuchUpload');
  return { status: 200, headers: { ETag: index.newEtag() } };
}

function head(index: ObjectIndex, { path }: SinkRequest): Answer {
  const object = index.find(path);
  if (object === undefined) return { status: 404 };
  return { status: 200, headers: { ETag: object.etag, 'Content-Length': object.bytes, ...object.metadata } };
}

function begin(index: ObjectIndex, { path, headers }: SinkRequest): Answer {
  const [bucket, key] = bucketAndKey(path);
  const uploadId = index.begin(metadataOf(headers));
  const content = element('Bucket', bucket) + element('Key', key) + element('UploadId', uploadId);
  return xml('InitiateMultipartUploadResult', content);
}

function complete(index: ObjectIndex, { path, headers }: SinkRequest, uploadId: string): Answer {
  if (index.refuses(path, conditionsOf(headers))) return failure(412, 'PreconditionFailed');
  const etag = index.complete(path, uploadId);
  if (etag === undefined) return failure(404, 'NoSuchUpload');
  const [bucket, key] = bucketAndKey(path);
  const content = element('Bucket', bucket) + element('Key', key) + element('ETag', etag);
  return xml('CompleteMultipartUploadResult', content);
}

function conditionsOf(headers: IncomingHttpHeaders): Conditions {
  return { ifNoneMatch: headers['if-none-match'], ifMatch: headers['if-match'] };
}

function metadataOf(headers: IncomingHttpHeaders): SunkObject['metadata'] {
  const metadata: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (name.startsWith('x-amz-meta-') && typeof value === 'string') metadata[name] = value;
  }
  return metadata;
}

function bucketAndKey(path: string): readonly [bucket: string, key: string] {
  const slash = path.indexOf('/', 1);
  return [path.slice(1, slash), decodeURIComponent(path.slice(slash + 1))];
}
