import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { BUCKET, startTestS3, type TestS3 } from '../support/embedded-s3.js';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startTestS3({ minPartBytes: 1000 });
});

afterAll(async () => {
  await s3.stop();
});

interface Place {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

async function begin(Key: string, algorithm?: 'SHA256'): Promise<Place> {
  const { UploadId = '' } = await s3.client.send(
    new CreateMultipartUploadCommand({
      Bucket: BUCKET,
      Key,
      ContentType: 'text/plain',
      Metadata: { 'log-courier-records': '3' },
      ...(algorithm === undefined ? {} : { ChecksumAlgorithm: algorithm }),
    }),
  );
  return { Bucket: BUCKET, Key, UploadId };
}

async function putPart(
  place: Place,
  PartNumber: number,
  Body: Buffer,
  sha256 = false,
): Promise<CompletedPart> {
  const algorithm = sha256 ? ({ ChecksumAlgorithm: 'SHA256' } as const) : {};
  const { ETag, ChecksumSHA256 } = await s3.client.send(
    new UploadPartCommand({ ...place, PartNumber, Body, ...algorithm }),
  );
  return { PartNumber, ETag, ...(sha256 ? { ChecksumSHA256 } : {}) };
}

async function complete(place: Place, Parts: CompletedPart[], conditions = {}): Promise<string | undefined> {
  const { ETag } = await s3.client.send(
    new CompleteMultipartUploadCommand({ ...place, MultipartUpload: { Parts }, ...conditions }),
  );
  return ETag;
}

async function openKeys(): Promise<readonly (string | undefined)[]> {
  const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  return Uploads.map(({ Key }) => Key);
}

const block = (letter: string, bytes = 1000): Buffer => Buffer.alloc(bytes, letter);
const hash = (algorithm: string, bytes: Buffer): Buffer => createHash(algorithm).update(bytes).digest();

describe('a multipart upload', () => {
  test('is an object when it is completed, and nothing before', async () => {
    const place = await begin('joined');
    const blocks = [block('a'), block('b'), block('c', 10)];
    const parts = [
      await putPart(place, 7, block('c', 10)),
      await putPart(place, 2, block('x')),
      await putPart(place, 1, block('a')),
      await putPart(place, 2, block('b')),
    ];
    await expect(s3.content('joined')).rejects.toMatchObject({ name: 'NoSuchKey' });
    const [third, , first, second] = parts;
    const etag = await complete(
      place,
      [first, second, third].filter((part) => part !== undefined),
    );
    const md5s = Buffer.concat(blocks.map((one) => hash('md5', one)));
    expect(etag).toBe(`"${hash('md5', md5s).toString('hex')}-3"`);
    expect(await s3.content('joined')).toEqual(Buffer.concat(blocks));
    expect(await s3.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'joined' }))).toMatchObject({
      ETag: etag,
      ContentLength: 2010,
      ContentType: 'text/plain',
      Metadata: { 'log-courier-records': '3' },
    });
    await expect(complete(place, [])).rejects.toMatchObject({ name: 'NoSuchUpload' });
    expect(await readdir(join(s3.dir, 'uploads'))).toEqual([]);
  });

  test('with SHA-256 has that of its parts together', async () => {
    const place = await begin('checked', 'SHA256');
    const blocks = [block('a'), block('b')];
    const parts = await Promise.all(blocks.map(async (one, index) => putPart(place, index + 1, one, true)));
    const [first, second] = parts;
    const wrong = [{ ...first, ChecksumSHA256: second?.ChecksumSHA256 }, { ...second }];
    await expect(complete(place, wrong)).rejects.toMatchObject({ name: 'InvalidPart' });
    const sums = Buffer.concat(blocks.map((one) => hash('sha256', one)));
    const composite = `${hash('sha256', sums).toString('base64')}-2`;
    const completion = new CompleteMultipartUploadCommand({ ...place, MultipartUpload: { Parts: parts } });
    expect(await s3.client.send(completion)).toMatchObject({ ChecksumSHA256: composite });
    const asked = { Bucket: BUCKET, Key: 'checked', ChecksumMode: 'ENABLED' } as const;
    const known = { ChecksumSHA256: composite, ChecksumType: 'COMPOSITE' };
    expect(await s3.client.send(new HeadObjectCommand(asked))).toMatchObject(known);
    const got = await s3.client.send(new GetObjectCommand(asked));
    expect(got).toMatchObject(known);
    expect(await got.Body?.transformToString()).toBe(Buffer.concat(blocks).toString());
  });

  test('that is aborted leaves nothing, and the object of its key as it was', async () => {
    await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'kept', Body: 'as it was' }));
    const place = await begin('kept');
    const part = await putPart(place, 1, block('a'));
    expect(await openKeys()).toEqual(['kept']);
    const { $metadata } = await s3.client.send(new AbortMultipartUploadCommand(place));
    expect($metadata.httpStatusCode).toBe(204);
    expect(await openKeys()).toEqual([]);
    expect(await readdir(join(s3.dir, 'uploads'))).toEqual([]);
    const gone = { name: 'NoSuchUpload', $metadata: expect.objectContaining({ httpStatusCode: 404 }) };
    await expect(s3.client.send(new AbortMultipartUploadCommand(place))).rejects.toMatchObject(gone);
    await expect(putPart(place, 2, block('b'))).rejects.toMatchObject(gone);
    await expect(complete(place, [part])).rejects.toMatchObject(gone);
    expect((await s3.content('kept')).toString()).toBe('as it was');
  });

  test('is not completed with parts that are wrong, and can be completed after that', async () => {
    const place = await begin('corrected');
    const first = await putPart(place, 1, block('a'));
    const small = await putPart(place, 2, block('b', 999));
    const third = await putPart(place, 3, block('c'));
    const refused: [CompletedPart[], string][] = [
      [[], 'MalformedXML'],
      [[third, first], 'InvalidPartOrder'],
      [[first, first], 'InvalidPartOrder'],
      [[first, { ...third, PartNumber: 4 }], 'InvalidPart'],
      [[first, { ...third, ETag: first.ETag }], 'InvalidPart'],
      [[first, small, third], 'EntityTooSmall'],
    ];
    for (const [parts, name] of refused) await expect(complete(place, parts)).rejects.toMatchObject({ name });
    await complete(place, [first, small]);
    expect(await s3.content('corrected')).toEqual(Buffer.concat([block('a'), block('b', 999)]));
    const number = { ...(await begin('numbers')), PartNumber: 10_001, Body: 'x' };
    await expect(s3.client.send(new UploadPartCommand(number))).rejects.toMatchObject({
      name: 'InvalidArgument',
    });
    await s3.client.send(new AbortMultipartUploadCommand(number));
  });

  test('is completed only if its conditions hold then, and is still in progress when not', async () => {
    const place = await begin('conditional');
    const part = await putPart(place, 1, block('a'));
    const absent = { IfMatch: '"0123456789abcdef0123456789abcdef"' };
    await expect(complete(place, [part], absent)).rejects.toMatchObject({ name: 'NoSuchKey' });
    const { ETag } = await s3.client.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: 'conditional', Body: 'there' }),
    );
    const refused = { name: 'PreconditionFailed' };
    await expect(complete(place, [part], { IfNoneMatch: '*' })).rejects.toMatchObject(refused);
    await expect(complete(place, [part], absent)).rejects.toMatchObject(refused);
    expect((await s3.content('conditional')).toString()).toBe('there');
    expect(await openKeys()).toEqual(['conditional']);
    await complete(place, [part], { IfMatch: ETag });
    expect(await s3.content('conditional')).toEqual(block('a'));
  });
});

