import { S3Error } from '../http/errors.js';
import { encodePath } from '../http/target.js';
import { xmlDocument, type XmlContent } from '../http/xml.js';
import type { Head } from '../store/head.js';
import { listPage, type Position } from '../store/listing.js';
import { pageSize, type Answer, type S3Request, type Stores } from './operation.js';

/** ListObjectsV2. @throws S3Error NoSuchBucket, InvalidArgument, NotImplemented */
export function listObjects(request: S3Request, { objects }: Stores): Promise<Answer> {
  const { bucket: name, query } = request;
  if (query.get('list-type') !== '2')
    throw new S3Error('NotImplemented', 'Objects are listed with list-type=2.');
  const { keys, heads } = objects.bucket(name);
  const encode = encoderOf(request);
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const startAfter = query.get('start-after');
  const token = query.get('continuation-token');
  const maxKeys = pageSize(request, 'max-keys');
  const after = token === undefined ? afterKey(startAfter) : positionOf(token);
  const page = listPage(keys, { prefix, delimiter, after, maxKeys });
  const listed = page.keys.map((key) => heads.get(key)).filter((head) => head !== undefined);
  const xml = xmlDocument('ListBucketResult', {
    Name: name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: maxKeys,
    EncodingType: query.get('encoding-type'),
    KeyCount: page.keys.length + page.groups.length,
    IsTruncated: page.next !== undefined,
    ContinuationToken: token,
    NextContinuationToken: page.next === undefined ? undefined : tokenOf(page.next),
    StartAfter: startAfter === undefined ? undefined : encode(startAfter),
    Contents: listed.map((head) => contents(head, encode)),
    CommonPrefixes: page.groups.map((group) => ({ Prefix: encode(group) })),
  });
  return Promise.resolve({ status: 200, xml });
}

function contents(head: Head, encode: (text: string) => string): XmlContent {
  return {
    Key: encode(head.key),
    LastModified: head.lastModified,
    ETag: `"${head.etag}"`,
    ChecksumAlgorithm: head.sha256 === null ? undefined : 'SHA256',
    Size: head.bytes,
    StorageClass: 'STANDARD',
  };
}

/** Encodes keys as the client wants them. @throws S3Error InvalidArgument for an encoding that is not known */
export function encoderOf({ query }: S3Request): (text: string) => string {
  const encoding = query.get('encoding-type');
  if (encoding === undefined) return (text) => text;
  if (encoding !== 'url') throw new S3Error('InvalidArgument', 'encoding-type is url.');
  return encodePath;
}

function afterKey(key: string | undefined): Position | undefined {
  return key === undefined ? undefined : { kind: 'key', value: key };
}

function tokenOf({ kind, value }: Position): string {
  return Buffer.from(`${kind}:${value}`).toString('base64url');
}

function positionOf(token: string): Position {
  const [, kind, value] = /^(key|group):(.+)$/s.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (kind === undefined || value === undefined)
    throw new S3Error('InvalidArgument', 'The continuation token is not one of this server.');
  return { kind: kind === 'key' ? 'key' : 'group', value };
}
