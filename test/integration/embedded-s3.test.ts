import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  paginateListBuckets,
  paginateListObjectsV2,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { readableBody } from '../../src/destinations/s3/read.js';
import { OBJECTS } from '../../src/embedded/s3.js';
import { BUCKET, clientOf, startTestS3, type TestS3 } from '../support/embedded-s3.js';

let s3: TestS3;

beforeAll(async () => {
  s3 = await startTestS3();
});

afterAll(async () => {
  await s3.stop();
});

async function put(Key: string, content: string | Buffer, Bucket = BUCKET): Promise<void> {
  const Body = Buffer.from(content);
  await s3.client.send(new PutObjectCommand({ Bucket, Key, Body, ContentLength: Body.length }));
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const failure = (name: string, status: number): object => ({
  name,
  $metadata: expect.objectContaining({ httpStatusCode: status }),
});

describe('a bucket', () => {
  test('is created once, listed, found, and deleted when it is empty', async () => {
    const Bucket = 'a.second-bucket';
    await s3.client.send(new CreateBucketCommand({ Bucket }));
    await expect(s3.client.send(new CreateBucketCommand({ Bucket }))).rejects.toMatchObject(
      failure('BucketAlreadyOwnedByYou', 409),
    );
    const { Buckets = [] } = await s3.client.send(new ListBucketsCommand());
    expect(Buckets.map(({ Name }) => Name)).toEqual([Bucket, BUCKET]);
    const names: unknown[] = [];
    for await (const page of paginateListBuckets({ client: s3.client, pageSize: 1 }, {}))
      names.push(page.Buckets?.map(({ Name }) => Name));
    expect(names).toEqual([[Bucket], [BUCKET]]);
    await s3.client.send(new HeadBucketCommand({ Bucket }));
    await put('a', 'text', Bucket);
    await expect(s3.client.send(new DeleteBucketCommand({ Bucket }))).rejects.toMatchObject(
      failure('BucketNotEmpty', 409),
    );
    await s3.client.send(new DeleteObjectCommand({ Bucket, Key: 'a' }));
    await s3.client.send(new DeleteBucketCommand({ Bucket }));
    await expect(s3.client.send(new HeadBucketCommand({ Bucket }))).rejects.toMatchObject(
      failure('NotFound', 404),
    );
    await expect(put('a', 'text', Bucket)).rejects.toMatchObject(failure('NoSuchBucket', 404));
    await expect(s3.client.send(new ListObjectsV2Command({ Bucket }))).rejects.toMatchObject(
      failure('NoSuchBucket', 404),
    );
  });

  test.each(['ab', 'Upper', 'under_score', 'a..b', '127.0.0.1', '-a-', 'x'.repeat(64)])(
    'cannot be called %s',
    async (Bucket) => {
      await expect(s3.client.send(new CreateBucketCommand({ Bucket }))).rejects.toMatchObject(
        failure('InvalidBucketName', 400),
      );
    },
  );
});

describe('an object', () => {
  test('comes back with its bytes, type, metadata, ETag and time', async () => {
    const given = {
      ContentType: 'text/plain',
      Metadata: { 'log-courier-records': '7' },
      CacheControl: 'no-store',
    };
    const { ETag } = await s3.client.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: 'whole', Body: 'lines\n', ...given }),
    );
    expect(ETag).toBe(`"${md5('lines\n')}"`);
    const head = await s3.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'whole' }));
    expect(head).toMatchObject({ ...given, ETag, ContentLength: 6, LastModified: expect.any(Date) });
    const got = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'whole' }));
    expect(got).toMatchObject({ ...given, ETag, ContentLength: 6 });
    expect(await buffer(readableBody(got.Body))).toEqual(Buffer.from('lines\n'));
  });

  test('may be empty, and may be replaced', async () => {
    await put('changing', 'first');
    await put('changing', '');
    expect(await s3.content('changing')).toEqual(Buffer.alloc(0));
    await put('changing', 'third');
    expect(await s3.content('changing')).toEqual(Buffer.from('third'));
  });

  test('is gone after a delete, which can be repeated', async () => {
    await put('short-lived', 'text');
    for (let times = 0; times < 2; times += 1) {
      const { $metadata } = await s3.client.send(
        new DeleteObjectCommand({ Bucket: BUCKET, Key: 'short-lived' }),
      );
      expect($metadata.httpStatusCode).toBe(204);
    }
    await expect(s3.content('short-lived')).rejects.toMatchObject(failure('NoSuchKey', 404));
    await expect(
      s3.client.send(new HeadObjectCommand({ Bucket: BUCKET, Key: 'short-lived' })),
    ).rejects.toMatchObject(failure('NotFound', 404));
  });

  test('that is being read stays whole when it is replaced meanwhile', async () => {
    const first = Buffer.alloc(16 * 1024 * 1024, 'first ');
    await put('read', first);
    const { Body } = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'read' }));
    await put('read', 'second');
    expect(first.equals(await buffer(readableBody(Body)))).toBe(true);
    expect(await s3.content('read')).toEqual(Buffer.from('second'));
  });

  test('sent as a stream, in aws-chunked encoding, has the bytes of the stream', async () => {
    const blocks = Array.from({ length: 50 }, (_, index) => Buffer.alloc(1000 * index, index));
    const bytes = Buffer.concat(blocks);
    await s3.client.send(
      new PutObjectCommand({
        Bucket: BUCKET,
        Key: 'streamed',
        Body: Readable.from(blocks),
        ContentLength: bytes.length,
        ChecksumAlgorithm: 'SHA256',
      }),
    );
    expect(bytes.equals(await s3.content('streamed'))).toBe(true);
    const head = new HeadObjectCommand({ Bucket: BUCKET, Key: 'streamed', ChecksumMode: 'ENABLED' });
    const stored = await s3.client.send(head);
    expect(stored.ContentEncoding).toBeUndefined();
    expect(stored).toMatchObject({
      ChecksumSHA256: createHash('sha256').update(bytes).digest('base64'),
      ChecksumType: 'FULL_OBJECT',
    });
  });

  test('is a file that a person finds', async () => {
    await put('logs/2026-01-02 é', 'readable\n');
    const folder = join(s3.dir, OBJECTS, BUCKET);
    const [name = '', ...others] = (await readdir(folder)).filter((file) => file.startsWith('logs%2F2026'));
    expect(others).toEqual([]);
    expect(name).toMatch(/^logs%2F2026-01-02%20%C3%A9~[0-9a-f]{16}$/);
    expect(await readFile(join(folder, name), 'utf8')).toBe('readable\n');
  });
});

