import { join } from 'node:path';
import { discard, receiveFile, receiveXml } from '../http/body.js';
import { S3Error } from '../http/errors.js';
import { encodePath } from '../http/target.js';
import { xmlDocument, xmlElements, xmlText } from '../http/xml.js';
import type { WantedPart } from '../store/completion.js';
import { randomId } from '../store/layout.js';
import type { UploadName } from '../store/uploads.js';
import { listParts, listUploads } from './list-uploads.js';
import { checksumHeaders, keptHeaders } from './object-headers.js';
import {
  conditionsOf,
  header,
  numberParameter,
  type Answer,
  type Operation,
  type S3Request,
  type Stores,
} from './operation.js';

const PART_NUMBERS = { least: 1, most: 10_000 } as const;

/** All of multipart uploads. */
export const MULTIPART_OPERATIONS: readonly Operation[] = [
  { method: 'POST', level: 'object', marks: ['uploads'], answer: createUpload },
  { method: 'PUT', level: 'object', marks: ['partNumber', 'uploadId'], answer: uploadPart },
  { method: 'POST', level: 'object', marks: ['uploadId'], answer: completeUpload },
  {
    method: 'DELETE',
    level: 'object',
    marks: ['uploadId'],
    answer: async (request, { uploads }) => {
      await uploads.abort(uploadName(request));
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    level: 'object',
    marks: ['uploadId'],
    parameters: ['max-parts', 'part-number-marker'],
    answer: (request, stores) => listParts(request, uploadName(request), stores),
  },
  {
    method: 'GET',
    level: 'bucket',
    marks: ['uploads'],
    parameters: ['prefix', 'key-marker', 'upload-id-marker', 'max-uploads', 'encoding-type'],
    answer: listUploads,
  },
];

function uploadName({ bucket, key, query }: S3Request): UploadName {
  return { bucket, key, id: query.get('uploadId') ?? '' };
}

async function createUpload(request: S3Request, { uploads }: Stores): Promise<Answer> {
  const { bucket, key, http } = request;
  const wantsSha256 = header(request, 'x-amz-checksum-algorithm')?.toUpperCase() === 'SHA256';
  const upload = await uploads.create({ bucket, key, headers: keptHeaders(http.headers), wantsSha256 });
  const xml = xmlDocument('InitiateMultipartUploadResult', { Bucket: bucket, Key: key, UploadId: upload.id });
  const headers = wantsSha256
    ? { 'x-amz-checksum-algorithm': 'SHA256', 'x-amz-checksum-type': 'COMPOSITE' }
    : {};
  return { status: 200, headers, xml };
}

async function uploadPart(request: S3Request, { layout, uploads }: Stores): Promise<Answer> {
  if (header(request, 'x-amz-copy-source') !== undefined)
    throw new S3Error('NotImplemented', 'Parts cannot be copied here.');
  const name = uploadName(request);
  const number = numberParameter(request, 'partNumber', PART_NUMBERS);
  const { wantsSha256 } = uploads.get(name);
  const path = join(layout.incoming, randomId());
  try {
    const received = await receiveFile(request.http, path, wantsSha256);
    const { md5, sha256 } = await uploads.putPart(name, { number, path, ...received });
    return { status: 200, headers: { ETag: `"${md5}"`, ...checksumHeaders(sha256) } };
  } finally {
    await discard(path);
  }
}

async function completeUpload(request: S3Request, { uploads }: Stores): Promise<Answer> {
  const name = uploadName(request);
  uploads.get(name);
  const completion = {
    parts: wantedParts(await receiveXml(request.http)),
    conditions: conditionsOf(request),
    // On this request the header is the checksum of the object, not of the body.
    sha256: header(request, 'x-amz-checksum-sha256'),
  };
  const head = await uploads.complete(name, completion);
  const xml = xmlDocument('CompleteMultipartUploadResult', {
    Location: `http://${header(request, 'host') ?? ''}/${name.bucket}/${encodePath(name.key)}`,
    Bucket: name.bucket,
    Key: name.key,
    ETag: `"${head.etag}"`,
    ChecksumSHA256: head.sha256 ?? undefined,
    ChecksumType: head.sha256 === null ? undefined : 'COMPOSITE',
  });
  return { status: 200, xml };
}

function wantedParts(document: string): readonly WantedPart[] {
  return xmlElements(document, 'Part').map((part) => {
    const number = Number(xmlText(part, 'PartNumber'));
    const etag = xmlText(part, 'ETag');
    if (!Number.isInteger(number) || etag === undefined)
      throw new S3Error('MalformedXML', 'A part has a PartNumber and an ETag.');
    return { number, etag, sha256: xmlText(part, 'ChecksumSHA256') };
  });
}
