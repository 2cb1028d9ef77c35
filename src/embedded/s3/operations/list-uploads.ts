import { xmlDocument } from '../http/xml.js';
import { compareKeys } from '../store/sorted-keys.js';
import type { Upload } from '../store/upload.js';
import type { UploadName } from '../store/uploads.js';
import { encoderOf } from './list-objects.js';
import { numberParameter, pageSize, PAGE, type Answer, type S3Request, type Stores } from './operation.js';

/** ListMultipartUploads. @throws S3Error NoSuchBucket, InvalidArgument */
export function listUploads(request: S3Request, { objects, uploads }: Stores): Promise<Answer> {
  const { bucket, query } = request;
  objects.bucket(bucket);
  const encode = encoderOf(request);
  const prefix = query.get('prefix') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('upload-id-marker') ?? '';
  const maxUploads = pageSize(request, 'max-uploads');
  const rest = uploads
    .of(bucket)
    .filter((upload) => upload.key.startsWith(prefix) && isAfter(upload, keyMarker, idMarker));
  const page = rest.slice(0, maxUploads);
  const last = page.length < rest.length ? page.at(-1) : undefined;
  const xml = xmlDocument('ListMultipartUploadsResult', {
    Bucket: bucket,
    Prefix: encode(prefix),
    KeyMarker: encode(keyMarker),
    UploadIdMarker: idMarker,
    NextKeyMarker: last === undefined ? undefined : encode(last.key),
    NextUploadIdMarker: last?.id,
    EncodingType: query.get('encoding-type'),
    MaxUploads: maxUploads,
    IsTruncated: last !== undefined,
    Upload: page.map(({ key, id, initiated, wantsSha256 }) => ({
      Key: encode(key),
      UploadId: id,
      StorageClass: 'STANDARD',
      Initiated: initiated,
      ChecksumAlgorithm: wantsSha256 ? 'SHA256' : undefined,
    })),
  });
  return Promise.resolve({ status: 200, xml });
}

function isAfter(upload: Upload, keyMarker: string, idMarker: string): boolean {
  if (keyMarker === '') return true;
  const order = compareKeys(upload.key, keyMarker);
  return order > 0 || (order === 0 && idMarker !== '' && upload.id > idMarker);
}

/** ListParts. @throws S3Error NoSuchUpload, InvalidArgument */
export function listParts(request: S3Request, name: UploadName, { uploads }: Stores): Promise<Answer> {
  const upload = uploads.get(name);
  const maxParts = pageSize(request, 'max-parts');
  const marker = numberParameter(request, 'part-number-marker', { ...PAGE, missing: 0 });
  const rest = [...upload.parts.values()]
    .filter(({ number }) => number > marker)
    .sort((one, other) => one.number - other.number);
  const page = rest.slice(0, maxParts);
  const last = page.length < rest.length ? page.at(-1) : undefined;
  const xml = xmlDocument('ListPartsResult', {
    Bucket: name.bucket,
    Key: name.key,
    UploadId: name.id,
    StorageClass: 'STANDARD',
    ChecksumAlgorithm: upload.wantsSha256 ? 'SHA256' : undefined,
    PartNumberMarker: marker,
    NextPartNumberMarker: last?.number,
    MaxParts: maxParts,
    IsTruncated: last !== undefined,
    Part: page.map((part) => ({
      PartNumber: String(part.number),
      LastModified: part.lastModified,
      ETag: `"${part.md5}"`,
      ChecksumSHA256: part.sha256 ?? undefined,
      Size: part.bytes,
    })),
  });
  return Promise.resolve({ status: 200, xml });
}