describe('a range of an object', () => {
  test.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-4', 206, '6789', 'bytes 6-9/10'],
    ['bytes=-40', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['bytes=4-2', 200, '0123456789', undefined],
    ['lines=1-2', 200, '0123456789', undefined],
  ])('%s', async (Range, status, text, ContentRange) => {
    await put('digits', '0123456789');
    const got = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'digits', Range }));
    expect(got.$metadata.httpStatusCode).toBe(status);
    expect(got.ContentRange).toBe(ContentRange);
    expect((await buffer(readableBody(got.Body))).toString()).toBe(text);
  });

  test.each(['bytes=10-', 'bytes=-0', 'bytes=99-100'])('%s of ten bytes is an error', async (Range) => {
    await put('digits', '0123456789');
    await expect(
      s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'digits', Range })),
    ).rejects.toMatchObject(failure('InvalidRange', 416));
  });
});

describe('keys of strangers', () => {
  const keys = [
    '..',
    '../../../../etc/passwd',
    './a/../b',
    '/',
    '//double//',
    'trailing/',
    'trailing',
    'space and+plus%20percent',
    '<xml>&"quotes\'',
    'control \u0001\t\r\n end',
    'ünïcödé/日本語/𝒳',
    '\uffee before 𝒳 beyond',
    "!'()*~-_.;:@=,$",
    '?query=1#fragment',
    'é'.repeat(512),
    'x'.repeat(1024),
    'null\u0000byte',
  ];

  test('are kept as they are, one object each, and never leave their bucket', async () => {
    const Bucket = 'strange-keys';
    await s3.client.send(new CreateBucketCommand({ Bucket }));
    for (const key of keys) await put(key, `content of ${key}`, Bucket);
    const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' }));
    const bytewise = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(Contents.map(({ Key = '' }) => decodeURIComponent(Key))).toEqual(bytewise);
    for (const Key of keys) {
      const { Body } = await s3.client.send(new GetObjectCommand({ Bucket, Key }));
      expect((await buffer(readableBody(Body))).toString()).toBe(`content of ${Key}`);
    }
    expect(await readdir(join(s3.dir, OBJECTS, Bucket))).toHaveLength(keys.length);
    expect((await readdir(s3.dir)).sort()).toEqual(
      ['heads', 'incoming', 'lock.json', OBJECTS, 's3.log', 'uploads'].sort(),
    );
    const printable = keys.filter((key) => !/[\u0000\u0001]/.test(key));
    const Objects = printable.map((Key) => ({ Key }));
    const { Deleted = [], Errors } = await s3.client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects } }),
    );
    expect(Errors).toBeUndefined();
    expect(Deleted.map(({ Key }) => Key)).toEqual(printable);
    expect(await readdir(join(s3.dir, OBJECTS, Bucket))).toHaveLength(2);
  });

  test('have at most 1024 bytes', async () => {
    await expect(put('é'.repeat(513), '')).rejects.toMatchObject(failure('KeyTooLongError', 400));
  });
});