test('uploads and parts are listed in pages', async () => {
  const keys = ['a', 'b', 'b', 'b', 'c/1', 'c/2'];
  const places: Place[] = [];
  for (const key of keys) places.push(await begin(`list/${key}`));
  const listed: string[] = [];
  let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
  for (;;) {
    const given = { Bucket: BUCKET, Prefix: 'list/', MaxUploads: 2, ...marker };
    const page = await s3.client.send(new ListMultipartUploadsCommand(given));
    listed.push(...(page.Uploads ?? []).map(({ Key = '', UploadId = '' }) => `${Key} ${UploadId}`));
    if (page.IsTruncated !== true) break;
    marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
  expect(listed).toEqual(places.map(({ Key, UploadId }) => `${Key} ${UploadId}`).sort());

  const [place] = places;
  if (place === undefined) throw new Error('There is no upload.');
  for (const number of [3, 12, 1, 2]) await putPart(place, number, block('p', number));
  const first = await s3.client.send(new ListPartsCommand({ ...place, MaxParts: 3 }));
  expect(first).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '3' });
  const second = await s3.client.send(new ListPartsCommand({ ...place, PartNumberMarker: '3' }));
  const parts = [first, second].flatMap(({ Parts = [] }) => Parts);
  expect(parts.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [12, 12],
  ]);
  for (const each of places) await s3.client.send(new AbortMultipartUploadCommand(each));
});