describe('a long listing', () => {
  const names = Array.from({ length: 1203 }, (_, index) => `${String(index % 7)}/${String(index)}`);
  const sorted = [...names].sort();
  const Bucket = 'long-listing';

  beforeAll(async () => {
    await s3.client.send(new CreateBucketCommand({ Bucket }));
    for (let from = 0; from < names.length; from += 50)
      await Promise.all(names.slice(from, from + 50).map(async (name) => put(name, name, Bucket)));
  });

  test.each([undefined, 97, 1000, 5000])('has every key once, in order, in pages of %s', async (pageSize) => {
    const keys: string[] = [];
    const config = { client: s3.client, ...(pageSize === undefined ? {} : { pageSize }) };
    for await (const page of paginateListObjectsV2(config, { Bucket })) {
      expect(page.KeyCount).toBe(page.Contents?.length);
      expect(page.KeyCount).toBeLessThanOrEqual(Math.min(pageSize ?? 1000, 1000));
      keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key));
    }
    expect(keys).toEqual(sorted);
  });

  test('of common prefixes counts each once', async () => {
    const groups: string[] = [];
    const config = { client: s3.client, pageSize: 2 };
    for await (const page of paginateListObjectsV2(config, { Bucket, Delimiter: '/' }))
      groups.push(...(page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix));
    expect(groups).toEqual(['0/', '1/', '2/', '3/', '4/', '5/', '6/']);
  });

  test('may begin after a key, and be narrowed to a prefix', async () => {
    const { Contents = [], IsTruncated } = await s3.client.send(
      new ListObjectsV2Command({ Bucket, Prefix: '3/', StartAfter: '3/99', MaxKeys: 1000 }),
    );
    expect(Contents.map(({ Key }) => Key)).toEqual(
      sorted.filter((key) => key.startsWith('3/') && key > '3/99'),
    );
    expect(IsTruncated).toBe(false);
    await expect(
      s3.client.send(new ListObjectsV2Command({ Bucket, ContinuationToken: 'made up' })),
    ).rejects.toMatchObject(failure('InvalidArgument', 400));
  });
});

describe('a request is refused', () => {
  const list = new ListBucketsCommand();

  test.each([
    ['of an unknown key', { accessKeyId: 'ANOTHER', secretAccessKey: 'S3RVER' }, 'InvalidAccessKeyId'],
    ['with a wrong signature', { accessKeyId: 'S3RVER', secretAccessKey: 'wrong' }, 'SignatureDoesNotMatch'],
  ])('%s', async (_, credentials, code) => {
    const client = clientOf(s3.engine.url, credentials);
    await expect(client.send(list)).rejects.toMatchObject(failure(code, 403));
    client.destroy();
  });

  test('whose digest is not that of its body, and nothing is left of it', async () => {
    const given = { Bucket: BUCKET, Key: 'damaged', Body: 'text' };
    const ContentMD5 = createHash('md5').update('other').digest('base64');
    const ChecksumSHA256 = createHash('sha256').update('other').digest('base64');
    for (const digest of [{ ContentMD5 }, { ChecksumSHA256 }])
      await expect(s3.client.send(new PutObjectCommand({ ...given, ...digest }))).rejects.toMatchObject(
        failure('BadDigest', 400),
      );
    await expect(s3.content('damaged')).rejects.toMatchObject(failure('NoSuchKey', 404));
    expect(await readdir(join(s3.dir, 'incoming'))).toEqual([]);
  });

  test('when this server does not do what it asks for', async () => {
    const given = { Bucket: BUCKET, Key: 'a' };
    const refused = failure('NotImplemented', 501);
    const copy = new CopyObjectCommand({ ...given, CopySource: `${BUCKET}/b` });
    await expect(s3.client.send(copy)).rejects.toMatchObject(refused);
    const versioning = new GetBucketVersioningCommand({ Bucket: BUCKET });
    await expect(s3.client.send(versioning)).rejects.toMatchObject(refused);
    await expect(s3.client.send(new ListObjectsCommand({ Bucket: BUCKET }))).rejects.toMatchObject(refused);
    const version = new GetObjectCommand({ ...given, VersionId: '1' });
    await expect(s3.client.send(version)).rejects.toMatchObject(refused);
  });
});
